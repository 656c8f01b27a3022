/** Which rates a credential is charged to. */
import { describe, expect, it } from 'vitest'
import type { TenantUid } from '../../../../src/core/ids.ts'
import type { KeyRecord } from '../../../../src/tenancy/key-store.ts'
import type { Principal } from '../../../../src/tenancy/principal.ts'
import { addressSubject, ratePolicies } from '../../../../src/tenancy/rate-policies.ts'
import type { KeyRateLimit, TenantLimits } from '../../../../src/tenancy/tenant-limits.ts'

const KEY_ID = '0123456789abcdef'
const ADDRESS = '192.0.2.1'

function principal(kind: Principal['kind'], rateLimit?: KeyRateLimit, limits: TenantLimits = {}): Principal {
  const tenant = { id: 't', uid: 'tnt_t' as TenantUid, suspended: false, limits }
  const key: KeyRecord = {
    id: KEY_ID,
    tenantUid: tenant.uid,
    name: 'key',
    kind: kind === 'public' ? 'public' : 'secret',
    scopes: ['search'],
    version: 1,
    createdAtMs: 0,
    updatedAtMs: 0,
    createdBy: 'root',
    ...(rateLimit === undefined ? {} : { rateLimit }),
  }
  return { kind, keyId: KEY_ID, tenant, scopes: new Set(['search']), key }
}

const summary = async (asked: Principal, address: string | null = ADDRESS): Promise<[string, string, object][]> =>
  (await ratePolicies(asked, address)).map(({ name, subject, limit }) => [name, subject, limit])

describe('policies', () => {
  it('are none for the root key, and for secret keys and tokens that nobody limited', async () => {
    const limits: TenantLimits = { rateLimit: { requests: 1, windowSeconds: 1 } }
    const { key: _, ...root } = principal('root', undefined, limits)
    expect(await summary(root)).toEqual([])
    expect(await summary(principal('secret'))).toEqual([])
    expect(await summary(principal('token'))).toEqual([])
  })

  it('limit public keys by address and in all unless told otherwise', async () => {
    expect(await summary(principal('public'))).toEqual([
      ['ip', `ip/${KEY_ID}/192.0.2.1`, { requests: 10, windowSeconds: 1, burst: 100 }],
      ['key', `key/${KEY_ID}`, { requests: 1_000, windowSeconds: 60 }],
    ])
    const own: KeyRateLimit = { requests: 5, windowSeconds: 2, burst: 6, perIp: { requests: 1, windowSeconds: 1 } }
    expect(await summary(principal('public', own))).toEqual([
      ['ip', `ip/${KEY_ID}/192.0.2.1`, { requests: 1, windowSeconds: 1 }],
      ['key', `key/${KEY_ID}`, { requests: 5, windowSeconds: 2, burst: 6 }],
    ])
  })

  it('keep the defaults of a public key for what its own limit leaves out', async () => {
    const [ip, key] = await summary(principal('public', { requests: 7, windowSeconds: 1 }))
    expect(ip?.[2]).toEqual({ requests: 10, windowSeconds: 1, burst: 100 })
    expect(key?.[2]).toEqual({ requests: 7, windowSeconds: 1 })
    const halves: KeyRateLimit[] = [{ requests: 7 }, { windowSeconds: 7 }]
    for (const half of halves)
      expect((await summary(principal('public', half)))[1]?.[2]).toMatchObject({ requests: 1_000 })
  })

  it('come from the narrowest to the widest', async () => {
    const one = { requests: 1, windowSeconds: 1 }
    const all: KeyRateLimit = { ...one, perIp: one, perSub: one }
    const token: Principal = { ...principal('token', all, { rateLimit: one }), token: { sub: 'ann' } }
    expect((await summary(token)).map(([name]) => name)).toEqual(['ip', 'sub', 'key', 'tenant'])
    // No end user stands behind the key itself.
    const key = await summary(principal('secret', all, { rateLimit: one }))
    expect(key.map(([name]) => name)).toEqual(['ip', 'key', 'tenant'])
  })

  it('tell end users apart by a digest, and take those without a name as one', async () => {
    const perSub: KeyRateLimit = { perSub: { requests: 1, windowSeconds: 1 } }
    const subjectOf = async (token: NonNullable<Principal['token']>): Promise<string> =>
      (await summary({ ...principal('token', perSub), token }))[0]?.[1] ?? ''
    const subjects = await Promise.all([{ sub: 'ann' }, { sub: 'bob' }, {}, { sub: '' }].map(subjectOf))
    expect(new Set(subjects).size).toBe(3)
    expect(subjects[2]).toBe(subjects[3])
    for (const subject of subjects) expect(subject).toMatch(new RegExp(`^sub/${KEY_ID}/[0-9a-f]{32}$`))
    expect((await summary(principal('token', perSub)))[0]?.[1]).toBe(subjects[2])
  })

  it('of a tenant hold for every key of it', async () => {
    const limits: TenantLimits = { rateLimit: { requests: 3, windowSeconds: 1 } }
    expect(await summary(principal('secret', undefined, limits))).toEqual([['tenant', 'tenant', limits.rateLimit]])
  })
})

describe('an address', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '20010db800010002'],
    ['2001:db8:1:2::', '20010db800010002'],
    ['2001:DB8:1:3::1', '20010db800010003'],
    ['::1', '0000000000000000'],
    ['192.0.2.1, 192.0.2.2', 'unknown'],
    ['', 'unknown'],
  ])('%s stands for %s', (address, subject) => {
    expect(addressSubject(address)).toBe(subject)
  })

  it('that is not told is one caller with all others like it', () => {
    expect(addressSubject(null)).toBe('unknown')
  })
})
