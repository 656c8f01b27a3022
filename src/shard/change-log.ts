/**
 * The one change log of a shard: every write transaction appends an entry, and totals, the catalogue and later webhooks,
 * replicas and exports are readers with a stored position. It holds no content. The position (`seq`) follows the order
 * of commits, which is what a reader and "at least as new as" need; `sequence` is the write's place in the order of
 * acceptance. The last entry carries the counters from which a restarted object goes on, and is never pruned.
 */
import { LOG_RETENTION_MS } from '../core/limits.ts'
import type { SqlDatabase } from '../core/sql-database.ts'

/** `job`: only items of a job changed. */
export type ChangeKind = 'created' | 'replaced' | 'deleted' | 'job'

export interface Change {
  readonly kind: ChangeKind
  readonly sequence?: number
  readonly id?: string
  readonly version?: number
  /** Differences that the write made. */
  readonly bytes?: number
  readonly chunks?: number
  readonly tokens?: number
  /** The key that pays. */
  readonly keyId: string
  readonly job?: string
}

export interface Counters {
  /** Above every sequence number taken when the entry was written. */
  readonly nextSequence: number
  readonly nextChunk: number
}

export interface LoggedChange {
  readonly seq: number
  readonly kind: ChangeKind
  readonly id: string | null
  readonly version: number | null
  readonly job: string | null
  readonly at: number
}

export class ChangeLog {
  readonly #database: SqlDatabase

  constructor(database: SqlDatabase) {
    this.#database = database
  }

  /** Position of the last entry; 0 while nothing was ever written. */
  position(): number {
    return this.#database.get<{ seq: number | null }>('SELECT max(seq) AS seq FROM change_log')?.seq ?? 0
  }

  counters(): Counters {
    const last = this.#database.get<{ next_sequence: number; next_chunk: number }>(
      'SELECT next_sequence, next_chunk FROM change_log ORDER BY seq DESC LIMIT 1',
    )
    return { nextSequence: last?.next_sequence ?? 1, nextChunk: last?.next_chunk ?? 1 }
  }

  /** Appends inside the caller's transaction; `position` is one more than the last. */
  append(position: number, change: Change, counters: Counters, nowMs: number): void {
    this.#database.run(
      `INSERT INTO change_log (seq, kind, sequence, id, version, bytes, chunks, tokens, key_id, job, at, next_sequence,
         next_chunk) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      position,
      change.kind,
      change.sequence ?? null,
      change.id ?? null,
      change.version ?? null,
      change.bytes ?? 0,
      change.chunks ?? 0,
      change.tokens ?? 0,
      change.keyId,
      change.job ?? null,
      nowMs,
      counters.nextSequence,
      counters.nextChunk,
    )
  }

  after(position: number, limit: number): LoggedChange[] {
    return this.#database.all<LoggedChange>(
      'SELECT seq, kind, id, version, job, at FROM change_log WHERE seq > ? ORDER BY seq LIMIT ?',
      position,
      limit,
    )
  }

  readerPosition(reader: string): number {
    return (
      this.#database.get<{ position: number }>('SELECT position FROM readers WHERE name = ?', reader)?.position ?? 0
    )
  }

  advanceReader(reader: string, position: number): void {
    this.#database.run('INSERT OR REPLACE INTO readers (name, position) VALUES (?, ?)', reader, position)
  }

  /** Drops entries of more than a day ago that every one of `readers` has passed, never the last one. */
  prune(readers: readonly string[], nowMs: number): void {
    const passed = Math.min(...readers.map((reader) => this.readerPosition(reader)))
    this.#database.run(
      'DELETE FROM change_log WHERE seq <= ? AND at < ? AND seq < (SELECT max(seq) FROM change_log)',
      passed,
      nowMs - LOG_RETENTION_MS,
    )
  }

  /** When the next entry can be pruned; undefined while only the last one stands. */
  nextPruneMs(): number | undefined {
    const row = this.#database.get<{ at: number | null }>(
      'SELECT min(at) AS at FROM (SELECT at FROM change_log WHERE seq < (SELECT max(seq) FROM change_log) ORDER BY seq LIMIT 1)',
    )
    return row?.at === undefined || row.at === null ? undefined : row.at + LOG_RETENTION_MS
  }
}
