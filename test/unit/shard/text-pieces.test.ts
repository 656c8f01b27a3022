import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { utf8Length } from '../../../src/core/bytes.ts'
import { cutText, sliceOfPieces } from '../../../src/shard/text-pieces.ts'

const texts = fc.string({ unit: 'binary', maxLength: 60 })

describe('text pieces', () => {
  it('join to the text, are well-formed and within the size', () => {
    fc.assert(
      fc.property(texts, fc.integer({ min: 2, max: 9 }), (text, maxUnits) => {
        const pieces = cutText(text, maxUnits)
        expect(pieces.map((piece) => piece.text).join('')).toBe(text)
        for (const piece of pieces) {
          expect(piece.text.isWellFormed()).toBe(true)
          expect(piece.text.length).toBeLessThanOrEqual(maxUnits)
          expect(utf8Length(piece.text)).toBeLessThanOrEqual(3 * maxUnits)
          expect(text.startsWith(piece.text, piece.start)).toBe(true)
        }
      }),
      { seed: 1 },
    )
  })

  it('give any slice from the pieces that overlap it', () => {
    fc.assert(
      fc.property(texts, fc.integer({ min: 2, max: 9 }), fc.nat(60), fc.nat(60), (text, maxUnits, a, b) => {
        const [start, end] = [Math.min(a, b), Math.max(a, b)]
        const overlapping = cutText(text, maxUnits).filter(
          (piece) => piece.start < end && piece.start + piece.text.length > start,
        )
        expect(sliceOfPieces(overlapping, start, end)).toBe(text.slice(start, end))
      }),
      { seed: 2 },
    )
  })

  it('never split a surrogate pair at the boundary', () => {
    expect(cutText('a😀b', 2).map((piece) => piece.text)).toEqual(['a', '😀', 'b'])
  })

  it('give one empty piece for an empty text', () => {
    expect(cutText('', 10)).toEqual([{ start: 0, text: '' }])
  })
})
