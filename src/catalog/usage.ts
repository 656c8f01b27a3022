/** Usage by day in D1: a projection of the tenants' ledgers, for operators' views across tenants. No content. */
import { sql } from 'drizzle-orm'
import type { TenantUid } from '../core/ids.ts'
import type { RollUpBatch, StoredAmounts, UsageCounts } from '../tenancy/ledger.ts'
import type { Connection } from './connection.ts'

/** What one tenant used on one day. */
export interface TenantDay extends UsageCounts {
  readonly tenant: string
  readonly day: string
}

/** What one tenant's collections held on one day when they last changed. */
export interface TenantStoredDay extends StoredAmounts {
  readonly tenant: string
  readonly collectionId: string
  readonly day: string
}

/** The sums, and the days' stored amounts from before the first day on. */
export interface TenantUsage {
  readonly used: readonly TenantDay[]
  readonly stored: readonly TenantStoredDay[]
}

export class UsageDays {
  readonly #connection: Connection

  constructor(connection: Connection) {
    this.#connection = connection
  }

  /** Writes absolute sums; repeating it changes nothing, and of two batches the later one stands. */
  async write({ tenantUid, atMs, usage, stored }: RollUpBatch): Promise<void> {
    // JSON keeps a statement within its number of parameters, whatever the batch's size. An erased tenant has no row.
    await this.#connection.batch(
      sql`INSERT INTO usage_daily (tenant_uid, day, collection_id, key_id, searches, answers, documents_written,
          documents_deleted, chunks_written, bytes_written, embedding_tokens, token_cost, updated_at_ms)
        SELECT ${tenantUid}, value ->> 'day', value ->> 'collectionId', value ->> 'keyId', value ->> 'searches',
          value ->> 'answers', value ->> 'documentsWritten', value ->> 'documentsDeleted', value ->> 'chunksWritten',
          value ->> 'bytesWritten', value ->> 'embeddingTokens', value ->> 'tokenCost', ${atMs}
        FROM json_each(${JSON.stringify(usage)}) WHERE ${isAlive(tenantUid)}
        ON CONFLICT DO UPDATE SET searches = excluded.searches, answers = excluded.answers,
          documents_written = excluded.documents_written, documents_deleted = excluded.documents_deleted,
          chunks_written = excluded.chunks_written, bytes_written = excluded.bytes_written,
          embedding_tokens = excluded.embedding_tokens, token_cost = excluded.token_cost, updated_at_ms = excluded.updated_at_ms
        WHERE excluded.updated_at_ms >= updated_at_ms`,
      sql`INSERT INTO usage_stored_daily (tenant_uid, day, collection_id, documents, chunks, bytes, updated_at_ms)
        SELECT ${tenantUid}, value ->> 'day', value ->> 'collectionId', value ->> 'documents', value ->> 'chunks',
          value ->> 'bytes', ${atMs}
        FROM json_each(${JSON.stringify(stored)}) WHERE ${isAlive(tenantUid)}
        ON CONFLICT DO UPDATE SET documents = excluded.documents, chunks = excluded.chunks, bytes = excluded.bytes,
          updated_at_ms = excluded.updated_at_ms
        WHERE excluded.updated_at_ms >= updated_at_ms`,
    )
  }

  /** Of all tenants that there are, between two UTC days, both included; at most a minute old. */
  async ofTenants(fromDay: string, toDay: string): Promise<TenantUsage> {
    const [used, stored] = await this.#connection.batch(
      sql`SELECT tenants.id AS tenant, day, sum(searches) AS searches, sum(answers) AS answers,
          sum(documents_written) AS documentsWritten, sum(documents_deleted) AS documentsDeleted,
          sum(chunks_written) AS chunksWritten, sum(bytes_written) AS bytesWritten,
          sum(embedding_tokens) AS embeddingTokens, sum(token_cost) AS tokenCost
        FROM usage_daily INNER JOIN tenants ON tenants.uid = usage_daily.tenant_uid
        WHERE tenants.deleted_at_ms IS NULL AND day BETWEEN ${fromDay} AND ${toDay} GROUP BY 1, 2 ORDER BY 1, 2`,
      sql`SELECT tenants.id AS tenant, collection_id AS collectionId, day, documents, chunks, bytes
        FROM usage_stored_daily INNER JOIN tenants ON tenants.uid = usage_stored_daily.tenant_uid
        WHERE tenants.deleted_at_ms IS NULL AND day <= ${toDay} ORDER BY 1, 2, 3`,
    )
    return { used: rowsOf<TenantDay>(used), stored: rowsOf<TenantStoredDay>(stored) }
  }
}

const isAlive = (tenantUid: TenantUid) =>
  sql`EXISTS (SELECT 1 FROM tenants WHERE uid = ${tenantUid} AND deleted_at_ms IS NULL)`

const rowsOf = <Row>(result: D1Result | undefined): Row[] => (result?.results ?? []) as Row[]
