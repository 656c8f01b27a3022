/**
 * What a shard answers over RPC: plain data in, plain data out. `ShardObject` implements it, `placement.ts` hands out
 * stubs of it, the use-cases know nothing else of storage. Every method may throw a Problem; `collection_gone` means that
 * the shard was erased or never initialised, so the caller looks the collection up again.
 */
import type { Location, OutlineBlock, TextFormat } from '../chunking/document-text.ts'
import type { JsonObject } from '../core/canonical-json.ts'
import type { VectorLeg } from '../core/packed-vectors.ts'
import type { Bm25, Explanation, KeywordStatistics } from '../keyword/keyword-index.ts'
import type { FacetValue } from '../metadata/metadata-index.ts'
import type { Filter } from '../metadata/filter.ts'
import type { Amounts } from '../core/usage.ts'
import type { ChunkContext, Expansion } from './chunk-context.ts'
import type { ExportedChunk, StoredChunk } from './stored-chunk.ts'
import type { FileWorkApi, ItemStatus } from './file-work-api.ts'
import type { DeleteContext, DeleteSelection, Deleted, WriteContext } from './write-context.ts'

/** What a shard must know of the collection's generation; written by `initialise`, and again when an open choice is made. */
export interface ShardSetup {
  readonly tenantUid: string
  readonly collectionId: string
  /** With the collection's id it names the placement, in reports to the tenant's object. */
  readonly placementEpoch: number
  readonly generation: string
  readonly shard: number
  readonly profileId: string
  /** Of the profile; absent: 1. */
  readonly profileVersion?: number
  /** Of the profile, in US dollars; absent: 0. */
  readonly pricePerMillionTokens?: number
  /** Until the first documents choose between models of these dimensions; nothing is stored before. See `shard-setup.ts`. */
  readonly isModelOpen?: true
  readonly dimensions: number
  /** `int8` with one scale a vector for models' vectors, `f32` for vectors that callers bring. */
  readonly precision: 'int8' | 'f32'
  /** The named vectors that callers bring; absent where a chunk has one vector. */
  readonly vectors?: readonly VectorLeg[]
}

// ---- writing ----

export type { ItemStatus, WriteContext }
export type { ExportedChunk, Location, OutlineBlock, StoredChunk, TextFormat }

/** A document as accepted: normalised, parsed, validated. */
export interface SourceDocument {
  readonly id: string
  readonly title?: string
  readonly url?: string
  /** As declared, else the collection's; `auto` leaves it to each chunk. */
  readonly language?: string
  readonly metadata: JsonObject
  /** Whom it is visible to, beside those who see everything; absent: everyone. */
  readonly acl?: readonly string[]
  readonly format: TextFormat
  readonly text: string
  readonly outline?: readonly OutlineBlock[]
  /** Hex SHA-256 over the canonical JSON of the caller's fields and the generation's profile. */
  readonly contentHash: string
}

export interface PreparedChunk {
  /** UTF-16 offsets into the document's text, half-open. */
  readonly start: number
  readonly end: number
  readonly headings: readonly string[]
  /** Title and heading path that stand before the chunk's text in what is embedded and indexed; may be empty. */
  readonly prefix: string
  /** BCP 47 primary subtag, `und` when undetermined. */
  readonly language: string
  readonly tokens: number
  readonly truncated: boolean
  /** Hex digest (32 digits) of the embedded string and profile: equal keys have equal vectors. */
  readonly vectorKey: string
  /**
   * Where the collection names its vectors: all of them, packed. Absent: reuse the vector that the current version has under
   * the same key; in a staged document: embed it later.
   */
  readonly vector?: Float32Array
  /** True where no vector belongs to the chunk (a bring-your-own document without one). */
  readonly withoutVector?: boolean
  /** Where it stands in the file that the document comes from. */
  readonly location?: Location
}

/** A write's place in the order; valid only for the run of the object that issued it, and for ten minutes. */
export interface Ticket {
  readonly epoch: string
  readonly sequence: number
  readonly version: number
}

export interface BeginItem {
  readonly id: string
  readonly contentHash: string
  readonly metadata: JsonObject
  readonly acl?: readonly string[]
  /** ETag that the latest accepted version must have (`*`: any existing one). */
  readonly ifMatch?: string
}

/** What a version amounts to. */
export interface VersionSize {
  readonly chunks: number
  /** UTF-8 bytes of the text. */
  readonly bytes: number
  readonly tokens: number
}

export type BeginResult =
  | { readonly status: 'unchanged'; readonly version: number; readonly chunks: number }
  | {
      readonly status: 'accepted'
      readonly ticket: Ticket
      readonly knownVectorKeys: readonly string[]
      /** Chunks that this version may have before the shard is full: more would end as `shard_full`. */
      readonly room: number
      /** The version that this one would replace, pending or applied: it grows by the difference, and by no document. */
      readonly current?: VersionSize
    }
  | { readonly status: 'refused'; readonly code: 'outside_filter' | 'precondition_failed' | 'not_found' }

export interface PreparedDocument {
  readonly source: SourceDocument
  readonly chunks: readonly PreparedChunk[]
  readonly ticket: Ticket
  /**
   * What was reserved for this document, beside a `reserved` allowance. A commit or stage that would take more, because
   * the version that it replaces is another one than `begin` told of, answers `retry`.
   */
  readonly reserved?: Amounts
}

export type CommitResult =
  | {
      /** `superseded`: a later write was applied already; this one is acknowledged, not visible. */
      readonly status: 'created' | 'replaced' | 'superseded'
      readonly version: number
      readonly chunks: number
      /** Position in the change log from which the write is readable: what `atLeastSequence` takes. */
      readonly sequence: number
    }
  /**
   * The ticket is of an earlier run, or vectors to be reused are gone, or `begin` would refuse the write now: begin
   * again. Nothing was written.
   */
  | { readonly status: 'retry' }
  | { readonly status: 'failed'; readonly code: 'shard_full'; readonly detail: string }

/** A document to index later, with what it holds of the tenant's allowance until it is applied or ends. */
export interface StagedDocument extends PreparedDocument {
  readonly reserved: Amounts
}

/** What a job's PUT leaves in the shard: documents to index, and items that were settled at once. */
export interface StageRequest {
  readonly jobId: string
  readonly documents: readonly StagedDocument[]
  readonly settled: readonly { readonly id: string; readonly status: 'unchanged' | 'failed'; readonly code?: string }[]
}

export type StageResult = { readonly status: 'staged' } | { readonly status: 'retry' }

export interface JobCounts {
  readonly queued: number
  /** Indexed, unchanged or superseded. */
  readonly succeeded: number
  /** Of the succeeded ones, those that a later accepted write of their document overtook. */
  readonly superseded: number
  readonly failed: number
  readonly cancelled: number
  /** When the last of its items changed; 0 without items. */
  readonly updatedAtMs: number
  /** Up to 100 failures. */
  readonly failures: readonly { readonly documentId: string; readonly code: string; readonly detail?: string }[]
}

// ---- reading documents ----

export type DocumentInclude = 'text' | 'chunks' | 'vectors'

export interface StoredDocument {
  readonly id: string
  readonly title?: string
  readonly url?: string
  /** As declared; where that is `auto`, the language of most of the chunks' tokens, `und` when undetermined. */
  readonly language: string
  readonly metadata: JsonObject
  readonly acl?: readonly string[]
  readonly version: number
  /** `pending`: accepted with 202 and no version of it is applied yet. */
  readonly status: 'indexed' | 'pending'
  readonly chunkCount: number
  readonly bytes: number
  readonly contentHash: string
  readonly etag: string
  readonly createdAtMs: number
  readonly updatedAtMs: number
  readonly text?: string
  readonly chunks?: readonly StoredChunk[]
  /** One a chunk, in ordinal order; named ones packed. */
  readonly vectors?: readonly (Float32Array | undefined)[]
}

export interface ShardStatistics {
  readonly documents: number
  readonly chunks: number
  readonly bytes: number
  readonly pending: number
  readonly sequence: number
}

// ---- moving documents ----

/** An applied document, whole: `importDocuments` puts exactly this in place. */
export interface ExportedDocument {
  readonly source: SourceDocument
  readonly version: number
  readonly createdAtMs: number
  readonly updatedAtMs: number
  readonly precision: 'int8' | 'f32'
  readonly chunks: readonly ExportedChunk[]
}

/** Which documents a reader may see: the conjunction of filters, as a tree. */
export type Visibility = Filter | undefined

// ---- searching ----

/** Names under which the legs' vectors and raw scores travel; a search has one vector leg, whatever its vectors are called. */
export const VECTOR_LEG = 'default'
export const KEYWORD_LEG = 'keyword'

export interface KeywordQuery {
  /** Distinct folded words, from `text/`'s `queryWords`. */
  readonly words: readonly string[]
  readonly bm25: Bm25
  /** Global figures; absent when this shard is the only one and computes its own. */
  readonly statistics?: KeywordStatistics
}

export interface ShardSearchRequest {
  /** The visibility mask and the caller's filter, already combined. */
  readonly filter?: Filter
  readonly keyword?: KeywordQuery
  /** The space of the query vectors; in another than the shard's they are refused. See `models/vector-space.ts`. */
  readonly space?: string
  /** Query vectors by leg; row-major rows for a multi-vector. */
  readonly vectors?: { readonly [leg: string]: Float32Array }
  /** The named vector that the vector leg searches; the first by default. */
  readonly using?: string
  /** Candidates a leg; every positive one in the exact engines. */
  readonly candidates: number
  readonly exact: boolean
  readonly facets?: readonly string[]
  /** Only chunks written at or before this position of the change log (frozen by rrf cursors). */
  readonly atMostSequence?: number
  /** Answers `overloaded` if the shard is behind it. */
  readonly atLeastSequence?: number
  /** BCP 47 subtags of the model's profile, for λ(document); empty: any. */
  readonly profileLanguages: readonly string[]
}

/** Candidates of one shard: parallel arrays over chunks, raw true scores in both legs. */
export interface ShardCandidates {
  readonly chunks: Uint32Array
  readonly ordinals: Uint32Array
  /** Index into `documentIds`. */
  readonly documents: Uint32Array
  readonly documentIds: readonly string[]
  /** Raw scores by leg: `keyword` and every vector leg asked for. */
  readonly scores: { readonly [leg: string]: Float64Array }
  /** 1 where the chunk's language is in the profile or undetermined. */
  readonly inProfile: Uint8Array
}

export interface ShardSearchResult {
  readonly candidates: ShardCandidates
  /** Largest raw score by leg over the whole ranked set; 0 without a match. */
  readonly maxima: { readonly [leg: string]: number }
  /** Distinct documents of the whole ranked set. */
  readonly documentCount: number
  readonly facets?: Record<string, FacetValue[]>
  readonly statistics?: KeywordStatistics
  readonly sequence: number
  readonly timingsMs: { readonly vector: number; readonly keyword: number }
}

export interface FetchRequest {
  readonly chunks: readonly number[]
  /** Words to mark; absent: no highlights. */
  readonly highlightWords?: readonly string[]
  /** Of the named vector `using`, where the collection names its vectors. */
  readonly withVectors?: boolean
  readonly using?: string
  /** Ask for their neighbours. */
  readonly expand?: Expansion
  /** Ask for BM25's parts. */
  readonly explain?: KeywordQuery
}

export interface FetchedChunk {
  readonly chunk: number
  readonly documentId: string
  readonly ordinal: number
  readonly title?: string
  readonly url?: string
  readonly text: string
  readonly start: number
  readonly end: number
  readonly headings: readonly string[]
  readonly location?: Location
  readonly language: string
  readonly metadata: JsonObject
  readonly highlights: readonly { readonly start: number; readonly end: number }[]
  readonly vector?: Float32Array
  readonly explanation?: Explanation
  readonly context?: ChunkContext
}

export interface ShardApi extends FileWorkApi {
  initialise(setup: ShardSetup): Promise<void>
  /** Empties the object for good (`deleteAll`); every later call answers `collection_gone`. */
  erase(): Promise<void>

  begin(items: readonly BeginItem[], context: WriteContext): Promise<BeginResult[]>
  commit(document: PreparedDocument, context: WriteContext): Promise<CommitResult>
  /** Gives up tickets that will not be committed or staged, so that their versions are free again; optional. */
  release(tickets: readonly Ticket[]): Promise<void>
  stage(request: StageRequest, context: WriteContext): Promise<StageResult>
  /** Deletes what exists and is visible, in ids' order; returns how many were. Takes a sequence number for each. */
  deleteDocuments(selection: DeleteSelection, context: DeleteContext): Promise<Deleted>

  jobCounts(jobIds: readonly string[]): Promise<Record<string, JobCounts>>
  cancelJob(jobId: string): Promise<void>

  document(
    id: string,
    options: { readonly include: readonly DocumentInclude[]; readonly visibility?: Filter },
  ): Promise<StoredDocument | undefined>
  /** The latest accepted version (pending or applied) with its whole text and outline, for PATCH and re-indexing. */
  latestSource(id: string, visibility?: Filter): Promise<{ source: SourceDocument; etag: string } | undefined>
  /** Applied documents with `id > after` by UTF-8 bytes, in that order. */
  listDocuments(options: {
    readonly after?: string
    readonly limit: number
    readonly visibility?: Filter
  }): Promise<StoredDocument[]>
  /** Totals of the documents that are visible. */
  statistics(visibility?: Filter): Promise<ShardStatistics>

  keywordStatistics(words: readonly string[]): Promise<KeywordStatistics & { readonly sequence: number }>
  search(request: ShardSearchRequest): Promise<ShardSearchResult>
  fetch(request: FetchRequest): Promise<(FetchedChunk | undefined)[]>
  /** Facets over an explicit set of documents, where `minScore` cut the ranked set. */
  facets(fields: readonly string[], documentIds: readonly string[]): Promise<Record<string, FacetValue[]>>

  /** Tells the tenant's object all that the change log says; answers the position up to which it knows. */
  flushChanges(): Promise<number>

  /**
   * Applied documents with `id > after` by UTF-8 bytes, in that order: at most `limit`, and after the first one only as
   * many as fit `maxBytes` (texts and vectors). What is pending is not exported.
   */
  exportDocuments(options: {
    readonly after?: string
    readonly limit: number
    readonly maxBytes: number
  }): Promise<ExportedDocument[]>
  /**
   * Puts exported documents in place, one transaction each, with their versions, times and hashes; what is there already
   * as given is left alone, so a repetition changes nothing.
   * @throws conflict when a document is there in another state
   */
  importDocuments(
    documents: readonly ExportedDocument[],
    context: Pick<WriteContext, 'keyId' | 'chosen'>,
  ): Promise<void>
  /**
   * 64 hex digits: the sum, modulo 2^256, of SHA-256 digests of all applied documents. It depends on no order and no
   * internal number, and the hashes of several shards add up (`addStateHashes`).
   */
  stateHash(): Promise<string>
}
