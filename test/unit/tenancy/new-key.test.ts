/** What a new key may be. */
import { describe, expect, it } from 'vitest'
import type { TenantUid } from '../../../src/core/ids.ts'
import { asProblem } from '../../../src/core/problem.ts'
import { readRange } from '../../../src/tenancy/ip-ranges.ts'
import type { KeyRecord } from '../../../src/tenancy/key-store.ts'
import { checkKeyFields, requireNotWider } from '../../../src/tenancy/new-key.ts'
import type { KeyFields } from '../../../src/tenancy/new-key.ts'
import type { Principal } from '../../../src/tenancy/principal.ts'
import { SCOPES } from '../../../src/tenancy/scopes.ts'
import type { Scope } from '../../../src/tenancy/scopes.ts'

const NOW_MS = 1_800_000_000_000
const ROOT: Principal = { kind: 'root', keyId: 'r', actingFor: 'acme', scopes: new Set() }
const admin = (...scopes: Scope[]): Principal => ({
  kind: 'secret',
  keyId: 'k',
  tenant: { id: 'acme', uid: 'ten_acme' as TenantUid, suspended: false, limits: {} },
  scopes: new Set<Scope>(['admin', ...scopes]),
})

const withRecord = (record: Partial<KeyRecord>): Principal => ({
  ...admin('search'),
  key: record as KeyRecord,
  ...(record.ipRanges === undefined ? {} : { ipRanges: record.ipRanges.map((range) => readRange(range)!) }),
})

/** `undefined` when accepted, else the code and the pointers. */
function refusal(request: KeyFields, maker: Principal = ROOT): string | undefined {
  try {
    const key = { kind: 'secret', scopes: ['search'], ...request } as const
    checkKeyFields(key, NOW_MS)
    requireNotWider(key, maker)
    return undefined
  } catch (error) {
    const problem = asProblem(error)
    return [problem?.code, ...(problem?.errors ?? []).map(({ pointer }) => pointer)].join(' ')
  }
}

describe('a new key', () => {
  it('may have every scope, made by the root key', () => {
    expect(refusal({ scopes: SCOPES })).toBeUndefined()
  })

  it('may be restricted in every way', () => {
    expect(
      refusal({
        kind: 'public',
        scopes: ['search', 'answer'],
        collections: ['docs', 'blog-*', '*', 'col_0123456789abcDEF'],
        origins: ['self', 'https://*.shop.example', 'http://localhost:*'],
        filter: { team: { $in: ['a', 'b'] } },
        ipRanges: ['192.0.2.0/24', '2001:db8::1'],
        rateLimit: { perIp: { requests: 1, windowSeconds: 1 } },
        expiresAtMs: NOW_MS + 1,
      }),
    ).toBeUndefined()
    expect(refusal({ tokensNotBeforeMs: 0, rateLimit: { perSub: { requests: 1, windowSeconds: 1 } } })).toBeUndefined()
  })

  it.each<[string, KeyFields, string]>([
    ['no scope', { scopes: [] }, 'invalid_request /scopes'],
    ['a scope twice', { scopes: ['search', 'search'] }, 'invalid_request /scopes/1'],
    ['an end in the past', { expiresAtMs: NOW_MS }, 'invalid_request /expiresAt'],
    ['no collection', { collections: [] }, 'invalid_request /collections'],
    ['bad collections', { collections: ['docs', 'Docs', 'a*b'] }, 'invalid_request /collections/1 /collections/2'],
    ['too many collections', { collections: Array.from({ length: 101 }, () => 'a') }, 'invalid_request /collections'],
    ['a bad origin', { kind: 'public', origins: ['https://shop.example/'] }, 'invalid_request /origins/0'],
    [
      'too long an origin',
      { kind: 'public', origins: [`https://${'a'.repeat(60)}.${'b'.repeat(300)}.example`] },
      'invalid_request /origins/0',
    ],
    [
      'too many origins',
      { kind: 'public', origins: Array.from({ length: 101 }, () => 'self') },
      'invalid_request /origins',
    ],
    ['too large a filter', { filter: { a: 'x'.repeat(16_384) } }, 'invalid_request /filter'],
    ['origins on a secret key', { origins: ['self'] }, 'invalid_request /origins'],
    ['a bad filter', { filter: { day: { $near: 3 } } }, 'invalid_request /filter/day/$near'],
    ['an admin with collections', { scopes: ['admin'], collections: ['docs'] }, 'invalid_request /collections'],
    ['an admin with a filter', { scopes: ['admin'], filter: { a: 1 } }, 'invalid_request /filter'],
    ['no address', { ipRanges: [] }, 'invalid_request /ipRanges'],
    ['bad addresses', { ipRanges: ['::1', '1.2.3.4/8', 'home'] }, 'invalid_request /ipRanges/1 /ipRanges/2'],
    ['too many addresses', { ipRanges: Array.from({ length: 101 }, () => '::1') }, 'invalid_request /ipRanges'],
    ['tokens of a public key', { kind: 'public', tokensNotBeforeMs: 1 }, 'invalid_request /tokensNotBefore'],
    [
      'a rate for tokens of a public key',
      { kind: 'public', rateLimit: { perSub: { requests: 1, windowSeconds: 1 } } },
      'invalid_request /rateLimit/perSub',
    ],
    ['a public admin', { kind: 'public', scopes: ['search', 'admin'] }, 'invalid_request /scopes/1'],
    ['a public builder', { kind: 'public', scopes: ['collections'] }, 'invalid_request /scopes/0'],
    ['a public writer', { kind: 'public', scopes: ['search', 'documents:write'] }, 'invalid_request /scopes/1'],
  ])('is refused with %s', (_, request, expected) => {
    expect(refusal(request)).toBe(expected)
  })

  it('names all its faults at once', () => {
    expect(refusal({ scopes: [], collections: ['?'], expiresAtMs: 0 })).toBe(
      'invalid_request /scopes /collections/0 /expiresAt',
    )
  })

  it('is never wider than its maker', () => {
    expect(refusal({ scopes: ['search'] }, admin('search'))).toBeUndefined()
    expect(refusal({ scopes: ['admin'] }, admin())).toBeUndefined()
    expect(refusal({ scopes: ['search'] }, admin())).toBe('forbidden')
    expect(refusal({ scopes: ['search', 'answer'] }, admin('search'))).toBe('forbidden')
    expect(refusal({ expiresAtMs: NOW_MS + 2 }, { ...admin('search'), expiresAtMs: NOW_MS + 1 })).toBe('forbidden')
    expect(refusal({}, { ...admin('search'), expiresAtMs: NOW_MS + 1 })).toBe('forbidden')
  })

  it('may be used from no address that its maker may not', () => {
    const maker = withRecord({ ipRanges: ['10.0.0.0/8', '2001:db8::/32'] })
    expect(refusal({ ipRanges: ['10.1.0.0/16', '::ffff:10.2.3.4', '2001:db8:1::/48'] }, maker)).toBeUndefined()
    expect(refusal({ ipRanges: ['10.0.0.0/8'] }, maker)).toBeUndefined()
    expect(refusal({}, maker)).toBe('forbidden')
    expect(refusal({ ipRanges: ['10.1.0.0/16', '11.0.0.0/16'] }, maker)).toBe('forbidden')
    expect(refusal({ ipRanges: ['10.0.0.0/7'] }, maker)).toBe('forbidden')
    expect(refusal({ ipRanges: ['0.0.0.0/0'] }, withRecord({}))).toBeUndefined()
    // Stored by another version, it lets nobody in.
    expect(() => requireNotWider({ scopes: ['search'], ipRanges: ['nonsense'] }, maker)).not.toThrow()
  })

  it('is no faster than its maker, in any of its rates', () => {
    const maker = withRecord({
      rateLimit: { requests: 60, windowSeconds: 60, perIp: { requests: 5, windowSeconds: 1 } },
    })
    const perIp = { requests: 5, windowSeconds: 1 }
    expect(refusal({ rateLimit: { requests: 60, windowSeconds: 60, perIp } }, maker)).toBeUndefined()
    expect(refusal({ rateLimit: { requests: 30, windowSeconds: 30, perIp } }, maker)).toBeUndefined()
    expect(refusal({ rateLimit: { requests: 1, windowSeconds: 1, burst: 61, perIp } }, maker)).toBe('forbidden')
    expect(refusal({ rateLimit: { requests: 60, windowSeconds: 59, perIp } }, maker)).toBe('forbidden')
    expect(refusal({ rateLimit: { requests: 60, windowSeconds: 60 } }, maker)).toBe('forbidden')
    expect(refusal({ rateLimit: { perIp } }, maker)).toBe('forbidden')
    expect(refusal({}, maker)).toBe('forbidden')
    const perSub = { requests: 1, windowSeconds: 1, burst: 1 }
    expect(refusal({ rateLimit: { perSub } }, withRecord({ rateLimit: { perSub } }))).toBeUndefined()
    expect(refusal({ rateLimit: { perSub: { ...perSub, burst: 2 } } }, withRecord({ rateLimit: { perSub } }))).toBe(
      'forbidden',
    )
    expect(refusal({ rateLimit: { perSub } }, withRecord({}))).toBeUndefined()
  })

  it('is told what is wrong with its fields before whether it is too wide', () => {
    expect(refusal({ scopes: ['answer', 'answer'], filter: { a: { $near: 1 } } }, admin('search'))).toBe(
      'invalid_request /scopes/1 /filter/a/$near',
    )
  })
})

describe('a change of a key', () => {
  const faults = (change: KeyFields): unknown => {
    try {
      checkKeyFields(change, NOW_MS)
      return undefined
    } catch (error) {
      return asProblem(error)?.errors?.map(({ pointer }) => pointer)
    }
  }

  it('is judged by what it says', () => {
    expect(faults({})).toBeUndefined()
    expect(faults({ scopes: ['search', 'search'], origins: ['x'], expiresAtMs: NOW_MS })).toEqual([
      '/scopes/1',
      '/origins/0',
      '/expiresAt',
    ])
    expect(faults({ filter: { a: { $near: 1 } } })).toEqual(['/filter/a/$near'])
  })
})
