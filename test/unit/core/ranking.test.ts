import { describe, expect, it } from 'vitest'
import { convexScore, reciprocalRankScore } from '../../../src/core/ranking.ts'

describe('convexScore', () => {
  // Worked by hand: 0.6 · 0.4 / 0.8 + 0.4 · 3 / 12 = 0.3 + 0.1.
  it('weighs both legs, each divided by its maximum', () => {
    expect(convexScore(0.4, 3, { vector: 0.8, keyword: 12 }, 0.6)).toBeCloseTo(0.4, 15)
    expect(convexScore(0.8, 12, { vector: 0.8, keyword: 12 }, 0.6)).toBe(1)
    expect(convexScore(0.8, 12, { vector: 0.8, keyword: 12 }, 0)).toBe(1)
  })

  it('takes nothing from a negative cosine or from a leg without a match', () => {
    expect(convexScore(-0.5, 6, { vector: 0.8, keyword: 12 }, 0.5)).toBe(0.25)
    expect(convexScore(0.4, 0, { vector: 0.8, keyword: 0 }, 0.5)).toBe(0.25)
    expect(convexScore(0, 0, { vector: 0, keyword: 0 }, 0.5)).toBe(0)
  })
})

describe('reciprocalRankScore', () => {
  it('adds weighted reciprocal ranks, and nothing for a leg without a rank', () => {
    expect(reciprocalRankScore(1, 2, 60, 0.5)).toBeCloseTo(0.5 / 61 + 0.5 / 62, 15)
    expect(reciprocalRankScore(1, 0, 60, 0.6)).toBeCloseTo(0.6 / 61, 15)
    expect(reciprocalRankScore(0, 1, 0, 0.6)).toBeCloseTo(0.4, 15)
    expect(reciprocalRankScore(0, 0, 60, 0.6)).toBe(0)
  })
})
