/**
 * Models that tenants bring. What a model is never changes, so that vectors in an index always fit it; where it runs and
 * with which key may. A model that a generation names cannot be deleted.
 */
import { and, asc, eq, gt, isNotNull, sql } from 'drizzle-orm'
import type { SQL } from 'drizzle-orm'
import { newModelUid } from '../core/ids.ts'
import type { TenantUid } from '../core/ids.ts'
import { MAX_MODELS } from '../core/limits.ts'
import { Problem } from '../core/problem.ts'
import type { ModelProfile } from '../models/embedder.ts'
import type { ModelSource, ModelTask } from '../models/model.ts'
import type { Connection } from './connection.ts'
import { isUniqueViolation } from './connection.ts'
import { pageOf } from './paging.ts'
import type { ModelRecord, Page, PageRequest } from './records.ts'
import { models, tenants } from './schema.ts'

export interface NewModel {
  /** From `newModelUid`: provider keys are sealed for it before the row is made. */
  readonly uid?: string
  readonly tenantUid: TenantUid
  /** Absent for a model that belongs to a single collection; made together with it. */
  readonly name?: string
  readonly task: ModelTask
  /** Of a model that embeds. */
  readonly profile?: ModelProfile
  readonly source: ModelSource
}

export class Models {
  readonly #connection: Connection

  constructor(connection: Connection) {
    this.#connection = connection
  }

  /**
   * Creating one with the uid of a row that is there answers that row, so that it can be repeated.
   * @throws conflict when the name is in use; quota_exceeded when the tenant has as many as it may; unauthorized when it was
   * deleted meanwhile
   */
  async create(made: NewModel): Promise<ModelRecord> {
    const uid = made.uid ?? newModelUid()
    try {
      await this.#connection.batch(insertModel({ ...made, uid }, this.#connection.clock()))
    } catch (error) {
      if (!isUniqueViolation(error)) throw error
      const existing = await this.findByUid(made.tenantUid, uid)
      if (existing !== undefined) return existing
      throw new Problem('conflict', 'the name is in use', { errors: [{ pointer: '/id', detail: 'is in use' }] })
    }
    const created = await this.findByUid(made.tenantUid, uid)
    if (created !== undefined) return created
    const { data } = await this.list(made.tenantUid, { limit: MAX_MODELS })
    if (data.length < MAX_MODELS) throw new Problem('unauthorized')
    throw new Problem('quota_exceeded', `a tenant has at most ${MAX_MODELS} models`)
  }

  /** By the tenant's name for it. */
  find(tenantUid: TenantUid, name: string): Promise<ModelRecord | undefined> {
    return this.#one(eq(models.tenantUid, tenantUid), eq(models.name, name))
  }

  /** Also one that belongs to a collection. */
  findByUid(tenantUid: TenantUid, uid: string): Promise<ModelRecord | undefined> {
    return this.#one(eq(models.tenantUid, tenantUid), eq(models.uid, uid))
  }

  /** Those with a name, by name, ascending. */
  async list(tenantUid: TenantUid, { limit, after = '' }: PageRequest): Promise<Page<ModelRecord>> {
    const rows = await this.#connection.run((db) =>
      db
        .select()
        .from(models)
        .where(and(eq(models.tenantUid, tenantUid), isNotNull(models.name), gt(models.name, after)))
        .orderBy(asc(models.name))
        .limit(limit + 1),
    )
    return pageOf(rows.map(modelRecordOf), limit, ({ name = '' }) => name)
  }

  /**
   * Where it runs from now on instead of `before`; `undefined` when there is no such model.
   * @throws overloaded when another request changed it meanwhile, so that none brings an old key back
   */
  async updateSource(
    tenantUid: TenantUid,
    uid: string,
    before: ModelSource,
    source: ModelSource,
  ): Promise<ModelRecord | undefined> {
    const rows = await this.#connection.run((db) =>
      db
        .update(models)
        .set({ source, updatedAtMs: this.#connection.clock() })
        .where(and(eq(models.tenantUid, tenantUid), eq(models.uid, uid), eq(models.source, before)))
        .returning(),
    )
    const [changed] = rows.map(modelRecordOf)
    if (changed === undefined && (await this.findByUid(tenantUid, uid)) !== undefined) {
      throw new Problem('overloaded', 'another request changes the model', { retryAfterSeconds: 1 })
    }
    return changed
  }

  /**
   * Answers what was there; `undefined` when there is no such model.
   * @throws model_in_use while a collection is built with it, also one whose deletion is not finished
   */
  async delete(tenantUid: TenantUid, uid: string): Promise<ModelRecord | undefined> {
    const rows = await this.#connection.run((db) =>
      db
        .delete(models)
        .where(
          and(
            eq(models.tenantUid, tenantUid),
            eq(models.uid, uid),
            sql`NOT EXISTS (SELECT 1 FROM generations WHERE model_uid = ${uid})`,
          ),
        )
        .returning(),
    )
    const [deleted] = rows.map(modelRecordOf)
    if (deleted === undefined && (await this.findByUid(tenantUid, uid)) !== undefined) throw new Problem('model_in_use')
    return deleted
  }

  async #one(...conditions: readonly SQL[]): Promise<ModelRecord | undefined> {
    const rows = await this.#connection.run((db) =>
      db
        .select()
        .from(models)
        .where(and(...conditions)),
    )
    return rows.map(modelRecordOf)[0]
  }
}

/** Inserts nothing for a tenant that is being erased, or that has as many with a name as it may. */
export function insertModel(made: NewModel & { readonly uid: string }, nowMs: number): SQL {
  const { uid, tenantUid, name = null, task, profile, source } = made
  return sql`INSERT INTO models (uid, tenant_uid, name, task, profile, source, created_at_ms, updated_at_ms)
    SELECT ${uid}, ${tenantUid}, ${name}, ${task}, ${profile === undefined ? null : JSON.stringify(profile)},
      ${JSON.stringify(source)}, ${nowMs}, ${nowMs}
    WHERE EXISTS (SELECT 1 FROM ${tenants} WHERE uid = ${tenantUid} AND deleted_at_ms IS NULL)
      AND (${name} IS NULL
        OR (SELECT count(*) FROM models WHERE tenant_uid = ${tenantUid} AND name IS NOT NULL) < ${MAX_MODELS})`
}

function modelRecordOf({ name, profile, ...row }: typeof models.$inferSelect): ModelRecord {
  return { ...row, ...(name === null ? {} : { name }), ...(profile === null ? {} : { profile }) }
}
