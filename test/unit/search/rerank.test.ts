/** Reordering by a model: what comes of it, whom it may read, and how little a search depends on it. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { CollectionRecord } from '../../../src/catalog/records.ts'
import { compareUtf8 } from '../../../src/core/bytes.ts'
import { asProblem, Problem } from '../../../src/core/problem.ts'
import { parseFilter } from '../../../src/metadata/parse-filter.ts'
import type { Reranker } from '../../../src/models/reranker.ts'
import { search } from '../../../src/search/search.ts'
import type { Hit, SearchRequest } from '../../../src/search/search-request.ts'
import { FakeCollections, SECRET, collectionRecord, embedWords } from './fake-shards.ts'

/** The score that a document's own text names: `heron 7` is judged 0.7, whatever the query. */
const named = (text: string): number => Number(text.split(' ').at(-1)) / 10

class Judge implements Reranker {
  readonly id = 'judge'
  readonly read: { query: string; documents: readonly string[] }[] = []
  fault: unknown
  /** Answers never. */
  silent = false

  async rerank(query: string, documents: readonly string[]) {
    this.read.push({ query, documents })
    if (this.silent) return new Promise<never>(() => {})
    if (this.fault !== undefined) throw this.fault
    const scores = documents.map(named)
    return { scores, raw: scores.map((score) => score * 20 - 10), tokens: 1 }
  }
}

interface World {
  readonly fake: FakeCollections
  readonly collection: CollectionRecord
  readonly judge: Judge
  readonly find: (request: SearchRequest) => ReturnType<typeof search>
}

/** Documents of herons; the more often they say it, the higher they rank before they are judged. */
async function herons(judgements: readonly number[], shards = 1): Promise<World> {
  const fake = new FakeCollections()
  const judge = new Judge()
  fake.reranker = judge
  const collection = collectionRecord('birds', shards)
  for (const [i, judgement] of judgements.entries()) {
    const words = [...Array.from({ length: judgements.length - i }, () => 'heron'), String(judgement)]
    await fake.put(collection, {
      id: `d${i}`,
      metadata: { judgement, i },
      chunks: [
        { words, language: 'en', vector: [...embedWords(words.join(' '))] },
        { words: ['heron', '0'], language: 'en', vector: [...embedWords('heron 0')] },
      ],
    })
  }
  const find = (request: SearchRequest) => search(fake.deps, [collection], SECRET, request)
  return { fake, collection, judge, find }
}

const BASE: SearchRequest = { query: 'heron', mode: 'keyword', groupBy: 'document' }
const RERANK = { model: 'judge' }
const idsOf = ({ hits }: { hits: readonly Hit[] }): string[] => hits.map(({ documentId }) => documentId)

describe('a reranked search', () => {
  it('gives the first hits in the order of the model, with its scores', async () => {
    const { find, judge } = await herons([1, 9, 5])
    const result = await find({ ...BASE, rerank: RERANK })
    expect(idsOf(result)).toEqual(['d1', 'd2', 'd0'])
    expect(result.hits.map(({ score }) => score)).toEqual([0.9, 0.5, 0.1])
    expect(result.hits[0]?.scores).toEqual({ keyword: expect.any(Number), rerank: 8 })
    expect(result).toMatchObject({ nextCursor: null, timings: { rerank: expect.any(Number) } })
    expect(result).not.toHaveProperty('degraded')
    expect(judge.read).toEqual([{ query: 'heron', documents: expect.arrayContaining(['heron heron 9']) }])
  })

  it('is the fused beginning, sorted by the model’s scores and cut, for any number of shards', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 12 }),
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 1, max: 14 }),
        fc.integer({ min: 1, max: 14 }),
        fc.option(fc.integer({ min: 0, max: 9 })),
        fc.boolean(),
        fc.constantFrom('hybrid', 'vector', 'keyword'),
        async (judgements, shards, depth, wanted, least, byDocument, mode) => {
          const { find } = await herons(judgements, shards)
          const limit = Math.min(wanted, depth)
          const base: SearchRequest = { query: 'heron', mode, ...(byDocument ? { groupBy: 'document' } : {}) }
          const fused = await find({ ...base, limit: depth })
          const expected = fused.hits
            .map(({ id, documentId, ordinal, text }) => ({ id, documentId, ordinal, score: named(text) }))
            .filter(({ score }) => least === null || score >= least / 10)
            .sort((a, b) => b.score - a.score || compareUtf8(a.documentId, b.documentId) || a.ordinal - b.ordinal)
          const found = await find({
            ...base,
            limit,
            rerank: { ...RERANK, depth },
            ...(least === null ? {} : { minScore: least / 10 }),
          })
          expect(found.hits.map(({ id, score }) => ({ id, score }))).toEqual(
            expected.slice(0, limit).map(({ id, score }) => ({ id, score })),
          )
          const total = least === null ? fused.estimatedTotal : new Set(expected.map((hit) => hit.documentId)).size
          expect(found.estimatedTotal).toBe(total)
        },
      ),
      { numRuns: 60 },
    )
  })

  it('counts facets of what reached minScore, and of the whole set without it', async () => {
    const { find } = await herons([1, 9, 5, 9])
    const facets = ['judgement']
    const cut = await find({ ...BASE, facets, minScore: 0.5, rerank: { ...RERANK, depth: 3 }, limit: 1 })
    expect(cut.facets?.['judgement']).toEqual([
      { value: 5, count: 1 },
      { value: 9, count: 1 },
    ])
    const whole = await find({ ...BASE, facets, rerank: { ...RERANK, depth: 1 } })
    expect(whole.facets?.['judgement']).toEqual([
      { value: 9, count: 2 },
      { value: 1, count: 1 },
      { value: 5, count: 1 },
    ])
  })

  it('explains a score by what the model said and by where the hit came from', async () => {
    const { find } = await herons([1, 9])
    const fused = await find({ query: 'heron', groupBy: 'document', explain: true })
    const { hits } = await find({ query: 'heron', groupBy: 'document', explain: true, rerank: RERANK })
    const rank = fused.hits.findIndex(({ documentId }) => documentId === 'd1')
    expect(hits[0]?.explain).toEqual({
      value: hits[0]?.score,
      description: expect.stringContaining('reranked'),
      details: [
        { value: 8, description: "the model's own score of query and text", details: [] },
        { value: rank + 1, description: 'rank before reranking', details: [] },
        fused.hits[rank]?.explain,
      ],
    })
  })

  it('lets the model read only what the searcher may see', async () => {
    const { fake, collection, judge } = await herons([1, 9, 5])
    const narrow = { ...SECRET, filter: parseFilter({ judgement: { $lt: 9 } }) }
    await search(fake.deps, [collection], narrow, { ...BASE, rerank: RERANK })
    expect(judge.read[0]?.documents.filter((text) => text.endsWith('9'))).toEqual([])
    expect(judge.read[0]?.documents).toHaveLength(2)
  })

  it('reads title and headings with the text', async () => {
    const { fake, find, collection, judge } = await herons([3])
    const [shard] = fake.shardsOf(collection)
    const plain = shard!.fetch.bind(shard)
    shard!.fetch = async (request) =>
      (await plain(request)).map((chunk) => chunk && { ...chunk, title: 'Birds', headings: ['Waders', 'Herons'] })
    await find({ ...BASE, rerank: RERANK })
    expect(judge.read[0]?.documents[0]).toBe('Birds\nWaders > Herons\nheron 3')
  })

  it('leaves out a hit that was deleted before it could be read', async () => {
    const { fake, find, collection, judge } = await herons([1, 9, 5])
    const [shard] = fake.shardsOf(collection)
    const plain = shard!.fetch.bind(shard)
    shard!.fetch = async (request) => {
      await fake.delete(collection, 'd1')
      return plain(request)
    }
    expect(idsOf(await find({ ...BASE, rerank: RERANK }))).toEqual(['d2', 'd0'])
    expect(judge.read[0]?.documents).toHaveLength(2)
  })

  it('asks no model where nothing was found', async () => {
    const { find, judge } = await herons([1])
    const result = await find({ ...BASE, query: 'otter', rerank: RERANK })
    expect([result.hits, judge.read]).toEqual([[], []])
    expect(result).not.toHaveProperty('degraded')
  })

  it('asks for a model that reranks, by its name and in its tenant', async () => {
    const { fake, find } = await herons([1])
    await find({ ...BASE, rerank: RERANK })
    expect(fake.named).toEqual([{ tenantUid: 'ten_1', name: 'judge', task: 'rerank' }])
    const unknown = find({ ...BASE, rerank: { model: 'nobody' } })
    await expect(unknown).rejects.toMatchObject({ code: 'invalid_request', errors: [{ pointer: '/rerank/model' }] })
  })
})

describe('the fused order stands, and the search says so', () => {
  const FAULTS = ['upstream_failed', 'upstream_timeout', 'overloaded', 'upstream_refused'] as const

  it.each(FAULTS)('when the model answers %s', async (code) => {
    const { find, judge } = await herons([1, 9, 5])
    const fused = await find({ ...BASE, minScore: 0.1 })
    judge.fault = new Problem(code)
    const result = await find({ ...BASE, minScore: 0.1, rerank: RERANK })
    expect(result).toMatchObject({ degraded: ['rerank'], nextCursor: null })
    expect(result.hits).toEqual(fused.hits)
    expect(result.estimatedTotal).toBe(fused.estimatedTotal)
  })

  it('when the model is still silent after 2 seconds, whether or not it listens', async () => {
    const { fake, find, judge } = await herons([1, 9, 5])
    judge.silent = true
    const searching = find({ ...BASE, rerank: RERANK })
    while (judge.read.length === 0) await new Promise((resolve) => setImmediate(resolve))
    expect(fake.timeLimits).toEqual([2_000])
    fake.timeLimit.abort()
    const result = await searching
    expect([idsOf(result), result.degraded]).toEqual([['d0', 'd1', 'd2'], ['rerank']])
  })

  it('when the model stops because time is up', async () => {
    const { fake, find, judge } = await herons([1, 9])
    judge.fault = new DOMException('time is up', 'TimeoutError')
    fake.timeLimit.abort()
    expect(await find({ ...BASE, rerank: RERANK })).toMatchObject({ degraded: ['rerank'] })
  })

  it('when the day’s budget leaves keywords only, beside the vector leg', async () => {
    const { fake, collection, judge } = await herons([1, 9])
    const result = await search(
      fake.deps,
      [collection],
      SECRET,
      { query: 'heron', rerank: RERANK },
      { withoutVectors: new Problem('budget_exceeded') },
    )
    expect([result.degraded, judge.read]).toEqual([['vector', 'rerank'], []])
  })

  it('but not when something is wrong in the program itself', async () => {
    const { find, judge } = await herons([1])
    judge.fault = new TypeError('undefined is not a function')
    await expect(find({ ...BASE, rerank: RERANK })).rejects.toBe(judge.fault)
  })

  it('and with neither the query embedded nor the hits reread both are named', async () => {
    const { fake, find, judge } = await herons([1, 9])
    fake.embedFailure = new Problem('upstream_failed')
    judge.fault = new Problem('upstream_failed')
    expect((await find({ query: 'heron', rerank: RERANK })).degraded).toEqual(['vector', 'rerank'])
  })
})

it('is refused to public keys and tokens', async () => {
  const { fake, collection } = await herons([1])
  for (const kind of ['public', 'token'] as const) {
    const refused = await search(fake.deps, [collection], { kind }, { ...BASE, rerank: RERANK }).catch(asProblem)
    expect(refused).toMatchObject({ code: 'forbidden', errors: [{ pointer: '/rerank' }] })
  }
})
