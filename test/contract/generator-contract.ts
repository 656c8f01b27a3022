/** What every generator must do, whatever writes its sentences: stay within its passages and know when to abstain. */
import { expect, it } from 'vitest'
import type { Generator, GeneratorRequest, Passage } from '../../src/models/generator.ts'

const TEXTS = [
  'The minutes were read.\n\nMount Karvel was first climbed in 1911 by Inge Solberg.\n\nThe meeting closed.',
  'The Osprey ferry 😀 carries 214 passengers. A bicycle costs three euro.',
  '',
]

const passages: Passage[] = TEXTS.map((text, index) => ({
  chunkId: `d${index}#0`,
  documentId: `d${index}`,
  title: `Document ${index}`,
  headings: [],
  text,
  score: 1 / (index + 1),
  cosine: 0.5,
}))

const ask = (question: string, sources: readonly Passage[] = passages): GeneratorRequest => ({
  question,
  language: 'en',
  passages: sources,
})

export function generatorContract(open: () => Generator): void {
  it('answers with the fact', async () => {
    const { sentences, score } = await open().answer(ask('Who first climbed Mount Karvel?'))
    expect(sentences.map((sentence) => sentence.text).join(' ')).toContain('Inge Solberg')
    expect(score).toBeGreaterThanOrEqual(0.5)
    expect(score).toBeLessThanOrEqual(1)
  })

  it('quotes places that exist and are not blank', async () => {
    for (const question of ['Who first climbed Mount Karvel?', 'How many passengers does the Osprey ferry carry?']) {
      const { sentences } = await open().answer(ask(question))
      expect(sentences.length).toBeGreaterThan(0)
      for (const { quotes, support } of sentences) {
        expect(quotes.length).toBeGreaterThan(0)
        expect(support).toBeGreaterThanOrEqual(0)
        expect(support).toBeLessThanOrEqual(1)
        for (const { passage, start, end } of quotes) {
          const quote = TEXTS[passage]?.slice(start, end) ?? ''
          expect(quote.trim()).not.toBe('')
          expect(quote.length).toBe(end - start)
          expect(quote.isWellFormed()).toBe(true)
        }
      }
    }
  })

  it('abstains where the passages say nothing of it', async () => {
    const { sentences, score } = await open().answer(ask('What is the boiling point of ethanol?'))
    expect(sentences).toEqual([])
    expect(score).toBeLessThan(0.5)
  })

  it('abstains without passages, and with empty ones', async () => {
    expect((await open().answer(ask('Who?', []))).sentences).toEqual([])
    expect((await open().answer(ask('Who?', passages.slice(2)))).sentences).toEqual([])
  })

  it('answers the same when asked again', async () => {
    const request = ask('Who first climbed Mount Karvel?')
    expect(await open().answer(request)).toEqual(await open().answer(request))
  })
}
