/**
 * What is metered, in the words that shards, the tenant's object and the Worker share: meters, amounts, the allowance that
 * a write spends, and the shard's report of what its change log says. Plain data over RPC, no content.
 */
import type { CollectionId, TenantUid } from './ids.ts'

/** Stored now: documents, chunks, bytes. By UTC calendar month: tokens, searches, answers. By UTC day: estimated money. */
export const METERS = [
  'documents',
  'chunks',
  'storedBytes',
  'embeddingTokens',
  'searches',
  'answers',
  /** Nano-dollars (1e-9 USD), by `tenancy/prices.ts`: a search costs less than a millionth of a dollar. */
  'spend',
] as const

export type Meter = (typeof METERS)[number]

/** Whole numbers; absent is 0. */
export type Amounts = Readonly<Partial<Record<Meter, number>>>

/** What a write may use: anything, or what the tenant's object reserved for it until a time. */
export type Allowance =
  | { readonly kind: 'unlimited' }
  /** The shard refuses to commit after `expiresAtMs`, so that an unsettled reservation can be resolved. */
  | { readonly kind: 'reserved'; readonly id: string; readonly expiresAtMs: number }

/** A model whose tokens are paid for: its name in usage, and its list price in US dollars for a million input tokens. */
export interface PricedModel {
  readonly id: string
  readonly pricePerMillionTokens: number
}

/** One entry of a shard's change log as the tenant's object learns it. */
export interface ReportedChange {
  /** Place in the log, from 1, without gaps within a report. */
  readonly position: number
  /** `staged`, `dropped`: accepted work began or ended without a version (failed, cancelled, superseded). */
  readonly kind: 'created' | 'replaced' | 'deleted' | 'staged' | 'dropped'
  readonly atMs: number
  readonly keyId: string
  readonly documentId?: string
  readonly version?: number
  readonly jobId?: string
  /** Why work was dropped: `failed` items carry their problem code. */
  readonly code?: string
  /** Differences to what is stored: may be negative. */
  readonly documents: number
  readonly chunks: number
  readonly bytes: number
  /** All chunks and bytes of the version that was put in place; 0 unless `created` or `replaced`. */
  readonly chunksWritten: number
  readonly bytesWritten: number
  /** Model tokens of the chunks that got new vectors; never negative. */
  readonly embeddingTokens: number
  /** What staged work holds (positive when staged, the same negative when it ends). */
  readonly held: Amounts
  /** The reservation that paid. */
  readonly reservation?: string
}

/**
 * Entries of one shard in the log's order, all above `after`. A report never ends in the middle of a transaction: what one
 * entry releases and the next one takes must not be seen apart.
 */
export interface ChangeReport {
  readonly tenantUid: TenantUid
  readonly collectionId: CollectionId
  readonly placementEpoch: number
  readonly shard: number
  readonly after: number
  /**
   * What was stored at `after`; only where entries up to there were pruned before anybody was told of them (shards that are
   * older than the ledger).
   */
  readonly baseline?: { readonly documents: number; readonly chunks: number; readonly bytes: number }
  /** What made the vectors; absent in reports of earlier releases, which knew `edge-en` alone. */
  readonly model?: PricedModel
  readonly changes: readonly ReportedChange[]
}

/** Names one shard of a tenant, and a place in its log. */
export interface ShardPosition {
  readonly collectionId: CollectionId
  readonly placementEpoch: number
  readonly shard: number
  readonly position: number
}
