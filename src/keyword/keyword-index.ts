/**
 * Which chunks contain the words? BM25 (the Lucene variant as Kamphuis et al., ECIR 2020, name it) over one shard's
 * chunks, over the storage port. Every implementation runs `test/contract/keyword-index-contract.ts`.
 *
 * A query is a list of distinct folded words. Each chunk was analysed in one language (or none), so a word matches a chunk
 * through the term that the chunk's own analysis gives it. `df` of a word counts the chunks that match it, in whatever
 * language; so a collection of one language scores exactly as plain BM25 with that language's stemmer.
 */
import type { ChunkMask } from '../core/chunk-mask.ts'
import type { LegScores } from '../vector/vector-index.ts'

/** Live chunks of the generation, unfiltered; sums over shards give the global figures. */
export interface KeywordStatistics {
  readonly chunks: number
  /** Sum of chunk lengths, in words. */
  readonly totalLength: number
  /** Per query word, in the query's order. */
  readonly documentFrequencies: readonly number[]
}

export interface Bm25 {
  readonly k1: number
  readonly b: number
}

export const DEFAULT_BM25: Bm25 = { k1: 0.9, b: 0.4 }

/** A node of an explanation: its value is what the details combine to, as the description says. */
export interface Explanation {
  readonly value: number
  readonly description: string
  readonly details: readonly Explanation[]
}

export interface KeywordIndex {
  readonly count: number
  /** Indexes one chunk's text (title and heading path included) in `language`; inside the caller's transaction. */
  add(chunk: number, text: string, language: string): void
  remove(chunks: readonly number[]): void
  statistics(words: readonly string[]): KeywordStatistics
  /** The `candidates` best chunks of the mask by BM25 under the given (global) statistics; `Infinity` for every match. */
  search(
    words: readonly string[],
    statistics: KeywordStatistics,
    options: { readonly bm25: Bm25; readonly mask: ChunkMask | undefined; readonly candidates: number },
  ): LegScores
  /** True BM25 of given chunks in their order; 0 where no word matches. */
  score(words: readonly string[], statistics: KeywordStatistics, bm25: Bm25, chunks: Uint32Array): Float64Array
  /** The parts of one chunk's BM25 (idf, tf, norm per word); the values add up to `score`. */
  explain(words: readonly string[], statistics: KeywordStatistics, bm25: Bm25, chunk: number): Explanation
  evict(): void
}
