/** What keys are over HTTP, and what public and filtered ones are not shown. */
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
    ] as const) {
      expect(await make(body)).toEqual({ status: 400, code: 'invalid_request', pointers: [pointer] })
    }
    expect(await make({ rateLimit: 5 })).toEqual({ status: 400, code: 'not_supported', pointers: ['/rateLimit'] })
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
})
