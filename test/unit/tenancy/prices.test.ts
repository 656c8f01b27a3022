/** The price table: what a model's tokens cost. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { costOf, costOfTokens, PRICES } from '../../../src/tenancy/prices.ts'

describe('tokens', () => {
  it.each([
    ['bge-m3', 0.0118, 1_000_000, 11_800_000],
    ['text-embedding-3-small', 0.02, 1, 20],
    ['text-embedding-3-large', 0.13, 7, 910],
    ['bge-reranker-base', 0.0031, 10, 31],
    ['of one’s own', 0, 1_000_000, 0],
  ])('of %s at %d dollars a million: %i cost %i nano-dollars', (id, pricePerMillionTokens, tokens, cost) => {
    expect(costOfTokens({ id, pricePerMillionTokens }, tokens)).toBe(cost)
  })

  it('of models inside the Worker cost its CPU time, whatever their profile says', () => {
    const cost = costOfTokens({ id: 'edge-en', pricePerMillionTokens: 0 }, 1_000)
    expect(cost).toBeGreaterThan(0)
    expect(costOfTokens({ id: 'edge-en', pricePerMillionTokens: 5 }, 1_000)).toBe(cost)
    expect(costOfTokens({ id: 'edge-multilingual', pricePerMillionTokens: 0 }, 1_000)).toBeGreaterThan(cost)
  })

  it('cost whole nano-dollars, and parts of them no more than one each beyond the whole', () => {
    const price = fc.double({ min: 0, max: 100, noNaN: true })
    fc.assert(
      fc.property(price, fc.nat(1_000_000), fc.nat(1_000_000), (pricePerMillionTokens, one, other) => {
        const model = { id: 'm', pricePerMillionTokens }
        const parts = costOfTokens(model, one) + costOfTokens(model, other)
        expect(Number.isInteger(parts)).toBe(true)
        expect(Math.abs(parts - costOfTokens(model, one + other))).toBeLessThanOrEqual(1)
      }),
    )
  })
})

describe('what was done', () => {
  it('costs the sum of its parts', () => {
    expect(costOf({})).toBe(0)
    const cost = 2 * PRICES.search + PRICES.answer + 3 * PRICES.chunkWritten + 7
    expect(costOf({ searches: 2, answers: 1, chunksWritten: 3, tokenCost: 7 })).toBe(cost)
  })
})
