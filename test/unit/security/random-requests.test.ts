/** 100,000 random filters and searches: each is read or refused by its fields, in a size that its input bounds. */
import { describe, expect, it } from 'vitest'
import { MAX_FILTER_CLAUSES, MAX_FILTER_DEPTH } from '../../../src/core/limits.ts'
import { asProblem } from '../../../src/core/problem.ts'
import type { Filter } from '../../../src/metadata/filter.ts'
import { parseFilter } from '../../../src/metadata/parse-filter.ts'
import { parseSearchRequest } from '../../../src/search/parse-search-request.ts'
import { Dice } from '../../adversary/wire.ts'
import { seededRandom } from '../../support/seeded-random.ts'

const ROUNDS = 50_000
const SEED = 20_260_714

const OPERATORS = ['$eq', '$ne', '$in', '$nin', '$gt', '$gte', '$lt', '$lte', '$exists', '$contains', '$prefix']
const ODD = ['', '$', '$id', '$and', '$where', '$regex', '__proto__', 'constructor', 'toString', '.', 'a..b', 'é', '\0']
const NAMES = ['a', 'b.c', 'lang', 'year', ...ODD]
const FIELDS =
  `query vector mode limit cursor filter facets fusion groupBy exact minScore highlight explain fields feedback language
  rerank __proto__ tenant constructor`.split(/\s+/)
const GOOD: Readonly<Record<string, unknown>> = {
  query: 'how long does a cursor live',
  mode: 'keyword',
  limit: 5,
  facets: ['lang'],
  highlight: false,
  fields: ['a.b'],
  language: 'en',
}

const scalar = (dice: Dice): unknown =>
  dice.pick([null, true, 0, -1, 1.5, 1e308, Number.MAX_SAFE_INTEGER, '', 'x', 'é\u0301', '\ud800', 'a'.repeat(600)])

function value(dice: Dice, depth: number): unknown {
  if (depth === 0 || dice.chance(0.6)) return scalar(dice)
  const size = dice.below(4)
  if (dice.chance(0.5)) return Array.from({ length: size }, () => value(dice, depth - 1))
  return record(size, () => [dice.pick([...NAMES, ...OPERATORS]), value(dice, depth - 1)])
}

/** Own members whatever their names, as `JSON.parse` makes them. */
const record = (size: number, member: () => [string, unknown]): object =>
  Object.fromEntries(Array.from({ length: size }, member))

/** Most of it makes sense, so that the parser goes deep before something does not. */
function filter(dice: Dice, depth: number): unknown {
  if (dice.chance(0.02)) return value(dice, 3)
  if (dice.chance(0.005)) return record(MAX_FILTER_CLAUSES + 40, () => [`f${dice.below(5_000)}`, scalar(dice)])
  return record(dice.below(4), () => {
    if (depth > 0 && dice.chance(0.4)) {
      const inner = Array.from({ length: 1 + dice.below(3) }, () => filter(dice, depth - 1))
      return dice.pick<[string, unknown]>([
        ['$and', inner],
        ['$or', inner],
        ['$not', inner[0]],
      ])
    }
    const name = dice.chance(0.05) ? dice.pick(ODD) : `f${dice.below(500)}`
    if (dice.chance(0.4)) return [name, dice.chance(0.8) ? 'x' : value(dice, 3)]
    return [name, record(1 + dice.below(2), () => [dice.pick(OPERATORS), dice.chance(0.7) ? ['a'] : value(dice, 2)])]
  })
}

function search(dice: Dice): unknown {
  if (dice.chance(0.02)) return value(dice, 3)
  const asked = record(dice.below(5), () => {
    const name = dice.pick(FIELDS)
    if (name === 'filter') return [name, filter(dice, 4)]
    return [name, Object.hasOwn(GOOD, name) && dice.chance(0.8) ? GOOD[name] : value(dice, 3)]
  })
  return { query: 'heron', ...asked }
}

const nested = (inner: unknown, levels: number): unknown =>
  levels === 0 ? inner : nested(levels % 2 === 0 ? { $and: [inner] } : { $not: inner }, levels - 1)

/** Clauses of a filter, and how deep it nests. */
function sizeOf(tree: Filter): { clauses: number; depth: number } {
  if (tree.kind === 'and' || tree.kind === 'or') {
    const sizes = tree.children.map(sizeOf)
    return {
      clauses: sizes.reduce((sum, { clauses }) => sum + clauses, 0),
      depth: 1 + Math.max(0, ...sizes.map(({ depth }) => depth)),
    }
  }
  if (tree.kind !== 'not') return { clauses: 1, depth: 0 }
  const { clauses, depth } = sizeOf(tree.child)
  return { clauses, depth: depth + 1 }
}

/** `undefined` where something else than a refusal by fields was thrown. */
function attempt<T>(read: () => T): { read?: T; code?: string } {
  try {
    return { read: read() }
  } catch (error) {
    const problem = asProblem(error)
    if (problem?.errors === undefined || problem.errors.length === 0) throw error
    return { code: problem.code }
  }
}

describe('whatever is asked', () => {
  it(`a filter is read within its bounds or refused by name, ${ROUNDS} times`, () => {
    const dice = new Dice(seededRandom(SEED))
    let [accepted, refused, deepest] = [0, 0, 0]
    for (let round = 0; round < ROUNDS; round++) {
      // JSON as it arrives: members such as __proto__ are members.
      const text = JSON.stringify(nested(filter(dice, 3), dice.chance(0.05) ? dice.below(2 * MAX_FILTER_DEPTH) : 0))
      const { read, code } = attempt(() => parseFilter(JSON.parse(text)))
      if (code !== undefined) expect(code).toBe('invalid_request')
      if (read === undefined) refused++
      else {
        accepted++
        const { clauses, depth } = sizeOf(read)
        deepest = Math.max(deepest, depth)
        // Each nesting of the request makes at most two of the tree: the operator, and its several members.
        expect(clauses).toBeLessThanOrEqual(MAX_FILTER_CLAUSES)
        expect(depth).toBeLessThanOrEqual(2 * MAX_FILTER_DEPTH + 2)
      }
    }
    expect(accepted).toBeGreaterThan(ROUNDS / 5)
    expect(refused).toBeGreaterThan(ROUNDS / 5)
    expect(deepest).toBeGreaterThan(3)
  })

  it(`a search is read or refused by name, ${ROUNDS} times`, () => {
    const dice = new Dice(seededRandom(SEED + 1))
    const codes = new Map<string, number>()
    for (let round = 0; round < ROUNDS; round++) {
      const text = JSON.stringify(search(dice))
      const kind = dice.pick(['secret', 'public', 'token'])
      const { code = 'read' } = attempt(() => parseSearchRequest(JSON.parse(text), { kind }))
      codes.set(code, (codes.get(code) ?? 0) + 1)
    }
    expect([...codes.keys()].toSorted()).toEqual(['forbidden', 'invalid_request', 'read'])
    for (const [code, count] of codes) expect(count, code).toBeGreaterThan(ROUNDS / 1_000)
  })
})
