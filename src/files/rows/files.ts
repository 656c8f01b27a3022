/** Files of jobs, with their states. Every change of one counts in its job, in its archive and in the tenant's revision. */
import type { Clock } from '../../core/clock.ts'
import { invariant } from '../../core/invariant.ts'
import type { SqlDatabase, SqlValue } from '../../core/sql-database.ts'
import type { FileFormat } from '../../parsing/file-format.ts'
import { countedAs, isSettledFile, type FilePatch, type FileRow } from './file-row.ts'
import type { CountChange, JobRows } from './jobs.ts'

export interface NewFile {
  readonly jobId: string
  readonly collectionId: string
  readonly name: string
  readonly bytes: number
  readonly sha256: string
  readonly format: FileFormat | undefined
  readonly url?: string | undefined
  readonly fingerprint: string
  readonly originalKey?: string
  readonly parent?: number
  /** JSON of an archive's entry. */
  readonly entry?: string
}

const UNSETTLED = "('queued', 'parsing', 'embedding')"
/** Word for word as in the index `files_unsettled`, which is used only where a query says so. */
const IS_UNSETTLED = `status IN ${UNSETTLED}`
const IS_FIRST = `NOT EXISTS (SELECT 1 FROM files AS o WHERE o.collection_id = f.collection_id AND o.name = f.name
  AND o.id < f.id AND o.status IN ('parsing', 'embedding'))`

export class FileRows {
  readonly #database: SqlDatabase
  readonly #clock: Clock
  readonly #jobs: JobRows

  constructor(database: SqlDatabase, clock: Clock, jobs: JobRows) {
    this.#database = database
    this.#clock = clock
    this.#jobs = jobs
  }

  find(id: number): FileRow | undefined {
    return this.#database.get<FileRow>('SELECT * FROM files WHERE id = ?', id)
  }

  ofNumber(jobId: string, number: number): FileRow | undefined {
    return this.#database.get<FileRow>('SELECT * FROM files WHERE job_id = ? AND number = ?', jobId, number)
  }

  /** Queues files, in order; answers the first one's id. Inside the caller's transaction. */
  add(jobId: string, files: readonly NewFile[]): number[] {
    const now = this.#clock()
    let number = this.#jobs.takeNumbers(jobId, files.length)
    const ids = files.map((file) => {
      this.#database.run(
        `INSERT INTO files (job_id, number, collection_id, name, parent, entry, original_key, sha256, bytes, format, url,
           status, strikes, failures, not_before_ms, pass, handled, is_parsed, parsed_by, documents, waiting,
           failed_documents, repeated, chunks, waiting_chunks, embedded_chunks, ready_chunks, reused_chunks, tokens,
           milliseconds, open_children, is_owner, is_whole, fingerprint, revision, created_ms, updated_ms)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'queued', 0, 0, 0, 1, 0, 0, '', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, ?,
           ?, ?, ?)`,
        jobId,
        number++,
        file.collectionId,
        file.name,
        file.parent ?? null,
        file.entry ?? null,
        file.originalKey ?? null,
        file.sha256,
        file.bytes,
        file.format ?? null,
        file.url ?? null,
        file.fingerprint,
        this.#nextRevision(),
        now,
        now,
      )
      return this.#database.get<{ id: number }>('SELECT last_insert_rowid() AS id')?.id ?? 0
    })
    this.#jobs.count(jobId, { total: files.length })
    return ids
  }

  /** Answers the row as it is then. Inside the caller's transaction. */
  update(id: number, patch: FilePatch): FileRow {
    const before = this.find(id)
    invariant(before !== undefined, 'a file that changes exists')
    const columns = Object.keys(patch)
    const values = Object.values(patch) as SqlValue[]
    this.#database.run(
      `UPDATE files SET ${[...columns, 'revision', 'updated_ms'].map((column) => `${column} = ?`).join(', ')} WHERE id = ?`,
      ...values,
      this.#nextRevision(),
      this.#clock(),
      id,
    )
    const after = this.find(id)
    invariant(after !== undefined, 'a file that was changed exists')
    this.#count(before, after)
    return after
  }

  #count(before: FileRow, after: FileRow): void {
    const [from, to] = [countedAs(before.status), countedAs(after.status)]
    if (from === to) return
    const change: Record<keyof CountChange, number> = { total: 0, succeeded: 0, failed: 0, cancelled: 0 }
    if (from !== 'open') change[from]--
    if (to !== 'open') change[to]++
    this.#jobs.count(after.job_id, change)
    if (after.parent === null) return
    const parent = this.find(after.parent)
    if (parent === undefined) return
    if (to === 'open') {
      // It is tried again: its archive is not done either.
      const reopened = { status: 'embedding', code: null, detail: null, keep_until_ms: null } as const
      this.update(parent.id, {
        open_children: parent.open_children + 1,
        ...(isSettledFile(parent.status) ? reopened : {}),
      })
    } else if (from === 'open') this.update(parent.id, { open_children: parent.open_children - 1 })
  }

  #nextRevision(): number {
    const [row] = this.#database.all<{ revision: number }>(
      'UPDATE files_state SET revision = revision + 1 WHERE one = 1 RETURNING revision',
    )
    invariant(row !== undefined, 'the object knows its tenant')
    return row.revision
  }

  /**
   * Files whose turn it is: those that were begun by an earlier run, what died with the process first; then what is queued,
   * oldest first. One waits while an older one of its name is under way.
   */
  readable(nowMs: number, limit: number): FileRow[] {
    const of = (status: 'parsing' | 'queued', order: string): FileRow[] =>
      this.#database.all<FileRow>(
        `SELECT * FROM files AS f WHERE ${IS_UNSETTLED} AND status = '${status}' AND not_before_ms <= ? AND ${IS_FIRST}
         ORDER BY ${order} LIMIT ?`,
        nowMs,
        limit,
      )
    const begun = of('parsing', 'strikes > 0 DESC, id')
    return begun.length >= limit ? begun : [...begun, ...of('queued', 'id')].slice(0, limit)
  }

  /** Of those that are queued and have at most `bytes`, the oldest. */
  smallReadable(nowMs: number, limit: number, bytes: number): FileRow[] {
    return this.#database.all<FileRow>(
      `SELECT * FROM files AS f WHERE ${IS_UNSETTLED} AND status = 'queued' AND bytes <= ? AND not_before_ms <= ? AND ${IS_FIRST}
       ORDER BY id LIMIT ?`,
      bytes,
      nowMs,
      limit,
    )
  }

  nextReadableMs(nowMs: number): number | undefined {
    if (this.readable(nowMs, 1).length > 0) return nowMs
    return this.#least(
      `SELECT min(not_before_ms) AS least FROM files AS f WHERE ${IS_UNSETTLED} AND status IN ('queued', 'parsing')
         AND not_before_ms > ${Math.trunc(nowMs)} AND ${IS_FIRST}`,
    )
  }

  /** Read to the end, and all that was made of them is settled. */
  finished(nowMs: number, limit: number): FileRow[] {
    return this.#database.all<FileRow>(
      `SELECT * FROM files WHERE ${IS_UNSETTLED} AND status = 'embedding' AND waiting = 0 AND open_children = 0 AND not_before_ms <= ?
       ORDER BY id LIMIT ?`,
      nowMs,
      limit,
    )
  }

  nextFinishedMs(): number | undefined {
    return this.#least(
      `SELECT min(not_before_ms) AS least FROM files WHERE ${IS_UNSETTLED} AND status = 'embedding' AND waiting = 0
         AND open_children = 0`,
    )
  }

  /** Of cancelled jobs, what shards have still to let go of. */
  cancelled(nowMs: number, limit: number): FileRow[] {
    return this.#database.all<FileRow>(
      `SELECT * FROM files WHERE ${IS_UNSETTLED} AND status IN ('parsing', 'embedding') AND (status = 'parsing' OR waiting > 0)
         AND not_before_ms <= ? AND job_id IN (SELECT id FROM file_jobs WHERE is_cancelled = 1) ORDER BY id LIMIT ?`,
      nowMs,
      limit,
    )
  }

  nextCancelledMs(): number | undefined {
    return this.#least(
      `SELECT min(not_before_ms) AS least FROM files WHERE ${IS_UNSETTLED} AND status IN ('parsing', 'embedding')
         AND (status = 'parsing' OR waiting > 0) AND job_id IN (SELECT id FROM file_jobs WHERE is_cancelled = 1)`,
    )
  }

  /** Waits for shards, and nothing was heard of it for long. */
  silent(beforeMs: number, limit: number): FileRow[] {
    return this.#database.all<FileRow>(
      `SELECT * FROM files WHERE ${IS_UNSETTLED} AND status = 'embedding' AND waiting > 0 AND updated_ms <= ? ORDER BY id
         LIMIT ?`,
      beforeMs,
      limit,
    )
  }

  oldestWaitingMs(): number | undefined {
    return this.#least(
      `SELECT min(updated_ms) AS least FROM files WHERE ${IS_UNSETTLED} AND status = 'embedding' AND waiting > 0`,
    )
  }

  /** Chunks and documents that wait in shards, and the files that they are of. */
  staged(): { chunks: number; documents: number; files: number } {
    const row = this.#database.get<{ chunks: number | null; documents: number | null; files: number }>(
      `SELECT sum(waiting_chunks) AS chunks, sum(waiting) AS documents, count(*) FILTER (WHERE waiting > 0) AS files
       FROM files WHERE ${IS_UNSETTLED} AND status IN ('parsing', 'embedding')`,
    )
    return { chunks: row?.chunks ?? 0, documents: row?.documents ?? 0, files: row?.files ?? 0 }
  }

  unsettledCount(): number {
    return (
      this.#database.get<{ count: number }>(`SELECT count(*) AS count FROM files WHERE status IN ${UNSETTLED}`)
        ?.count ?? 0
    )
  }

  /** Those of the name that were sent before, newest first. */
  earlier({ collection_id, name, id }: Pick<FileRow, 'collection_id' | 'name' | 'id'>): FileRow[] {
    return this.#database.all<FileRow>(
      'SELECT * FROM files WHERE collection_id = ? AND name = ? AND id < ? ORDER BY id DESC',
      collection_id,
      name,
      id,
    )
  }

  /** Those of the name that were sent before and are not begun. */
  queuedBefore({ collection_id, name, id }: Pick<FileRow, 'collection_id' | 'name' | 'id'>): FileRow[] {
    return this.#database.all<FileRow>(
      "SELECT * FROM files WHERE collection_id = ? AND name = ? AND id < ? AND status = 'queued'",
      collection_id,
      name,
      id,
    )
  }

  /** The file whose documents stand under the name. */
  owner(collectionId: string, name: string): FileRow | undefined {
    return this.#database.get<FileRow>(
      'SELECT * FROM files WHERE collection_id = ? AND name = ? AND is_owner = 1 ORDER BY id DESC LIMIT 1',
      collectionId,
      name,
    )
  }

  children(id: number): FileRow[] {
    return this.#database.all<FileRow>('SELECT * FROM files WHERE parent = ? ORDER BY number', id)
  }

  ofJob(jobId: string, statuses: readonly string[]): FileRow[] {
    return this.#database.all<FileRow>(
      `SELECT * FROM files WHERE job_id = ? AND status IN (SELECT value FROM json_each(?)) ORDER BY number`,
      jobId,
      JSON.stringify(statuses),
    )
  }

  /** Those of which something waits in shards. (The plus keeps the job's settled files from being looked through.) */
  waitingOf(jobId: string, limit: number): FileRow[] {
    return this.#database.all<FileRow>(
      `SELECT * FROM files WHERE ${IS_UNSETTLED} AND status IN ('parsing', 'embedding') AND waiting > 0 AND +job_id = ?
       ORDER BY id LIMIT ?`,
      jobId,
      limit,
    )
  }

  page(jobId: string, { after, limit, status }: { after: number; limit: number; status?: string }): FileRow[] {
    return this.#database.all<FileRow>(
      `SELECT * FROM files WHERE job_id = ? AND number > ? AND (? IS NULL OR status = ?) ORDER BY number LIMIT ?`,
      jobId,
      after,
      status ?? null,
      status ?? null,
      limit,
    )
  }

  changedAfter(jobId: string, revision: number, limit: number): FileRow[] {
    return this.#database.all<FileRow>(
      'SELECT * FROM files WHERE job_id = ? AND revision > ? ORDER BY revision LIMIT ?',
      jobId,
      revision,
      limit,
    )
  }

  /** Failed files whose originals have been kept long enough. */
  outlived(nowMs: number, limit: number): FileRow[] {
    return this.#database.all<FileRow>(
      'SELECT * FROM files WHERE keep_until_ms IS NOT NULL AND keep_until_ms <= ? ORDER BY keep_until_ms LIMIT ?',
      nowMs,
      limit,
    )
  }

  nextOutlivedMs(): number | undefined {
    return this.#least('SELECT min(keep_until_ms) AS least FROM files WHERE keep_until_ms IS NOT NULL')
  }

  /** Whether the original of this file is read or stood for by the file itself or by an entry of it. */
  needsOriginal(id: number): boolean {
    return (
      this.#database.get(
        `SELECT 1 AS found FROM files WHERE (id = ? OR parent = ?)
           AND (status IN ${UNSETTLED} OR is_owner = 1 OR keep_until_ms IS NOT NULL) LIMIT 1`,
        id,
        id,
      ) !== undefined
    )
  }

  removeCollection(collectionId: string): void {
    this.#database.run('DELETE FROM files WHERE collection_id = ?', collectionId)
  }

  /** Forgets files of forgotten jobs that no document comes from any more. */
  prune(beforeMs: number): void {
    this.#database.run(
      `DELETE FROM files WHERE created_ms < ? AND is_owner = 0 AND original_key IS NULL AND status NOT IN ${UNSETTLED}
         AND (parent IS NULL OR parent NOT IN (SELECT id FROM files WHERE is_owner = 1))
         AND job_id NOT IN (SELECT id FROM file_jobs) AND id NOT IN (SELECT file_id FROM file_documents)`,
      beforeMs,
    )
  }

  #least(statement: string): number | undefined {
    return this.#database.get<{ least: number | null }>(statement)?.least ?? undefined
  }
}
