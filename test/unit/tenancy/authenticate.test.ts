/** Authentication against a store that counts its reads, under a clock that the test moves. */
import { beforeEach, describe, expect, it } from 'vitest'
import { asProblem, Problem } from '../../../src/core/problem.ts'
import { Authenticator } from '../../../src/tenancy/authenticate.ts'
import { equalDigests } from '../../../src/tenancy/credential-checks.ts'
import { keyHash, newKey } from '../../../src/tenancy/key-format.ts'
import type { ParsedKey } from '../../../src/tenancy/key-format.ts'
import { LOST_READ_MS } from '../../../src/tenancy/read-through-cache.ts'
import { ACME, CountingKeyStore, SEALER } from '../../support/counting-key-store.ts'
import { FakeTime, settle } from '../../support/fake-timer.ts'

let time: FakeTime
let store: CountingKeyStore
let root: ParsedKey
let authenticator: Authenticator

beforeEach(async () => {
  time = new FakeTime()
  store = new CountingKeyStore()
  root = newKey('root')
  authenticator = await makeAuthenticator()
})

async function makeAuthenticator(options: { capacity?: number; hashes?: string[] } = {}): Promise<Authenticator> {
  return new Authenticator({
    keys: store,
    sealer: SEALER,
    rootKeyHashes: options.hashes ?? [await keyHash(root)],
    clock: time.clock,
    timer: time.timer,
    ...(options.capacity === undefined ? {} : { capacity: options.capacity }),
  })
}

const bearer = (text: string, extra: Record<string, string> = {}): Headers =>
  new Headers({ authorization: `Bearer ${text}`, ...extra })

async function outcome(headers: Headers): Promise<string> {
  try {
    return (await authenticator.authenticate(headers)).keyId
  } catch (error) {
    return asProblem(error)?.code ?? String(error)
  }
}

describe('a credential', () => {
  it('becomes the principal that the store describes', async () => {
    const key = await store.addKey({ scopes: ['search', 'answer'], collections: ['docs'], filter: { team: 'a' } })
    const principal = await authenticator.authenticate(bearer(key.text))
    expect(principal).toMatchObject({ kind: 'secret', keyId: key.id, tenant: ACME, collections: ['docs'] })
    expect([...principal.scopes]).toEqual(['search', 'answer'])
    expect(principal.filter).toMatchObject({ kind: 'compare', path: ['team'], operator: '$eq', operand: 'a' })
  })

  it.each(['Bearer', 'bearer', 'BEARER'])('is read with the scheme %s', async (scheme) => {
    const key = await store.addKey()
    expect(await outcome(new Headers({ authorization: `${scheme} ${key.text}` }))).toBe(key.id)
  })

  it('that is missing or malformed is refused without any read', async () => {
    const { text } = await store.addKey()
    const changed = text.slice(0, -1) + (text.endsWith('0') ? '1' : '0')
    const values = ['', 'Bearer', 'Bearer ', text, `Basic ${text}`, `Bearer ${text}x`, `Bearer ${changed}`]
    values.push(
      `Bearer ${text}, Bearer ${text}`,
      `Bearer ${text} ${text}`,
      `Bearer eyJhbGciOiJIUzI1NiJ9.e30.x`,
      'Bearer null',
    )
    for (const value of values) expect(await outcome(new Headers({ authorization: value })), value).toBe('unauthorized')
    expect(await outcome(new Headers())).toBe('unauthorized')
    const twice = bearer(text)
    twice.append('authorization', `Bearer ${text}`)
    expect(await outcome(twice)).toBe('unauthorized')
    expect(store.reads).toEqual([])
  })

  it('with a right id and a wrong secret is refused as an unknown one is', async () => {
    const key = await store.addKey()
    const impostor = newKey('secret', key.id)
    const errors = await Promise.all(
      [impostor.text, newKey('secret').text].map((text) => authenticator.authenticate(bearer(text)).catch(String)),
    )
    expect(errors[0]).toBe(errors[1])
    expect(errors[0]).toContain('Problem')
    expect(store.reads).toHaveLength(2)
  })

  it('with the id of a key of another kind is refused', async () => {
    const key = await store.addKey({ kind: 'public' })
    expect(await outcome(bearer(newKey('secret', key.id).text))).toBe('unauthorized')
  })

  it('dies at the very millisecond it expires', async () => {
    const key = await store.addKey({ expiresAtMs: time.clock() + 1_000 })
    await time.advance(999)
    expect(await outcome(bearer(key.text))).toBe(key.id)
    await time.advance(1)
    expect(await outcome(bearer(key.text))).toBe('unauthorized')
  })

  it('that is not the root key may not name a tenant', async () => {
    const key = await store.addKey()
    expect(await outcome(bearer(key.text, { 'nearfield-tenant': 'acme' }))).toBe('forbidden')
    expect(await outcome(bearer(newKey('secret').text, { 'nearfield-tenant': 'acme' }))).toBe('unauthorized')
  })
})

describe('the root key', () => {
  it('is known by its hash, and a second one while it is rotated, without any read', async () => {
    const next = newKey('root')
    authenticator = await makeAuthenticator({ hashes: [await keyHash(root), await keyHash(next), '', 'not a hash'] })
    expect(await outcome(bearer(root.text))).toBe(root.id)
    expect(await outcome(bearer(next.text))).toBe(next.id)
    expect(await outcome(bearer(newKey('root').text))).toBe('unauthorized')
    expect(await outcome(bearer(newKey('root', root.id).text))).toBe('unauthorized')
    expect(store.reads).toEqual([])
  })

  it('without a hash in the configuration is nobody', async () => {
    authenticator = await makeAuthenticator({ hashes: [] })
    expect(await outcome(bearer(root.text))).toBe('unauthorized')
  })

  it('acts for the tenant that the header names, and for none where there is no such tenant', async () => {
    const acme = await authenticator.authenticate(bearer(root.text, { 'nearfield-tenant': 'acme' }))
    expect(acme).toMatchObject({ kind: 'root', actingFor: 'acme', tenant: ACME })
    const nobody = await authenticator.authenticate(bearer(root.text, { 'nearfield-tenant': 'nobody' }))
    expect(nobody.tenant).toBeUndefined()
    expect(nobody.actingFor).toBe('nobody')
    expect(store.reads).toEqual(['acme', 'nobody'])
  })

  it('is not looked up for a tenant id that cannot be one', async () => {
    for (const id of ['', 'Acme', '../acme', '*', '%', 'a'.repeat(64), "' OR 1=1", 'null,acme']) {
      const principal = await authenticator.authenticate(bearer(root.text, { 'nearfield-tenant': id }))
      expect(principal.tenant, id).toBeUndefined()
    }
    expect(store.reads).toEqual([])
  })
})

describe('the store', () => {
  it('is read once for a burst of 100 requests', async () => {
    const key = await store.addKey()
    const ids = await Promise.all(Array.from({ length: 100 }, () => outcome(bearer(key.text))))
    expect(new Set(ids)).toEqual(new Set([key.id]))
    expect(store.reads).toEqual([key.id])
  })

  it('is read once for a burst of 100 requests with an unknown id, and not again within 10 s', async () => {
    const { text } = newKey('secret')
    const ids = await Promise.all(Array.from({ length: 100 }, () => outcome(bearer(text))))
    expect(new Set(ids)).toEqual(new Set(['unauthorized']))
    await time.advance(9_999)
    await outcome(bearer(text))
    expect(store.reads).toHaveLength(1)
    await time.advance(1)
    await outcome(bearer(text))
    expect(store.reads).toHaveLength(2)
  })

  it('is not read for 5 s, and then by one refresh beside the requests', async () => {
    const key = await store.addKey()
    await outcome(bearer(key.text))
    await time.advance(4_999)
    await outcome(bearer(key.text))
    expect(store.reads).toHaveLength(1)

    await time.advance(1)
    const gate = Promise.withResolvers<void>()
    store.fault = () => gate.promise
    for (let i = 0; i < 10; i++) expect(await outcome(bearer(key.text))).toBe(key.id)
    expect(store.reads).toHaveLength(2)
    gate.resolve()
    await settle()
    store.fault = undefined
    await time.advance(4_999)
    await outcome(bearer(key.text))
    expect(store.reads).toHaveLength(2)
  })

  it('keeps no more keys than it may, and made-up ids push out no real one', async () => {
    authenticator = await makeAuthenticator({ capacity: 3 })
    const keys = [await store.addKey(), await store.addKey(), await store.addKey()]
    for (const key of keys) await outcome(bearer(key.text))
    for (let i = 0; i < 10; i++) await outcome(bearer(newKey('secret').text))
    store.reads.length = 0
    for (const key of keys) expect(await outcome(bearer(key.text))).toBe(key.id)
    expect(store.reads).toEqual([])

    const fourth = await store.addKey()
    await outcome(bearer(fourth.text))
    expect(await outcome(bearer(keys[0]!.text))).toBe(keys[0]!.id)
    expect(store.reads).toEqual([fourth.id, keys[0]!.id])
  })
})

describe('a change', () => {
  /** Asks every 250 ms and returns after how long the answer changed. */
  async function msUntil(text: string, answer: string): Promise<number> {
    const startMs = time.clock()
    while ((await outcome(bearer(text))) !== answer) {
      await time.advance(250)
      if (time.clock() - startMs > 60_000) throw new Error('never')
    }
    return time.clock() - startMs
  }

  it('such as a revocation holds within 10 s, however the requests come', async () => {
    for (const pauseMs of [0, 1, 2_500, 4_999, 5_000, 7_000, 9_999]) {
      const key = await store.addKey()
      await outcome(bearer(key.text))
      await time.advance(pauseMs)
      await outcome(bearer(key.text))
      store.keys.delete(key.id)
      expect(await msUntil(key.text, 'unauthorized')).toBeLessThanOrEqual(10_000)
    }
  })

  it('of the tenant, such as its suspension, holds within 10 s', async () => {
    const key = await store.addKey()
    await outcome(bearer(key.text))
    const stored = store.keys.get(key.id)!
    store.keys.set(key.id, { ...stored, tenant: { ...ACME, suspended: true } })
    let sinceMs = 0
    while ((await authenticator.authenticate(bearer(key.text))).tenant?.suspended !== true) {
      await time.advance(250)
      sinceMs += 250
    }
    expect(sinceMs).toBeLessThanOrEqual(10_000)
  })

  it('counts from the start of the read, not from its end', async () => {
    const key = await store.addKey()
    // The read begins before the revocation and comes back, with the old truth, 1.5 s later.
    const gate = Promise.withResolvers<void>()
    store.fault = () => gate.promise
    const first = outcome(bearer(key.text))
    await time.advance(1)
    store.keys.delete(key.id)
    await time.advance(1_500)
    gate.resolve()
    expect(await first).toBe(key.id)
    store.fault = undefined
    await time.advance(3_499)
    expect(await outcome(bearer(key.text))).toBe(key.id)
    await settle()
    expect(await outcome(bearer(key.text))).toBe('unauthorized')
  })

  it('in this isolate holds at once when it is told', async () => {
    const key = await store.addKey()
    const other = await store.addKey()
    await outcome(bearer(key.text))
    await outcome(bearer(other.text))
    store.keys.delete(key.id)
    authenticator.forgetKey(key.id)
    expect(await outcome(bearer(key.text))).toBe('unauthorized')
    expect(await outcome(bearer(other.text))).toBe(other.id)

    store.keys.delete(other.id)
    store.tenants.delete('acme')
    authenticator.forgetTenant('acme')
    expect(await outcome(bearer(other.text))).toBe('unauthorized')
  })

  it('of a tenant leaves what is held of others', async () => {
    const key = await store.addKey()
    const other = await store.addKey()
    store.change(other.id, () => ({ tenant: { ...ACME, id: 'other' } }))
    for (const { text } of [key, other]) await outcome(bearer(text))
    store.reads.length = 0
    authenticator.forgetTenant('acme')
    for (const { text } of [key, other]) await outcome(bearer(text))
    expect(store.reads).toEqual([key.id])
  })

  it('that is told is not undone by a read that had begun before', async () => {
    const key = await store.addKey()
    const gate = Promise.withResolvers<void>()
    store.fault = () => gate.promise
    const early = outcome(bearer(key.text))
    await settle()
    store.keys.delete(key.id)
    authenticator.forgetKey(key.id)
    gate.resolve()
    store.fault = undefined
    expect(await early).toBe(key.id)
    expect(await outcome(bearer(key.text))).toBe('unauthorized')
  })
})

describe('while the store is down', () => {
  const down = async (): Promise<void> => {
    throw new Problem('overloaded')
  }

  it('known keys work until they are 10 s old, then the answer is 503', async () => {
    const key = await store.addKey()
    await outcome(bearer(key.text))
    store.fault = down
    for (let ageMs = 0; ageMs < 10_000; ageMs += 500) {
      expect(await outcome(bearer(key.text)), `at ${ageMs} ms`).toBe(key.id)
      await time.advance(500)
    }
    expect(await outcome(bearer(key.text))).toBe('overloaded')
    store.fault = undefined
    expect(await outcome(bearer(key.text))).toBe(key.id)
  })

  it('unknown ids are 503 and are not remembered as unknown', async () => {
    const key = await store.addKey()
    store.fault = down
    expect(await outcome(bearer(key.text))).toBe('overloaded')
    store.fault = undefined
    expect(await outcome(bearer(key.text))).toBe(key.id)
  })

  it('the root key works', async () => {
    store.fault = down
    expect(await outcome(bearer(root.text))).toBe(root.id)
    expect(await outcome(bearer(root.text, { 'nearfield-tenant': 'acme' }))).toBe('overloaded')
  })

  it('malformed credentials are still 401', async () => {
    store.fault = down
    expect(await outcome(new Headers())).toBe('unauthorized')
  })
})

describe('a read that never ends', () => {
  const never = (): Promise<void> => new Promise(() => {})

  it('is replaced by one of another request, so that nobody waits for a cancelled one', async () => {
    const key = await store.addKey()
    store.fault = never
    const first = outcome(bearer(key.text))
    await settle()
    store.fault = undefined
    const second = outcome(bearer(key.text))
    await time.advance(LOST_READ_MS)
    expect(await Promise.all([first, second])).toEqual([key.id, key.id])
    expect(store.reads).toHaveLength(2)
    expect(time.armed).toBe(0)
  })

  it('ends as 503 when the next one does not end either', async () => {
    const key = await store.addKey()
    store.fault = never
    const answer = outcome(bearer(key.text))
    await time.advance(LOST_READ_MS)
    await time.advance(LOST_READ_MS)
    expect(await answer).toBe('overloaded')
  })

  it('is handed to the runtime to be kept alive', async () => {
    const key = await store.addKey()
    const kept: Promise<unknown>[] = []
    await authenticator.authenticate(bearer(key.text), (work) => kept.push(work))
    expect(kept).toHaveLength(1)
    store.fault = async () => {
      throw new Error('down')
    }
    await time.advance(6_000)
    await authenticator.authenticate(bearer(key.text), (work) => kept.push(work))
    // A refresh that fails rejects nobody's waitUntil.
    await expect(Promise.all(kept)).resolves.toHaveLength(2)
  })
})

describe('a clock that goes backwards', () => {
  it('makes what is held look old, never young', async () => {
    const key = await store.addKey()
    let offsetMs = 0
    authenticator = new Authenticator({
      sealer: SEALER,
      keys: store,
      rootKeyHashes: [],
      clock: () => time.clock() + offsetMs,
      timer: time.timer,
    })
    await outcome(bearer(key.text))
    offsetMs = -60_000
    store.keys.delete(key.id)
    expect(await outcome(bearer(key.text))).toBe('unauthorized')
  })
})

describe('digests', () => {
  it('are equal only when every byte and the length are', () => {
    const digest = Uint8Array.from({ length: 32 }, (_, i) => i)
    expect(equalDigests(digest, digest.slice())).toBe(true)
    expect(equalDigests(digest, digest.slice(0, 31))).toBe(false)
    expect(equalDigests(digest.slice(0, 31), digest)).toBe(false)
    expect(equalDigests(new Uint8Array(), digest)).toBe(false)
    for (let i = 0; i < 32; i++) expect(equalDigests(digest, digest.with(i, 255))).toBe(false)
  })
})
