/** Tenants: the operator's view. A deleted tenant's public id stays taken for ever; of its row only the id and time stay. */
import { and, asc, eq, gt, isNull, sql } from 'drizzle-orm'
import type { SQL } from 'drizzle-orm'
import { newTenantUid } from '../core/ids.ts'
import type { TenantUid } from '../core/ids.ts'
import { invariant } from '../core/invariant.ts'
import { invalidField, Problem } from '../core/problem.ts'
import { isTenantId, newTenantId, TENANT_ID_RULE } from '../tenancy/tenant-id.ts'
import type { TenantLimits } from '../tenancy/tenant-limits.ts'
import type { Connection } from './connection.ts'
import { isUniqueViolation } from './connection.ts'
import { tenants } from './schema.ts'
import { pageOf } from './paging.ts'
import type { Page, PageRequest, TenantRecord } from './records.ts'

export interface NewTenant {
  /** Generated unless given. */
  readonly id?: string
  readonly name: string
  readonly limits?: TenantLimits
  /** From `runIdempotent`: creating with the same one again answers the tenant made the first time. */
  readonly operationId?: string
}

export interface TenantChanges {
  readonly name?: string
  readonly suspended?: boolean
  /** Replaces the members that it names; `null` removes one. */
  readonly limits?: { readonly [Member in keyof TenantLimits]?: TenantLimits[Member] | null }
}

/** What an erasure removed from D1, for the receipt. */
export interface ErasedRows {
  readonly keys: number
  readonly collections: number
  /** Those with a name; a collection's own goes, and is counted, with it. */
  readonly models: number
  readonly jobs: number
  readonly documents: number
  /** Days of usage, of both tables. */
  readonly usage: number
}

/** Rows of a long table removed by one statement. */
const ERASE_BATCH = 5_000

export class Tenants {
  readonly #connection: Connection

  constructor(connection: Connection) {
    this.#connection = connection
  }

  /** @throws invalid_request for an id outside the grammar; conflict for one in use, now or ever before. */
  async create({ id, name, limits = {}, operationId }: NewTenant): Promise<TenantRecord> {
    if (id !== undefined && !isTenantId(id)) throw invalidField('/id', TENANT_ID_RULE)
    const nowMs = this.#connection.clock()
    const row: typeof tenants.$inferInsert = {
      id: id ?? newTenantId(operationId),
      uid: operationId === undefined ? newTenantUid() : (`ten_${operationId}` as TenantUid),
      name,
      limits,
      createdAtMs: nowMs,
      updatedAtMs: nowMs,
    }
    try {
      const rows = await this.#connection.run((db) => db.insert(tenants).values(row).returning())
      const [made] = rows.map(recordOf)
      invariant(made !== undefined, 'an insert returns its row')
      return made
    } catch (error) {
      if (!isUniqueViolation(error)) throw error
      const existing = await this.find(row.id)
      if (existing !== undefined && operationId !== undefined && existing.uid === row.uid) return existing
      throw new Problem('conflict', 'the tenant id is in use or was used before', {
        errors: [{ pointer: '/id', detail: 'is in use or was used before' }],
      })
    }
  }

  /** By id, ascending. */
  async list({ limit, after = '' }: PageRequest): Promise<Page<TenantRecord>> {
    const rows = await this.#connection.run((db) =>
      db
        .select()
        .from(tenants)
        .where(and(gt(tenants.id, after), isNull(tenants.deletedAtMs)))
        .orderBy(asc(tenants.id))
        .limit(limit + 1),
    )
    return pageOf(rows.map(recordOf), limit, ({ id }) => id)
  }

  /** By public id; a deleted tenant is not found. */
  async find(id: string): Promise<TenantRecord | undefined> {
    const rows = await this.#connection.run((db) => db.select().from(tenants).where(live(id)))
    return rows.map(recordOf)[0]
  }

  /** By internal id; a deleted tenant is not found. */
  async findByUid(uid: TenantUid): Promise<TenantRecord | undefined> {
    const rows = await this.#connection.run((db) =>
      db
        .select()
        .from(tenants)
        .where(and(eq(tenants.uid, uid), isNull(tenants.deletedAtMs))),
    )
    return rows.map(recordOf)[0]
  }

  /** `undefined` when there is no such tenant. */
  async update(id: string, { limits, ...changes }: TenantChanges): Promise<TenantRecord | undefined> {
    const { clock } = this.#connection
    const merged = limits === undefined ? {} : { limits: mergedLimits(limits) }
    const rows = await this.#connection.run((db) =>
      db
        .update(tenants)
        .set({ ...changes, ...merged, updatedAtMs: clock() })
        .where(live(id))
        .returning(),
    )
    return rows.map(recordOf)[0]
  }

  /**
   * The first of two steps of a deletion: the tenant is gone for every reader, its keys are dead, its name is forgotten,
   * its collections are marked (`collections.unfinishedDeletions`). Answers the uid also when an earlier erasure was
   * interrupted, and `undefined` when there is nothing left to erase.
   */
  async startErasure(id: string): Promise<TenantUid | undefined> {
    const nowMs = this.#connection.clock()
    const [marked] = await this.#connection.batch(
      sql`UPDATE tenants SET name = NULL, limits = NULL, suspended = 0, created_at_ms = NULL, updated_at_ms = NULL,
          deleted_at_ms = coalesce(deleted_at_ms, ${nowMs})
        WHERE id = ${id} AND uid IS NOT NULL RETURNING uid`,
      sql`UPDATE collections SET deleted_at_ms = ${nowMs}
        WHERE tenant_uid = (SELECT uid FROM tenants WHERE id = ${id}) AND deleted_at_ms IS NULL`,
    )
    return (marked?.results as { uid: TenantUid }[] | undefined)?.[0]?.uid
  }

  /** The uid of a tenant that lives, or whose erasure was started and not finished; by public id. */
  async erasableUid(id: string): Promise<TenantUid | undefined> {
    const rows = await this.#connection.run((db) =>
      db.select({ uid: tenants.uid }).from(tenants).where(eq(tenants.id, id)),
    )
    return rows[0]?.uid ?? undefined
  }

  /** The public id of a tenant whose uid is not forgotten yet, deleted ones included. */
  async idOf(uid: TenantUid): Promise<string | undefined> {
    const [row] = await this.#connection.run((db) =>
      db.select({ id: tenants.id }).from(tenants).where(eq(tenants.uid, uid)),
    )
    return row?.id
  }

  /** Whether a tenant of this public id was deleted and nothing of it is left in D1. */
  async isErased(id: string): Promise<boolean> {
    const [row] = await this.#connection.run((db) =>
      db.select({ uid: tenants.uid, deletedAtMs: tenants.deletedAtMs }).from(tenants).where(eq(tenants.id, id)),
    )
    return row !== undefined && row.uid === null && row.deletedAtMs !== null
  }

  /** How far the erasure of a tenant is: one whose uid is forgotten has no row left anywhere. */
  async erasureState(uid: TenantUid): Promise<'live' | 'started' | 'finished'> {
    const [row] = await this.#connection.run((db) =>
      db.select({ deletedAtMs: tenants.deletedAtMs }).from(tenants).where(eq(tenants.uid, uid)),
    )
    if (row === undefined) return 'finished'
    return row.deletedAtMs === null ? 'live' : 'started'
  }

  /** The last step, after every shard of the tenant is empty: removes its rows, then its uid. Safe to repeat. */
  async finishErasure(uid: TenantUid): Promise<ErasedRows> {
    invariant((await this.erasureState(uid)) !== 'live', 'only a tenant whose erasure was started is erased')
    const erasedDocuments = await this.#eraseInBatches(
      sql`documents`,
      sql`collection_id IN (SELECT id FROM collections WHERE tenant_uid = ${uid})`,
    )
    const erasedUsage = await this.#eraseInBatches(sql`usage_daily`, sql`tenant_uid = ${uid}`)
    const erasedStored = await this.#eraseInBatches(sql`usage_stored_daily`, sql`tenant_uid = ${uid}`)
    const [erasedKeys, , erasedJobs, , erasedCollections, erasedModels] = await this.#connection.batch(
      sql`DELETE FROM keys WHERE tenant_uid = ${uid}`,
      sql`DELETE FROM job_progress WHERE job_id IN (SELECT id FROM jobs WHERE tenant_uid = ${uid})`,
      sql`DELETE FROM jobs WHERE tenant_uid = ${uid}`,
      sql`DELETE FROM generations WHERE collection_id IN (SELECT id FROM collections WHERE tenant_uid = ${uid})`,
      sql`DELETE FROM collections WHERE tenant_uid = ${uid}`,
      sql`DELETE FROM models WHERE tenant_uid = ${uid}`,
      sql`UPDATE tenants SET uid = NULL WHERE uid = ${uid}`,
    )
    return {
      keys: erasedKeys?.meta.changes ?? 0,
      collections: erasedCollections?.meta.changes ?? 0,
      models: erasedModels?.meta.changes ?? 0,
      jobs: erasedJobs?.meta.changes ?? 0,
      documents: erasedDocuments,
      usage: erasedUsage + erasedStored,
    }
  }

  /** Answers how many rows went. */
  async #eraseInBatches(table: SQL, condition: SQL): Promise<number> {
    for (let erased = 0; ;) {
      const [deleted] = await this.#connection.batch(
        sql`DELETE FROM ${table} WHERE rowid IN (SELECT rowid FROM ${table} WHERE ${condition} LIMIT ${ERASE_BATCH})`,
      )
      const changes = deleted?.meta.changes ?? 0
      erased += changes
      if (changes < ERASE_BATCH) return erased
    }
  }
}

/** In one statement, so that two changes at once both count. A member that is an object is replaced as a whole. */
function mergedLimits(changes: NonNullable<TenantChanges['limits']>): SQL {
  const paths = Object.keys(changes).map((member) => sql`, ${`$.${member}`}`)
  return sql`json_patch(json_remove(coalesce(limits, '{}')${sql.join(paths)}), ${JSON.stringify(changes)})`
}

const live = (id: string) => and(eq(tenants.id, id), isNull(tenants.deletedAtMs))

function recordOf(row: typeof tenants.$inferSelect): TenantRecord {
  const { id, uid, name, suspended, limits, createdAtMs, updatedAtMs } = row
  invariant(uid !== null, 'a live tenant has a uid')
  return {
    id,
    uid,
    name: name ?? '',
    suspended,
    limits: limits ?? {},
    createdAtMs: createdAtMs ?? 0,
    updatedAtMs: updatedAtMs ?? 0,
  }
}
