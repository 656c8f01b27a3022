import { describe, expect, it } from 'vitest'
import { answer } from '../../../src/answer/answer.ts'
import type { AnswerRequest } from '../../../src/answer/answer-request.ts'
import { Problem } from '../../../src/core/problem.ts'
import { EDGE_EN } from '../../../src/models/profiles.ts'
import { BRINGS_VECTORS, FakeCollections, SECRET, collectionRecord } from '../search/fake-shards.ts'

/** Where the fake's chunks would lie in longer documents. */
const OFFSET = 100

async function asked(
  request: AnswerRequest,
  searcher: { readonly kind: 'secret' | 'public' } = SECRET,
  prepare: (fake: FakeCollections) => void = () => undefined,
) {
  const fake = new FakeCollections()
  prepare(fake)
  const own = collectionRecord('own', 1)
  const collection = { ...own, generation: { ...own.generation, ...BRINGS_VECTORS } }
  const put = (id: string, text: string, metadata = {}) =>
    fake.put(collection, { id, metadata, chunks: [{ words: text.split(' '), language: 'en' }] })
  await put('karvel', 'Mount karvel was first climbed in 1911 by Inge Solberg.', { public: true })
  await put('tram', 'The tram to the castle leaves every nine minutes.', { public: false })
  // The fake matches words as they are, so the texts and questions of this file share their spelling.
  const shard = fake.shardsOf(collection)[0]
  if (shard === undefined) throw new Error('no shard')
  const fetch = shard.fetch.bind(shard)
  shard.fetch = async (wanted) =>
    (await fetch(wanted)).map((chunk) => chunk && { ...chunk, start: chunk.start + OFFSET, end: chunk.end + OFFSET })
  return answer(fake.deps, collection, searcher, request)
}

const QUESTION = 'Who first climbed Mount Karvel?'

describe('answer', () => {
  it('quotes with offsets into the document, and shows what was searched', async () => {
    const result = await asked({ question: QUESTION })
    const quote = 'Mount karvel was first climbed in 1911 by Inge Solberg.'
    expect(result.answer).toBe(quote)
    expect(result.abstained).toBe(false)
    expect(result.citations).toEqual([
      { documentId: 'karvel', chunkId: 'karvel#0', start: OFFSET, end: OFFSET + quote.length, quote },
    ])
    expect(result.grounding.sentences).toEqual([{ text: quote, supported: true, citations: [0] }])
    expect(result.grounding.score).toBeGreaterThanOrEqual(0.5)
    expect(result.hits.map((hit) => hit.documentId)).toEqual(['karvel'])
    expect(result.hits[0]?.scores).toBeDefined()
  })

  it('abstains with nothing where nothing answers', async () => {
    const result = await asked({ question: 'What is the boiling point of ethanol?' })
    expect(result).toMatchObject({ answer: '', citations: [], abstained: true, grounding: { sentences: [] } })
    expect(result.grounding.score).toBeLessThan(0.5)
  })

  it('answers the last user message', async () => {
    const messages = [
      { role: 'user', content: 'hello' },
      { role: 'user', content: QUESTION },
    ] as const
    expect((await asked({ messages })).answer).toContain('Inge Solberg')
  })

  it("searches with the caller's rights and settings", async () => {
    expect((await asked({ question: QUESTION, search: { filter: { public: false } } })).abstained).toBe(true)
    expect((await asked({ question: QUESTION, search: { query: 'castle' } })).hits[0]?.documentId).toBe('tram')
  })

  it('names what its search cannot do by its place in the body', async () => {
    const errors = [{ pointer: '/search/rerank/model', detail: 'names no model' }]
    const search = { rerank: { model: 'nobody' } }
    await expect(asked({ question: QUESTION, search })).rejects.toMatchObject({ code: 'invalid_request', errors })
    const down = (fake: FakeCollections): void => {
      fake.deps.modelNames.find = () => Promise.reject(new Problem('overloaded', 'busy', { retryAfterSeconds: 7 }))
    }
    const busy = { code: 'overloaded', retryAfterSeconds: 7, errors: undefined }
    await expect(asked({ question: QUESTION, search }, SECRET, down)).rejects.toMatchObject(busy)
  })

  it('shows public keys no scores', async () => {
    const result = await asked({ question: QUESTION }, { kind: 'public' })
    expect(result.answer).toContain('Inge Solberg')
    expect(result.hits.every((hit) => hit.scores === undefined)).toBe(true)
  })

  it('answers by words where the model is down', async () => {
    const fake = new FakeCollections()
    const collection = collectionRecord('own', 1)
    const words = 'Mount karvel was first climbed in 1911 by Inge Solberg.'.split(' ')
    await fake.put(collection, { id: 'karvel', metadata: {}, chunks: [{ words, language: 'en' }] })
    const embed = () => Promise.reject(new Problem('upstream_timeout'))
    const deps = { ...fake.deps, models: { ...fake.deps.models, queryEmbedder: () => ({ profile: EDGE_EN, embed }) } }
    expect((await answer(deps, collection, SECRET, { question: QUESTION })).answer).toContain('Inge Solberg')
  })
})
