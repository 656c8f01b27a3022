/**
 * What the control plane keeps, as everyone above sees it: plain records without drizzle's types. Control-plane names
 * only; no document content ever reaches D1.
 */
import type { ChunkingSettings } from '../chunking/chunk.ts'
import type { CollectionId, JobId, TenantUid } from '../core/ids.ts'
import type { Bm25 } from '../keyword/keyword-index.ts'
import type { ModelProfile } from '../models/embedder.ts'
import type { EmbeddingModel, Model } from '../models/model.ts'
import type { TenantLimits } from '../tenancy/tenant-limits.ts'

export type { KeyRecord } from '../tenancy/key-store.ts'

/** One page of a list in key order. `nextAfter` is the `after` of the next page, absent at the end. */
export interface Page<T> {
  readonly data: readonly T[]
  readonly nextAfter?: string
}

export interface PageRequest {
  readonly limit: number
  readonly after?: string
}

export interface TenantRecord {
  /** Public, chosen by the operator or generated; after deletion it stays taken for ever. */
  readonly id: string
  readonly uid: TenantUid
  readonly name: string
  readonly suspended: boolean
  readonly limits: TenantLimits
  readonly createdAtMs: number
  readonly updatedAtMs: number
}

/** An immutable build of a collection's index. */
export interface GenerationRecord {
  readonly id: string
  /** What made its vectors, with the profile that they were made with. */
  readonly model: EmbeddingModel
  /** The tenant's name for it, where it has one. */
  readonly modelName?: string
  /** Of `model.profile`, as the shards know it. */
  readonly profileId: string
  readonly dimensions: number
  readonly chunking: ChunkingSettings
  readonly shards: number
  /** `f32` for vectors that callers bring, `int8` for a model's. */
  readonly precision: 'int8' | 'f32'
}

/** A model that a tenant brings. */
export interface ModelRecord extends Model {
  readonly tenantUid: TenantUid
  /** Unique within the tenant; absent where the model belongs to a single collection. */
  readonly name?: string
  /** Absent unless the model embeds. */
  readonly profile?: ModelProfile
  readonly createdAtMs: number
  readonly updatedAtMs: number
}

export interface CollectionSettings {
  readonly bm25?: Bm25
}

/**
 * Who chose a collection's model, where the caller named none. `by_language`: a declared language, or that of the first
 * documents, for good. `open`: nobody yet; until the first documents come the generation is a provisional one, and empty.
 */
export type ModelChoice = 'by_language' | 'open'

export interface CollectionRecord {
  readonly id: CollectionId
  readonly tenantUid: TenantUid
  readonly name: string
  /** Part of the shards' object names; rises when documents move to new objects. */
  readonly placementEpoch: number
  /** BCP 47 or `auto`. */
  readonly language: string
  readonly settings: CollectionSettings
  /** The live one. */
  readonly generation: GenerationRecord
  /** Absent: the caller named the model. */
  readonly modelChoice?: ModelChoice
  readonly createdAtMs: number
  readonly updatedAtMs: number
}

export type JobStatus = 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled'

/** What a job's items are: documents in the shards, or files in the tenant's files object, however they came. */
export type JobKind = 'documents' | 'files' | 'crawl' | 'sync'

/** Absolute counts of settled items; never increments, so that a repeated report changes nothing. */
export interface JobCounters {
  readonly succeeded: number
  readonly failed: number
  readonly cancelled: number
}

export interface JobRecord extends JobCounters {
  readonly id: JobId
  readonly tenantUid: TenantUid
  readonly collectionId: CollectionId
  readonly kind: JobKind
  readonly status: JobStatus
  /** Items; `succeeded + failed + cancelled` of them are settled. */
  readonly total: number
  /** The key that asked. */
  readonly keyId: string
  readonly createdAtMs: number
  readonly updatedAtMs: number
  readonly finishedAtMs?: number
}

export type SettledStatus = Extract<JobStatus, 'succeeded' | 'failed' | 'cancelled'>

export const isSettled = (status: JobStatus): status is SettledStatus =>
  status === 'succeeded' || status === 'failed' || status === 'cancelled'

/** A document as the catalogue shows it to operators: handles and sizes, no content. */
export interface CataloguedDocument {
  readonly id: string
  /** `deleted` removes it from the catalogue. */
  readonly status: 'indexed' | 'pending' | 'failed' | 'deleted'
  readonly bytes: number
  readonly chunks: number
  readonly version: number
  /** The shard's sequence number of the write; an older one never overwrites a newer one. */
  readonly sequence: number
  readonly updatedAtMs: number
}

/** What a shard's change log hands to the catalogue; safe to repeat. */
export interface ProjectionBatch {
  readonly tenantUid: TenantUid
  readonly collectionId: CollectionId
  readonly documents: readonly CataloguedDocument[]
}
