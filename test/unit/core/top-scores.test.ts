import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { sortScores, TopScores } from '../../../src/core/top-scores.ts'

type Scored = [chunk: number, score: number]

const naive = (scored: readonly Scored[], limit: number) =>
  scored
    .filter(([, score]) => score > 0)
    .sort(([a, x], [b, y]) => y - x || a - b)
    .slice(0, limit)

const pairs = ({ chunks, scores }: { chunks: Uint32Array; scores: Float64Array }) =>
  [...chunks].map((chunk, i): Scored => [chunk, scores[i]!])

const scoredChunks = fc.uniqueArray(
  fc.tuple(fc.nat(2 ** 32 - 1), fc.oneof(fc.constantFrom(0, -1, 0.5, 1), fc.double({ min: -1, max: 9, noNaN: true }))),
  { selector: ([chunk]) => chunk, maxLength: 200 },
)

describe('TopScores', () => {
  it('keeps what sorting everything and cutting would keep', () => {
    fc.assert(
      fc.property(scoredChunks, fc.oneof(fc.nat(250), fc.constant(Number.POSITIVE_INFINITY)), (scored, limit) => {
        const top = new TopScores(limit)
        for (const [chunk, score] of scored) top.push(chunk, score)
        expect(pairs(top.finish())).toEqual(naive(scored, limit))
      }),
      { seed: 1, numRuns: 300 },
    )
  })

  it('keeps nothing that does not score, and nothing at limit 0', () => {
    const top = new TopScores(3)
    for (const score of [0, -2, Number.NaN]) top.push(1, score)
    expect(top.finish().chunks).toHaveLength(0)
    const none = new TopScores(0)
    none.push(1, 1)
    expect(none.finish().chunks).toHaveLength(0)
  })

  it('grows past its first room', () => {
    const top = new TopScores(Number.POSITIVE_INFINITY)
    for (let chunk = 0; chunk < 3_000; chunk++) top.push(chunk, chunk + 1)
    expect(top.finish().chunks[0]).toBe(2_999)
  })
})

describe('sortScores', () => {
  it('sorts many as it sorts few', () => {
    let state = 5
    const next = () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0)
    const chunks = Uint32Array.from({ length: 20_000 }, (_, i) => (Math.imul(i, 2_654_435_761) >>> 0) ^ 0x5555)
    const scores = Float64Array.from(chunks, () => (next() % 5_000) / (1 + (next() % 7)) + 1e-300)
    const expected = naive(
      [...chunks].map((chunk, i): Scored => [chunk, scores[i]!]),
      Number.POSITIVE_INFINITY,
    )
    expect(pairs(sortScores(chunks, scores))).toEqual(expected)
  })
})
