/** Tokens, rotated and revoked keys at the door: who is let in, who is told of, and what each refusal costs. */
import { beforeEach, describe, expect, it } from 'vitest'
import { asProblem } from '../../../src/core/problem.ts'
import { Authenticator } from '../../../src/tenancy/authenticate.ts'
import type { Refusal } from '../../../src/tenancy/authenticate.ts'
import { CREDENTIAL_CHECKS } from '../../../src/tenancy/credential-checks.ts'
import type { CredentialChecks } from '../../../src/tenancy/credential-checks.ts'
import { newKey, tokenSigningKey } from '../../../src/tenancy/key-format.ts'
import type { ParsedKey } from '../../../src/tenancy/key-format.ts'
import type { Principal } from '../../../src/tenancy/principal.ts'
import { Sealer } from '../../../src/tenancy/sealing.ts'
import { mintToken } from '../../../src/tenancy/token.ts'
import type { TokenClaims } from '../../../src/tenancy/token.ts'
import { ACME, CountingKeyStore, SEALER } from '../../support/counting-key-store.ts'
import { FakeTime } from '../../support/fake-timer.ts'

let time: FakeTime
let store: CountingKeyStore
let refusals: Refusal[]
let used: string[]
let counts: Record<keyof CredentialChecks, number>
let authenticator: Authenticator

/** The real checks, counted. */
const counted = (): CredentialChecks => ({
  digest: (key) => (counts.digest++, CREDENTIAL_CHECKS.digest(key)),
  isEqual: (a, b) => (counts.isEqual++, CREDENTIAL_CHECKS.isEqual(a, b)),
  open: (sealer, id, sealed) => (counts.open++, CREDENTIAL_CHECKS.open(sealer, id, sealed)),
  hasSigned: (token, key) => (counts.hasSigned++, CREDENTIAL_CHECKS.hasSigned(token, key)),
})

function makeAuthenticator(sealer = SEALER): Authenticator {
  return new Authenticator({
    keys: store,
    sealer,
    rootKeyHashes: [],
    clock: time.clock,
    timer: time.timer,
    lastUse: { note: ({ id }) => used.push(id) },
    onRefusal: (refusal) => refusals.push(refusal),
    checks: counted(),
  })
}

beforeEach(() => {
  time = new FakeTime()
  store = new CountingKeyStore()
  refusals = []
  used = []
  counts = { digest: 0, isEqual: 0, open: 0, hasSigned: 0 }
  authenticator = makeAuthenticator()
})

const nowSeconds = (): number => Math.floor(time.clock() / 1000)
const claims = (more: Partial<TokenClaims> = {}): TokenClaims => ({
  iat: nowSeconds(),
  exp: nowSeconds() + 600,
  scopes: ['search'],
  ...more,
})
const mint = async (key: ParsedKey, more: Partial<TokenClaims> = {}): Promise<string> =>
  mintToken(await tokenSigningKey(key), key.id, claims(more))

const ask = (text: string, more: Record<string, string> = {}): Promise<Principal> =>
  authenticator.authenticate(new Headers({ authorization: `Bearer ${text}`, ...more }))

const outcome = (text: string, more: Record<string, string> = {}): Promise<string> =>
  ask(text, more).then(
    ({ kind }) => kind,
    (error: unknown) => asProblem(error)?.code ?? String(error),
  )

const reasons = (): string[] => refusals.map(({ reason }) => reason)

describe('a token', () => {
  it('lets its bearer do what both it and its key allow', async () => {
    const key = await store.addKey({ scopes: ['search', 'documents:read'], collections: ['docs-*'] })
    const token = await mint(key, {
      scopes: ['search', 'answer'],
      sub: 'ann',
      principals: ['staff'],
      collections: ['docs-a'],
    })
    const principal = await ask(token)
    expect(principal).toMatchObject({
      kind: 'token',
      keyId: key.id,
      tenant: ACME,
      collections: ['docs-*'],
      tokenCollections: ['docs-a'],
      token: { sub: 'ann' },
    })
    expect([...principal.scopes]).toEqual(['search'])
    expect(JSON.stringify(principal.filter)).toContain('"acl"')
    expect(used).toEqual([key.id])
  })

  it('that is malformed costs no read', async () => {
    const good = await mint(await store.addKey())
    const [header = '', payload = '', signature = ''] = good.split('.')
    const bad = [`${good}.`, `${header}.${payload}`, `${header}.${payload}.${signature}=`, `.${payload}.${signature}`]
    for (const text of [...bad, `${payload}.${header}.${signature}`, 'a.b.c', '..']) {
      expect(await outcome(text), text).toBe('unauthorized')
    }
    expect(store.reads).toEqual([])
    expect(refusals).toEqual([])
  })

  it('is refused with a wrong signature, and nobody is told', async () => {
    const key = await store.addKey()
    const other = await store.addKey()
    const stranger = newKey('secret', key.id)
    const unknown = newKey('secret')
    for (const token of [
      await mint(stranger),
      await mintToken(await tokenSigningKey(other), key.id, claims()),
      await mintToken(new Uint8Array(32), key.id, claims()),
      await mint(unknown),
    ]) {
      expect(await outcome(token)).toBe('unauthorized')
    }
    expect(refusals).toEqual([])
    expect(await outcome(await mint(key))).toBe('token')
  })

  it('is not signed by public keys', async () => {
    const key = await store.addKey({ kind: 'public', origins: ['self'] })
    expect(await outcome(await mint(key))).toBe('unauthorized')
    expect(await outcome(key.text)).toBe('public')
  })

  it('is refused where its signing key does not open, while the key itself works', async () => {
    authenticator = makeAuthenticator(new Sealer('cd'.repeat(32)))
    const key = await store.addKey()
    expect(await outcome(await mint(key))).toBe('unauthorized')
    expect(await outcome(key.text)).toBe('secret')
  })

  it('ends with its time, its key, and what the key says of older ones; the reason is told', async () => {
    const key = await store.addKey()
    const token = await mint(key)
    await time.advance(599_999)
    expect(await outcome(token)).toBe('token')
    await time.advance(1)
    expect(await outcome(token)).toBe('unauthorized')
    expect(await outcome(await mint(key, { exp: nowSeconds() + 86_401 }))).toBe('unauthorized')

    const young = await mint(key)
    const record = store.keys.get(key.id)!.record
    store.change(key.id, () => ({ record: { ...record, tokensNotBeforeMs: time.clock() + 1_000 } }))
    authenticator.forgetKey(key.id)
    expect(await outcome(young)).toBe('unauthorized')
    expect(await outcome(key.text)).toBe('secret')
    expect(await outcome(await mint(key, { iat: nowSeconds() + 1 }))).toBe('token')

    store.change(key.id, () => ({ record: { ...record, expiresAtMs: time.clock() } }))
    authenticator.forgetKey(key.id)
    expect(await outcome(young)).toBe('unauthorized')
    store.change(key.id, () => ({ record, revokedAtMs: time.clock() }))
    authenticator.forgetKey(key.id)
    expect(await outcome(young)).toBe('unauthorized')
    expect(reasons()).toEqual(['token_time', 'token_time', 'token_time', 'expired', 'revoked'])
    expect(refusals[0]).toEqual({
      kind: 'token',
      keyId: key.id,
      tenant: ACME,
      code: 'unauthorized',
      reason: 'token_time',
    })
  })

  it('costs one read for 1,000 requests within 5 s, and its signing key is opened once', async () => {
    const tokens = [await mint(await store.addKey())]
    tokens.push(await mint(newKey('secret')))
    for (const token of tokens) {
      store.reads.length = 0
      counts.open = 0
      for (let i = 0; i < 1_000; i++) await outcome(token)
      expect(store.reads).toHaveLength(1)
      expect(counts).toMatchObject({ open: 2, digest: 0, isEqual: 0 })
    }
    expect(counts.hasSigned).toBe(4_000)
  })
})

describe('a rotated key', () => {
  it('lives with its tokens until its grace ends, beside the new secret', async () => {
    const first = await store.addKey()
    const oldToken = await mint(first)
    const second = await store.rotate(first.id, time.clock() + 60_000)
    for (const text of [first.text, second.text]) expect(await outcome(text)).toBe('secret')
    for (const text of [oldToken, await mint(second)]) expect(await outcome(text)).toBe('token')
    await time.advance(59_999)
    expect(await outcome(first.text)).toBe('secret')
    expect(await outcome(oldToken)).toBe('token')
    await time.advance(1)
    expect(await outcome(first.text)).toBe('unauthorized')
    expect(await outcome(oldToken)).toBe('unauthorized')
    expect(reasons()).toEqual(['rotated', 'rotated'])
    expect(await outcome(second.text)).toBe('secret')
  })

  it('rotated again ends its oldest secret at once, as a wrong one', async () => {
    const first = await store.addKey()
    const untilMs = time.clock() + 60_000
    const second = await store.rotate(first.id, untilMs)
    const third = await store.rotate(first.id, untilMs)
    expect(await outcome(first.text)).toBe('unauthorized')
    for (const { text } of [second, third]) expect(await outcome(text)).toBe('secret')
    expect(reasons()).toEqual([])
  })
})

describe('a refusal', () => {
  it('of a right secret is told, of a wrong one never', async () => {
    const key = await store.addKey()
    const impostor = newKey('secret', key.id)
    expect(await outcome(key.text, { 'nearfield-tenant': 'acme' })).toBe('forbidden')
    expect(await outcome(impostor.text, { 'nearfield-tenant': 'acme' })).toBe('unauthorized')
    const { record } = store.keys.get(key.id)!
    for (const change of [{ revokedAtMs: 1 }, { revokedAtMs: 1, record: { ...record, expiresAtMs: 1 } }]) {
      store.change(key.id, () => change)
      authenticator.forgetKey(key.id)
      expect(await outcome(key.text)).toBe('unauthorized')
      expect(await outcome(impostor.text)).toBe('unauthorized')
    }
    expect(refusals.map(({ code, reason }) => `${code} ${reason}`)).toEqual([
      'forbidden acting_for',
      'unauthorized revoked',
      'unauthorized revoked',
    ])
    expect(used).toEqual([])
  })

  it('needs nobody who listens', async () => {
    const key = await store.addKey()
    store.change(key.id, () => ({ revokedAtMs: 1 }))
    const plain = new Authenticator({ keys: store, sealer: SEALER, rootKeyHashes: [], clock: time.clock })
    const headers = new Headers({ authorization: `Bearer ${key.text}` })
    await expect(plain.authenticate(headers)).rejects.toMatchObject({ code: 'unauthorized' })
    const other = await store.addKey()
    const right = new Headers({ authorization: `Bearer ${other.text}` })
    expect((await plain.authenticate(right)).kind).toBe('secret')
  })
})

describe('what a credential costs', () => {
  /** Digests, comparisons, openings, verifications and reads of one request, first and repeated. */
  async function costs(text: string): Promise<object[]> {
    const all: object[] = []
    for (let i = 0; i < 2; i++) {
      counts = { digest: 0, isEqual: 0, open: 0, hasSigned: 0 }
      store.reads.length = 0
      await outcome(text)
      all.push({ ...counts, reads: store.reads.length })
    }
    return all
  }

  it('is the same for a right, a wrong, an unknown, an old, a revoked and an expired key', async () => {
    const right = await store.addKey()
    const rotated = await store.addKey()
    await store.rotate(rotated.id, time.clock() + 1_000)
    const past = await store.addKey()
    await store.rotate(past.id, time.clock())
    const revoked = await store.addKey()
    store.change(revoked.id, () => ({ revokedAtMs: 1 }))
    const keys = [
      right,
      newKey('secret', (await store.addKey()).id),
      newKey('secret'),
      newKey('public'),
      rotated,
      past,
      revoked,
      await store.addKey({ expiresAtMs: 1 }),
      await store.addKey({ kind: 'public' }),
    ]
    const first = { digest: 1, isEqual: 2, open: 2, hasSigned: 0, reads: 1 }
    for (const { text } of keys) expect(await costs(text)).toEqual([first, { ...first, open: 0, reads: 0 }])
  })

  it('is the same for a right, a wrong, an unknown, an old and an expired token', async () => {
    const rotated = await store.addKey()
    await store.rotate(rotated.id, time.clock() + 1_000)
    const tokens = [
      await mint(await store.addKey()),
      await mint(newKey('secret', (await store.addKey()).id)),
      await mint(newKey('secret')),
      await mint(await store.addKey({ kind: 'public' })),
      await mint(rotated),
      await mint(await store.addKey(), { exp: nowSeconds() }),
    ]
    const first = { digest: 0, isEqual: 0, open: 2, hasSigned: 2, reads: 1 }
    for (const token of tokens) expect(await costs(token)).toEqual([first, { ...first, open: 0, reads: 0 }])
  })
})

describe('a principal', () => {
  it('of a public key sees no document that an acl restricts; one of a secret key sees all', async () => {
    const open = await ask((await store.addKey({ kind: 'public', filter: { team: 'a' } })).text)
    expect(open.filter).toMatchObject({ kind: 'and', children: [{ path: ['team'] }, { kind: 'acl', principals: [] }] })
    const bare = await ask((await store.addKey({ kind: 'public' })).text)
    expect(bare.filter).toMatchObject({ kind: 'and', children: [{ kind: 'acl', principals: [] }] })
    expect((await ask((await store.addKey()).text)).filter).toBeUndefined()
  })

  it('carries its ranges, and none where a stored one cannot be read', async () => {
    const ranges = ['192.0.2.0/24', 'nonsense']
    const { ipRanges } = await ask((await store.addKey({ ipRanges: ranges })).text)
    expect(ipRanges).toEqual([{ bytes: [192, 0, 2, 0], bits: 24 }])
    expect((await ask((await store.addKey({ ipRanges: ['nonsense'] })).text)).ipRanges).toEqual([])
    expect((await ask((await store.addKey()).text)).ipRanges).toBeUndefined()
  })
})
