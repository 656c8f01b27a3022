/** What a source is: a site or a part of the inbox from which a collection is fed, as plain data. */
import type { CollectionId, JobId, TenantUid } from '../core/ids.ts'

/** Where a crawl begins, and what of it is taken. */
export interface CrawlSettings {
  readonly kind: 'crawl'
  /** A page whose links are followed, or a sitemap whose pages are read. */
  readonly from: 'page' | 'sitemap'
  /** Normalised. */
  readonly address: string
  readonly include: readonly string[]
  readonly exclude: readonly string[]
  readonly maxPages: number
  /** Links between the first page and the last ones. */
  readonly maxDepth?: number
  readonly respectRobots: boolean
}

export interface BucketSettings {
  readonly kind: 'bucket'
  /** The tenant's own part of the inbox: its public id and a slash. */
  readonly root: string
  /** Below it: `''`, or something that ends in a slash. */
  readonly prefix: string
}

export type SourceSettings = CrawlSettings | BucketSettings

/** A source is known by collection, kind and beginning: saved again, its settings are replaced. */
export interface NewSource {
  readonly tenantUid: TenantUid
  readonly collectionId: CollectionId
  /** The key that made it, whose name its documents' changes bear. */
  readonly keyId: string
  readonly settings: SourceSettings
  readonly schedule?: string
}

/** What a run has done so far. */
export interface RunCounts {
  /** Files that were new or changed. */
  readonly taken: number
  readonly unchanged: number
  readonly failed: number
  /** Files whose documents were deleted, because they are no longer there. */
  readonly removed: number
}

/**
 * Why a run did not see everything, so that what it did not see was kept: `cancelled`; `limit`: there is more than may be
 * taken; `unreachable`: something did not answer; `suspended`: the tenant was, and nothing was fetched.
 */
export type RunGap = 'cancelled' | 'limit' | 'unreachable' | 'suspended'

export interface CurrentRun extends RunCounts {
  readonly jobId: JobId
  readonly startedAtMs: number
}

export interface EndedRun extends CurrentRun {
  readonly endedAtMs: number
  readonly gap?: RunGap
}

export interface SourceRecord {
  readonly id: string
  readonly settings: SourceSettings
  readonly schedule?: string
  readonly nextRunAtMs?: number
  readonly run?: CurrentRun
  readonly lastRun?: EndedRun
  readonly createdAtMs: number
  readonly updatedAtMs: number
}

export interface SourcePage {
  readonly limit: number
  /** The id of the last one seen. */
  readonly after?: string
}

export interface StartedSource {
  readonly sourceId: string
  readonly jobId: JobId
}

/** What a tenant's files object answers over RPC about its sources. */
export interface SourcesApi {
  /** @throws quota_exceeded, not_found */
  saveSource(operationId: string, source: NewSource): Promise<StartedSource>
  listSources(collectionId: CollectionId, page: SourcePage): Promise<SourceRecord[]>
  getSource(collectionId: CollectionId, id: string): Promise<SourceRecord | undefined>
  /** `undefined` without such a source. */
  startSource(collectionId: CollectionId, id: string, operationId: string): Promise<JobId | undefined>
  deleteSource(collectionId: CollectionId, id: string, documents: boolean): Promise<boolean>
  /** A hint, which may be lost, repeated or late. */
  inboxChanged(): Promise<void>
}
