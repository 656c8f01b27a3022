import { describe, expect, it } from 'vitest'
import { ExtractiveGenerator } from '../../../src/answer/extractive-generator.ts'
import type { Passage } from '../../../src/models/generator.ts'
import { generatorContract } from '../../contract/generator-contract.ts'
import { edgeEmbedder } from './edge-embedder.ts'

describe('the extractive generator', () => {
  generatorContract(() => new ExtractiveGenerator(edgeEmbedder))

  const passage = (text: string, extras: Partial<Passage> = {}): Passage => ({
    chunkId: 'd#0',
    documentId: 'd',
    headings: [],
    text,
    score: 1,
    ...extras,
  })
  const answer = async (question: string, ...passages: Passage[]): Promise<string[]> => {
    const { sentences } = await new ExtractiveGenerator(edgeEmbedder).answer({ question, language: 'en', passages })
    return sentences.flatMap(({ quotes }) =>
      quotes.map(({ passage: index, start, end }) => passages[index]?.text.slice(start, end) ?? ''),
    )
  }

  it('quotes steps whole, with the sentence that introduces them', async () => {
    const text = 'Welcome.\n\nTo reset your password:\n\n1. Open the page.\n2. Follow the link.\n\nBye.'
    expect(await answer('How do I reset my password?', passage(text))).toEqual([
      'To reset your password:\n\n1. Open the page.\n2. Follow the link.',
    ])
  })

  it('quotes the row of a table', async () => {
    const text = '## Fares\n\n| Passenger | Fare |\n| --- | --- |\n| Adult | 4 euro |\n| Bicycle | 3 euro |'
    expect(await answer('What does a bicycle cost?', passage(text, { headings: ['Fares'] }))).toEqual([
      '| Bicycle | 3 euro |',
    ])
  })

  it('answers from a list of questions and answers, not with a question', async () => {
    const text = '**Why is the coffee cold?** Warm the cup.\n\n**Why is the pump loud?** The tank is empty.'
    expect(await answer('Why is the pump so loud?', passage(text))).toEqual(['The tank is empty.'])
  })

  it('abstains where the name that was asked for is another', async () => {
    const text = 'Mount Karvel was first climbed in 1911 by Inge Solberg.'
    expect(await answer('Who first climbed Mount Karvel?', passage(text))).toEqual([text])
    expect(await answer('Who first climbed Mount Tarvik?', passage(text))).toEqual([])
  })

  it('quotes a sentence that two overlapping passages hold once', async () => {
    const text = 'The Osprey ferry carries 214 passengers.'
    const found = await answer(
      'How many passengers does the Osprey ferry carry?',
      passage(text),
      passage(`Old. ${text}`),
    )
    expect(found).toEqual([text])
  })

  it('leaves addresses out of the answer but not out of the quote', async () => {
    const text =
      'Enterprise customers ask for higher limits at [sales](https://example.com/x) or https://example.com/y.'
    const request = {
      question: 'How do enterprise customers ask for higher limits?',
      language: 'en',
      passages: [passage(text)],
    }
    const [sentence] = (await new ExtractiveGenerator(edgeEmbedder).answer(request)).sentences
    expect(sentence?.text).toBe('Enterprise customers ask for higher limits at sales or.')
    expect(sentence?.quotes).toEqual([{ passage: 0, start: 0, end: text.length }])
  })
})

describe('the extractive generator without an embedder', () => {
  generatorContract(() => new ExtractiveGenerator(undefined))
})
