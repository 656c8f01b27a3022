/** What must hold of any string at all. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { analyse } from '../../../src/text/analyse.ts'
import { foldCase, foldMarks } from '../../../src/text/fold.ts'
import { isFunctionWord } from '../../../src/text/function-words.ts'
import { highlights } from '../../../src/text/highlight.ts'
import { detectLanguage, detectQueryLanguage } from '../../../src/text/language.ts'
import { sentences } from '../../../src/text/sentences.ts'
import { term } from '../../../src/text/stem.ts'
import { queryWords, words } from '../../../src/text/words.ts'

const RUNS = { seed: 20_260_701, numRuns: 300 }
const SCRIPTS = [
  'heron',
  'Straße',
  'cafe\u0301',
  'Dr.',
  '3.',
  '東京',
  'ｶﾞ',
  'ไทย',
  'مرحبا',
  '👩‍👩‍👧',
  '½',
  '\n\n',
  ' ',
  '- ',
  '\t',
  '?"',
  'İ',
  '\ud83d',
]
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.array(fc.constantFrom(...SCRIPTS), { maxLength: 40 }).map((parts) => parts.join('')),
)

describe('any text', () => {
  it('has words that ascend, lie inside it and are folded', () => {
    fc.assert(
      fc.property(text, (sample) => {
        let last = { start: -1, end: 0 }
        for (const word of words(sample)) {
          expect(word.start).toBeGreaterThanOrEqual(last.start)
          expect(word.end).toBeGreaterThanOrEqual(last.end)
          expect(word.end).toBeGreaterThan(word.start)
          expect(word.end).toBeLessThanOrEqual(sample.length)
          expect(word.text).not.toBe('')
          expect(word.text).toBe(word.text.normalize('NFC'))
          last = word
        }
      }),
      RUNS,
    )
  })

  it('is analysed into as many terms as it has words, in every language', () => {
    fc.assert(
      fc.property(text, fc.constantFrom('en', 'de', 'ar', 'el', 'tr', 'ja', 'und'), (sample, language) => {
        const { terms, length } = analyse(sample, language)
        const found = words(sample)
        expect([...terms.values()].reduce((sum, count) => sum + count, 0)).toBe(found.length)
        expect(length).toBe(found.filter(({ text }) => !isFunctionWord(foldMarks(text), language)).length)
        for (const word of words(sample)) expect(terms.has(term(word.text, language))).toBe(true)
      }),
      RUNS,
    )
  })

  it('folds to what folds to itself', () => {
    fc.assert(
      fc.property(text, (sample) => {
        const folded = foldMarks(foldCase(sample))
        expect(foldMarks(folded)).toBe(folded)
      }),
      RUNS,
    )
  })

  it('falls into sentences that cover it but for white space, in order', () => {
    fc.assert(
      fc.property(text, fc.constantFrom('en', 'de', 'und', 'no such language'), (sample, language) => {
        let at = 0
        for (const { start, end } of sentences(sample, language)) {
          expect(sample.slice(at, start).trim()).toBe('')
          expect(sample.slice(start, end)).toBe(sample.slice(start, end).trim())
          expect(end).toBeGreaterThan(start)
          at = end
        }
        expect(sample.slice(at).trim()).toBe('')
      }),
      RUNS,
    )
  })

  it('is highlighted at ascending, disjoint places when it is its own query', () => {
    fc.assert(
      fc.property(text, (sample) => {
        const found = words(sample)
        const marked = highlights(
          sample,
          found.map((word) => word.text),
          'en',
        )
        for (const word of found) {
          expect(marked.some((span) => span.start <= word.start && word.end <= span.end)).toBe(true)
        }
        for (const [i, span] of marked.entries()) {
          if (i > 0) expect(span.start).toBeGreaterThan(marked[i - 1]?.end ?? 0)
        }
      }),
      RUNS,
    )
  })

  it('has a language or none, and query words', () => {
    fc.assert(
      fc.property(text, (sample) => {
        expect(detectLanguage(sample)).toMatch(/^[a-z]{2,3}$/)
        expect(detectQueryLanguage(sample)).toMatch(/^[a-z]{2,3}$/)
        expect(queryWords(sample).length > 0).toBe(words(sample).length > 0)
      }),
      RUNS,
    )
  })
})
