import { describe, expect, it } from 'vitest'
import { mean, ndcgAtK, recallAtK } from '../../../bench/ranking-metrics.ts'

const judgements = new Map([
  ['a', 2],
  ['b', 1],
  ['c', 0],
  ['d', 1],
])

describe('nDCG', () => {
  it('is 1 for the ideal order and 0 for nothing relevant', () => {
    expect(ndcgAtK(['a', 'b', 'd'], judgements, 10)).toBeCloseTo(1, 12)
    expect(ndcgAtK(['c', 'x'], judgements, 10)).toBe(0)
    expect(ndcgAtK(['a'], new Map([['a', 0]]), 10)).toBe(0)
  })

  it('discounts linear gains by log2(rank + 1), as computed by hand', () => {
    // DCG = 1/log2(2) + 2/log2(4) = 2; ideal = 2/1 + 1/log2(3) + 1/log2(4).
    expect(ndcgAtK(['b', 'x', 'a'], judgements, 10)).toBeCloseTo(2 / (2.5 + 1 / Math.log2(3)), 12)
  })

  it('looks at the first k of both the ranking and the ideal', () => {
    expect(ndcgAtK(['b', 'a'], judgements, 1)).toBeCloseTo(0.5, 12)
  })
})

describe('recall', () => {
  it('is the share of relevant documents among the first k', () => {
    expect(recallAtK(['a', 'c', 'b', 'd'], judgements, 3)).toBeCloseTo(2 / 3, 12)
    expect(recallAtK(['a', 'a'], judgements, 10)).toBeCloseTo(1 / 3, 12)
    expect(recallAtK(['a'], new Map(), 10)).toBe(0)
  })
})

it('the mean of nothing is 0', () => {
  expect([mean([]), mean([1, 2])]).toEqual([0, 1.5])
})
