/** What a credential may do, and the rule that no key is wider than its maker, checked against what it can reach. */
import * as fc from 'fast-check'
import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { TenantUid } from '../../../src/core/ids.ts'
import { asProblem } from '../../../src/core/problem.ts'
import { matches } from '../../../src/metadata/evaluate-filter.ts'
import type { Filter } from '../../../src/metadata/filter.ts'
import {
  isNarrowerOrEqual,
  mayReachCollection,
  requireActiveTenant,
  requireAdmin,
  requireRoot,
  requireScope,
  requireTenant,
  rightsDigest,
  visibleTo,
} from '../../../src/tenancy/principal.ts'
import type { Principal, Rights } from '../../../src/tenancy/principal.ts'
import { SCOPES } from '../../../src/tenancy/scopes.ts'
import type { Scope } from '../../../src/tenancy/scopes.ts'

const TENANT = { id: 'acme', uid: 'ten_acme' as TenantUid, suspended: false, limits: {} }
const ROOT: Principal = { kind: 'root', keyId: 'r', scopes: new Set() }
const keyWith = (...scopes: Scope[]): Principal => ({
  kind: 'secret',
  keyId: 'k',
  tenant: TENANT,
  scopes: new Set(scopes),
})

const NAMES = ['docs', 'docs-en', 'docs-de', 'blog', 'b', 'col_0000000000000001']
const COLLECTIONS = NAMES.slice(0, 5).map((name, i) => ({ id: `col_000000000000000${i + 1}`, name }))
const DOCUMENTS = ['a', 'b'].flatMap((team) =>
  [1, 2].map((level) => ({ id: `${team}${level}`, metadata: { team, level } })),
)

const scopes = fc.subarray([...SCOPES])
const patterns = fc.subarray([...NAMES, '*', 'docs*', 'docs-*', 'b*', 'col*'], { minLength: 1 })
const leaf: fc.Arbitrary<Filter> = fc.oneof(
  fc.constantFrom('a', 'b').map((operand): Filter => ({ kind: 'compare', path: ['team'], operator: '$eq', operand })),
  fc.constantFrom(1, 2).map((operand): Filter => ({ kind: 'compare', path: ['level'], operator: '$gte', operand })),
)
const filters = fc.letrec<{ filter: Filter }>((tie) => ({
  filter: fc.oneof(
    { depthSize: 'small' },
    leaf,
    fc.array(tie('filter'), { minLength: 1, maxLength: 3 }).map((children): Filter => ({ kind: 'and', children })),
    fc.array(tie('filter'), { minLength: 1, maxLength: 3 }).map((children): Filter => ({ kind: 'or', children })),
    tie('filter').map((child): Filter => ({ kind: 'not', child })),
  ),
})).filter
const rights: fc.Arbitrary<Rights> = fc.record(
  { scopes, collections: patterns, filter: filters, expiresAtMs: fc.constantFrom(100, 200, 300) },
  { requiredKeys: ['scopes'] },
)

/** Everything that a credential can do in a small world. */
function reach({ scopes, collections, filter, expiresAtMs }: Rights): Set<string> {
  const can = new Set<string>()
  for (const collection of COLLECTIONS) {
    if (!mayReachCollection(collections === undefined ? {} : { collections }, collection)) continue
    for (const document of DOCUMENTS) {
      if (filter !== undefined && !matches(filter, document)) continue
      for (const time of [50, 150, 250, 350]) {
        if (time < (expiresAtMs ?? Infinity)) {
          for (const scope of scopes) can.add(`${scope} ${collection.id} ${document.id} ${time}`)
        }
      }
    }
  }
  return can
}

describe('a key that is narrower than its maker or equal', () => {
  it('can do nothing that the maker cannot', () => {
    let narrower = 0
    fc.assert(
      fc.property(rights, rights, (child, maker) => {
        if (!isNarrowerOrEqual(child, maker)) return
        narrower++
        expect(reach(child).isSubsetOf(reach(maker))).toBe(true)
      }),
      { seed: 11, numRuns: 20_000 },
    )
    expect(narrower).toBeGreaterThan(300)
  })

  it('is every key compared with itself, and every key made from it by restricting more', () => {
    fc.assert(
      fc.property(rights, filters, scopes, (maker, filter, some) => {
        expect(isNarrowerOrEqual(maker, maker)).toBe(true)
        const both: Filter = maker.filter === undefined ? filter : { kind: 'and', children: [maker.filter, filter] }
        const fewer = [...maker.scopes].filter((scope) => some.includes(scope))
        expect(isNarrowerOrEqual({ ...maker, filter: both, scopes: fewer }, maker)).toBe(true)
      }),
      { seed: 12, numRuns: 500 },
    )
  })

  it.each<[string, Rights, Rights, boolean]>([
    ['one scope more', { scopes: ['search', 'answer'] }, { scopes: ['search'] }, false],
    ['all collections', { scopes: [] }, { scopes: [], collections: ['docs'] }, false],
    ['a prefix wider', { scopes: [], collections: ['doc*'] }, { scopes: [], collections: ['docs*'] }, false],
    ['a name in the prefix', { scopes: [], collections: ['docs-en'] }, { scopes: [], collections: ['docs*'] }, true],
    ['an id where names count', { scopes: [], collections: ['col_1'] }, { scopes: [], collections: ['*'] }, false],
    ['no collection at all', { scopes: [], collections: [] }, { scopes: [], collections: ['docs'] }, true],
    ['a later end', { scopes: [], expiresAtMs: 2 }, { scopes: [], expiresAtMs: 1 }, false],
    ['no end', { scopes: [] }, { scopes: [], expiresAtMs: 1 }, false],
    ['an earlier end', { scopes: [], expiresAtMs: 1 }, { scopes: [], expiresAtMs: 2 }, true],
  ])('or wider: %s', (_, child, maker, expected) => {
    expect(isNarrowerOrEqual(child, maker)).toBe(expected)
  })
})

describe('a collection', () => {
  it('is reached by name, by id, by prefix, or without a list; an empty list reaches none', () => {
    const docs = { id: 'col_0000000000000001', name: 'docs' }
    const reached = (...collections: string[]): boolean => mayReachCollection({ collections }, docs)
    expect(mayReachCollection({}, docs)).toBe(true)
    expect([reached('docs'), reached(docs.id), reached('do*'), reached('*'), reached('x', 'docs*')]).not.toContain(
      false,
    )
    expect([
      reached(),
      reached('doc'),
      reached('docs-*'),
      reached('DOCS'),
      reached('col_*'),
      reached(''),
    ]).not.toContain(true)
  })
})

describe('the checks of a route', () => {
  const code = (check: () => void): string | undefined => {
    try {
      check()
      return undefined
    } catch (error) {
      return asProblem(error)?.code
    }
  }

  it('ask for a scope', () => {
    expect(code(() => requireScope(keyWith('search'), 'answer', 'search'))).toBeUndefined()
    expect(code(() => requireScope(keyWith('admin', 'collections'), 'search'))).toBe('scope_missing')
    expect(code(() => requireScope(keyWith(), 'search'))).toBe('scope_missing')
  })

  it('never let the root key search, answer or read, also while it acts for a tenant', () => {
    for (const scope of SCOPES) {
      expect(code(() => requireScope({ ...ROOT, actingFor: 'acme', tenant: TENANT }, scope))).toBe('forbidden')
    }
  })

  it('keep tenants to the root key, and keys to admins and the root key with a tenant', () => {
    expect(code(() => requireRoot(ROOT))).toBeUndefined()
    expect(code(() => requireRoot(keyWith(...SCOPES)))).toBe('forbidden')
    expect(code(() => requireAdmin(keyWith('admin')))).toBeUndefined()
    expect(code(() => requireAdmin(keyWith('search')))).toBe('scope_missing')
    expect(code(() => requireAdmin({ ...ROOT, actingFor: 'acme' }))).toBeUndefined()
    expect(code(() => requireAdmin(ROOT))).toBe('forbidden')
  })

  it('never turn a missing tenant into all tenants', () => {
    expect(requireTenant(keyWith())).toBe(TENANT)
    expect(code(() => requireTenant(ROOT))).toBe('forbidden')
    expect(code(() => requireTenant({ ...ROOT, actingFor: 'nobody' }))).toBe('not_found')
  })

  it('stop the keys of a suspended tenant, not the root key', () => {
    const suspended = { ...TENANT, suspended: true }
    expect(code(() => requireActiveTenant({ ...keyWith(...SCOPES), tenant: suspended }))).toBe('tenant_suspended')
    expect(code(() => requireActiveTenant({ ...ROOT, actingFor: 'acme', tenant: suspended }))).toBeUndefined()
    expect(code(() => requireActiveTenant(keyWith()))).toBeUndefined()
  })
})

describe('the digest of rights', () => {
  it('is the same for equal rights of other keys, and differs with any right', async () => {
    const base: Principal = { ...keyWith('search', 'answer'), collections: ['a', 'b'] }
    const same: Principal = { ...keyWith('answer', 'search'), keyId: 'other', collections: ['b', 'a'] }
    expect(await rightsDigest(same)).toBe(await rightsDigest(base))
    const filter: Filter = { kind: 'compare', path: ['team'], operator: '$eq', operand: 'a' }
    const others = await Promise.all(
      [
        base,
        { ...base, kind: 'public' } as const,
        { ...base, scopes: new Set<Scope>(['search']) },
        { ...base, collections: ['a'] },
        { ...base, collections: [] },
        keyWith('search', 'answer'),
        { ...base, filter },
        { ...base, kind: 'token' } as const,
        { ...base, tokenCollections: ['a'] },
        { ...base, token: { sub: 'user:42' } },
        { ...base, filter: visibleTo(['alice']) },
        { ...base, filter: visibleTo(['alice'], filter) },
        { ...base, filter: visibleTo(['alice', 'bob']) },
      ].map(rightsDigest),
    )
    expect(new Set(others).size).toBe(others.length)
    expect(await rightsDigest({ ...base, filter: visibleTo(['b', 'a']) })).toBe(
      await rightsDigest({ ...base, filter: visibleTo(['a', 'b']) }),
    )
  })

  it('of a key is the same in every release: records of 24 hours hold it', async () => {
    const key: Principal = { ...keyWith('search', 'answer'), collections: ['b', 'a'] }
    const told = '{"collections":["a","b"],"filter":null,"kind":"secret","scopes":["answer","search"]}'
    expect(await rightsDigest(key)).toBe(createHash('sha256').update(told).digest('hex'))
  })
})
