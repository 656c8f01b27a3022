import { describe, expect, it } from 'vitest'
import { ndcgAt } from '../../support/ndcg.ts'

describe('nDCG', () => {
  const relevant = { a: 2, b: 1 }

  it('is 1 for the ideal ranking and 0 where nothing relevant is found', () => {
    expect(ndcgAt(10, ['a', 'b', 'x'], relevant)).toBe(1)
    expect(ndcgAt(10, ['x', 'y'], relevant)).toBe(0)
  })

  it('discounts by the logarithm of the rank, as computed by hand', () => {
    // (1/log2(2) + 2/log2(3)) / (2/log2(2) + 1/log2(3))
    expect(ndcgAt(10, ['b', 'a'], relevant)).toBeCloseTo((1 + 2 / Math.log2(3)) / (2 + 1 / Math.log2(3)), 12)
  })

  it('looks no further than k', () => {
    expect(ndcgAt(1, ['x', 'a'], relevant)).toBe(0)
  })
})
