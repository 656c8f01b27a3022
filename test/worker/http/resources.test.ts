/** What each resource of the API does over HTTP: documents, searches, collections, tenants. */
import { describe, expect, it } from 'vitest'
import { fromBase64url } from '../../../src/core/bytes.ts'
import { problemOf } from './http-harness.ts'
import type { Answer } from './http-harness.ts'
import { api, collection, put, tenant, world, useTenant } from './tenant-api.ts'

useTenant()

describe('documents', () => {
  it('have ids that paths carry unharmed', async () => {
    await collection('odd')
    const ids = ['a/b', 'a%2Fb', '?x=1#y', 'ü 😀', 'delete', '..a', '+', '%']
    expect(
      (
        await put(
          'odd',
          ids.map((id) => ({ id, text: `the text of ${id}` })),
        )
      ).status,
    ).toBe(200)
    for (const id of ids) {
      const path = `/v1/collections/odd/documents/${encodeURIComponent(id)}`
      expect((await api('GET', `${path}?include=text`)).json).toMatchObject({ id, text: `the text of ${id}` })
      expect((await api('DELETE', path)).status).toBe(204)
      expect(problemOf(await api('DELETE', path)).status).toBe(404)
    }
    expect(problemOf(await api('GET', '/v1/collections/odd/documents/%ff')).status).toBe(404)
  })

  it('have entity tags that conditional requests know', async () => {
    await collection('tags')
    await put('tags', [{ id: 'a', text: 'one', title: 'first' }])
    const path = '/v1/collections/tags/documents/a'
    const etag = (await api('GET', path)).headers.get('etag') ?? ''
    expect(etag).toMatch(/^"[^"]+"$/)
    const again = await api('GET', path, undefined, { 'if-none-match': `"x", W/${etag}` })
    expect({ status: again.status, text: again.text }).toEqual({ status: 304, text: '' })
    const patched = await api('PATCH', path, { title: 'second' }, { 'if-match': etag })
    expect(patched.status).toBe(200)
    expect(patched.headers.get('etag')).not.toBe(etag)
    for (const [method, body] of [
      ['PATCH', { title: 'third' }],
      ['DELETE', undefined],
    ] as const) {
      expect(problemOf(await api(method, path, body, { 'if-match': etag })).status).toBe(412)
    }
    expect(problemOf(await put('tags', [{ id: 'a', text: 'two' }], { 'if-match': etag })).status).toBe(412)
  })

  it('are listed page by page in the order of their ids', async () => {
    await collection('paged', { shards: 3 })
    await put(
      'paged',
      ['c', 'a', 'e', 'b', 'd'].map((id) => ({ id, text: `text ${id}` })),
    )
    const seen: string[] = []
    let cursor = ''
    do {
      const page = await api('GET', `/v1/collections/paged/documents?limit=2${cursor}`)
      seen.push(...page.json.data.map(({ id }: { id: string }) => id))
      cursor = page.json.nextCursor === null ? '' : `&cursor=${page.json.nextCursor}`
    } while (cursor !== '')
    expect(seen).toEqual(['a', 'b', 'c', 'd', 'e'])
    for (const query of ['limit=0', 'limit=1001', 'limit=x', 'limit=1&limit=2', 'cursor=x']) {
      expect(problemOf(await api('GET', `/v1/collections/paged/documents?${query}`)).status).toBe(400)
    }
  })

  it('become a job on request, whose place is told', async () => {
    await collection('later')
    const { status, headers, json } = await put('later', [{ id: 'a', text: 'x' }], { prefer: 'respond-async' })
    expect(status).toBe(202)
    expect(headers.get('location')).toBe(`/v1/jobs/${json.job.id}`)
    expect((await api('GET', `/v1/jobs/${json.job.id}`)).json).toMatchObject({ id: json.job.id, collection: 'later' })
    expect((await api('GET', '/v1/jobs')).json.data.map(({ id }: { id: string }) => id)).toEqual([json.job.id])
    expect((await api('POST', `/v1/jobs/${json.job.id}/cancel`)).status).toBe(202)
  })
})

describe('searches', () => {
  it('tell their stages in Server-Timing', async () => {
    await collection('timed')
    await put('timed', [{ id: 'a', text: 'the heron nests' }])
    const { headers, json } = await api('POST', '/v1/collections/timed/search', { query: 'heron' })
    expect(json.hits[0].documentId).toBe('a')
    for (const stage of ['auth', 'embed', 'vector', 'keyword', 'fuse', 'total']) {
      expect(headers.get('server-timing')).toContain(`${stage};dur=`)
    }
  })

  it('over several collections need every one of them in reach', async () => {
    await collection('near')
    await collection('far')
    await put('near', [{ id: 'a', text: 'heron' }])
    await put('far', [{ id: 'a', text: 'heron' }])
    const key = await world.makeKey(tenant, { scopes: ['search'], collections: ['near'] })
    const ask = (collections: string[], asker: string): Promise<Answer> =>
      world.call('POST', '/v1/search', { key: asker, body: { collections, query: 'heron' } })
    const both = await ask(['near', 'far'], tenant.key)
    expect(both.json.hits.map((hit: { collection: string }) => hit.collection).sort()).toEqual(['far', 'near'])
    expect((await ask(['near'], key)).status).toBe(200)
    expect(problemOf(await ask(['near', 'far'], key)).status).toBe(404)
    expect(problemOf(await ask(['near', 'near'], key))).toMatchObject({ status: 400, pointers: ['/collections/1'] })
  })

  it('by public keys are refused what shows raw scores, before anything else', async () => {
    await collection('open')
    const key = await world.makeKey(tenant, { kind: 'public', scopes: ['search'], origins: ['self'] })
    const headers = { origin: 'http://127.0.0.1:8787' }
    for (const field of [{ explain: true }, { exact: true }, { vector: [1] }]) {
      for (const [path, more] of [
        ['/v1/collections/open/search', {}],
        ['/v1/search', { collections: 7 }],
      ] as const) {
        for (const fault of [{}, { colour: 'red' }, { query: 'a\u0000' }, { limit: 0 }]) {
          const body = { query: 'x', ...field, ...more, ...fault }
          for (const target of [path, `${path}?colour=red`]) {
            const answer = await world.call('POST', target, { key, headers, body })
            expect(problemOf(answer)).toMatchObject({ status: 403, code: 'forbidden' })
          }
        }
      }
    }
    const wide = await world.call('POST', '/v1/collections/open/search', {
      key,
      headers,
      body: { query: 'x', limit: 51 },
    })
    expect(problemOf(wide)).toMatchObject({ status: 400, pointers: ['/limit'] })
  })
})

describe('answers', () => {
  it('quote what they cite, and tell the stages of their search', async () => {
    await collection('qa')
    const text = 'The minutes were read.\n\nMount Karvel was first climbed in 1911 by Inge Solberg.'
    await put('qa', [{ id: 'k', text }])
    const { status, headers, json } = await api('POST', '/v1/collections/qa/answers', {
      question: 'Who climbed Mount Karvel first?',
    })
    expect(status).toBe(200)
    expect(headers.get('server-timing')).toContain('embed;dur=')
    expect(json.abstained).toBe(json.answer === '')
    expect(json.hits[0].documentId).toBe('k')
    for (const { start, end, quote } of json.citations) expect(text.slice(start, end)).toBe(quote)
  })

  it('refuse what is not built yet, by its field', async () => {
    await collection('later')
    for (const [field, value] of [
      ['stream', true],
      ['generator', 'gpt'],
    ] as const) {
      const answer = await api('POST', '/v1/collections/later/answers', { question: 'why?', [field]: value })
      expect(problemOf(answer)).toEqual({ status: 400, code: 'not_supported', pointers: [`/${field}`] })
    }
  })
})

describe('collections', () => {
  it('outside the reach of a key do not exist for it', async () => {
    await collection('docs-a')
    const hidden = (await collection('secret')).json.id as string
    const key = await world.makeKey(tenant, {
      scopes: ['search', 'collections', 'documents:read'],
      collections: ['docs-*'],
    })
    const ask = (method: string, path: string, body?: unknown): Promise<Answer> =>
      world.call(method, path, { key, body })
    expect((await ask('GET', '/v1/collections')).json.data.map(({ name }: { name: string }) => name)).toEqual([
      'docs-a',
    ])
    for (const reference of ['secret', hidden]) {
      expect(problemOf(await ask('GET', `/v1/collections/${reference}`)).status).toBe(404)
      expect(problemOf(await ask('DELETE', `/v1/collections/${reference}`)).status).toBe(404)
    }
    expect(problemOf(await ask('POST', '/v1/collections', { name: 'elsewhere' })).status).toBe(403)
    expect((await ask('POST', '/v1/collections', { name: 'docs-b' })).status).toBe(201)
    expect(problemOf(await ask('PATCH', '/v1/collections/docs-b', { name: 'elsewhere' })).status).toBe(403)
  })

  it('name what is not built yet, what is out of range, and what does not fit the model', async () => {
    const faults: [object, string, string][] = [
      [{ region: 'eu' }, 'not_supported', '/region'],
      [{ model: '@cf/baai/bge-m3' }, 'not_supported', '/model'],
      [{ model: { provider: 'workers-ai', dimensions: 4 } }, 'invalid_request', '/model/model'],
      [{ model: { provider: 'workers-ai', model: '@cf/baai/bge-m3' } }, 'not_supported', '/model/provider'],
      [{ model: { provider: 'klingon' } }, 'invalid_request', '/model/provider'],
      [{ model: 'nobodys' }, 'invalid_request', '/model'],
      [{ model: { provider: 'bring-your-own' } }, 'invalid_request', '/model/dimensions'],
      [{ model: { provider: 'bring-your-own', dimensions: 0 } }, 'invalid_request', '/model/dimensions'],
      [{ model: 7 }, 'invalid_request', '/model'],
      [{ shards: 33 }, 'invalid_request', '/shards'],
      [{ shards: 1.5 }, 'invalid_request', '/shards'],
      [{ chunking: { size: 217 } }, 'invalid_request', '/chunking/size'],
      [{ chunking: { size: 20, overlap: 20 } }, 'invalid_request', '/chunking/overlap'],
      [{ chunking: { strategy: 'semantic' } }, 'invalid_request', '/chunking/strategy'],
      [{ language: 'not a tag' }, 'invalid_request', '/language'],
      [{ language: `en-x${'-abcdefgh'.repeat(50_000)}` }, 'invalid_request', '/language'],
      [{ settings: { bm25: { k1: -1 } } }, 'invalid_request', '/settings/bm25/k1'],
      [{ name: 'col_abc' }, 'invalid_request', '/name'],
    ]
    for (const [more, code, pointer] of faults) {
      expect(problemOf(await collection('fresh', more))).toEqual({ status: 400, code, pointers: [pointer] })
    }
    expect((await api('GET', '/v1/collections')).json.data).toEqual([])
  })

  it('are listed page by page, with cursors that belong to the list', async () => {
    for (const name of ['c', 'a', 'b']) await collection(name)
    const first = await api('GET', '/v1/collections?limit=2')
    expect(first.json.data.map(({ name }: { name: string }) => name)).toEqual(['a', 'b'])
    const { nextCursor } = first.json
    const second = await api('GET', `/v1/collections?limit=2&cursor=${nextCursor}`)
    expect(second.json).toMatchObject({ data: [{ name: 'c' }], nextCursor: null })
    const other = await world.makeTenant('other')
    for (const [path, key] of [
      [`/v1/keys`, tenant.key],
      ['/v1/collections', other.key],
    ] as const) {
      const foreign = await world.call('GET', `${path}?cursor=${nextCursor}`, { key })
      expect(problemOf(foreign)).toMatchObject({ status: 400, pointers: ['/cursor'] })
    }
    expect(problemOf(await api('GET', '/v1/collections?cursor=AAAA')).status).toBe(400)
  })

  it('change their settings, not their generation', async () => {
    const made = await collection('settings')
    expect(made.headers.get('location')).toBe('/v1/collections/settings')
    const changed = await api('PATCH', '/v1/collections/settings', { name: 'renamed', settings: { bm25: { k1: 1.2 } } })
    expect(changed.json).toMatchObject({ id: made.json.id, name: 'renamed', settings: { bm25: { k1: 1.2, b: 0.4 } } })
    for (const [settings, bm25] of [
      [{ bm25: { b: 0.7 } }, { k1: 1.2, b: 0.7 }],
      [{ bm25: { k1: 1 } }, { k1: 1, b: 0.7 }],
      [{ bm25: {} }, { k1: 1, b: 0.7 }],
      [{}, { k1: 1, b: 0.7 }],
    ] as const) {
      expect((await api('PATCH', '/v1/collections/renamed', { settings })).json.settings).toEqual({ bm25 })
    }
    expect(problemOf(await api('PATCH', '/v1/collections/renamed', { shards: 2 }))).toMatchObject({
      code: 'not_supported',
      pointers: ['/shards'],
    })
    expect(problemOf(await api('GET', '/v1/collections/settings')).status).toBe(404)
  })

  it('are new and empty at once when they are made again', async () => {
    await collection('phoenix')
    await put('phoenix', [{ id: 'a', text: 'heron' }])
    expect((await api('DELETE', '/v1/collections/phoenix')).status).toBe(204)
    expect(problemOf(await api('DELETE', '/v1/collections/phoenix')).status).toBe(404)
    await collection('phoenix')
    expect((await api('GET', '/v1/collections/phoenix')).json.statistics).toEqual({
      documents: 0,
      chunks: 0,
      bytes: 0,
      pending: 0,
    })
    expect((await api('POST', '/v1/collections/phoenix/search', { query: 'heron' })).json.hits).toEqual([])
  })
})

describe('tenants', () => {
  it('are suspended and resumed', async () => {
    const patch = (suspended: boolean): Promise<Answer> =>
      world.call('PATCH', `/v1/tenants/${tenant.id}`, { key: world.rootKey, body: { suspended } })
    expect((await patch(true)).json.suspended).toBe(true)
    for (const path of ['/v1/collections', '/v1/nope']) {
      expect(problemOf(await api('GET', path))).toMatchObject({ status: 403, code: 'tenant_suspended' })
    }
    await patch(false)
    expect((await api('GET', '/v1/collections')).status).toBe(200)
  })

  it('are erased with a receipt, and their id stays taken', async () => {
    await collection('gone', { shards: 2 })
    await put('gone', [{ id: 'a', text: 'heron' }])
    const path = `/v1/tenants/${tenant.id}`
    const { status, json } = await world.call('DELETE', path, { key: world.rootKey })
    expect(status).toBe(200)
    expect(json).toMatchObject({
      id: tenant.id,
      stores: { shards: 2, tenantObject: true, database: { keys: 1, collections: 1 } },
    })
    const { receipt, ...signed } = json
    const [, payload = ''] = receipt.split('.')
    expect(JSON.parse(new TextDecoder().decode(fromBase64url(payload)))).toEqual(signed)
    expect((await world.call('GET', `${path}/receipt`, { key: world.rootKey })).json).toEqual(json)
    expect(problemOf(await api('GET', '/v1/collections')).status).toBe(401)
    expect(problemOf(await world.call('DELETE', path, { key: world.rootKey })).status).toBe(404)
    const again = await world.call('POST', '/v1/tenants', {
      key: world.rootKey,
      body: { id: tenant.id, name: 'again' },
    })
    expect(problemOf(again).status).toBe(409)
  })

  it('are refused with the field that is wrong', async () => {
    const make = async (body: object): Promise<ReturnType<typeof problemOf>> =>
      problemOf(await world.call('POST', '/v1/tenants', { key: world.rootKey, body }))
    expect(await make({ id: 'Not An Id', name: 'x' })).toMatchObject({ status: 400, pointers: ['/id'] })
    expect(await make({ name: '' })).toMatchObject({ status: 400, pointers: ['/name'] })
    for (const [limits, pointer] of [
      [{ documents: -1 }, '/limits/documents'],
      [{ chunks: 1.5 }, '/limits/chunks'],
      [{ storedBytes: 9e15 + 1 }, '/limits/storedBytes'],
      [{ searches: 1 }, '/limits/searches'],
      [{ answersPerMonth: null }, '/limits/answersPerMonth'],
      [{ rateLimit: { requests: 0, windowSeconds: 1 } }, '/limits/rateLimit/requests'],
      [{ rateLimit: { requests: 1, windowSeconds: 86_401 } }, '/limits/rateLimit/windowSeconds'],
      [{ rateLimit: { requests: 1, windowSeconds: 1, burst: 1_000_001 } }, '/limits/rateLimit/burst'],
      [{ rateLimit: { requests: 1, windowSeconds: 1, perIp: {} } }, '/limits/rateLimit/perIp'],
      [{ dailyBudget: { usd: 0.0000001, whenSpent: 'reject' } }, '/limits/dailyBudget/usd'],
      [{ dailyBudget: { usd: 1_000_000.1, whenSpent: 'reject' } }, '/limits/dailyBudget/usd'],
      [{ dailyBudget: { usd: 1, whenSpent: 'shrug' } }, '/limits/dailyBudget/whenSpent'],
    ] as const) {
      expect(await make({ name: 'x', limits })).toEqual({ status: 400, code: 'invalid_request', pointers: [pointer] })
    }
  })

  it('have limits that are shown, and changed one by one', async () => {
    const ask = async (method: string, path: string, body?: object): Promise<Answer> =>
      world.call(method, path, { key: world.rootKey, body })
    const dailyBudget = { usd: 0.000001, whenSpent: 'keyword' }
    const rateLimit = { requests: 1_000_000, windowSeconds: 86_400, burst: 1 }
    const made = await ask('POST', '/v1/tenants', { name: 'x', limits: { documents: 0, dailyBudget, rateLimit } })
    expect(made.json.limits).toEqual({ documents: 0, dailyBudget, rateLimit })
    const path = `/v1/tenants/${made.json.id}`
    const limits = { documents: null, chunks: 9e15, rateLimit: { requests: 1, windowSeconds: 1 } }
    const expected = { chunks: 9e15, dailyBudget, rateLimit: { requests: 1, windowSeconds: 1 } }
    expect((await ask('PATCH', path, { limits })).json.limits).toEqual(expected)
    expect((await ask('PATCH', path, { name: 'y' })).json).toMatchObject({ name: 'y', limits: expected })
    expect((await ask('GET', path)).json.limits).toEqual(expected)
    const all = { chunks: null, dailyBudget: null, rateLimit: null }
    expect((await ask('PATCH', path, { limits: all })).json.limits).toEqual({})
    expect((await ask('POST', '/v1/tenants', { name: 'none' })).json.limits).toEqual({})
  })
})
