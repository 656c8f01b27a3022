/** What keys are over HTTP, and what public and filtered ones are not shown. */
import { beforeEach, describe, expect, it } from 'vitest'
import { ORIGIN, problemOf } from './http-harness.ts'
import type { Answer } from './http-harness.ts'
import { api, collection, put, tenant, world, useTenant } from './tenant-api.ts'

useTenant()

describe('jobs', () => {
  it('are hidden from public keys, and those of others from keys with a filter', async () => {
    await collection('later')
    const filtered = await world.makeKey(tenant, {
      scopes: ['documents:read', 'documents:write'],
      filter: { team: 'a' },
    })
    const documents = [{ id: 'a', text: 'heron', metadata: { team: 'a' } }]
    const start = async (key: string): Promise<string> => {
      const call = { key, headers: { prefer: 'respond-async' }, body: { documents } }
      return (await world.call('PUT', '/v1/collections/later/documents', call)).json.job.id as string
    }
    const mine = await start(filtered)
    const theirs = await start(tenant.key)
    const ask = (method: string, path: string): Promise<Answer> => world.call(method, path, { key: filtered })
    const listed = (await ask('GET', '/v1/jobs?limit=1')).json
    expect({ ...listed, data: listed.data.map(({ id }: { id: string }) => id) }).toEqual({
      data: [mine],
      nextCursor: null,
    })
    expect((await ask('GET', `/v1/jobs/${mine}`)).status).toBe(200)
    expect(problemOf(await ask('GET', `/v1/jobs/${theirs}`)).status).toBe(404)
    for (const id of [mine, theirs, 'job_0123456789abcdef']) {
      expect(problemOf(await ask('POST', `/v1/jobs/${id}/cancel`)).status).toBe(403)
    }
    const open = await world.makeKey(tenant, { kind: 'public', scopes: ['documents:read'], origins: ['self'] })
    const headers = { origin: 'http://127.0.0.1:8787' }
    for (const [method, path] of [
      ['GET', '/v1/jobs'],
      ['GET', `/v1/jobs/${theirs}`],
      ['POST', `/v1/jobs/${theirs}/cancel`],
    ] as const) {
      expect(problemOf(await world.call(method, path, { key: open, headers })).status).toBe(403)
    }
    expect((await api('GET', '/v1/jobs')).json.data).toHaveLength(2)
    expect((await api('POST', `/v1/jobs/${mine}/cancel`)).status).toBe(202)
  })
})

describe('public keys', () => {
  let ask: (path: string, method?: string) => Promise<Answer>

  beforeEach(async () => {
    await collection('open')
    await put(
      'open',
      Array.from({ length: 60 }, (_, i) => ({ id: `d${i}`, text: 'heron' })),
    )
    const key = await world.makeKey(tenant, { kind: 'public', scopes: ['documents:read'], origins: ['self'] })
    ask = (path, method = 'GET') => world.call(method, path, { key, headers: { origin: 'http://127.0.0.1:8787' } })
  })

  it('see short pages of lists', async () => {
    for (const path of ['/v1/collections/open/documents', '/v1/collections']) {
      expect(problemOf(await ask(`${path}?limit=51`))).toMatchObject({ status: 400, pointers: ['/limit'] })
      expect((await ask(`${path}?limit=50`)).status).toBe(200)
    }
    const { data, nextCursor } = (await ask('/v1/collections/open/documents')).json
    expect(data).toHaveLength(50)
    expect((await ask(`/v1/collections/open/documents?cursor=${nextCursor}`)).json.data).toHaveLength(10)
  })

  it('see no vectors', async () => {
    const path = '/v1/collections/open/documents/d0'
    expect((await ask(`${path}?include=text,chunks`)).json).toMatchObject({ text: 'heron' })
    for (const query of ['include=vectors', 'include=text,vectors', 'include=vectors&colour=red']) {
      expect(problemOf(await ask(`${path}?${query}`))).toMatchObject({ status: 403, pointers: ['/include'] })
    }
    expect((await api('GET', `${path}?include=vectors`)).json.vectors).toHaveLength(1)
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

  it('with a filter delete no collection, because documents that they may not see would go with it', async () => {
    const path = '/v1/collections/mixed'
    await world.call('POST', '/v1/collections', { key: tenant.key, body: { name: 'mixed' } })
    const filtered = await world.makeKey(tenant, { scopes: ['collections', 'documents:read'], filter: { team: 'a' } })
    expect(problemOf(await world.call('DELETE', path, { key: filtered }))).toMatchObject({
      status: 403,
      code: 'forbidden',
    })
    expect((await world.call('GET', path, { key: tenant.key })).status).toBe(200)
    const free = await world.makeKey(tenant, { scopes: ['collections'], collections: ['mixed'] })
    expect((await world.call('DELETE', path, { key: free })).status).toBe(204)
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
      [{ expiresAt: '9999-12-31T23:59:59-12:00' }, '/expiresAt'],
      [{ scopes: ['admin'], filter: { a: 1 } }, '/filter'],
      [{ kind: 'public', origins: [`https://${'x'.repeat(300)}.example`] }, '/origins/0'],
      [{ filter: { a: 'x'.repeat(20_000) } }, '/filter'],
      [{ filter: { a: { $in: Array.from({ length: 5_000 }, (_, i) => i) } } }, '/filter'],
      [{ ipRanges: ['192.0.2.1/24'] }, '/ipRanges/0'],
      [{ ipRanges: [] }, '/ipRanges'],
      [{ ipRanges: Array.from({ length: 101 }, () => '::1') }, '/ipRanges'],
      [{ rateLimit: 5 }, '/rateLimit'],
      [{ rateLimit: {} }, '/rateLimit'],
      [{ rateLimit: { requests: 5 } }, '/rateLimit'],
      [{ rateLimit: { burst: 5 } }, '/rateLimit'],
      [{ rateLimit: { perIp: { requests: 5 } } }, '/rateLimit/perIp/windowSeconds'],
      [{ tokensNotBefore: 'now' }, '/tokensNotBefore'],
      [{ kind: 'public', tokensNotBefore: '2026-01-01T00:00:00Z' }, '/tokensNotBefore'],
      [{ kind: 'public', rateLimit: { perSub: { requests: 5, windowSeconds: 1 } } }, '/rateLimit/perSub'],
    ] as const) {
      expect(await make(body)).toEqual({ status: 400, code: 'invalid_request', pointers: [pointer] })
    }
  })

  it('that do not exist are missed only by a change that could be made', async () => {
    for (const [body, pointer] of [
      [{ scopes: ['search', 'search'] }, '/scopes/1'],
      [{ expiresAt: '2020-01-01T00:00:00Z' }, '/expiresAt'],
      [{ origins: ['nowhere'] }, '/origins/0'],
      [{ collections: [] }, '/collections'],
      [{ filter: { a: { $near: 1 } } }, '/filter/a/$near'],
    ] as const) {
      expect(problemOf(await api('PATCH', '/v1/keys/0123456789abcdef', body))).toMatchObject({
        status: 400,
        pointers: [pointer],
      })
    }
    expect(problemOf(await api('PATCH', '/v1/keys/0123456789abcdef', { name: 'x' })).status).toBe(404)
    const key = await world.makeKey(tenant, { kind: 'public', scopes: ['search'], origins: ['self'] })
    const mixed = await api('PATCH', `/v1/keys/${key.slice(6, 22)}`, { scopes: ['documents:write'] })
    expect(problemOf(mixed)).toMatchObject({ status: 400, pointers: ['/scopes/0'] })
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

  it('show all that restricts them, and lose what a change removes', async () => {
    const restrictions = {
      ipRanges: ['192.0.2.0/24', '2001:db8::1'],
      rateLimit: {
        requests: 100,
        windowSeconds: 60,
        burst: 5,
        perIp: { requests: 1, windowSeconds: 1 },
        perSub: { requests: 2, windowSeconds: 1, burst: 3 },
      },
      tokensNotBefore: '2026-01-01T00:00:00.000Z',
    }
    const body = { name: 'k', kind: 'secret', scopes: ['search'], ...restrictions }
    const { json } = await api('POST', '/v1/keys', body)
    expect(json).toMatchObject({ ...body, version: 1, lastUsedAt: null })
    const path = `/v1/keys/${json.id}`
    expect((await api('GET', path)).json).toMatchObject(restrictions)
    const rateLimit = { perIp: { requests: 3, windowSeconds: 1 } }
    const changed = await api('PATCH', path, { rateLimit, ipRanges: null, tokensNotBefore: null })
    expect(changed.json.rateLimit).toEqual(rateLimit)
    expect(changed.json).not.toHaveProperty('ipRanges')
    expect(changed.json).not.toHaveProperty('tokensNotBefore')
    expect((await api('PATCH', path, { rateLimit: null })).json).not.toHaveProperty('rateLimit')
  })

  it('are found by how their id begins', async () => {
    const key = await world.makeKey(tenant, { scopes: ['search'] })
    const id = key.slice(6, 22)
    const list = async (prefix: string, more = ''): Promise<string[]> =>
      (await api('GET', `/v1/keys?prefix=${prefix}${more}`)).json.data.map((found: { id: string }) => found.id)
    expect(await list('')).toEqual([id, tenant.keyId].sort())
    expect(await list('nf_sk_')).toEqual([id, tenant.keyId].sort())
    expect(await list('nf_pk_')).toEqual([])
    for (const prefix of [id, id.slice(0, 8), `nf_sk_${id}`, `nf_sk_${id.slice(0, 8)}`]) {
      expect(await list(prefix), prefix).toEqual([id])
    }
    expect(await list(`nf_pk_${id}`)).toEqual([])
    for (const prefix of [key, `${id}_`, 'nf_rk_', '_', '%25']) {
      expect(problemOf(await api('GET', `/v1/keys?prefix=${prefix}`))).toMatchObject({
        status: 400,
        pointers: ['/prefix'],
      })
    }
    const page = (await api('GET', '/v1/keys?prefix=nf_sk_&limit=1')).json
    expect(await list('nf_sk_', `&limit=1&cursor=${page.nextCursor}`)).toHaveLength(1)
    expect(problemOf(await api('GET', `/v1/keys?cursor=${page.nextCursor}`))).toMatchObject({ status: 400 })
  })
})

describe('a key with addresses', () => {
  const from = (key: string, address?: string, headers: Record<string, string> = {}): Promise<Answer> =>
    world.call('GET', '/v1/keys/self', {
      key,
      headers: { ...headers, ...(address === undefined ? {} : { 'cf-connecting-ip': address }) },
    })

  it('is refused from elsewhere and where nobody tells the address', async () => {
    const ipRanges = ['192.0.2.0/24', '2001:db8::/32']
    for (const more of [{}, { kind: 'public', origins: ['self'] }]) {
      const headers = { origin: ORIGIN }
      const key = await world.makeKey(tenant, { scopes: ['search'], ipRanges, ...more })
      for (const address of ['192.0.2.7', '::ffff:192.0.2.7', '2001:db8::7']) {
        expect((await from(key, address, headers)).status, address).toBe(200)
      }
      for (const address of ['192.0.3.7', '2001:db9::7', 'nowhere', undefined]) {
        expect(problemOf(await from(key, address, headers))).toMatchObject({ status: 403, code: 'ip_forbidden' })
      }
    }
  })

  it('is told so after its origin was judged and before its scopes', async () => {
    const key = await world.makeKey(tenant, { scopes: ['search'], ipRanges: ['192.0.2.1'] })
    const foreign = { origin: 'https://elsewhere.example' }
    expect(problemOf(await from(key, '192.0.2.2', foreign)).code).toBe('origin_forbidden')
    const call = { key, headers: { 'cf-connecting-ip': '192.0.2.2' } }
    for (const path of ['/v1/tenants', '/v1/nowhere', '/v1/collections/x/documents']) {
      expect(problemOf(await world.call('GET', path, call)).code).toBe('ip_forbidden')
    }
    const suspend = (suspended: boolean): Promise<Answer> =>
      world.call('PATCH', `/v1/tenants/${tenant.id}`, { key: world.rootKey, body: { suspended } })
    await suspend(true)
    expect(problemOf(await from(key, '192.0.2.2')).code).toBe('ip_forbidden')
    expect(problemOf(await from(key, '192.0.2.1')).code).toBe('tenant_suspended')
    await suspend(false)
  })
})

describe('the last use of a key', () => {
  it('is shown to the minute once it was written, and never before the key was made', async () => {
    const key = await world.makeKey(tenant, { scopes: ['search'] })
    const view = async (): Promise<Answer['json']> => (await api('GET', `/v1/keys/${key.slice(6, 22)}`)).json
    const shown = async (): Promise<string | null> => (await view()).lastUsedAt as string | null
    expect(await shown()).toBeNull()
    const beforeMs = Date.now()
    expect((await world.call('GET', '/v1/keys/self', { key })).status).toBe(200)
    let lastUsedAt = await shown()
    while (lastUsedAt === null) lastUsedAt = await shown()
    const { createdAt } = await view()
    expect(Date.parse(lastUsedAt) % 60_000 === 0 || lastUsedAt === createdAt).toBe(true)
    expect(lastUsedAt >= createdAt).toBe(true)
    expect(Date.parse(lastUsedAt)).toBeGreaterThan(beforeMs - 60_000)
  })
})

describe('a rotated key', () => {
  const rotate = (id: string, body: object, headers: Record<string, string> = {}): Promise<Answer> =>
    api('POST', `/v1/keys/${id}/rotate`, body, headers)
  const status = async (key: string): Promise<number> => (await world.call('GET', '/v1/keys/self', { key })).status

  it('has a new secret under the same id, and the one before it for the grace', async () => {
    const first = await world.makeKey(tenant, { scopes: ['search'], filter: { team: 'a' } })
    const id = first.slice(6, 22)
    const startMs = Date.now()
    const answer = await rotate(id, { graceSeconds: 60 })
    expect(answer.status).toBe(201)
    const { secret: second, previousSecretUntil, ...rest } = answer.json
    expect(rest).toEqual({ id, version: 2 })
    expect(second.slice(0, 22)).toBe(first.slice(0, 22))
    expect(Date.parse(previousSecretUntil)).toBeGreaterThanOrEqual(startMs + 60_000)
    expect([await status(first), await status(second)]).toEqual([200, 200])
    expect((await api('GET', `/v1/keys/${id}`)).json).toMatchObject({ version: 2, filter: { team: 'a' } })

    const third = (await rotate(id, { graceSeconds: 60 })).json.secret as string
    expect([await status(first), await status(second), await status(third)]).toEqual([401, 200, 200])
    const fourth = (await rotate(id, {})).json
    expect(fourth.previousSecretUntil).toBeNull()
    expect([await status(second), await status(third), await status(fourth.secret)]).toEqual([401, 401, 200])
  })

  it('of the public kind rotates as well', async () => {
    const first = await world.makeKey(tenant, { kind: 'public', scopes: ['search'], origins: ['self'] })
    const { json } = await rotate(first.slice(6, 22), {})
    const self = async (key: string): Promise<number> =>
      (await world.call('GET', '/v1/keys/self', { key, headers: { origin: ORIGIN } })).status
    expect([await self(first), await self(json.secret)]).toEqual([401, 200])
  })

  it('shows its secret once: a replay of the request does not, and rotates nothing', async () => {
    const first = await world.makeKey(tenant, { scopes: ['search'] })
    const id = first.slice(6, 22)
    const headers = { 'idempotency-key': 'once' }
    const { json } = await rotate(id, { graceSeconds: 60 }, headers)
    const replay = await rotate(id, { graceSeconds: 60 }, headers)
    const { secret, ...shown } = json
    expect(replay.json).toEqual({ ...shown, secretShown: false })
    expect(replay.headers.get('idempotent-replayed')).toBe('true')
    expect([await status(first), await status(secret)]).toEqual([200, 200])
  })

  it('is refused to who could not make it, of another tenant, and out of bounds', async () => {
    const admin = await world.makeKey(tenant, { scopes: ['admin', 'search'] })
    const as = (id: string): Promise<Answer> => world.call('POST', `/v1/keys/${id}/rotate`, { key: admin, body: {} })
    expect(problemOf(await as(tenant.keyId))).toMatchObject({ status: 403, code: 'forbidden' })
    expect(await status(tenant.key)).toBe(200)
    const narrow = await world.makeKey(tenant, { scopes: ['search'] })
    expect((await as(narrow.slice(6, 22))).status).toBe(201)
    const other = await world.makeTenant('b')
    for (const id of [other.keyId, '0123456789abcdef', 'x']) expect(problemOf(await as(id)).status).toBe(404)
    expect(await status(other.key)).toBe(200)
    for (const graceSeconds of [-1, 604_801, 0.5, '60', null]) {
      expect(problemOf(await rotate(narrow.slice(6, 22), { graceSeconds }))).toMatchObject({
        status: 400,
        pointers: ['/graceSeconds'],
      })
    }
  })
})
