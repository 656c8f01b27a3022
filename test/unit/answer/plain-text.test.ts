import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { plainText, withoutMarks } from '../../../src/answer/extractive/plain-text.ts'

describe('plain text of a candidate', () => {
  it('reads a row as its cells', () => {
    expect(plainText('| a search cursor | 15 minutes |', 'row')).toBe('a search cursor: 15 minutes')
    expect(plainText('| **documents** | `1,000` | 400 |', 'row')).toBe('documents: 1,000; 400')
    expect(plainText(String.raw`| either | a \| b | |`, 'row')).toBe('either: a | b')
    expect(plainText('Adult\t4 euro', 'row')).toBe('Adult: 4 euro')
    expect(plainText('| alone |', 'row')).toBe('alone')
  })

  it('drops the marks of bold and code, but nothing inside code', () => {
    expect(plainText('**202** means `a ** b`, and 2 ** 3.', 'sentence')).toBe('202 means a ** b, and 2 ** 3.')
    expect(plainText('durable.** Then `2**3`', 'sentence')).toBe('durable. Then 2**3')
  })

  it('puts a wrapped sentence on one line and keeps the lines of a list', () => {
    expect(plainText('is\n  signed', 'sentence')).toBe('is signed')
    expect(plainText('To do this:\n\n- one\n- two\n3. three', 'list')).toBe('To do this:\n\none\ntwo\n3. three')
  })

  it('adds no character', () => {
    const piece = fc.constantFrom('`', '**', '- ', '> ', '\n', 'word ', '#', '|', ' ')
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const text = pieces.join('')
        const plain = withoutMarks(text)
        let from = 0
        for (const character of plain) {
          from = text.indexOf(character, from) + 1
          expect(from).toBeGreaterThan(0)
        }
      }),
      { seed: 20260701 },
    )
  })
})
