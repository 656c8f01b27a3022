/** The ranking against a brute-force reading of its definition, over random corpora with many ties. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compareUtf8 } from '../../../src/core/bytes.ts'
import type { Explanation } from '../../../src/keyword/keyword-index.ts'
import { search } from '../../../src/search/search.ts'
import type { SearchRequest } from '../../../src/search/search-request.ts'
import {
  FakeCollections,
  SECRET,
  bm25,
  collectionRecord,
  cosine,
  embedWords,
  type FakeDocument,
} from './fake-shards.ts'

const SEED = 20_261_122
const VOCABULARY = ['heron', 'otter', 'weir', 'barn', 'lynx', 'mill']

const chunkArbitrary = fc.record(
  {
    words: fc.array(fc.constantFrom(...VOCABULARY), { minLength: 1, maxLength: 6 }),
    language: fc.constantFrom('en', 'und', 'ar', 'de'),
    vector: fc.tuple(...Array.from({ length: 4 }, () => fc.integer({ min: -1, max: 2 }))),
  },
  { requiredKeys: ['words', 'language'] },
)
const documentArbitrary: fc.Arbitrary<FakeDocument> = fc.record({
  id: fc.constantFrom('a', 'b', 'B', 'ä', '\u{1F600}', '\uFFFD', 'c', 'd', 'e', 'f', 'g', 'h'),
  metadata: fc.record({ kind: fc.constantFrom('bird', 'fish'), n: fc.integer({ min: 0, max: 2 }) }),
  chunks: fc.array(chunkArbitrary, { minLength: 1, maxLength: 4 }),
})
export const corpusArbitrary = fc.uniqueArray(documentArbitrary, { selector: ({ id }) => id, maxLength: 12 })

const requestArbitrary: fc.Arbitrary<SearchRequest> = fc.record(
  {
    query: fc
      .array(fc.constantFrom(...VOCABULARY, 'هذا'), { minLength: 1, maxLength: 3 })
      .map((words) => words.join(' ')),
    mode: fc.constantFrom('hybrid', 'vector', 'keyword'),
    fusion: fc.record(
      {
        method: fc.constantFrom('convex', 'rrf'),
        alpha: fc.constantFrom(0, 0.3, 0.6, 1),
        rankConstant: fc.constantFrom(1, 60),
      },
      { requiredKeys: [] },
    ),
    filter: fc.constantFrom({ kind: 'bird' }, { n: { $gte: 1 } }),
    groupBy: fc.constant('document'),
    minScore: fc.constantFrom(0, 0.01, 0.3),
    language: fc.constantFrom('en', 'ar', 'en-GB'),
  },
  { requiredKeys: ['query'] },
)

interface Expected {
  readonly id: string
  readonly documentId: string
  readonly score: number
}

/** Design section 4, read aloud; nothing shared with the implementation but BM25 and cosine of the fake. */
function oracle(corpus: readonly FakeDocument[], request: SearchRequest): Expected[] {
  const { mode = 'hybrid', fusion = {}, filter = {}, minScore, groupBy } = request
  const words = [...new Set((request.query ?? '').split(' '))]
  const chunks = corpus.flatMap((document) =>
    document.chunks.map((chunk, ordinal) => ({ ...chunk, document, ordinal, id: `${document.id}#${ordinal}` })),
  )
  const statistics = {
    chunks: chunks.length,
    totalLength: chunks.reduce((sum, chunk) => sum + chunk.words.length, 0),
    documentFrequencies: words.map((word) => chunks.filter((chunk) => chunk.words.includes(word)).length),
  }
  const wanted = filter as { kind?: string; n?: { $gte: number } }
  const scored = chunks
    .filter(({ document: { metadata } }) => wanted.kind === undefined || metadata['kind'] === wanted.kind)
    .filter(({ document: { metadata } }) => wanted.n === undefined || Number(metadata['n']) >= wanted.n.$gte)
    .map((chunk) => {
      const query = embedWords(request.query ?? '')
      const v = mode === 'keyword' || !chunk.vector ? 0 : Math.max(0, cosine(query, chunk.vector))
      const k = mode === 'vector' ? 0 : bm25(words, chunk, statistics, { k1: 0.9, b: 0.4 })
      return { ...chunk, documentId: chunk.document.id, v, k }
    })
    .filter(({ v, k }) => v > 0 || k > 0)
  const identity = (a: Expected & { ordinal: number }, b: Expected & { ordinal: number }): number =>
    compareUtf8(a.documentId, b.documentId) || a.ordinal - b.ordinal
  const rank = (leg: 'v' | 'k', id: string): number => {
    const order = scored.filter((chunk) => chunk[leg] > 0)
    order.sort((a, b) => b[leg] - a[leg] || identity({ ...a, score: 0 }, { ...b, score: 0 }))
    return order.findIndex((chunk) => chunk.id === id) + 1
  }
  const maxV = Math.max(0, ...scored.map(({ v }) => v))
  const maxK = Math.max(0, ...scored.map(({ k }) => k))
  const declared = request.language?.split('-')[0]
  const lambdaQuery =
    (declared ?? (/هذا/.test(request.query ?? '') && !/[a-z]/.test(request.query ?? '') ? 'ar' : 'en')) === 'ar' ? 0 : 1
  const { method = 'convex', alpha = 0.6, rankConstant = 60 } = fusion
  const ranked = scored.map((chunk) => {
    const a = alpha * lambdaQuery * (chunk.language === 'en' || chunk.language === 'und' ? 1 : 0)
    const convex = a * (maxV > 0 ? chunk.v / maxV : 0) + (1 - a) * (maxK > 0 ? chunk.k / maxK : 0)
    const [rv, rk] = [rank('v', chunk.id), rank('k', chunk.id)]
    const rrf = (rv > 0 ? a / (rankConstant + rv) : 0) + (rk > 0 ? (1 - a) / (rankConstant + rk) : 0)
    const score = mode === 'vector' ? chunk.v : mode === 'keyword' ? chunk.k : method === 'rrf' ? rrf : convex
    return { ...chunk, score }
  })
  ranked.sort((a, b) => b.score - a.score || identity(a, b))
  const kept = ranked.filter(({ score }) => minScore === undefined || score >= minScore)
  const seen = new Set<string>()
  return kept
    .filter(({ documentId }) => groupBy === undefined || (!seen.has(documentId) && seen.add(documentId)))
    .map(({ id, documentId, score }) => ({ id, documentId, score }))
}

async function filled(corpus: readonly FakeDocument[], shards: number) {
  const fake = new FakeCollections()
  const collection = collectionRecord('c', shards)
  await fake.put(collection, ...corpus)
  return { fake, collection }
}

const ids = (hits: readonly { readonly id: string }[]): string[] => hits.map(({ id }) => id)

function sumOf(explanation: Explanation): number {
  return explanation.details.reduce((sum, { value }) => sum + value, 0)
}

describe('search over random corpora', () => {
  it('ranks as the definition says, whatever the number of shards', async () => {
    await fc.assert(
      fc.asyncProperty(corpusArbitrary, requestArbitrary, fc.constantFrom(1, 2, 5), async (corpus, request, shards) => {
        const { fake, collection } = await filled(corpus, shards)
        const { hits, estimatedTotal } = await search(fake.deps, [collection], SECRET, { ...request, limit: 1000 })
        const expected = oracle(corpus, request)
        expect(ids(hits)).toEqual(ids(expected))
        for (const [i, hit] of hits.entries()) expect(hit.score).toBeCloseTo(expected[i]?.score ?? NaN, 12)
        expect(estimatedTotal).toBe(new Set(expected.map(({ documentId }) => documentId)).size)
      }),
      { seed: SEED, numRuns: 300 },
    )
  })

  it('gives pages that concatenate to exactly the one large page, also with feedback', async () => {
    await fc.assert(
      fc.asyncProperty(
        corpusArbitrary,
        requestArbitrary,
        fc.boolean(),
        fc.constantFrom(1, 3),
        fc.integer({ min: 1, max: 7 }),
        async (corpus, request, feedback, shards, limit) => {
          const { fake, collection } = await filled(corpus, shards)
          const asked = { ...request, feedback }
          const whole = await search(fake.deps, [collection], SECRET, { ...asked, limit: 1000 })
          const pages: string[] = []
          let cursor: string | null = null
          do {
            const body: SearchRequest = { ...asked, limit, ...(cursor === null ? {} : { cursor }) }
            const page = await search(fake.deps, [collection], SECRET, body)
            expect(page.hits.length === limit || page.nextCursor === null).toBe(true)
            expect(page.estimatedTotal).toBe(whole.estimatedTotal)
            pages.push(...ids(page.hits))
            cursor = page.nextCursor
          } while (cursor !== null)
          expect(pages).toEqual(ids(whole.hits))
        },
      ),
      { seed: SEED, numRuns: 150 },
    )
  })

  it('explains every hit with parts that add up to its score', async () => {
    await fc.assert(
      fc.asyncProperty(corpusArbitrary, requestArbitrary, fc.constantFrom(1, 2), async (corpus, request, shards) => {
        const { fake, collection } = await filled(corpus, shards)
        const { hits } = await search(fake.deps, [collection], SECRET, { ...request, explain: true, limit: 50 })
        for (const { score, explain, scores } of hits) {
          expect(explain?.value).toBe(score)
          if (explain !== undefined) expect(sumOf(explain)).toBeCloseTo(score, 12)
          expect(scores).toBeDefined()
        }
      }),
      { seed: SEED, numRuns: 150 },
    )
  })

  it('with writes between pages repeats no hit whose document was not rewritten, and shows no deleted one', async () => {
    const writeArbitrary = fc.oneof(
      fc.record({ kind: fc.constant('put' as const), document: documentArbitrary }),
      fc.record({ kind: fc.constant('delete' as const), id: fc.constantFrom('a', 'b', 'c', 'd', 'e') }),
    )
    await fc.assert(
      fc.asyncProperty(
        corpusArbitrary,
        requestArbitrary,
        fc.array(writeArbitrary, { maxLength: 12 }),
        fc.constantFrom(1, 3),
        async (corpus, request, writes, shards) => {
          const { fake, collection } = await filled(corpus, shards)
          const seen = new Set<string>()
          const rewritten = new Set<string>()
          const deleted = new Set<string>()
          const pending = [...writes]
          let cursor: string | null = null
          do {
            const body: SearchRequest = { ...request, limit: 2, ...(cursor === null ? {} : { cursor }) }
            const page = await search(fake.deps, [collection], SECRET, body)
            for (const { id, documentId } of page.hits) {
              expect(deleted.has(documentId)).toBe(false)
              const key = request.groupBy === undefined ? id : documentId
              expect(seen.has(key) && !rewritten.has(documentId)).toBe(false)
              seen.add(key)
            }
            const write = pending.shift()
            if (write?.kind === 'put') {
              await fake.put(collection, write.document)
              rewritten.add(write.document.id)
              deleted.delete(write.document.id)
            } else if (write !== undefined) {
              await fake.delete(collection, write.id)
              deleted.add(write.id)
            }
            cursor = page.nextCursor
          } while (cursor !== null)
        },
      ),
      { seed: SEED, numRuns: 200 },
    )
  })
})
