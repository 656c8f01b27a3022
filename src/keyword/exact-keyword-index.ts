/**
 * The keyword leg that scores every chunk with a matching word. One row a chunk holds its postings; the inverted index
 * over them is built in memory when it is first needed and then kept up to date. A shard too large for that is answered
 * by reading its rows on every search, with the same arithmetic and so the same scores.
 */
import type { ChunkMask } from '../core/chunk-mask.ts'
import { residentMemory, type ResidentMemory } from '../core/resident-memory.ts'
import type { SqlDatabase, SqlMigration } from '../core/sql-database.ts'
import { TopScores } from '../core/top-scores.ts'
import { analyse } from '../text/analyse.ts'
import type { LegScores } from '../vector/vector-index.ts'
import { idf, lengthNorm, termFrequencyPart } from './bm25.ts'
import { explainBm25 } from './explain-bm25.ts'
import { InvertedIndex, type KeywordChunk } from './inverted-index.ts'
import type { Bm25, Explanation, KeywordIndex, KeywordStatistics } from './keyword-index.ts'
import { encodePostings, POSTING_FORMAT } from './posting-codec.ts'
import { KeywordStorage } from './keyword-storage.ts'
import { WordFrequencies } from './word-frequencies.ts'

/** Beyond this the inverted index of a shard is not kept in memory. */
const MAX_RESIDENT_KEYWORD_BYTES = 48_000_000
/** How often a growing index is measured against the limit while it is built. */
const CHUNKS_BETWEEN_CHECKS = 512
/** Postings of a chunk beyond this go to further rows; pages of rows stay small. */
const MAX_PIECE_BYTES = 65_536

export interface ExactKeywordIndexOptions {
  /** Prefix of the key in resident memory, unique to the shard. */
  readonly key: string
  readonly memory?: ResidentMemory
  /** Most bytes of inverted index to keep; tests lower it. */
  readonly maxResidentBytes?: number
  /** Most bytes of one row's postings; tests lower it. */
  readonly maxPieceBytes?: number
}

/** An index trusts only what it put into resident memory itself, never what an earlier run of the object left. */
interface ResidentIndex {
  readonly owner: object
  readonly inverted: InvertedIndex
}

/** Runs to completion in every call. After a transaction that was rolled back the caller must `evict()`. */
export class ExactKeywordIndex implements KeywordIndex {
  /** Of the stored postings; `rebuild` makes the present format from the chunks' texts. */
  static readonly FORMAT = POSTING_FORMAT

  static readonly migrations: readonly SqlMigration[] = KeywordStorage.migrations

  readonly #storage: KeywordStorage
  readonly #memory: ResidentMemory
  readonly #key: string
  readonly #maxResidentBytes: number
  readonly #maxPieceBytes: number
  readonly #owner = {}
  /** Building was given up; tried again only when something was removed. */
  #isTooLarge = false

  constructor(database: SqlDatabase, options: ExactKeywordIndexOptions) {
    this.#storage = new KeywordStorage(database)
    this.#memory = options.memory ?? residentMemory
    this.#key = `${options.key}/keyword`
    this.#maxResidentBytes = options.maxResidentBytes ?? MAX_RESIDENT_KEYWORD_BYTES
    this.#maxPieceBytes = options.maxPieceBytes ?? MAX_PIECE_BYTES
  }

  get count(): number {
    return this.#resident()?.count ?? this.#storage.count()
  }

  add(chunk: number, text: string, language: string): void {
    const resident = this.#resident()
    if (resident === undefined || resident.has(chunk)) this.#takeOut([chunk])
    const { terms, length } = analyse(text, language)
    const entry: KeywordChunk = { chunk, language, length, pieces: encodePostings(terms, this.#maxPieceBytes) }
    this.#storage.insert(entry)
    if (resident === undefined) return
    resident.add(entry)
    this.#recount(resident)
  }

  remove(chunks: readonly number[]): void {
    this.#takeOut(chunks)
    this.#isTooLarge = false
  }

  statistics(words: readonly string[]): KeywordStatistics {
    const inverted = this.#load()
    if (inverted !== undefined) {
      const documentFrequencies = words.map((word) => inverted.documentFrequency(word))
      return { chunks: inverted.count, totalLength: inverted.totalLength, documentFrequencies }
    }
    const frequencies = new WordFrequencies(words)
    const documentFrequencies = words.map(() => 0)
    let chunks = 0
    let totalLength = 0
    for (const entry of this.#storage.each()) {
      chunks++
      totalLength += entry.length
      for (const [index, frequency] of frequencies.in(entry).entries()) {
        if (frequency > 0) documentFrequencies[index]!++
      }
    }
    return { chunks, totalLength, documentFrequencies }
  }

  search(
    words: readonly string[],
    statistics: KeywordStatistics,
    options: { readonly bm25: Bm25; readonly mask: ChunkMask | undefined; readonly candidates: number },
  ): LegScores {
    const { bm25, mask, candidates } = options
    const top = new TopScores(candidates)
    this.#each(words, statistics, bm25, (chunk, score) => {
      if (mask === undefined || mask.has(chunk)) top.push(chunk, score)
    })
    return top.finish()
  }

  score(words: readonly string[], statistics: KeywordStatistics, bm25: Bm25, chunks: Uint32Array): Float64Array {
    const inverted = this.#load()
    if (inverted !== undefined) {
      const scores = accumulate(inverted, words, statistics, bm25)
      return Float64Array.from(chunks, (chunk) => {
        const slot = inverted.find(chunk)
        return slot === undefined ? 0 : Math.max(0, scores[slot]!)
      })
    }
    const found = new Map<number, number>()
    this.#each(words, statistics, bm25, (chunk, score) => found.set(chunk, score))
    return Float64Array.from(chunks, (chunk) => found.get(chunk) ?? 0)
  }

  explain(words: readonly string[], statistics: KeywordStatistics, bm25: Bm25, chunk: number): Explanation {
    const [entry] = this.#storage.read([chunk])
    if (entry === undefined) return { value: 0, description: 'the chunk is not in the keyword index', details: [] }
    return explainBm25(words, new WordFrequencies(words).in(entry), entry, statistics, bm25)
  }

  evict(): void {
    this.#memory.delete(this.#key)
    this.#isTooLarge = false
  }

  /** Replaces everything; inside the caller's transaction. Needed when the analysis or the format changes. */
  rebuild(chunks: Iterable<{ readonly chunk: number; readonly text: string; readonly language: string }>): void {
    this.evict()
    this.#storage.clear()
    for (const { chunk, text, language } of chunks) this.add(chunk, text, language)
  }

  /** Visits every chunk that scores, in no order. */
  #each(
    words: readonly string[],
    statistics: KeywordStatistics,
    bm25: Bm25,
    visit: (chunk: number, score: number) => void,
  ): void {
    const inverted = this.#load()
    if (inverted !== undefined) {
      inverted.eachLive(accumulate(inverted, words, statistics, bm25), visit)
      return
    }
    const frequencies = new WordFrequencies(words)
    const weights = idfs(words, statistics)
    const averageLength = averageChunkLength(statistics)
    for (const entry of this.#storage.each()) {
      const norm = lengthNorm(bm25, entry.length, averageLength)
      let score = 0
      for (const [index, frequency] of frequencies.in(entry).entries()) {
        if (frequency > 0) score += weights[index]! * termFrequencyPart(frequency, norm)
      }
      if (score > 0) visit(entry.chunk, score)
    }
  }

  #takeOut(chunks: readonly number[]): void {
    const resident = this.#resident()
    if (resident !== undefined) {
      for (const entry of this.#storage.read(chunks)) resident.remove(entry)
      this.#recount(resident)
    }
    this.#storage.delete(chunks)
  }

  #resident(): InvertedIndex | undefined {
    const resident = this.#memory.get<ResidentIndex>(this.#key)
    return resident?.owner === this.#owner ? resident.inverted : undefined
  }

  /** The inverted index, built from the rows if it is not in memory; `undefined` if it does not fit. */
  #load(): InvertedIndex | undefined {
    const resident = this.#resident()
    if (resident !== undefined || this.#isTooLarge) return resident
    const inverted = new InvertedIndex()
    for (const entry of this.#storage.each()) {
      inverted.add(entry)
      if (inverted.count % CHUNKS_BETWEEN_CHECKS === 0 && inverted.bytes > this.#maxResidentBytes) break
    }
    if (inverted.bytes > this.#maxResidentBytes) {
      this.#isTooLarge = true
      return undefined
    }
    const value: ResidentIndex = { owner: this.#owner, inverted }
    this.#memory.set(this.#key, value, inverted.bytes)
    return inverted
  }

  #recount(inverted: InvertedIndex): void {
    if (inverted.isMostlyDead || inverted.bytes > this.#maxResidentBytes) this.evict()
    else this.#memory.resize(this.#key, inverted.bytes)
  }
}

function accumulate(
  inverted: InvertedIndex,
  words: readonly string[],
  statistics: KeywordStatistics,
  bm25: Bm25,
): Float64Array {
  return inverted.accumulate(words, idfs(words, statistics), bm25, averageChunkLength(statistics))
}

function idfs(words: readonly string[], { chunks, documentFrequencies }: KeywordStatistics): number[] {
  return words.map((_, index) => idf(chunks, documentFrequencies[index] ?? 0))
}

function averageChunkLength({ chunks, totalLength }: KeywordStatistics): number {
  return chunks > 0 ? totalLength / chunks : 0
}
