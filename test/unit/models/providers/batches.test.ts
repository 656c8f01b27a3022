/** How texts are divided and cut before they are sent, against what the words say. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cutToTokens, estimateTokens } from '../../../../src/models/estimate-tokens.ts'
import { batchesOf, SPECIAL_TOKENS } from '../../../../src/models/providers/batches.ts'

const text = fc.oneof(
  fc.string({ maxLength: 60 }),
  fc
    .array(fc.constantFrom('word', ' ', '東', 'ป', '🙂', 'unbelievably', '.', '\n'), { maxLength: 60 })
    .map((parts) => parts.join('')),
)

describe('batches', () => {
  it('hold every text once and in order, within both limits unless a text is too long alone, and are as few as that allows', () => {
    const limits = fc.record({ texts: fc.integer({ min: 1, max: 8 }), tokens: fc.integer({ min: 1, max: 80 }) })
    fc.assert(
      fc.property(fc.array(text, { maxLength: 30, size: 'max' }), limits, (texts, { texts: most, tokens }) => {
        const batches = batchesOf(texts, { texts: most, tokens })
        expect(batches.flat()).toEqual(texts.map((_, index) => index))
        const weights = batches.map((batch) => batch.map((index) => estimateTokens(texts[index]!) + SPECIAL_TOKENS))
        const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0)
        for (const [index, batch] of weights.entries()) {
          expect(batch.length).toBeGreaterThan(0)
          expect(batch.length === 1 || (batch.length <= most && sum(batch) <= tokens)).toBe(true)
          // The first text of the next batch would not have gone in.
          const next = weights[index + 1]?.[0]
          if (next !== undefined) expect(batch.length === most || sum(batch) + next > tokens).toBe(true)
        }
      }),
    )
  })
})

describe('a cut text', () => {
  it('is a beginning within the estimate, well formed, and whole where it fits', () => {
    fc.assert(
      fc.property(text, fc.nat(40), (whole, tokens) => {
        const cut = cutToTokens(whole, tokens)
        expect(whole.startsWith(cut)).toBe(true)
        expect(estimateTokens(cut)).toBeLessThanOrEqual(tokens)
        if (estimateTokens(whole) <= tokens) expect(cut).toBe(whole)
        if (whole.isWellFormed()) expect(cut.isWellFormed()).toBe(true)
        // One character more would be too much.
        const [next = ''] = whole.slice(cut.length)
        if (next !== '') expect(estimateTokens(cut + next)).toBeGreaterThan(tokens)
      }),
      { numRuns: 1_000 },
    )
  })

  it('does not depend on what stands behind it', () => {
    const whole = 'some words of a long text. '.repeat(1_000)
    expect(cutToTokens(`${whole}and more`, 500)).toBe(cutToTokens(whole, 500))
  })
})
