/** What every metadata index must do. `open` gives an index over the database; opening again stands for a restart. */
import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import type { Json, JsonObject } from '../../src/core/canonical-json.ts'
import type { SqlDatabase } from '../../src/core/sql-database.ts'
import type { Filter } from '../../src/metadata/filter.ts'
import type { FacetValue, MetadataIndex } from '../../src/metadata/metadata-index.ts'
import { parseFilter } from '../../src/metadata/parse-filter.ts'

export interface MetadataIndexUnderTest {
  readonly database: () => SqlDatabase
  readonly open: (database: SqlDatabase) => MetadataIndex
}

const SEED = 20_260_702

// ---- the oracle: MongoDB's rules on the filter's JSON, written without the parser, the paths or the evaluator ----

interface Reach {
  readonly values: Json[]
  /** Whether the path breaks off somewhere, which `null` matches. */
  readonly missing: boolean
}

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function reach(value: Json, path: readonly string[]): Reach {
  const [name, ...rest] = path
  if (name === undefined) return { values: [value], missing: false }
  if (isObject(value)) {
    return Object.keys(value).includes(name) ? reach(value[name]!, rest) : { values: [], missing: true }
  }
  if (!Array.isArray(value)) return { values: [], missing: true }
  const reaches = value.filter(isObject).map((element) => reach(element, path))
  if (/^\d+$/.test(name) && value[Number(name)] !== undefined) reaches.push(reach(value[Number(name)]!, rest))
  return { values: reaches.flatMap(({ values }) => values), missing: reaches.some(({ missing }) => missing) }
}

const same = (a: Json, b: Json): boolean => {
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, i) => same(item, b[i]!))
  if (isObject(a) && isObject(b)) {
    return Object.keys(a).length === Object.keys(b).length && Object.keys(a).every((k) => k in b && same(a[k]!, b[k]!))
  }
  return a === b
}

function operatorHolds(operator: string, operand: Json, { values, missing }: Reach): boolean {
  const spread = values.flatMap((value) => (Array.isArray(value) ? [value, ...value] : [value]))
  const equal = (wanted: Json) => (wanted === null && missing) || spread.some((value) => same(value, wanted))
  const bytes = (text: string) => Array.from(new TextEncoder().encode(text), (byte) => byte + 1_000).join()
  const compares = (test: (a: number | string, b: number | string) => boolean) =>
    spread.some((value) => {
      if (typeof value === 'number' && typeof operand === 'number') return test(value, operand)
      if (typeof value === 'string' && typeof operand === 'string') return test(bytes(value), bytes(operand))
      return false
    })
  switch (operator) {
    case '$eq':
      return equal(operand)
    case '$ne':
      return !equal(operand)
    case '$in':
      return (operand as Json[]).some(equal)
    case '$nin':
      return !(operand as Json[]).some(equal)
    case '$gt':
      return compares((a, b) => a > b)
    case '$gte':
      return compares((a, b) => a >= b)
    case '$lt':
      return compares((a, b) => a < b)
    case '$lte':
      return compares((a, b) => a <= b)
    case '$exists':
      return values.length > 0 === operand
    case '$prefix':
      return spread.some((value) => typeof value === 'string' && value.indexOf(operand as string) === 0)
    case '$contains':
      return values.some((value) =>
        Array.isArray(value)
          ? value.some((element) => same(element, operand))
          : typeof value === 'string' && typeof operand === 'string' && value.split(operand).length > 1,
      )
    default:
      throw new Error(operator)
  }
}

function naiveMatches(filter: JsonObject, id: string, metadata: JsonObject): boolean {
  return Object.entries(filter).every(([name, value]) => {
    if (name === '$and') return (value as JsonObject[]).every((child) => naiveMatches(child, id, metadata))
    if (name === '$or') return (value as JsonObject[]).some((child) => naiveMatches(child, id, metadata))
    if (name === '$not') return !naiveMatches(value as JsonObject, id, metadata)
    const reached = name === '$id' ? { values: [id], missing: false } : reach(metadata, name.split('.'))
    if (!isObject(value) || !Object.keys(value).some((key) => key.startsWith('$'))) {
      return operatorHolds('$eq', value, reached)
    }
    return Object.entries(value).every(([operator, operand]) =>
      operator === '$not'
        ? !naiveMatches({ [name]: operand }, id, metadata)
        : operatorHolds(operator, operand, reached),
    )
  })
}

// ---- small worlds, so that filters and documents meet often ----

const scalar: fc.Arbitrary<Json> = fc.constantFrom(null, true, false, 0, 1, 2, -1.5, '', '1', 'a', 'ab', 'b', 'é')
const names = fc.constantFrom('a', 'b', 'c', '0')
const json: fc.Arbitrary<Json> = fc.letrec<{ json: Json }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    scalar,
    fc.array(tie('json'), { maxLength: 3 }),
    fc.dictionary(names, tie('json'), { maxKeys: 3, noNullPrototype: true }),
  ),
})).json
const metadata = fc.dictionary(names, json, { maxKeys: 3, noNullPrototype: true }) as fc.Arbitrary<JsonObject>
const path = fc.oneof(
  { weight: 8, arbitrary: fc.array(names, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('.')) },
  { weight: 1, arbitrary: fc.constant('$id') },
)
const condition = fc.oneof(
  fc.tuple(fc.constantFrom('$eq', '$ne', '$contains'), json),
  fc.tuple(fc.constantFrom('$in', '$nin'), fc.array(json, { maxLength: 3 })),
  fc.tuple(fc.constantFrom('$gt', '$gte', '$lt', '$lte'), fc.constantFrom<Json>(0, 1, -1.5, '', 'a', 'ab', '1')),
  fc.tuple(fc.constant('$exists'), fc.boolean()),
  fc.tuple(fc.constant('$prefix'), fc.constantFrom('', 'a', 'doc')),
)
const filter: fc.Arbitrary<JsonObject> = fc.letrec<{ filter: JsonObject }>((tie) => ({
  filter: fc.oneof(
    { maxDepth: 2 },
    fc.tuple(path, condition).map(([field, [operator, operand]]) => ({ [field]: { [operator]: operand } })),
    fc.tuple(path, scalar).map(([field, value]) => ({ [field]: value })),
    fc.tuple(path, condition).map(([field, [operator, operand]]) => ({ [field]: { $not: { [operator]: operand } } })),
    fc
      .tuple(fc.constantFrom('$and', '$or'), fc.array(tie('filter'), { minLength: 1, maxLength: 3 }))
      .map(([operator, children]) => ({ [operator]: children })),
    tie('filter').map((child) => ({ $not: child })),
  ),
})).filter

/** Few names, so that acls and principals meet; absent acls are as frequent as others. */
const someNames = (least: number) => fc.subarray(['alice', 'bob', 'team:a', 'team:b'], { minLength: least })
const acl = fc.option(someNames(1), { nil: undefined })

/** The acl's rule, written from the contract: no acl, or an entry that the reader has. */
const naiveReads = (principals: readonly string[], list: readonly string[] | undefined): boolean => {
  if (list === undefined) return true
  for (const entry of list) for (const mine of principals) if (entry === mine) return true
  return false
}

const maskOf = (principals: readonly string[], asked: JsonObject): Filter => ({
  kind: 'and',
  children: [parseFilter(asked), { kind: 'acl', principals }],
})

export function metadataIndexContract({ database, open }: MetadataIndexUnderTest): void {
  const filled = (documents: readonly JsonObject[]) => {
    const index = open(database())
    for (const [document, entry] of documents.entries()) index.add(document, `doc${document}`, entry)
    return index
  }
  const everyDocument = (count: number) => Uint32Array.from({ length: count }, (_, document) => document)

  it('matches what the rules say, ascending', () => {
    fc.assert(
      fc.property(
        fc.array(metadata, { maxLength: 12 }),
        fc.array(filter, { minLength: 1, maxLength: 5 }),
        (all, asked) => {
          const index = filled(all)
          for (const one of asked) {
            const expected = [...all.keys()].filter((document) => naiveMatches(one, `doc${document}`, all[document]!))
            expect([...index.matching(parseFilter(one))]).toEqual(expected)
          }
        },
      ),
      { seed: SEED, numRuns: 300 },
    )
  })

  it('lets a reader see what has no acl, and what names one of the principals', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(metadata, acl), { maxLength: 12 }), filter, someNames(0), (all, asked, mine) => {
        const index = open(database())
        for (const [document, [entry, list]] of all.entries()) index.add(document, `doc${document}`, entry, list)
        const expected = [...all.keys()].filter((document) => {
          const [entry, list] = all[document]!
          return naiveReads(mine, list) && naiveMatches(asked, `doc${document}`, entry)
        })
        const mask = maskOf(mine, asked)
        expect([...index.matching(mask)]).toEqual(expected)
        const restricting = index.restricting(mask)
        expect(restricting === undefined ? [...all.keys()] : [...index.matching(restricting)]).toEqual(expected)
      }),
      { seed: SEED, numRuns: 300 },
    )
  })

  it('drops the acl from a mask while no document has one, and nothing else', () => {
    const index = open(database())
    const onlyAcl: Filter = { kind: 'acl', principals: [] }
    const asked = parseFilter({ a: 1 })
    expect(index.restricting(onlyAcl)).toBeUndefined()
    index.add(1, 'one', {})
    expect(index.restricting({ kind: 'and', children: [onlyAcl, onlyAcl] })).toBeUndefined()
    expect(index.restricting({ kind: 'and', children: [asked, onlyAcl] })).toEqual(asked)
    expect(index.restricting({ kind: 'not', child: onlyAcl })).toEqual({ kind: 'not', child: onlyAcl })
    index.add(2, 'two', {}, ['alice'])
    expect(index.restricting(onlyAcl)).toEqual(onlyAcl)
    expect([...index.matching(onlyAcl)]).toEqual([1])
    index.add(2, 'two', {})
    expect(index.restricting(onlyAcl)).toBeUndefined()
  })

  it('equals a fresh index after any sequence of additions, removals, evictions and restarts', () => {
    const command = fc.oneof(
      { weight: 5, arbitrary: fc.record({ kind: fc.constant('add' as const), document: fc.nat(9), metadata, acl }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant('remove' as const), document: fc.nat(9) }) },
      {
        weight: 1,
        arbitrary: fc.record({ kind: fc.constantFrom('evict' as const, 'open' as const, 'read' as const) }),
      },
    )
    fc.assert(
      fc.property(fc.array(command, { maxLength: 30 }), filter, someNames(0), (commands, asked, mine) => {
        const shared = database()
        let index = open(shared)
        const model = new Map<number, { readonly metadata: JsonObject; readonly acl: string[] | undefined }>()
        for (const step of commands) {
          if (step.kind === 'add') {
            index.add(step.document, `doc${step.document}`, step.metadata, step.acl)
            model.set(step.document, step)
          } else if (step.kind === 'remove') {
            index.remove(step.document)
            model.delete(step.document)
          } else if (step.kind === 'evict') index.evict()
          else if (step.kind === 'open') index = open(shared)
          else index.matching(parseFilter({}))
        }
        const documents = [...model.keys()].sort((a, b) => a - b)
        expect([...index.matching(parseFilter({}))]).toEqual(documents)
        expect([...index.matching(maskOf(mine, asked))]).toEqual(
          documents.filter((document) => {
            const held = model.get(document)!
            return naiveReads(mine, held.acl) && naiveMatches(asked, `doc${document}`, held.metadata)
          }),
        )
        const fresh = open(database())
        for (const [document, entry] of model) fresh.add(document, `doc${document}`, entry.metadata, entry.acl)
        const fields = ['a', 'b.c', 'a.0']
        expect(index.facets(fields, Uint32Array.from(documents))).toEqual(
          fresh.facets(fields, Uint32Array.from(documents)),
        )
      }),
      { seed: SEED, numRuns: 150 },
    )
  })

  it('reads past one page of documents', () => {
    const index = filled(Array.from({ length: 500 }, (_, document) => ({ odd: document % 2 === 1 })))
    expect(index.matching(parseFilter({ odd: true }))).toHaveLength(250)
    expect(index.facets(['odd'], everyDocument(500))['odd']).toEqual([
      { value: false, count: 250 },
      { value: true, count: 250 },
    ])
  })

  it('counts facets by value and type, the most frequent first', () => {
    const index = filled([
      { tag: 'b', n: 1, nested: { list: [{ x: 'p' }, { x: 'q' }] } },
      { tag: ['a', 'b', 'b'], n: '1', nested: { list: [{ x: 'p' }] } },
      { tag: 'a', n: 1, other: true },
      { tag: null, n: 10 },
      { tag: { a: 1 }, n: 9 },
    ])
    const expected: Record<string, FacetValue[]> = {
      tag: [
        { value: 'a', count: 2 },
        { value: 'b', count: 2 },
      ],
      n: [
        { value: 1, count: 2 },
        { value: 9, count: 1 },
        { value: 10, count: 1 },
        { value: '1', count: 1 },
      ],
      'nested.list.x': [
        { value: 'p', count: 2 },
        { value: 'q', count: 1 },
      ],
      absent: [],
    }
    expect(index.facets(Object.keys(expected), everyDocument(5))).toEqual(expected)
    expect(index.facets(['tag'], Uint32Array.of(0))).toEqual({ tag: [{ value: 'b', count: 1 }] })
    expect(index.facets([], everyDocument(5))).toEqual({})
  })

  it('is not changed by what the caller does with the object afterwards', () => {
    const index = open(database())
    index.matching(parseFilter({}))
    const mine = { list: ['x'] }
    index.add(1, 'doc', mine)
    mine.list.push('y')
    expect(index.matching(parseFilter({ list: 'y' }))).toHaveLength(0)
    const readers = ['alice']
    index.add(2, 'other', {}, readers)
    readers.push('bob')
    expect([...index.matching({ kind: 'acl', principals: ['bob'] })]).toEqual([1])
  })
}
