/**
 * The D1 tables of the control plane, and the source of `migrations/`: change this file, run `drizzle-kit generate`, raise
 * `SCHEMA_VERSION` and end the new migration with the statement that records it. Changes only expand; a column is removed
 * one release after its last reader. No content: no title, url, text, metadata or file name, ever.
 */
import { sql } from 'drizzle-orm'
import { index, integer, primaryKey, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core'
import type { JsonObject } from '../core/canonical-json.ts'
import type { CollectionId, JobId, TenantUid } from '../core/ids.ts'
import type { ChunkingSettings } from '../chunking/chunk.ts'
import type { ModelProfile } from '../models/embedder.ts'
import type { ModelSource, ModelTask } from '../models/model.ts'
import type { Scope } from '../tenancy/scopes.ts'
import type { KeyRateLimit, TenantLimits } from '../tenancy/tenant-limits.ts'
import type { CollectionSettings, JobKind, JobStatus, ModelChoice } from './records.ts'

/** What this Worker needs: the number of files in `migrations/`. */
export const SCHEMA_VERSION = 6

/** Facts about the database itself: `schema_version`. */
export const meta = sqliteTable('meta', {
  key: text('key').primaryKey(),
  value: integer('value').notNull(),
})

/** A deleted tenant keeps its id and `deleted_at_ms`; `uid` goes when the erasure is finished, all else when it starts. */
export const tenants = sqliteTable(
  'tenants',
  {
    id: text('id').primaryKey(),
    uid: text('uid').$type<TenantUid>(),
    name: text('name'),
    suspended: integer('suspended', { mode: 'boolean' }).notNull().default(false),
    limits: text('limits', { mode: 'json' }).$type<TenantLimits>(),
    createdAtMs: integer('created_at_ms'),
    updatedAtMs: integer('updated_at_ms'),
    deletedAtMs: integer('deleted_at_ms'),
  },
  (table) => [uniqueIndex('tenants_by_uid').on(table.uid)],
)

export const keys = sqliteTable(
  'keys',
  {
    id: text('id').primaryKey(),
    tenantUid: text('tenant_uid').$type<TenantUid>().notNull(),
    name: text('name').notNull(),
    kind: text('kind').$type<'secret' | 'public'>().notNull(),
    /** Hex SHA-256 of the full key string. */
    secretHash: text('secret_hash').notNull(),
    /** Base64url; secret keys only. See `tenancy/issue-key.ts`. */
    sealedSigningKey: text('sealed_signing_key'),
    scopes: text('scopes', { mode: 'json' }).$type<Scope[]>().notNull(),
    collections: text('collections', { mode: 'json' }).$type<string[]>(),
    origins: text('origins', { mode: 'json' }).$type<string[]>(),
    ipRanges: text('ip_ranges', { mode: 'json' }).$type<string[]>(),
    filter: text('filter', { mode: 'json' }).$type<JsonObject>(),
    rateLimit: text('rate_limit', { mode: 'json' }).$type<KeyRateLimit>(),
    expiresAtMs: integer('expires_at_ms'),
    /** Tokens issued before it are refused. */
    tokensNotBeforeMs: integer('tokens_not_before_ms'),
    /** What the secret was before the last rotation, until its grace ends; NULL where it had none. */
    previousSecretHash: text('previous_secret_hash'),
    previousSealedSigningKey: text('previous_sealed_signing_key'),
    previousUntilMs: integer('previous_until_ms'),
    /** The operation that rotated the key last, so that its repetition keeps what stood before it. */
    rotatedBy: text('rotated_by'),
    /** Exact to a minute, and late by as much. */
    lastUsedAtMs: integer('last_used_at_ms'),
    version: integer('version').notNull().default(1),
    /** Key id of the maker, or `root`. */
    createdBy: text('created_by').notNull(),
    createdAtMs: integer('created_at_ms').notNull(),
    updatedAtMs: integer('updated_at_ms').notNull(),
    revokedAtMs: integer('revoked_at_ms'),
  },
  (table) => [index('keys_by_tenant').on(table.tenantUid, table.id)],
)

/** A row marked deleted waits for its shards to be erased; its name is free at once. */
export const collections = sqliteTable(
  'collections',
  {
    id: text('id').$type<CollectionId>().primaryKey(),
    tenantUid: text('tenant_uid').$type<TenantUid>().notNull(),
    name: text('name').notNull(),
    placementEpoch: integer('placement_epoch').notNull().default(1),
    language: text('language').notNull(),
    settings: text('settings', { mode: 'json' }).$type<CollectionSettings>().notNull(),
    /** The live generation. */
    generationId: text('generation_id').notNull(),
    /** NULL: the caller named the model. */
    modelChoice: text('model_choice').$type<ModelChoice>(),
    createdAtMs: integer('created_at_ms').notNull(),
    updatedAtMs: integer('updated_at_ms').notNull(),
    deletedAtMs: integer('deleted_at_ms'),
  },
  (table) => [
    uniqueIndex('collections_live_by_name')
      .on(table.tenantUid, table.name)
      .where(sql`deleted_at_ms IS NULL`),
    index('collections_by_tenant').on(table.tenantUid),
  ],
)

export const generations = sqliteTable(
  'generations',
  {
    id: text('id').primaryKey(),
    collectionId: text('collection_id').$type<CollectionId>().notNull(),
    profileId: text('profile_id').notNull(),
    dimensions: integer('dimensions').notNull(),
    /** The whole profile; NULL in rows of releases that knew the product's own models only, whose profile is known by its id. */
    profile: text('profile', { mode: 'json' }).$type<ModelProfile>(),
    /** A row of `models`, or a model of the product, which has none; NULL means the one that `profile_id` names. */
    modelUid: text('model_uid'),
    chunking: text('chunking', { mode: 'json' }).$type<ChunkingSettings>().notNull(),
    shards: integer('shards').notNull(),
    precision: text('precision').$type<'int8' | 'f32'>().notNull(),
    createdAtMs: integer('created_at_ms').notNull(),
  },
  (table) => [
    index('generations_by_collection').on(table.collectionId),
    index('generations_by_model').on(table.modelUid),
  ],
)

/** Models that a tenant brings. One without a name belongs to a single collection and goes with it. */
export const models = sqliteTable(
  'models',
  {
    uid: text('uid').primaryKey(),
    tenantUid: text('tenant_uid').$type<TenantUid>().notNull(),
    name: text('name'),
    task: text('task').$type<ModelTask>().notNull(),
    /** NULL unless the model embeds. */
    profile: text('profile', { mode: 'json' }).$type<ModelProfile>(),
    /** Provider keys in it are sealed; see `apiKeyContext` in `models/model.ts`. */
    source: text('source', { mode: 'json' }).$type<ModelSource>().notNull(),
    createdAtMs: integer('created_at_ms').notNull(),
    updatedAtMs: integer('updated_at_ms').notNull(),
  },
  (table) => [uniqueIndex('models_by_name').on(table.tenantUid, table.name)],
)

export const jobs = sqliteTable(
  'jobs',
  {
    id: text('id').$type<JobId>().primaryKey(),
    tenantUid: text('tenant_uid').$type<TenantUid>().notNull(),
    collectionId: text('collection_id').$type<CollectionId>().notNull(),
    kind: text('kind').$type<JobKind>().notNull().default('documents'),
    status: text('status').$type<JobStatus>().notNull(),
    total: integer('total').notNull(),
    keyId: text('key_id').notNull(),
    createdAtMs: integer('created_at_ms').notNull(),
    updatedAtMs: integer('updated_at_ms').notNull(),
    finishedAtMs: integer('finished_at_ms'),
  },
  (table) => [index('jobs_by_tenant').on(table.tenantUid, table.createdAtMs, table.id)],
)

/** Absolute counts of one shard's items of a job; a repeated report changes nothing. */
export const jobProgress = sqliteTable(
  'job_progress',
  {
    jobId: text('job_id').$type<JobId>().notNull(),
    shard: integer('shard').notNull(),
    succeeded: integer('succeeded').notNull(),
    failed: integer('failed').notNull(),
    cancelled: integer('cancelled').notNull(),
  },
  (table) => [primaryKey({ columns: [table.jobId, table.shard] })],
)

/** The document catalogue: a projection of the shards' change logs. */
export const documents = sqliteTable(
  'documents',
  {
    collectionId: text('collection_id').$type<CollectionId>().notNull(),
    documentId: text('document_id').notNull(),
    tenantUid: text('tenant_uid').$type<TenantUid>().notNull(),
    status: text('status').$type<'indexed' | 'pending' | 'failed'>().notNull(),
    bytes: integer('bytes').notNull(),
    chunks: integer('chunks').notNull(),
    version: integer('version').notNull(),
    sequence: integer('sequence').notNull(),
    updatedAtMs: integer('updated_at_ms').notNull(),
  },
  (table) => [primaryKey({ columns: [table.collectionId, table.documentId] })],
)

/** What a tenant's collections and keys did on a UTC day (`2026-01-31`); absolute sums, written again as they grow. */
export const usageDaily = sqliteTable(
  'usage_daily',
  {
    tenantUid: text('tenant_uid').$type<TenantUid>().notNull(),
    day: text('day').notNull(),
    collectionId: text('collection_id').$type<CollectionId>().notNull(),
    keyId: text('key_id').notNull(),
    searches: integer('searches').notNull().default(0),
    answers: integer('answers').notNull().default(0),
    documentsWritten: integer('documents_written').notNull().default(0),
    documentsDeleted: integer('documents_deleted').notNull().default(0),
    chunksWritten: integer('chunks_written').notNull().default(0),
    bytesWritten: integer('bytes_written').notNull().default(0),
    embeddingTokens: integer('embedding_tokens').notNull().default(0),
    tokenCost: integer('token_cost').notNull().default(0),
    updatedAtMs: integer('updated_at_ms').notNull(),
  },
  (table) => [primaryKey({ columns: [table.tenantUid, table.day, table.collectionId, table.keyId] })],
)

/** What a collection held at the end of a UTC day, or holds now. */
export const usageStoredDaily = sqliteTable(
  'usage_stored_daily',
  {
    tenantUid: text('tenant_uid').$type<TenantUid>().notNull(),
    day: text('day').notNull(),
    collectionId: text('collection_id').$type<CollectionId>().notNull(),
    documents: integer('documents').notNull(),
    chunks: integer('chunks').notNull(),
    bytes: integer('bytes').notNull(),
    updatedAtMs: integer('updated_at_ms').notNull(),
  },
  (table) => [primaryKey({ columns: [table.tenantUid, table.day, table.collectionId] })],
)
