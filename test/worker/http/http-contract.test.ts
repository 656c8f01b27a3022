/** The HTTP contract beyond who is let in: headers, origins, idempotency, conditional requests, logs, lifecycles. */
import { beforeEach, beforeAll, describe, expect, it } from 'vitest'
import { makeWorld, problemOf } from './http-harness.ts'
import type { Answer, TestTenant, World } from './http-harness.ts'

let world: World
let tenant: TestTenant

beforeAll(async () => {
  world = await makeWorld()
})

beforeEach(async () => {
  tenant = await world.makeTenant()
})

const api = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> =>
  world.call(method, path, { key: tenant.key, body, headers })

const collection = (name: string, more: object = {}): Promise<Answer> =>
  api('POST', '/v1/collections', { name, ...more })

const put = (name: string, documents: object[], headers: Record<string, string> = {}): Promise<Answer> =>
  api('PUT', `/v1/collections/${name}/documents`, { documents }, headers)

describe('every answer', () => {
  it('carries a request id, forbids sniffing and framing, and is not stored under /v1', async () => {
    for (const path of ['/v1/collections', '/v1/nope', '/healthz', '/docs', '/', '/nope', '/problems/not_found']) {
      const { headers } = await api('GET', path)
      expect(headers.get('x-request-id')).toMatch(/^req_[0-9A-Za-z]{16}$/)
      expect(headers.get('x-content-type-options')).toBe('nosniff')
      expect(headers.get('content-security-policy')).toContain("frame-ancestors 'none'")
      expect(headers.get('vary')).toContain('Origin')
      expect(headers.get('cache-control')).toBe(
        ['/', '/docs', '/problems/not_found'].includes(path) ? 'no-cache' : 'no-store',
      )
      expect(headers.has('strict-transport-security')).toBe(false)
    }
  })

  it('is HSTS over https', async () => {
    const response = await world.fetch(new Request('https://search.example/healthz'))
    expect(response.headers.get('strict-transport-security')).toContain('max-age=')
  })

  it('to HEAD is the answer to GET without a body', async () => {
    const got = await api('GET', '/v1/collections')
    const head = await api('HEAD', '/v1/collections')
    expect({ status: head.status, text: head.text }).toEqual({ status: 200, text: '' })
    expect(head.headers.get('content-type')).toBe(got.headers.get('content-type'))
  })

  it('leaves one log line with ids, route and times, and never the path, the query or a key', async () => {
    await collection('logged')
    world.lines.length = 0
    await api('POST', '/v1/collections/logged/search', { query: 'sesame' })
    await world.call('GET', '/v1/collections/logged?secret=sesame', { key: 'sesame' })
    expect(world.lines).toHaveLength(2)
    const [searched, refused] = world.lines
    expect(searched).toMatchObject({
      event: 'request',
      tenant: tenant.id,
      keyId: tenant.keyId,
      route: '/v1/collections/{collection}/search',
      method: 'POST',
      status: 200,
    })
    expect(Object.keys(searched?.stages ?? {})).toEqual(expect.arrayContaining(['auth', 'embed', 'keyword', 'total']))
    expect(refused).toMatchObject({ status: 401, code: 'unauthorized' })
    expect(JSON.stringify(world.lines)).not.toMatch(/sesame|nf_sk_|logged/)
  })
})

describe('pages', () => {
  it('are health, the OpenAPI document, the reference, problems and the page at /', async () => {
    expect((await world.call('GET', '/healthz')).json).toEqual({ status: 'ok', version: '0.0.0' })
    expect((await world.call('GET', '/openapi.json')).json.openapi).toMatch(/^3\.1/)
    for (const path of ['/', '/docs', '/problems/shard_full']) {
      const { status, headers } = await world.call('GET', path)
      expect({ path, status }).toEqual({ path, status: 200 })
      expect(headers.get('content-type')).toContain('text/html')
      expect(headers.get('content-security-policy')).toContain("script-src 'self'")
      expect(headers.get('content-security-policy')).not.toContain('unsafe')
    }
  })

  it('are nothing else: assets, unknown problems and other methods are 404', async () => {
    for (const path of [
      '/models/edge-en/x.bin',
      '/console/page.htm',
      '/assets/console/page.htm',
      '/problems/constructor',
    ]) {
      expect(problemOf(await world.call('GET', path)).status).toBe(404)
    }
    expect(problemOf(await world.call('POST', '/healthz', { body: {} })).status).toBe(404)
  })

  it('offer a demo key only to the own machine', async () => {
    expect((await world.call('GET', '/demo.json')).json).toEqual({ publicKey: null, collection: null })
  })
})

describe('origins', () => {
  it('of a public key are named exactly in real answers; others get no CORS header', async () => {
    await collection('shop')
    const key = await world.makeKey(tenant, {
      kind: 'public',
      scopes: ['search'],
      origins: ['https://shop.example', 'https://*.shop.example'],
    })
    const ask = (origin?: string, query = 'x'): Promise<Answer> =>
      world.call('POST', '/v1/collections/shop/search', {
        key,
        body: { query },
        headers: origin === undefined ? {} : { origin },
      })
    for (const origin of ['https://shop.example', 'https://eu.shop.example']) {
      const { status, headers } = await ask(origin)
      expect(status).toBe(200)
      expect(headers.get('access-control-allow-origin')).toBe(origin)
      expect(headers.get('access-control-expose-headers')).toContain('X-Request-Id')
    }
    for (const origin of ['https://shop.example.evil.example', 'http://shop.example', 'null', undefined]) {
      const answer = await ask(origin)
      expect(problemOf(answer)).toMatchObject({ status: 403, code: 'origin_forbidden' })
      expect(answer.headers.has('access-control-allow-origin')).toBe(false)
    }
    expect((await ask('https://shop.example', '')).headers.get('access-control-allow-origin')).toBe(
      'https://shop.example',
    )
  })

  it('of the server itself are open to secret keys', async () => {
    expect((await api('GET', '/v1/collections', undefined, { origin: 'http://127.0.0.1:8787' })).status).toBe(200)
  })
})

describe('Nearfield-Tenant', () => {
  it('is for the root key alone', async () => {
    const headers = { 'nearfield-tenant': tenant.id }
    expect(problemOf(await api('GET', '/v1/keys', undefined, headers)).status).toBe(403)
    expect((await world.call('GET', '/v1/keys', { key: world.rootKey, headers })).status).toBe(200)
    expect(problemOf(await world.call('GET', '/v1/keys', { key: world.rootKey })).status).toBe(403)
    const absent = await world.call('GET', '/v1/keys', {
      key: world.rootKey,
      headers: { 'nearfield-tenant': 'nobody' },
    })
    expect(problemOf(absent).status).toBe(404)
  })
})

describe('Idempotency-Key', () => {
  it('replays status and body, and refuses another body', async () => {
    const headers = { 'idempotency-key': 'once' }
    const one = await api('POST', '/v1/collections', { name: 'once' }, headers)
    const two = await api('POST', '/v1/collections', { name: 'once' }, headers)
    expect([one.status, two.status]).toEqual([201, 201])
    expect(two.json).toEqual(one.json)
    expect(two.headers.get('location')).toBe(one.headers.get('location'))
    expect([one.headers.get('idempotent-replayed'), two.headers.get('idempotent-replayed')]).toEqual([null, 'true'])
    expect(problemOf(await api('POST', '/v1/collections', { name: 'other' }, headers))).toMatchObject({
      status: 422,
      code: 'idempotency_key_reused',
    })
  })

  it('replays refusals that came from the work itself, with their media type', async () => {
    await collection('taken')
    const headers = { 'idempotency-key': 'clash' }
    const one = await api('POST', '/v1/collections', { name: 'taken' }, headers)
    const two = await api('POST', '/v1/collections', { name: 'taken' }, headers)
    expect([one.status, two.status]).toEqual([409, 409])
    expect(two.headers.get('content-type')).toBe('application/problem+json')
    expect(two.headers.get('idempotent-replayed')).toBe('true')
  })

  it('never shows a secret twice', async () => {
    const call = {
      key: tenant.key,
      body: { name: 'k', kind: 'secret', scopes: ['search'] },
      headers: { 'idempotency-key': 'k' },
    }
    const one = await world.call('POST', '/v1/keys', call)
    const two = await world.call('POST', '/v1/keys', call)
    expect(one.json.secret).toMatch(/^nf_sk_/)
    expect(two.json).toEqual({ ...one.json, secret: undefined, secretShown: false })
    expect('secret' in two.json).toBe(false)
    expect((await world.call('GET', '/v1/keys/self', { key: one.json.secret })).json.id).toBe(two.json.id)
  })

  it('belongs to its tenant, method and path', async () => {
    const other = await world.makeTenant('b')
    const headers = { 'idempotency-key': 'same' }
    const mine = await api('POST', '/v1/collections', { name: 'same' }, headers)
    const theirs = await world.call('POST', '/v1/collections', { key: other.key, body: { name: 'same' }, headers })
    expect(theirs.status).toBe(201)
    expect(theirs.json.id).not.toBe(mine.json.id)
    expect((await put('same', [{ id: 'a', text: 'x' }], headers)).status).toBe(200)
  })

  it('must be printable ASCII of at most 255 characters', async () => {
    for (const key of ['x'.repeat(256), 'a\tb']) {
      expect(problemOf(await api('POST', '/v1/collections', { name: 'idem' }, { 'idempotency-key': key })).status).toBe(
        400,
      )
    }
  })

  it('of a tenant that the root key makes lies with the operator', async () => {
    const call = { key: world.rootKey, body: { name: 'twice' }, headers: { 'idempotency-key': 'tenant' } }
    const one = await world.call('POST', '/v1/tenants', call)
    const two = await world.call('POST', '/v1/tenants', call)
    expect(two.json).toEqual(one.json)
  })
})

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
        const answer = await world.call('POST', path, { key, headers, body: { query: 'x', ...field, ...more } })
        expect(problemOf(answer)).toMatchObject({ status: 403, code: 'forbidden' })
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
      [{ model: { provider: 'workers-ai', dimensions: 4 } }, 'not_supported', '/model/provider'],
      [{ model: { provider: 'bring-your-own' } }, 'invalid_request', '/model/dimensions'],
      [{ model: { provider: 'bring-your-own', dimensions: 0 } }, 'invalid_request', '/model/dimensions'],
      [{ model: 7 }, 'invalid_request', '/model'],
      [{ shards: 33 }, 'invalid_request', '/shards'],
      [{ shards: 1.5 }, 'invalid_request', '/shards'],
      [{ chunking: { size: 217 } }, 'invalid_request', '/chunking/size'],
      [{ chunking: { size: 20, overlap: 20 } }, 'invalid_request', '/chunking/overlap'],
      [{ chunking: { strategy: 'semantic' } }, 'invalid_request', '/chunking/strategy'],
      [{ language: 'not a tag' }, 'invalid_request', '/language'],
      [{ settings: { bm25: { k1: -1 } } }, 'invalid_request', '/settings/bm25/k1'],
      [{ name: 'col_abc' }, 'invalid_request', '/name'],
    ]
    for (const [more, code, pointer] of faults) {
      expect(problemOf(await collection('fresh', more))).toEqual({ status: 400, code, pointers: [pointer] })
    }
    expect((await api('GET', '/v1/collections')).json.data).toEqual([])
  })

  it('change their settings, not their generation', async () => {
    const made = await collection('settings')
    expect(made.headers.get('location')).toBe('/v1/collections/settings')
    const changed = await api('PATCH', '/v1/collections/settings', { name: 'renamed', settings: { bm25: { k1: 1.2 } } })
    expect(changed.json).toMatchObject({ id: made.json.id, name: 'renamed', settings: { bm25: { k1: 1.2, b: 0.4 } } })
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

describe('keys', () => {
  it('are never wider than the key that makes or changes them', async () => {
    const admin = await world.makeKey(tenant, { scopes: ['admin', 'search'] })
    const make = (body: object): Promise<Answer> =>
      world.call('POST', '/v1/keys', { key: admin, body: { name: 'k', kind: 'secret', ...body } })
    expect((await make({ scopes: ['search'] })).status).toBe(201)
    expect(problemOf(await make({ scopes: ['documents:write'] })).status).toBe(403)
    const path = `/v1/keys/${tenant.keyId}`
    expect(problemOf(await world.call('PATCH', path, { key: admin, body: { name: 'mine' } })).status).toBe(403)
  })

  it('are checked field by field', async () => {
    const make = async (body: object): Promise<ReturnType<typeof problemOf>> =>
      problemOf(await api('POST', '/v1/keys', { name: 'k', kind: 'secret', scopes: ['search'], ...body }))
    for (const [body, pointer] of [
      [{ kind: 'root' }, '/kind'],
      [{ scopes: ['everything'] }, '/scopes/0'],
      [{ scopes: [] }, '/scopes'],
      [{ collections: ['Not A Name'] }, '/collections/0'],
      [{ kind: 'public', origins: ['https://x.example/path'] }, '/origins/0'],
      [{ filter: { a: { $near: 1 } } }, '/filter/a/$near'],
      [{ expiresAt: 'tomorrow' }, '/expiresAt'],
      [{ scopes: ['admin'], filter: { a: 1 } }, '/filter'],
    ] as const) {
      expect(await make(body)).toEqual({ status: 400, code: 'invalid_request', pointers: [pointer] })
    }
    expect(await make({ rateLimit: 5 })).toEqual({ status: 400, code: 'not_supported', pointers: ['/rateLimit'] })
  })

  it('change and end at once', async () => {
    const key = await world.makeKey(tenant, { scopes: ['search'] })
    const path = `/v1/keys/${key.slice(6, 22)}`
    expect(problemOf(await world.call('GET', '/v1/jobs', { key })).status).toBe(403)
    const changed = await api('PATCH', path, { scopes: ['documents:read'], filter: { team: 'a' }, name: 'reader' })
    expect(changed.json).toMatchObject({ scopes: ['documents:read'], filter: { team: 'a' }, name: 'reader' })
    expect((await world.call('GET', '/v1/jobs', { key })).status).toBe(200)
    expect((await api('PATCH', path, { filter: null })).json).not.toHaveProperty('filter')
    expect((await api('DELETE', path)).status).toBe(204)
    expect(problemOf(await world.call('GET', '/v1/jobs', { key })).status).toBe(401)
    expect(problemOf(await api('GET', path)).status).toBe(404)
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
    expect(await make({ name: 'x', limits: {} })).toMatchObject({ code: 'not_supported', pointers: ['/limits'] })
  })
})
