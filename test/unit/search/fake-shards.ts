/**
 * Shards of plain arrays for testing the gatherer: brute-force scores, no storage, the same answers as `ShardApi` promises.
 * `FakeCollections` places documents over them like `placement.ts` does.
 */
import type { CollectionRecord } from '../../../src/catalog/records.ts'
import type { JsonObject } from '../../../src/core/canonical-json.ts'
import type { Bm25, Explanation, KeywordStatistics } from '../../../src/keyword/keyword-index.ts'
import { matches } from '../../../src/metadata/evaluate-filter.ts'
import { FacetBudget, FacetCounter } from '../../../src/metadata/facet-values.ts'
import type { SearchDependencies } from '../../../src/search/search.ts'
import type { SearchShard } from '../../../src/search/scatter.ts'
import { shardOf } from '../../../src/shard/placement.ts'
import type { FetchRequest, FetchedChunk, ShardSearchRequest, ShardSearchResult } from '../../../src/shard/shard-api.ts'
import { Sealer } from '../../../src/tenancy/sealing.ts'
import { invalidField } from '../../../src/core/problem.ts'
import type { EmbeddingModel } from '../../../src/models/model.ts'
import type { Reranker } from '../../../src/models/reranker.ts'
import { EDGE_EN_MODEL, productModel } from '../../../src/models/product-models.ts'

export interface FakeChunk {
  readonly words: readonly string[]
  readonly language: string
  readonly vector?: readonly number[]
}

export interface FakeDocument {
  readonly id: string
  readonly metadata: JsonObject
  readonly chunks: readonly FakeChunk[]
}

export interface StoredFake extends FakeChunk {
  readonly documentId: string
  readonly ordinal: number
  readonly metadata: JsonObject
  readonly sequence: number
}

export const cosine = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let dot = 0
  let aa = 0
  let bb = 0
  for (let i = 0; i < a.length; i++) {
    dot += (a[i] ?? 0) * (b[i] ?? 0)
    aa += (a[i] ?? 0) ** 2
    bb += (b[i] ?? 0) ** 2
  }
  return aa > 0 && bb > 0 ? dot / Math.sqrt(aa * bb) : 0
}

export function bm25(
  words: readonly string[],
  chunk: FakeChunk,
  { chunks, totalLength, documentFrequencies }: KeywordStatistics,
  { k1, b }: Bm25,
): number {
  let score = 0
  for (const [index, word] of words.entries()) {
    const tf = chunk.words.filter((other) => other === word).length
    const df = documentFrequencies[index] ?? 0
    if (tf === 0) continue
    const idf = Math.log(1 + (chunks - df + 0.5) / (df + 0.5))
    score += (idf * tf) / (tf + k1 * (1 - b + (b * chunk.words.length * chunks) / totalLength))
  }
  return score
}

export class FakeShard implements SearchShard {
  readonly chunks = new Map<number, StoredFake>()
  sequence = 0
  searches: ShardSearchRequest[] = []
  fetches = 0
  #next = 1

  put(document: FakeDocument): void {
    this.delete(document.id)
    this.sequence++
    for (const [ordinal, chunk] of document.chunks.entries()) {
      const { id: documentId, metadata } = document
      this.chunks.set(this.#next++, { ...chunk, documentId, ordinal, metadata, sequence: this.sequence })
    }
  }

  delete(id: string): void {
    this.sequence++
    for (const [number, chunk] of this.chunks) if (chunk.documentId === id) this.chunks.delete(number)
  }

  #statistics(words: readonly string[]): KeywordStatistics {
    const all = [...this.chunks.values()]
    return {
      chunks: all.length,
      totalLength: all.reduce((sum, chunk) => sum + chunk.words.length, 0),
      documentFrequencies: words.map((word) => all.filter((chunk) => chunk.words.includes(word)).length),
    }
  }

  keywordStatistics(words: readonly string[]): Promise<KeywordStatistics & { sequence: number }> {
    return Promise.resolve({ ...this.#statistics(words), sequence: this.sequence })
  }

  search(request: ShardSearchRequest): Promise<ShardSearchResult> {
    this.searches.push(request)
    const { keyword, filter, atMostSequence = Infinity } = request
    const query = request.vectors?.['default']
    const statistics = keyword && (keyword.statistics ?? this.#statistics(keyword.words))
    const rows = [...this.chunks].flatMap(([number, chunk]) => {
      if (chunk.sequence > atMostSequence) return []
      if (filter !== undefined && !matches(filter, { id: chunk.documentId, metadata: chunk.metadata })) return []
      const v = query === undefined || chunk.vector === undefined ? 0 : Math.max(0, cosine(query, chunk.vector))
      const k = keyword && statistics ? bm25(keyword.words, chunk, statistics, keyword.bm25) : 0
      return v > 0 || k > 0 ? [{ number, chunk, v, k }] : []
    })
    const documentIds = [...new Set(rows.map(({ chunk }) => chunk.documentId))]
    const languages = request.profileLanguages
    const isKnown = (language: string): boolean =>
      languages.length === 0 || language === 'und' || languages.includes(language)
    return Promise.resolve({
      candidates: {
        chunks: Uint32Array.from(rows, ({ number }) => number),
        ordinals: Uint32Array.from(rows, ({ chunk }) => chunk.ordinal),
        documents: Uint32Array.from(rows, ({ chunk }) => documentIds.indexOf(chunk.documentId)),
        documentIds,
        scores: {
          ...(query === undefined ? {} : { default: Float64Array.from(rows, ({ v }) => v) }),
          ...(keyword === undefined ? {} : { keyword: Float64Array.from(rows, ({ k }) => k) }),
        },
        inProfile: Uint8Array.from(rows, ({ chunk }) => (isKnown(chunk.language) ? 1 : 0)),
      },
      maxima: {},
      documentCount: documentIds.length,
      ...(request.facets === undefined ? {} : { facets: this.#facets(request.facets, documentIds) }),
      ...(statistics === undefined ? {} : { statistics }),
      sequence: this.sequence,
      timingsMs: { vector: 1, keyword: 1 },
    })
  }

  fetch(request: FetchRequest): Promise<(FetchedChunk | undefined)[]> {
    this.fetches++
    return Promise.resolve(
      request.chunks.map((number) => {
        const chunk = this.chunks.get(number)
        if (chunk === undefined) return undefined
        const { documentId, ordinal, words, language, metadata, vector } = chunk
        return {
          chunk: number,
          documentId,
          ordinal,
          text: words.join(' '),
          start: 0,
          end: words.join(' ').length,
          headings: [],
          language,
          metadata,
          highlights: request.highlightWords === undefined ? [] : [{ start: 0, end: 1 }],
          ...(request.withVectors && vector ? { vector: Float32Array.from(vector) } : {}),
          ...(request.explain ? { explanation: this.#explain(request.explain, chunk) } : {}),
        }
      }),
    )
  }

  #explain(query: NonNullable<FetchRequest['explain']>, chunk: FakeChunk): Explanation {
    const statistics = query.statistics ?? this.#statistics(query.words)
    return {
      value: bm25(query.words, chunk, statistics, query.bm25),
      description: 'bm25, sum of idf · tf',
      details: [],
    }
  }

  facets(fields: readonly string[], documentIds: readonly string[]) {
    return Promise.resolve(this.#facets(fields, documentIds))
  }

  #facets(fields: readonly string[], documentIds: readonly string[]) {
    const metadata = new Map([...this.chunks.values()].map((chunk) => [chunk.documentId, chunk.metadata]))
    const budget = new FacetBudget()
    return Object.fromEntries(
      fields.map((field) => {
        const counter = new FacetCounter(field, budget)
        for (const id of documentIds) counter.add(metadata.get(id) ?? {})
        return [field, counter.values()]
      }),
    )
  }
}

export const DIMENSIONS = 4

/** Word vectors are fixed, so that the fake model is deterministic. */
export function embedWords(text: string): Float32Array {
  const vector = new Float32Array(DIMENSIONS)
  for (let i = 0; i < text.length; i++) {
    const at = text.charCodeAt(i) % DIMENSIONS
    vector[at] = (vector[at] ?? 0) + 1 + (i % 3)
  }
  return vector
}

export function collectionRecord(name: string, shards: number, over: Partial<CollectionRecord> = {}): CollectionRecord {
  return {
    id: `col_${name}`,
    tenantUid: 'ten_1',
    name,
    placementEpoch: 1,
    language: 'auto',
    settings: {},
    generation: {
      id: `gen_${name}`,
      model: EDGE_EN_MODEL,
      profileId: 'edge-en',
      dimensions: DIMENSIONS,
      chunking: { strategy: 'recursive', size: 200, overlap: 20 },
      shards,
      precision: 'int8',
    },
    createdAtMs: 0,
    updatedAtMs: 0,
    ...over,
  } as CollectionRecord
}

/** The part of a generation that says its vectors are the callers'. */
export const BRINGS_VECTORS = {
  profileId: 'bring-your-own',
  model: productModel('bring-your-own', DIMENSIONS) as EmbeddingModel,
}

export const SECRET = { kind: 'secret' } as const

/** Collections over fake shards, and the dependencies of `search` on top of them. */
export class FakeCollections {
  readonly #shards = new Map<string, FakeShard[]>()
  nowMs = 1_000_000
  /** Set to make the query embedder fail. */
  embedFailure: Error | undefined
  embedCalls = 0
  /** What `judge` is. */
  reranker: Reranker = { id: 'judge', rerank: () => Promise.reject(new Error('no test brought a reranker')) }
  /** Names that searches gave models. */
  readonly named: { tenantUid: string; name: string; task: string }[] = []
  /** Aborted by a test when time is up. */
  readonly timeLimit = new AbortController()
  readonly timeLimits: number[] = []

  readonly deps: SearchDependencies = {
    placement: { forRead: (collection, shard) => this.shardsOf(collection)[shard] as FakeShard },
    models: {
      queryEmbedder: () =>
        ({
          embed: (texts: readonly string[]) => {
            this.embedCalls++
            return this.embedFailure === undefined
              ? Promise.resolve(texts.map(embedWords))
              : Promise.reject(this.embedFailure)
          },
        }) as never,
      reranker: () => this.reranker,
    },
    modelNames: {
      find: (tenantUid, name, task, pointer) => {
        this.named.push({ tenantUid, name, task })
        if (name !== 'judge') throw invalidField(pointer, 'names no model')
        return Promise.resolve({ uid: 'mdl_judge', task, source: { provider: 'edge' } } as never)
      },
    },
    timeLimit: (milliseconds) => {
      this.timeLimits.push(milliseconds)
      return this.timeLimit.signal
    },
    sealer: new Sealer('5a'.repeat(32)),
    clock: () => this.nowMs,
  }

  shardsOf({ id, generation }: CollectionRecord): FakeShard[] {
    let shards = this.#shards.get(id)
    if (shards === undefined) {
      shards = Array.from({ length: generation.shards }, () => new FakeShard())
      this.#shards.set(id, shards)
    }
    return shards
  }

  async put(collection: CollectionRecord, ...documents: readonly FakeDocument[]): Promise<void> {
    for (const document of documents) (await this.#shardOf(collection, document.id)).put(document)
  }

  async delete(collection: CollectionRecord, id: string): Promise<void> {
    ;(await this.#shardOf(collection, id)).delete(id)
  }

  async #shardOf(collection: CollectionRecord, id: string): Promise<FakeShard> {
    return this.shardsOf(collection)[await shardOf(id, collection.generation.shards)] as FakeShard
  }
}
