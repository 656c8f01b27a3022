/** What a new key may be. */
import { describe, expect, it } from 'vitest'
import type { TenantUid } from '../../../src/core/ids.ts'
import { asProblem } from '../../../src/core/problem.ts'
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
        expiresAtMs: NOW_MS + 1,
      }),
    ).toBeUndefined()
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
