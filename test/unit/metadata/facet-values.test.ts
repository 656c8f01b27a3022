import { describe, expect, it } from 'vitest'
import { asProblem } from '../../../src/core/problem.ts'
import { FacetBudget, FacetCounter, mergeFacets } from '../../../src/metadata/facet-values.ts'
import type { FacetValue } from '../../../src/metadata/metadata-index.ts'

describe('mergeFacets', () => {
  it('adds counts up over shards, keeping types apart', () => {
    expect(
      mergeFacets([
        { year: [{ value: 2020, count: 3 }], tag: [] },
        {
          year: [
            { value: '2020', count: 3 },
            { value: 2020, count: 1 },
          ],
        },
      ]),
    ).toEqual({
      year: [
        { value: 2020, count: 4 },
        { value: '2020', count: 3 },
      ],
      tag: [],
    })
  })

  it('cuts after adding, so that a value frequent in no shard but overall is found', () => {
    const shard = (own: string) => ({
      tag: [
        { value: own, count: 3 },
        { value: 'shared', count: 2 },
      ],
    })
    expect(mergeFacets([shard('a'), shard('b')], 1)).toEqual({ tag: [{ value: 'shared', count: 4 }] })
  })
})

const pointersOf = (work: () => unknown): (string | undefined)[] | undefined => {
  try {
    work()
    return undefined
  } catch (error) {
    return asProblem(error)?.errors?.map(({ pointer }) => pointer)
  }
}

describe('FacetCounter', () => {
  it('counts every value, also one that becomes frequent late, but no text above 256 characters', () => {
    const counter = new FacetCounter('tag', new FacetBudget())
    counter.add({ tag: ['x'.repeat(257), 'y'.repeat(256)] })
    for (let i = 0; i < 15_000; i++) counter.add({ tag: i })
    for (let i = 0; i < 3; i++) counter.add({ tag: [14_999, 14_999] })
    const values = counter.values()
    expect(values).toHaveLength(15_001)
    expect(values[0]).toEqual({ value: 14_999, count: 4 })
    expect(values.filter(({ value }) => typeof value === 'string')).toEqual([{ value: 'y'.repeat(256), count: 1 }])
  })
})

describe('the budget of facets', () => {
  const numbered = (from: number, count: number) =>
    Array.from({ length: count }, (_, i): FacetValue => ({ value: from + i, count: 1 }))

  it('is 20,000 different values of all fields together; more are refused and not cut', () => {
    const count = (perField: number) => {
      const budget = new FacetBudget()
      for (const field of ['a', 'b']) {
        const counter = new FacetCounter(field, budget)
        for (let twice = 0; twice < 2; twice++) for (let i = 0; i < perField; i++) counter.add({ [field]: i })
      }
    }
    expect(pointersOf(() => count(10_000))).toBeUndefined()
    expect(pointersOf(() => count(10_001))).toEqual(['/facets'])
  })

  it('is 500,000 characters', () => {
    const count = (values: number) => {
      const counter = new FacetCounter('a', new FacetBudget())
      for (let i = 0; i < values; i++) counter.add({ a: String(i).padStart(250, '0') })
    }
    expect(pointersOf(() => count(2_000))).toBeUndefined()
    expect(pointersOf(() => count(2_001))).toEqual(['/facets'])
  })

  it('is the same for the sum of several shards as for one', () => {
    const half = { a: numbered(0, 10_000) }
    expect(mergeFacets([half, half], 1)['a']).toEqual([{ value: 0, count: 2 }])
    expect(pointersOf(() => mergeFacets([half, { a: numbered(10_000, 10_000) }]))).toBeUndefined()
    expect(pointersOf(() => mergeFacets([half, { b: numbered(0, 10_001) }]))).toEqual(['/facets'])
  })
})
