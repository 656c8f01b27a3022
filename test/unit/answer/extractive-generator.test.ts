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

  it('renders a row plain and quotes it as it stands', async () => {
    const row = '| **a search cursor** | 15 minutes |'
    const text = `## Lifetimes\n\n| What | Lives |\n| --- | --- |\n${row}\n| a job | 7 days |`
    const request = { question: 'How long does a search cursor live?', language: 'en', passages: [passage(text)] }
    const [sentence] = (await new ExtractiveGenerator(edgeEmbedder).answer(request)).sentences
    expect(sentence?.text).toBe('a search cursor: 15 minutes')
    expect(text.slice(sentence?.quotes[0]?.start, sentence?.quotes[0]?.end)).toBe(row)
  })

  it('reads rows whose header another passage has', async () => {
    const text = '| a job | 7 days |\n| a search cursor | 15 minutes |'
    expect(await answer('How long does a search cursor live?', passage(text))).toEqual([
      '| a search cursor | 15 minutes |',
    ])
  })

  it('never answers with code', async () => {
    const text = 'The ferry sails at nine.\n\n```sh\ncurl -X POST /v1/answers -d "How do I ask about the ferry?"\n```'
    expect((await answer('How do I ask about the ferry?', passage(text))).join('')).not.toContain('curl')
  })

  it('never answers with code in which a passage begins, but with what follows it', async () => {
    const text = 'curl -d "How long do bicycles wait?" /v1\n```\n\nBicycles wait for 20 minutes.'
    expect(await answer('How long do bicycles wait?', passage(text))).toEqual(['Bicycles wait for 20 minutes.'])
  })

  it('prefers the sentence that holds every word of the question to one that leans on its heading', async () => {
    const text = `## What an answer promises

A 202 answer promises that the content is durable in the shard and will be indexed, or end as failed with a reason. The job
says which. The answer carries \`Location: /v1/jobs/job_…\`.`
    const found = await answer(
      'What does a 202 answer promise?',
      passage(text, { headings: ['What an answer promises'] }),
    )
    expect(found.join(' ')).toContain('is durable in the shard')
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
