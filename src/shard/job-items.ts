/** How each document of a job fares in this shard. Handles and codes only, no content. */
import { MAX_JOB_FAILURES, TOMBSTONE_RETENTION_MS } from '../core/limits.ts'
import type { SqlDatabase } from '../core/sql-database.ts'
import type { ItemStatus, JobCounts } from './shard-api.ts'

export class JobItems {
  readonly #database: SqlDatabase
  /** No item is older than this. Kept once it was looked up, because that reads every item. */
  #oldestMs: number | undefined

  constructor(database: SqlDatabase) {
    this.#database = database
  }

  set(job: string, id: string, status: ItemStatus, nowMs: number, code?: string): void {
    this.#database.run(
      'INSERT OR REPLACE INTO job_items (job, id, status, code, at) VALUES (?, ?, ?, ?, ?)',
      job,
      id,
      status,
      code ?? null,
      nowMs,
    )
  }

  find(job: string, id: string): ItemStatus | undefined {
    return this.#database.get<{ status: ItemStatus }>('SELECT status FROM job_items WHERE job = ? AND id = ?', job, id)
      ?.status
  }

  counts(job: string): JobCounts {
    const counts: Record<ItemStatus, number> = {
      queued: 0,
      indexed: 0,
      unchanged: 0,
      failed: 0,
      superseded: 0,
      cancelled: 0,
    }
    const rows = this.#database.all<{ status: ItemStatus; count: number; at: number }>(
      'SELECT status, count(*) AS count, max(at) AS at FROM job_items WHERE job = ? GROUP BY status',
      job,
    )
    for (const { status, count } of rows) counts[status] = count
    const failures =
      counts.failed === 0
        ? []
        : this.#database.all<{ documentId: string; code: string }>(
            `SELECT id AS documentId, coalesce(code, 'internal') AS code FROM job_items
             WHERE job = ? AND status = 'failed' ORDER BY id LIMIT ?`,
            job,
            MAX_JOB_FAILURES,
          )
    return {
      queued: counts.queued,
      succeeded: counts.indexed + counts.unchanged + counts.superseded,
      superseded: counts.superseded,
      failed: counts.failed,
      cancelled: counts.cancelled,
      updatedAtMs: rows.reduce((latest, { at }) => Math.max(latest, at), 0),
      failures,
    }
  }

  /** Drops items that were settled long ago. */
  prune(nowMs: number): void {
    this.#oldestMs = undefined
    this.#database.run(`DELETE FROM job_items WHERE status <> 'queued' AND at < ?`, nowMs - TOMBSTONE_RETENTION_MS)
  }

  /** When the first of the items there are now may be dropped; undefined without items. */
  nextPruneMs(): number | undefined {
    this.#oldestMs ??= this.#database.get<{ at: number | null }>('SELECT min(at) AS at FROM job_items')?.at ?? undefined
    return this.#oldestMs === undefined ? undefined : this.#oldestMs + TOMBSTONE_RETENTION_MS
  }
}
