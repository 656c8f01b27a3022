/** What the ingest use-cases stand on, as ports: `worker.ts` passes placement, models, catalogue and sealer as they are. */
import type {
  CollectionRecord,
  JobCounters,
  JobKind,
  JobRecord,
  Page,
  PageRequest,
  SettledStatus,
} from '../catalog/records.ts'
import type { Clock } from '../core/clock.ts'
import type { CollectionId, JobId, TenantUid } from '../core/ids.ts'
import type { CountTokens, Embedder } from '../models/embedder.ts'
import type { EmbeddingModel, ModelCaller } from '../models/model.ts'
import type { Allowances } from '../tenancy/allowances.ts'
import type { ShardApi, WriteContext } from '../shard/shard-api.ts'
import { isRestricted, type Principal } from '../tenancy/principal.ts'
import type { NamingKeys } from './shown-version.ts'
import { WriteQuota } from './write-quota.ts'

export type WriteShard = Pick<
  ShardApi,
  | 'begin'
  | 'commit'
  | 'release'
  | 'stage'
  | 'deleteDocuments'
  | 'cancelJob'
  | 'latestSource'
  | 'document'
  | 'flushChanges'
>
export type ReadShard = Pick<ShardApi, 'document' | 'listDocuments' | 'statistics' | 'jobCounts'>

export interface IngestDependencies {
  readonly placement: {
    forWrite(collection: CollectionRecord, shard: number): WriteShard
    forRead(collection: CollectionRecord, shard: number): ReadShard
  }
  readonly models: {
    passageEmbedder(model: EmbeddingModel, caller: ModelCaller): Embedder
    countTokens(model: EmbeddingModel): Promise<CountTokens>
  }
  readonly jobs: JobStore
  readonly collections: CollectionStore
  readonly sealer: ListSealer
  /** Reserves what writes may use, where the tenant's limits ask for it. */
  readonly allowances: Pick<Allowances, 'forWrite'>
  readonly clock: Clock
}

/** The part of the catalogue that keeps job rows: `catalog.jobs`. */
export interface JobStore {
  create(job: {
    readonly id: JobId
    readonly tenantUid: TenantUid
    readonly collectionId: CollectionId
    readonly kind?: JobKind
    readonly total: number
    readonly keyId: string
  }): Promise<JobRecord>
  find(tenantUid: TenantUid, id: string): Promise<JobRecord | undefined>
  list(
    tenantUid: TenantUid,
    page: PageRequest & { readonly collectionIds?: readonly CollectionId[]; readonly keyId?: string },
  ): Promise<Page<JobRecord>>
  /** Settles the job, too, once all its items are reported. */
  reportProgress(tenantUid: TenantUid, id: JobId, shard: number, counts: JobCounters, atMs?: number): Promise<unknown>
  settle(tenantUid: TenantUid, id: JobId, status: SettledStatus, finishedAtMs?: number): Promise<boolean>
  /** Ends a job whose collection is gone: items that no shard has reported are cancelled. */
  cancelRest(tenantUid: TenantUid, id: JobId): Promise<void>
  remove(tenantUid: TenantUid, id: JobId): Promise<void>
}

/** The part of the catalogue that jobs find their shards by, and first documents choose models in: `catalog.collections`. */
export interface CollectionStore {
  /** The collection as it was chosen, by this call or one before it; `undefined` when it is gone. */
  chooseModel(tenantUid: TenantUid, id: CollectionId, model: EmbeddingModel): Promise<CollectionRecord | undefined>
  find(tenantUid: TenantUid, reference: string): Promise<CollectionRecord | undefined>
  /** `only`: lists of names, ids, and patterns of names that end in `*`; what is listed is in each of them. */
  list(
    tenantUid: TenantUid,
    page: PageRequest & { readonly only?: readonly (readonly string[])[] },
  ): Promise<Page<CollectionRecord>>
}

/** What seals list cursors and names versions; `tenancy/sealing.ts` is one. */
export interface ListSealer extends NamingKeys {
  seal(plain: Uint8Array<ArrayBuffer>, context: string): Promise<Uint8Array<ArrayBuffer>>
  open(sealed: Uint8Array<ArrayBuffer>, context: string): Promise<Uint8Array<ArrayBuffer> | undefined>
}

/** Who reads or writes: a `Principal`, of which only this much matters here. */
export type Caller = Pick<Principal, 'kind' | 'keyId' | 'filter' | 'tenant'>

/** Who writes, for the shard. */
export function writeContext(caller: Caller): WriteContext {
  const { keyId, filter } = caller
  return {
    keyId,
    ...(filter === undefined ? {} : { filter }),
    allowance: { kind: 'unlimited' },
    mayWriteAcl: !isRestricted(caller),
  }
}

/** What its writes may use; `undefined` where its tenant has no limit on writes. */
export function writeQuota(
  { allowances }: Pick<IngestDependencies, 'allowances'>,
  collection: CollectionRecord,
  { tenant }: Caller,
): WriteQuota | undefined {
  const allowance = tenant && allowances.forWrite(tenant)
  return allowance && new WriteQuota(allowance, collection)
}
