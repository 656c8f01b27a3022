/** Searching collections whose model the first documents are still to choose. */
import { describe, expect, it } from 'vitest'
import { Problem } from '../../../src/core/problem.ts'
import { search } from '../../../src/search/search.ts'
import { collectionRecord, embedWords, FakeCollections, SECRET } from './fake-shards.ts'

const open = collectionRecord('open', 2, { modelChoice: 'open' })
const chosen = collectionRecord('chosen', 1, { modelChoice: 'by_language' })

const note = { id: 'n', metadata: {}, chunks: [{ words: ['heron'], language: 'en', vector: [...embedWords('heron')] }] }

describe('a search of a collection whose model is open', () => {
  it.each([
    { query: 'heron' },
    { query: 'heron', mode: 'vector' as const },
    { vector: Array.from({ length: 384 }, () => 1) },
    { query: 'heron', facets: ['kind'], feedback: true },
  ])('asks no model and finds nothing, in the form %#', async (request) => {
    const fake = new FakeCollections()
    fake.embedFailure = new Problem('upstream_failed')
    const result = await search(fake.deps, [open], SECRET, request)
    expect([result.hits, result.estimatedTotal, result.nextCursor, result.degraded]).toEqual([[], 0, null, undefined])
    expect(fake.embedCalls).toBe(0)
  })

  it('sends its shards no vector of a model that may not be theirs by then', async () => {
    const fake = new FakeCollections()
    await fake.put(chosen, note)
    const { hits } = await search(fake.deps, [open, chosen], SECRET, { query: 'heron' })
    expect([hits.map(({ documentId }) => documentId), fake.embedCalls]).toEqual([['n'], 1])
    expect(fake.shardsOf(chosen)[0]?.searches[0]?.space).toBe('edge-en/1/384')
    for (const shard of fake.shardsOf(open)) {
      expect(shard.searches).toHaveLength(1)
      expect(shard.searches[0]).not.toHaveProperty('vectors')
      expect(shard.searches[0]).not.toHaveProperty('space')
    }
  })
})
