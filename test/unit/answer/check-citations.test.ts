import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkCitations } from '../../../src/answer/check-citations.ts'
import type { GeneratedAnswer, Quote } from '../../../src/models/generator.ts'
import type { Hit } from '../../../src/search/search-request.ts'

const DOCUMENT = 'Before. The Osprey 😀 carries 214 passengers. After.'
const START = 8
const hit: Hit = {
  id: 'ferry#1',
  documentId: 'ferry',
  ordinal: 1,
  score: 1,
  title: 'Osprey',
  url: 'https://docs.example/ferry',
  text: DOCUMENT.slice(START, 45),
  start: START,
  end: 45,
  highlights: [],
  metadata: {},
}

const answerOf = (text: string, ...quotes: Quote[]): GeneratedAnswer => ({
  sentences: [{ text, quotes, support: 1 }],
  score: 1,
})

describe('checkCitations', () => {
  it("gives offsets into the document's text, where the quote stands exactly", () => {
    const quote = { passage: 0, start: 0, end: hit.text.length }
    const { citations, sentences } = checkCitations(answerOf('The Osprey carries 214 passengers.', quote), [hit])
    expect(citations).toEqual([
      {
        documentId: 'ferry',
        chunkId: 'ferry#1',
        start: 8,
        end: 45,
        quote: 'The Osprey 😀 carries 214 passengers.',
        title: 'Osprey',
        url: 'https://docs.example/ferry',
      },
    ])
    expect(DOCUMENT.slice(8, 45)).toBe(citations[0]?.quote)
    expect(sentences).toEqual([{ text: 'The Osprey carries 214 passengers.', supported: true, citations: [0] }])
  })

  it('says where in its file and under which headings a quote stands', () => {
    const paged = { ...hit, headings: ['Ferries'], page: 3, sheet: 'Ships', row: 12, startTime: 0, endTime: 2.5 }
    const { citations } = checkCitations(answerOf('Carries.', { passage: 0, start: 0, end: 10 }), [paged])
    expect(citations[0]).toMatchObject({
      headings: ['Ferries'],
      page: 3,
      sheet: 'Ships',
      row: 12,
      startTime: 0,
      endTime: 2.5,
    })
  })

  it('quotes the neighbours of a hit as the chunks that they are', () => {
    const context = {
      text: DOCUMENT,
      start: 0,
      end: DOCUMENT.length,
      chunks: [
        { id: 'ferry#0', start: 0, end: 7, page: 2 },
        { id: 'ferry#1', start: START, end: 45, page: 3 },
        { id: 'ferry#2', start: 46, end: DOCUMENT.length, headings: ['Last'], page: 4 },
      ],
    }
    const cited = (start: number, end: number) =>
      checkCitations(answerOf('x', { passage: 0, start, end }), [{ ...hit, page: 3, context }]).citations[0]
    expect(cited(0, 7)).toMatchObject({ chunkId: 'ferry#0', start: 0, end: 7, quote: 'Before.', page: 2 })
    expect(cited(8, 45)).toMatchObject({ chunkId: 'ferry#1', start: 8, quote: hit.text, page: 3 })
    expect(cited(46, 52)).toMatchObject({ chunkId: 'ferry#2', quote: 'After.', headings: ['Last'], page: 4 })
    expect(cited(46, 53)).toBeUndefined()
  })

  it('marks a sentence whose words its quotes do not hold', () => {
    const quote = { passage: 0, start: 0, end: 10 }
    const { sentences } = checkCitations(answerOf('The Osprey carries 300 cars.', quote), [hit])
    expect(sentences[0]?.supported).toBe(false)
  })

  it('knows a word whose end stands outside the code span of its quote', () => {
    const text = 'All `shard`s are durable.'
    const quote = { passage: 0, start: 0, end: text.length }
    const { sentences } = checkCitations(answerOf('All shards are durable.', quote), [{ ...hit, text }])
    expect(sentences[0]?.supported).toBe(true)
  })

  it('lists a citation once, however many sentences lean on it', () => {
    const quote = { passage: 0, start: 0, end: 10 }
    const sentence = { text: 'The Osprey', quotes: [quote, quote], support: 1 }
    const { citations, sentences } = checkCitations({ sentences: [sentence, sentence], score: 1 }, [hit])
    expect(citations).toHaveLength(1)
    expect(sentences.map((one) => one.citations)).toEqual([[0], [0]])
  })

  it('lets no quote through that is not there, and no sentence without a quote', () => {
    const wild = fc.record({ passage: fc.integer({ min: -1, max: 2 }), start: fc.float(), end: fc.float() })
    const near = fc.record({
      passage: fc.constant(0),
      start: fc.integer({ min: -2, max: 40 }),
      end: fc.integer({ min: -2, max: 40 }),
    })
    fc.assert(
      fc.property(fc.array(fc.oneof(wild, near), { maxLength: 5 }), (quotes) => {
        const { citations, sentences } = checkCitations(answerOf('The Osprey', ...quotes), [hit])
        for (const { start, end, quote } of citations) {
          expect(DOCUMENT.slice(start, end)).toBe(quote)
          expect(quote.trim()).not.toBe('')
          expect(quote.isWellFormed()).toBe(true)
        }
        expect(sentences.length).toBe(citations.length > 0 ? 1 : 0)
      }),
      { seed: 20_260_701, numRuns: 500 },
    )
  })
})
