/**
 * Jobs, as counts: what each item is and why it failed is known by the shards. The shards report absolute counts, and the
 * report that completes them settles the job, whether anyone asks for it or not. A job's status only moves forward; once
 * settled neither it nor its counts change, unless failed items of it are tried again.
 */
import { and, desc, eq, inArray, lt, or, sql, type SQL } from 'drizzle-orm'
import { newJobId } from '../core/ids.ts'
import type { CollectionId, JobId, TenantUid } from '../core/ids.ts'
import { JOB_RETENTION_MS } from '../core/limits.ts'
import { Problem } from '../core/problem.ts'
import type { Connection } from './connection.ts'
import { jobKey } from './job-key.ts'
import { jobStatusOf } from './job-outcome.ts'
import { pageOf } from './paging.ts'
import { isSettled } from './records.ts'
import type { JobCounters, JobKind, JobRecord, Page, PageRequest, SettledStatus } from './records.ts'
import { jobProgress, jobs } from './schema.ts'

/** Expired jobs forgotten with each new one: more than come, so that they run out. */
const PRUNE_BATCH = 20

export interface NewJob {
  /** Generated unless given; with a given one the call may be repeated. */
  readonly id?: JobId
  readonly tenantUid: TenantUid
  readonly collectionId: CollectionId
  /** `documents` unless given. */
  readonly kind?: JobKind
  readonly total: number
  readonly keyId: string
}

export interface JobPageRequest extends PageRequest {
  /** Only jobs of these collections. */
  readonly collectionIds?: readonly CollectionId[]
  /** Only jobs that this key asked for. */
  readonly keyId?: string
}

export class Jobs {
  readonly #connection: Connection

  constructor(connection: Connection) {
    this.#connection = connection
  }

  /** The new job is `queued`; the tenant's oldest ones make room for it. @throws not_found when the collection was deleted meanwhile. */
  async create({
    id = newJobId(),
    tenantUid,
    collectionId,
    kind = 'documents',
    total,
    keyId,
  }: NewJob): Promise<JobRecord> {
    const nowMs = this.#connection.clock()
    await this.#connection.batch(
      sql`INSERT INTO jobs (id, tenant_uid, collection_id, kind, status, total, key_id, created_at_ms, updated_at_ms)
        SELECT ${id}, tenant_uid, id, ${kind}, 'queued', ${total}, ${keyId}, ${nowMs}, ${nowMs} FROM collections
        WHERE id = ${collectionId} AND tenant_uid = ${tenantUid} AND deleted_at_ms IS NULL
        ON CONFLICT (id) DO NOTHING`,
      sql`DELETE FROM job_progress WHERE job_id IN (SELECT id FROM ${expired(tenantUid, nowMs)})`,
      sql`DELETE FROM jobs WHERE id IN (SELECT id FROM ${expired(tenantUid, nowMs)})`,
    )
    const created = await this.find(tenantUid, id)
    if (created === undefined) throw new Problem('not_found')
    return created
  }

  async find(tenantUid: TenantUid, id: JobId | string): Promise<JobRecord | undefined> {
    const rows = await this.#connection.run((db) =>
      withCounts(db)
        .where(and(eq(jobs.tenantUid, tenantUid), eq(jobs.id, id as JobId)))
        .groupBy(jobs.id),
    )
    return rows[0] === undefined ? undefined : recordOf(rows[0])
  }

  /** Newest first. */
  async list(tenantUid: TenantUid, { limit, after, collectionIds, keyId }: JobPageRequest): Promise<Page<JobRecord>> {
    const ids = JSON.stringify(collectionIds ?? [])
    const rows = await this.#connection.run((db) =>
      withCounts(db)
        .where(
          and(
            eq(jobs.tenantUid, tenantUid),
            after === undefined ? undefined : olderThan(after),
            keyId === undefined ? undefined : eq(jobs.keyId, keyId),
            collectionIds === undefined
              ? undefined
              : sql`${jobs.collectionId} IN (SELECT value FROM json_each(${ids}))`,
          ),
        )
        .groupBy(jobs.id)
        .orderBy(desc(jobs.createdAtMs), desc(jobs.id))
        .limit(limit + 1),
    )
    return pageOf(rows.map(recordOf), limit, jobKey)
  }

  /**
   * Notes one shard's absolute counts; a repeated or late report never lowers them. `atMs` is when the last of its items
   * was settled. The job ends with the report that completes its items. Returns it as it is then.
   */
  async reportProgress(
    tenantUid: TenantUid,
    id: JobId,
    shard: number,
    counts: JobCounters,
    atMs: number = this.#connection.clock(),
  ): Promise<JobRecord | undefined> {
    const { succeeded, failed, cancelled } = counts
    await this.#connection.batch(
      sql`INSERT INTO job_progress (job_id, shard, succeeded, failed, cancelled)
          SELECT id, ${shard}, ${succeeded}, ${failed}, ${cancelled} FROM jobs
          WHERE id = ${id} AND tenant_uid = ${tenantUid} AND status IN ('queued', 'running')
          ON CONFLICT (job_id, shard) DO UPDATE SET succeeded = max(succeeded, excluded.succeeded),
            failed = max(failed, excluded.failed), cancelled = max(cancelled, excluded.cancelled)`,
      sql`UPDATE jobs SET status = 'running', updated_at_ms = max(updated_at_ms, ${atMs})
          WHERE id = ${id} AND tenant_uid = ${tenantUid} AND status IN ('queued', 'running')`,
    )
    const job = await this.find(tenantUid, id)
    if (job === undefined || isSettled(job.status)) return job
    const status = jobStatusOf(job, job.total)
    if (!isSettled(status)) return job
    await this.settle(tenantUid, id, status, job.updatedAtMs)
    return this.find(tenantUid, id)
  }

  /** Files make further items while they are read: say so before their counts are reported. A settled job keeps its total. */
  async setTotal(tenantUid: TenantUid, id: JobId, total: number): Promise<void> {
    await this.#connection.run((db) =>
      db
        .update(jobs)
        .set({ total })
        .where(and(owned(tenantUid, id), inArray(jobs.status, ['queued', 'running']))),
    )
  }

  /** Lets a settled job go on because items of it are tried again: what was reported is forgotten. */
  async reopen(tenantUid: TenantUid, id: JobId): Promise<void> {
    await this.#connection.batch(
      sql`DELETE FROM job_progress WHERE job_id IN (SELECT id FROM jobs WHERE id = ${id} AND tenant_uid = ${tenantUid})`,
      sql`UPDATE jobs SET status = 'running', finished_at_ms = NULL, updated_at_ms = ${this.#connection.clock()}
          WHERE id = ${id} AND tenant_uid = ${tenantUid}`,
    )
  }

  /** Ends a job; false when it had ended before, or does not exist. */
  async settle(
    tenantUid: TenantUid,
    id: JobId,
    status: SettledStatus,
    finishedAtMs: number = this.#connection.clock(),
  ): Promise<boolean> {
    const { meta } = await this.#connection.run((db) =>
      db
        .update(jobs)
        .set({ status, updatedAtMs: finishedAtMs, finishedAtMs })
        .where(and(owned(tenantUid, id), inArray(jobs.status, ['queued', 'running']))),
    )
    return meta.changes > 0
  }

  /** Ends a job whose collection is gone: items that no shard has reported are cancelled. */
  async cancelRest(tenantUid: TenantUid, id: JobId): Promise<void> {
    await this.#connection.batch(
      ...cancelRestOf(sql`tenant_uid = ${tenantUid} AND id = ${id}`, this.#connection.clock()),
    )
  }

  /** Forgets a job whose request was refused after all, so that nothing shows what never was. */
  async remove(tenantUid: TenantUid, id: JobId): Promise<void> {
    await this.#connection.batch(
      sql`DELETE FROM job_progress WHERE job_id IN (SELECT id FROM jobs WHERE id = ${id} AND tenant_uid = ${tenantUid})`,
      sql`DELETE FROM jobs WHERE id = ${id} AND tenant_uid = ${tenantUid}`,
    )
  }
}

/** Stands in the place of a shard for what was never done because the collection was deleted. */
const DELETED_COLLECTION = -1

/** The statements that end unsettled jobs, chosen by a condition on `jobs`, by cancelling what was not reported. */
export function cancelRestOf(which: SQL, nowMs: number): SQL[] {
  const unsettled = sql`${which} AND status IN ('queued', 'running')`
  return [
    sql`INSERT INTO job_progress (job_id, shard, succeeded, failed, cancelled)
        SELECT id, ${DELETED_COLLECTION}, 0, 0, max(0, total - (
          SELECT coalesce(sum(succeeded + failed + cancelled), 0) FROM job_progress WHERE job_id = jobs.id))
        FROM jobs WHERE ${unsettled} ON CONFLICT DO NOTHING`,
    sql`UPDATE jobs SET status = 'cancelled', updated_at_ms = ${nowMs}, finished_at_ms = ${nowMs} WHERE ${unsettled}`,
  ]
}

const withCounts = (db: Connection['db']) =>
  db
    .select({
      job: jobs,
      succeeded: sql<number>`coalesce(sum(${jobProgress.succeeded}), 0)`,
      failed: sql<number>`coalesce(sum(${jobProgress.failed}), 0)`,
      cancelled: sql<number>`coalesce(sum(${jobProgress.cancelled}), 0)`,
    })
    .from(jobs)
    .leftJoin(jobProgress, eq(jobProgress.jobId, jobs.id))

/** The next ones to forget, oldest first. */
const expired = (tenantUid: TenantUid, nowMs: number) =>
  sql`(SELECT id FROM jobs WHERE tenant_uid = ${tenantUid} AND created_at_ms < ${nowMs - JOB_RETENTION_MS}
    ORDER BY created_at_ms, id LIMIT ${PRUNE_BATCH})`

const owned = (tenantUid: TenantUid, id: JobId) => and(eq(jobs.tenantUid, tenantUid), eq(jobs.id, id))

/** `after` is the key of the last job seen; anything else is the beginning of nothing. */
function olderThan(after: string) {
  const dot = after.indexOf('.')
  const createdAtMs = Number(after.slice(0, dot))
  const id = after.slice(dot + 1) as JobId
  return or(lt(jobs.createdAtMs, createdAtMs), and(eq(jobs.createdAtMs, createdAtMs), lt(jobs.id, id)))
}

function recordOf(row: { job: typeof jobs.$inferSelect } & JobCounters): JobRecord {
  const { job, succeeded, failed, cancelled } = row
  const { finishedAtMs, ...rest } = job
  return { ...rest, succeeded, failed, cancelled, ...(finishedAtMs === null ? {} : { finishedAtMs }) }
}
