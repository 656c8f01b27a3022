import { describe, expect, it } from 'vitest'
import { FacetCounter, mergeFacets } from '../../../src/metadata/facet-values.ts'

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

describe('FacetCounter', () => {
  it('bounds what it remembers: 10,000 values, none above 256 characters', () => {
    const counter = new FacetCounter('tag')
    counter.add({ tag: ['x'.repeat(257), 'y'.repeat(256)] })
    for (let i = 0; i < 10_500; i++) counter.add({ tag: i })
    counter.add({ tag: [3, 3] })
    const values = counter.values()
    expect(values).toHaveLength(10_000)
    expect(values[0]).toEqual({ value: 3, count: 2 })
    expect(values.filter(({ value }) => typeof value === 'string')).toEqual([{ value: 'y'.repeat(256), count: 1 }])
  })
})
