import { describe, expect, it } from 'vitest'
import { mergeFacets } from '../../../src/metadata/facet-values.ts'

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
