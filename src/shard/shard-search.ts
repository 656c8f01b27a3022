/**
 * Searching one shard: filter to mask, both legs over the mask, raw scores of every candidate in both legs, and figures
 * over the whole ranked set (maxima, documents, facets). It never normalises or fuses: only the gatherer sees all shards.
 * The engines of today are exact and are asked for every positive score, so a chunk that a leg leaves out scores 0 there.
 */
import type { JsonObject } from '../core/canonical-json.ts'
import { invariant } from '../core/invariant.ts'
import { Problem } from '../core/problem.ts'
import type { KeywordStatistics } from '../keyword/keyword-index.ts'
import type { FacetValue } from '../metadata/metadata-index.ts'
import { highlights } from '../text/highlight.ts'
import type { LegScores } from '../vector/vector-index.ts'
import type { DirectoryEntry } from './document-directory.ts'
import { locationField, type ChunkRow, type DocumentRow } from './document-store.ts'
import { KEYWORD_LEG, VECTOR_LEG } from './shard-api.ts'
import type { ChunkContext, Expansion } from './chunk-context.ts'
import { contextOf, reachOf } from './neighbours.ts'
import type { FetchedChunk, FetchRequest, ShardCandidates, ShardSearchRequest, ShardSearchResult } from './shard-api.ts'
import { requireSpace } from './shard-setup.ts'
import type { ShardState } from './shard-state.ts'
import type { TextPiece } from './text-pieces.ts'

/** Documents whose pieces one fetch keeps at hand: about 10 MB at most. */
const MAX_CACHED_TEXTS = 100

export class ShardSearch {
  readonly #state: ShardState

  constructor(state: ShardState) {
    this.#state = state
  }

  keywordStatistics(words: readonly string[]): KeywordStatistics & { sequence: number } {
    return { ...this.#state.keywords.statistics(words), sequence: this.#state.log.position() }
  }

  search(request: ShardSearchRequest): ShardSearchResult {
    const { directory, keywords, log, metadata, nextChunk, vectors } = this.#state
    // Touches storage once a query: an object that is no longer the current one fails here instead of answering.
    const sequence = log.position()
    if (request.atLeastSequence !== undefined && request.atLeastSequence > sequence) {
      throw new Problem('overloaded', 'the shard is behind the asked sequence', { retryAfterSeconds: 1 })
    }
    const filter = request.filter && metadata.restricting(request.filter)
    const matching = filter && metadata.matching(filter)
    const mask = directory.mask(matching, request.atMostSequence, nextChunk)
    const legs = new Map<string, LegScores>()
    let statistics: KeywordStatistics | undefined
    const startMs = performance.now()
    requireSpace(this.#state.setup, request.space)
    for (const [leg, query] of Object.entries(request.vectors ?? {})) {
      invariant(leg === VECTOR_LEG, 'the shard has the leg that is asked for')
      legs.set(leg, vectors.leg(request.using).search(query, { mask, candidates: Infinity }))
    }
    const vectorsDoneMs = performance.now()
    if (request.keyword !== undefined) {
      const { words, bm25 } = request.keyword
      statistics = request.keyword.statistics ?? keywords.statistics(words)
      legs.set(KEYWORD_LEG, keywords.search(words, statistics, { bm25, mask, candidates: Infinity }))
    }
    const keywordDoneMs = performance.now()
    const byChunk = directory.byChunk()
    const ranked = rankedDocuments(legs, byChunk)
    return {
      candidates: candidatesOf(legs, byChunk, request),
      maxima: Object.fromEntries([...legs].map(([leg, { scores }]) => [leg, scores[0] ?? 0])),
      documentCount: ranked.length,
      ...(request.facets === undefined ? {} : { facets: metadata.facets(request.facets, ranked) }),
      ...(statistics === undefined ? {} : { statistics }),
      sequence,
      timingsMs: { vector: vectorsDoneMs - startMs, keyword: keywordDoneMs - vectorsDoneMs },
    }
  }

  /** Facets over given documents; those that are gone are left out. */
  facets(fields: readonly string[], documentIds: readonly string[]): Record<string, FacetValue[]> {
    const numbers = this.#state.documents.numbers(documentIds)
    return this.#state.metadata.facets(fields, Uint32Array.from(numbers).sort())
  }

  /** In the order asked; `undefined` where the chunk's version was replaced or deleted meanwhile. */
  fetch(request: FetchRequest): (FetchedChunk | undefined)[] {
    const rows = new Map<number, FetchedDocument>()
    const pieces = new Map<number, TextPiece[]>()
    const vectors =
      request.withVectors === true ? this.#state.vectors.leg(request.using).vectors(request.chunks) : undefined
    return request.chunks.map((chunk, index) => {
      if (pieces.size > MAX_CACHED_TEXTS) pieces.clear()
      return this.#fetch(chunk, request, vectors?.[index], rows, pieces)
    })
  }

  #context(chunk: ChunkRow, row: DocumentRow, expand: Expansion, pieces: Map<number, TextPiece[]>): ChunkContext {
    const { documents } = this.#state
    const { before, after } = reachOf(expand)
    const first = Math.max(row.first_chunk, chunk.chunk - before)
    const end = Math.min(row.first_chunk + row.chunk_count, chunk.chunk + after + 1)
    const near = documents.chunks({ first_chunk: first, chunk_count: end - first })
    const chunks = contextOf(chunk, near, expand)
    const start = Math.min(...chunks.map((one) => one.start_offset))
    const stop = Math.max(...chunks.map((one) => one.end_offset))
    return {
      text: documents.slice(row, start, stop, pieces),
      start,
      end: stop,
      chunks: chunks.map((one) => ({
        ordinal: one.ordinal,
        start: one.start_offset,
        end: one.end_offset,
        headings: JSON.parse(one.headings) as string[],
        ...locationField(one),
      })),
    }
  }

  #fetch(
    number: number,
    request: FetchRequest,
    vector: Float32Array | undefined,
    rows: Map<number, FetchedDocument>,
    pieces: Map<number, TextPiece[]>,
  ): FetchedChunk | undefined {
    const { directory, documents, keywords } = this.#state
    const chunk = documents.chunk(number)
    if (chunk === undefined) return undefined
    let document = rows.get(chunk.document)
    if (document === undefined) {
      const row = documents.find(directory.idOf(chunk.document) ?? '')
      invariant(row !== undefined, 'a chunk has its document')
      document = { row, metadata: JSON.parse(row.metadata) as JsonObject }
      rows.set(chunk.document, document)
    }
    const { row, metadata } = document
    const { start_offset: start, end_offset: end, language } = chunk
    const context = request.expand && this.#context(chunk, row, request.expand, pieces)
    const text = documents.slice(row, start, end, pieces)
    const explain = request.explain
    const statistics = explain && (explain.statistics ?? keywords.statistics(explain.words))
    return {
      chunk: number,
      documentId: row.id,
      ordinal: chunk.ordinal,
      ...(row.title === null ? {} : { title: row.title }),
      ...(row.url === null ? {} : { url: row.url }),
      text,
      start,
      end,
      headings: JSON.parse(chunk.headings) as string[],
      ...locationField(chunk),
      language,
      metadata,
      highlights: request.highlightWords === undefined ? [] : highlights(text, request.highlightWords, language),
      ...(vector === undefined ? {} : { vector }),
      ...(context === undefined ? {} : { context }),
      ...(explain === undefined || statistics === undefined
        ? {}
        : { explanation: keywords.explain(explain.words, statistics, explain.bm25, number) }),
    }
  }
}

interface FetchedDocument {
  readonly row: DocumentRow
  readonly metadata: JsonObject
}

/** Numbers of the distinct documents that have a match in any leg, ascending. */
function rankedDocuments(
  legs: ReadonlyMap<string, LegScores>,
  byChunk: ReadonlyMap<number, DirectoryEntry>,
): Uint32Array {
  const documents = new Set<number>()
  for (const { chunks } of legs.values()) for (const chunk of chunks) documents.add(entryOf(byChunk, chunk).document)
  return Uint32Array.from(documents).sort()
}

/** The best `request.candidates` chunks of each leg, each with its scores in every leg. */
function candidatesOf(
  legs: ReadonlyMap<string, LegScores>,
  byChunk: ReadonlyMap<number, DirectoryEntry>,
  request: ShardSearchRequest,
): ShardCandidates {
  const slots = new Map<number, number>()
  for (const { chunks } of legs.values()) {
    const count = Math.min(request.candidates, chunks.length)
    for (let i = 0; i < count; i++) {
      const chunk = chunks[i] ?? 0
      if (!slots.has(chunk)) slots.set(chunk, slots.size)
    }
  }
  const scores: Record<string, Float64Array> = {}
  for (const [leg, found] of legs) {
    const legScores = new Float64Array(slots.size)
    for (const [index, chunk] of found.chunks.entries()) {
      const slot = slots.get(chunk)
      if (slot !== undefined) legScores[slot] = found.scores[index] ?? 0
    }
    scores[leg] = legScores
  }
  const chunks = new Uint32Array(slots.size)
  const ordinals = new Uint32Array(slots.size)
  const documents = new Uint32Array(slots.size)
  const inProfile = new Uint8Array(slots.size)
  const documentIds: string[] = []
  const dictionary = new Map<number, number>()
  for (const [chunk, slot] of slots) {
    const entry = entryOf(byChunk, chunk)
    const ordinal = chunk - entry.firstChunk
    let document = dictionary.get(entry.document)
    if (document === undefined) {
      document = documentIds.push(entry.id) - 1
      dictionary.set(entry.document, document)
    }
    chunks[slot] = chunk
    ordinals[slot] = ordinal
    documents[slot] = document
    inProfile[slot] = isInProfile(entry.languages[ordinal] ?? 'und', request.profileLanguages) ? 1 : 0
  }
  return { chunks, ordinals, documents, documentIds, scores, inProfile }
}

const isInProfile = (language: string, profile: readonly string[]): boolean =>
  profile.length === 0 || language === 'und' || profile.includes(language)

function entryOf(byChunk: ReadonlyMap<number, DirectoryEntry>, chunk: number): DirectoryEntry {
  const entry = byChunk.get(chunk)
  invariant(entry !== undefined, 'an indexed chunk has its document')
  return entry
}
