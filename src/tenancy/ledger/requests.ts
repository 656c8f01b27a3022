/** What the ledger is asked and answers: plain data over RPC, without content. */
import type { CollectionId, TenantUid } from '../../core/ids.ts'
import type { Amounts, Meter, ShardPosition } from '../../core/usage.ts'
import type { TenantLimits } from '../tenant-limits.ts'
import type { Window } from './windows.ts'

/** One shard of a tenant. */
export type ShardRef = Omit<ShardPosition, 'position'>

/** Before a write. With an id that is open already, the amounts and shards are added and the term begins anew. */
export interface ReserveRequest {
  /** Chosen by the caller, 16 base62 characters. */
  readonly id: string
  readonly tenantUid: TenantUid
  /** What stored amounts may grow by, and tokens and money that may be spent. Empty: renews only. */
  readonly amounts: Amounts
  readonly limits: TenantLimits
  /** Where its commits may be. */
  readonly shards: readonly ShardRef[]
  /** The caller believes that it is open: if it is not, nothing is reserved and the answer is `gone`. */
  readonly renews?: boolean
}

export type ReserveResult =
  | { readonly status: 'granted'; readonly expiresAtMs: number }
  | {
      readonly status: 'refused'
      /** The first meter that would pass its limit. */
      readonly meter: Meter
      readonly limit: number
      readonly used: number
      /** What is left of every meter that has a limit; never negative. */
      readonly available: Amounts
      /** Until the window ends; absent for what is stored. */
      readonly retryAfterSeconds?: number
    }
  | { readonly status: 'gone' }

/** Before tokens are spent that no write reserves: those of texts that are embedded or ranked for the caller. */
export interface TokenLeaseRequest {
  readonly tenantUid: TenantUid
  /** Estimated; at least 0. */
  readonly tokens: number
  /** What they would cost, in nano-dollars. */
  readonly spend: number
  readonly limits: TenantLimits
}

export type TokenLease =
  /** `recordReads` with the id ends it. */
  | { readonly status: 'granted'; readonly id: string; readonly expiresAtMs: number }
  | {
      readonly status: 'refused'
      readonly meter: Meter
      readonly retryAfterSeconds?: number
    }

export type ReadMeter = 'searches' | 'answers'

export interface ReadLeaseRequest {
  readonly tenantUid: TenantUid
  readonly meter: ReadMeter
  /** At least 1. */
  readonly want: number
  readonly limits: TenantLimits
  /** Only the quota counts: searches by keyword go on when the day's budget is spent, where the tenant chose so. */
  readonly beyondBudget?: boolean
}

export type ReadLease =
  /** `count` reads may be done until `expiresAtMs`; `recordReads` with the id ends it. */
  | { readonly status: 'granted'; readonly id: string; readonly count: number; readonly expiresAtMs: number }
  | {
      readonly status: 'refused'
      /** The quota of the month, or the day's budget. */
      readonly meter: ReadMeter | 'spend'
      readonly retryAfterSeconds: number
      /** For `spend`: what the tenant chose. */
      readonly whenSpent?: 'keyword' | 'reject'
    }

/** Reads that were done and not yet reported. */
export interface ReadCount {
  readonly collectionId: CollectionId
  readonly keyId: string
  readonly searches: number
  readonly answers: number
  /** UTC, `2026-01-31`. */
  readonly day: string
}

/** What requests that write nothing had a model read. */
export interface ModelCount extends ModelAmounts {
  /** Absent where the request names none. */
  readonly collectionId?: CollectionId
  readonly keyId: string
  /** UTC, `2026-01-31`. */
  readonly day: string
  /** Of the tokens, those that count against the quota of the month: all but those of queries. */
  readonly quotaTokens: number
}

/** What an isolate tells at once. */
export interface ReadReport {
  /** Chosen by the isolate, 16 base62 characters: a report that is told again under its id counts once. */
  readonly id: string
  readonly reads: readonly ReadCount[]
  readonly models?: readonly ModelCount[]
  /** Leases that end with it. */
  readonly leaseIds: readonly string[]
}

export const USAGE_GROUPS = ['day', 'collection', 'key'] as const
export type UsageGroup = (typeof USAGE_GROUPS)[number]

export interface UsageQuery {
  /** UTC days, both included. */
  readonly fromDay: string
  readonly toDay: string
  readonly groupBy: UsageGroup
  readonly limits: TenantLimits
}

export interface UsageCounts {
  readonly searches: number
  readonly answers: number
  readonly documentsWritten: number
  readonly documentsDeleted: number
  readonly chunksWritten: number
  readonly bytesWritten: number
  readonly embeddingTokens: number
  /** What models read, queries included, in nano-dollars. */
  readonly tokenCost: number
}

/** What one model did. */
export interface ModelAmounts {
  /** Its name: the id of its profile, or of the weights. */
  readonly model: string
  /** Documents that got vectors, and requests beside them that had it read something. */
  readonly requests: number
  readonly tokens: number
  /** Nano-dollars. */
  readonly cost: number
}

export interface UsageRow extends UsageCounts {
  /** The day, the collection's id or the key's id; empty for calls that name no collection. */
  readonly group: string
  readonly models: readonly ModelAmounts[]
  /** Nano-dollars; with storage unless grouped by key, because storage has none. */
  readonly cost: number
}

export interface StoredAmounts {
  readonly documents: number
  readonly chunks: number
  readonly bytes: number
}

/** A meter that has a limit, and how much of it is used. In the meter's unit. */
export interface MeterUse {
  readonly meter: Meter
  readonly limit: number
  /** Counted, and held by accepted work. */
  readonly used: number
  /** By writes and leases under way. */
  readonly reserved: number
  readonly window: Window
  /** Absent for what is stored. */
  readonly resetsAtMs?: number
  /** The highest of 80 and 100 percent that is reached. */
  readonly warning?: 80 | 100
}

export interface UsageReport {
  readonly rows: readonly UsageRow[]
  readonly totals: UsageCounts & { readonly cost: number }
  readonly models: readonly ModelAmounts[]
  readonly stored: StoredAmounts
  readonly limits: readonly MeterUse[]
}

/** A meter reached 80 or 100 percent of its limit for the first time in its window. */
export interface QuotaWarning {
  readonly type: 'quota.warning'
  readonly meter: Meter
  readonly percent: 80 | 100
  /** As they go to people: US dollars for `spend`. */
  readonly limit: number
  readonly used: number
  /** `stored`, a month (`2026-01`) or a day (`2026-01-31`). */
  readonly window: string
  readonly atMs: number
}

/** Absolute sums of days that changed. */
export interface RollUpBatch {
  readonly tenantUid: TenantUid
  readonly atMs: number
  readonly usage: readonly (UsageCounts & {
    readonly day: string
    readonly collectionId: CollectionId
    readonly keyId: string
    /** Grows with every change of the row. */
    readonly revision: number
  })[]
  readonly stored: readonly (StoredAmounts & {
    readonly day: string
    readonly collectionId: CollectionId
    readonly revision: number
  })[]
}
