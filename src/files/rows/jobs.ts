/** Jobs of files, with their counts, and what the control plane has still to hear of them. */
import type { Clock } from '../../core/clock.ts'
import type { SqlDatabase } from '../../core/sql-database.ts'
import type { FileOptions, FileWriter } from '../files-api.ts'
import type { FileJobKind, JobRow } from './file-row.ts'

/** While a job goes on, the control plane hears of it this often. */
const PROGRESS_MS = 2_000

export interface NewJob {
  readonly id: string
  readonly collectionId: string
  readonly kind: FileJobKind
  readonly writer: FileWriter
  readonly options: FileOptions
  /** More files may come. */
  readonly isOpen: boolean
}

export interface CountChange {
  readonly total?: number
  readonly succeeded?: number
  readonly failed?: number
  readonly cancelled?: number
}

export const isDone = ({ is_open, total, succeeded, failed, cancelled }: JobRow): boolean =>
  is_open === 0 && succeeded + failed + cancelled >= total

export class JobRows {
  readonly #database: SqlDatabase
  readonly #clock: Clock

  constructor(database: SqlDatabase, clock: Clock) {
    this.#database = database
    this.#clock = clock
  }

  find(id: string): JobRow | undefined {
    return this.#database.get<JobRow>('SELECT * FROM file_jobs WHERE id = ?', id)
  }

  /** Safe to repeat. */
  add({ id, collectionId, kind, writer, options, isOpen }: NewJob): void {
    const now = this.#clock()
    this.#database.run(
      `INSERT INTO file_jobs (id, collection_id, kind, writer, options, is_open, is_cancelled, total, succeeded, failed,
         cancelled, next_number, revision, told_revision, is_reopened, due_ms, failures, created_ms, updated_ms)
       VALUES (?, ?, ?, ?, ?, ?, 0, 0, 0, 0, 0, 1, 1, 0, 0, NULL, 0, ?, ?) ON CONFLICT (id) DO NOTHING`,
      id,
      collectionId,
      kind,
      JSON.stringify(writer),
      JSON.stringify(options),
      isOpen ? 1 : 0,
      now,
      now,
    )
  }

  /** Numbers of the job's files that nobody has yet; the first of `count`. */
  takeNumbers(id: string, count: number): number {
    const first = this.find(id)?.next_number ?? 1
    this.#database.run('UPDATE file_jobs SET next_number = next_number + ? WHERE id = ?', count, id)
    return first
  }

  count(id: string, { total = 0, succeeded = 0, failed = 0, cancelled = 0 }: CountChange): void {
    const now = this.#clock()
    this.#database.run(
      `UPDATE file_jobs SET total = total + ?, succeeded = succeeded + ?, failed = failed + ?, cancelled = cancelled + ?,
         revision = revision + 1, updated_ms = ? WHERE id = ?`,
      total,
      succeeded,
      failed,
      cancelled,
      now,
      id,
    )
    this.#tellSoon(id)
  }

  close(id: string): void {
    this.#database.run(
      'UPDATE file_jobs SET is_open = 0, revision = revision + 1, updated_ms = ? WHERE id = ?',
      this.#clock(),
      id,
    )
    this.#tellSoon(id)
  }

  cancel(id: string): void {
    this.#database.run(
      'UPDATE file_jobs SET is_cancelled = 1, is_open = 0, revision = revision + 1, updated_ms = ? WHERE id = ?',
      this.#clock(),
      id,
    )
    this.#tellSoon(id)
  }

  reopen(id: string): void {
    this.#database.run(
      'UPDATE file_jobs SET is_reopened = 1, is_cancelled = 0, revision = revision + 1, updated_ms = ? WHERE id = ?',
      this.#clock(),
      id,
    )
    this.#database.run('UPDATE file_jobs SET due_ms = ?, failures = 0 WHERE id = ?', this.#clock(), id)
  }

  /** A job that ends is told at once. */
  #tellSoon(id: string): void {
    const job = this.find(id)
    if (job === undefined) return
    const dueMs = this.#clock() + (isDone(job) ? 0 : PROGRESS_MS)
    this.#database.run(
      'UPDATE file_jobs SET due_ms = min(coalesce(due_ms, ?), ?), failures = 0 WHERE id = ?',
      dueMs,
      dueMs,
      id,
    )
  }

  nextDueMs(): number | undefined {
    return (
      this.#database.get<{ due: number | null }>('SELECT min(due_ms) AS due FROM file_jobs WHERE due_ms IS NOT NULL')
        ?.due ?? undefined
    )
  }

  due(nowMs: number, limit: number): JobRow[] {
    return this.#database.all<JobRow>('SELECT * FROM file_jobs WHERE due_ms <= ? ORDER BY due_ms LIMIT ?', nowMs, limit)
  }

  /** The control plane knows the job as it was at `revision`. */
  told({ id, revision }: JobRow): void {
    this.#database.run(
      `UPDATE file_jobs SET told_revision = ?, failures = 0,
         is_reopened = CASE WHEN revision = ? THEN 0 ELSE is_reopened END, due_ms = CASE WHEN revision = ? THEN NULL ELSE due_ms END WHERE id = ?`,
      revision,
      revision,
      revision,
      id,
    )
  }

  postpone({ id, failures }: JobRow, dueMs: number): void {
    this.#database.run('UPDATE file_jobs SET due_ms = ?, failures = ? WHERE id = ?', dueMs, failures + 1, id)
  }

  removeCollection(collectionId: string): void {
    this.#database.run('DELETE FROM file_jobs WHERE collection_id = ?', collectionId)
  }

  /** Forgets jobs that were accepted before, of which everything is told. */
  prune(beforeMs: number): void {
    this.#database.run('DELETE FROM file_jobs WHERE created_ms < ? AND due_ms IS NULL AND is_open = 0', beforeMs)
  }
}
