/** Rates over HTTP: who is limited, by what, in which order refusals come, and what the headers say. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { makeWorld, problemOf } from './http-harness.ts'
import type { Answer, Call, TestTenant, World } from './http-harness.ts'

const ORIGIN = 'https://shop.example'
const LIST = '/v1/collections'
const START_MS = Date.now()

let world: World
let tenant: TestTenant

beforeEach(async () => {
  // Buckets fill by the clock, which stands still unless a test moves it.
  vi.useFakeTimers({ toFake: ['Date'], now: START_MS })
  world = await makeWorld()
  tenant = await world.makeTenant()
})

afterEach(() => {
  vi.useRealTimers()
})

const pass = (ms: number): unknown => vi.setSystemTime(Date.now() + ms)

const from = (address: string): Record<string, string> => ({ 'cf-connecting-ip': address, origin: ORIGIN })

const publicKey = (more: object = {}): Promise<string> =>
  world.makeKey(tenant, { kind: 'public', scopes: ['search'], origins: [ORIGIN], ...more })

const statuses = async (times: number, ask: () => Promise<Answer>): Promise<Record<number, number>> => {
  const counts: Record<number, number> = {}
  for (const { status } of await Promise.all(Array.from({ length: times }, ask))) {
    counts[status] = (counts[status] ?? 0) + 1
  }
  return counts
}

describe('a public key', () => {
  it('may burst 100 times from one address; then it is refused there, and another address goes on', async () => {
    const key = await publicKey()
    const list = (address: string): Promise<Answer> => world.call('GET', LIST, { key, headers: from(address) })
    expect(await statuses(100, () => list('192.0.2.1'))).toEqual({ 200: 100 })
    const refused = await list('192.0.2.1')
    expect(problemOf(refused)).toEqual({ status: 429, code: 'rate_limited', pointers: [] })
    expect(refused.headers.get('retry-after')).toBe('1')
    expect(refused.json.retryAfterSeconds).toBe(1)
    expect(refused.headers.get('ratelimit-policy')).toBe('"ip";q=100;w=10, "key";q=1000;w=60')
    expect(refused.headers.get('ratelimit')).toMatch(/^"ip";r=0;t=10, "key";r=900;t=6$/)
    const exposed = refused.headers.get('access-control-expose-headers')?.split(', ')
    for (const name of ['X-Request-Id', 'RateLimit', 'RateLimit-Policy', 'Retry-After']) expect(exposed).toContain(name)
    expect((await list('192.0.2.2')).status).toBe(200)
    pass(1_000)
    expect(await statuses(20, () => list('192.0.2.1'))).toEqual({ 200: 10, 429: 10 })
  })

  it('is told where it stands while it is admitted', async () => {
    const key = await publicKey()
    const { headers } = await world.call('GET', LIST, { key, headers: from('192.0.2.1') })
    expect(headers.get('ratelimit')).toBe('"ip";r=99;t=1, "key";r=999;t=1')
    expect(headers.get('retry-after')).toBeNull()
  })

  it('is told where it stands by refusals, which count as well', async () => {
    const key = await publicKey()
    const search = (path: string, body: object): Promise<Answer> =>
      world.call('POST', path, { key, headers: from('192.0.2.1'), body })
    const refused = [
      await search('/v1/search', { nonsense: 1 }),
      await search('/v1/collections/absent/search', { query: 'x' }),
      await search('/v1/search', { collections: ['absent'], query: 'x' }),
    ]
    expect(refused.map(({ status }) => status)).toEqual([400, 404, 404])
    expect(refused.map(({ headers }) => headers.get('ratelimit')?.split(';t')[0])).toEqual([
      '"ip";r=99',
      '"ip";r=98',
      '"ip";r=97',
    ])
  })

  it('takes all addresses of an IPv6 line as one, and all callers without an address', async () => {
    const key = await publicKey({ rateLimit: { perIp: { requests: 2, windowSeconds: 60 } } })
    const ask = (headers: Record<string, string>): Promise<number> =>
      world.call('GET', LIST, { key, headers }).then(({ status }) => status)
    for (const [last, status] of [
      ['1', 200],
      ['2', 200],
      ['ffff', 429],
    ] as const) {
      expect(await ask(from(`2001:db8:0:7::${last}`))).toBe(status)
    }
    expect(await ask(from('2001:db8:0:8::1'))).toBe(200)
    const nowhere = { origin: ORIGIN }
    expect([await ask(nowhere), await ask(nowhere), await ask(nowhere)]).toEqual([200, 200, 429])
  })

  it('has a rate in all, whatever the number of addresses', async () => {
    const key = await publicKey({ rateLimit: { requests: 5, windowSeconds: 60 } })
    let address = 0
    const ask = (): Promise<Answer> => world.call('GET', LIST, { key, headers: from(`192.0.2.${address++}`) })
    expect(await statuses(12, ask)).toEqual({ 200: 5, 429: 7 })
  })
})

describe('others', () => {
  it('a secret key is unlimited, asks the object nothing and gets no headers', async () => {
    const list = (): Promise<Answer> => world.call('GET', LIST, { key: tenant.key })
    await list()
    const before = world.bindingCalls()
    const { headers } = await list()
    const callsOfOne = world.bindingCalls() - before
    expect(await statuses(150, list)).toEqual({ 200: 150 })
    expect(world.bindingCalls() - before).toBe(151 * callsOfOne)
    expect([headers.get('ratelimit'), headers.get('ratelimit-policy')]).toEqual([null, null])
  })

  it('a secret key keeps the rate that its maker set', async () => {
    const key = await world.makeKey(tenant, { scopes: ['search'], rateLimit: { requests: 3, windowSeconds: 3_600 } })
    expect(await statuses(5, () => world.call('GET', LIST, { key }))).toEqual({ 200: 3, 429: 2 })
    const refused = await world.call('GET', LIST, { key })
    expect(refused.headers.get('retry-after')).toBe('1200')
    expect(refused.headers.get('ratelimit')).toBe('"key";r=0;t=3600')
  })

  it('a tenant keeps its rate over all its keys, and the root key has none', async () => {
    const operator = { key: world.rootKey }
    await world.call('PATCH', `/v1/tenants/${tenant.id}`, {
      ...operator,
      body: { limits: { rateLimit: { requests: 4, windowSeconds: 60 } } },
    })
    const other = await world.makeKey(tenant, { scopes: ['search'] })
    pass(10_000)
    const keys = [other, tenant.key]
    let next = 0
    expect(await statuses(10, () => world.call('GET', LIST, { key: keys[next++ % 2] }))).toEqual({ 200: 4, 429: 6 })
    const acting = { ...operator, headers: { 'nearfield-tenant': tenant.id } }
    expect(await statuses(20, () => world.call('GET', '/v1/keys', acting))).toEqual({ 200: 20 })
  })

  it('end users of one key do not share their rate', async () => {
    const key = await world.makeKey(tenant, {
      scopes: ['search'],
      rateLimit: { perSub: { requests: 2, windowSeconds: 60 } },
    })
    const tokenOf = async (sub: string): Promise<string> => {
      const made = await world.call('POST', '/v1/tokens', { key, body: { ttlSeconds: 600, scopes: ['search'], sub } })
      return made.json.token as string
    }
    const [ann, again, bob] = [await tokenOf('ann'), await tokenOf('ann'), await tokenOf('bob')]
    const ask = async (token: string): Promise<number> => (await world.call('GET', LIST, { key: token })).status
    expect([await ask(ann), await ask(again), await ask(ann), await ask(bob)]).toEqual([200, 200, 429, 200])
    expect(await ask(key)).toBe(200)
  })
})

describe('the order of refusal', () => {
  const ONE = { rateLimit: { requests: 1, windowSeconds: 3_600 } }
  let key: string

  beforeEach(async () => {
    key = await world.makeKey(tenant, { scopes: ['search', 'documents:write', 'collections'], ...ONE })
    expect((await world.call('GET', LIST, { key })).status).toBe(200)
  })

  it.each<[string, string, string, Call, number]>([
    ['401', 'GET', LIST, { key: 'nonsense' }, 401],
    ['403', 'GET', '/v1/keys', {}, 403],
    ['415', 'POST', LIST, { headers: { 'content-type': 'text/plain' }, body: '{}' }, 415],
    ['400', 'POST', LIST, { body: { name: 'UPPER' } }, 400],
    ['404 of a collection', 'POST', '/v1/collections/none/search', { body: { query: 'heron' } }, 404],
    ['404 among several', 'POST', '/v1/search', { body: { collections: ['none'], query: 'heron' } }, 404],
    ['nothing else', 'GET', LIST, {}, 429],
  ])('%s stands although the rate is spent', async (_, method, path, call, expected) => {
    expect((await world.call(method, path, { key, ...call })).status).toBe(expected)
  })

  it('a search of several collections that all exist is refused as well', async () => {
    await world.call('POST', LIST, { key: tenant.key, body: { name: 'birds' } })
    const body = { collections: ['birds'], query: 'heron' }
    expect((await world.call('POST', '/v1/search', { key, body })).status).toBe(429)
    const headers = { 'idempotency-key': 'a' }
    expect((await world.call('POST', '/v1/search', { key, body, headers })).status).toBe(429)
    pass(3_600_000)
    const replayed = await world.call('POST', '/v1/search', { key, body, headers })
    expect([replayed.status, replayed.headers.get('idempotent-replayed')]).toEqual([200, null])
  })

  it('422 stands before 429, and a 429 is not kept for the idempotency key', async () => {
    const wide = await world.makeKey(tenant, {
      scopes: ['collections'],
      rateLimit: { requests: 2, windowSeconds: 60, burst: 2 },
    })
    const create = (name: string, idempotencyKey: string): Promise<Answer> =>
      world.call('POST', LIST, { key: wide, headers: { 'idempotency-key': idempotencyKey }, body: { name } })
    expect((await create('one', 'a')).status).toBe(201)
    expect((await create('two', 'b')).status).toBe(201)
    expect((await create('three', 'a')).status).toBe(422)
    expect((await create('three', 'c')).status).toBe(429)
    const replay = await create('one', 'a')
    expect([replay.status, replay.headers.get('idempotent-replayed')]).toEqual([429, null])
    pass(30_000)
    expect((await create('three', 'c')).status).toBe(201)
    pass(30_000)
    const replayed = await create('one', 'a')
    expect([replayed.status, replayed.headers.get('idempotent-replayed')]).toEqual([201, 'true'])
    // What is replayed says where the limits stand now.
    expect(replayed.headers.get('ratelimit')).toBe('"key";r=0;t=60')
  })

  it('refused requests count as well', async () => {
    const few = await world.makeKey(tenant, { scopes: ['search'], rateLimit: { requests: 3, windowSeconds: 3_600 } })
    for (const [body, status] of [
      [{ query: '' }, 400],
      [{ query: 'heron' }, 404],
    ] as const) {
      const { status: told } = await world.call('POST', '/v1/collections/none/search', { key: few, body })
      expect(told).toBe(status)
    }
    expect((await world.call('GET', LIST, { key: few })).status).toBe(200)
    expect((await world.call('GET', LIST, { key: few })).status).toBe(429)
  })
})
