/**
 * The one change log of a shard: every write transaction appends an entry, and totals, the catalogue and later webhooks,
 * replicas and exports are readers with a stored position. It holds no content. The position (`seq`) follows the order
 * of commits, which is what a reader and "at least as new as" need; `sequence` is the write's place in the order of
 * acceptance. The last entry carries the counters from which a restarted object goes on, and is never pruned.
 */
import { LOG_RETENTION_MS } from '../core/limits.ts'
import type { SqlDatabase } from '../core/sql-database.ts'
import type { Amounts } from '../core/usage.ts'

/**
 * `staged`, `dropped`: work was accepted, or ended without a version of its own, so no document changed; `job`: only items
 * of a job did.
 */
export type ChangeKind = 'created' | 'replaced' | 'deleted' | 'staged' | 'dropped' | 'job'

export interface Change {
  readonly kind: ChangeKind
  readonly sequence?: number
  readonly id?: string
  readonly version?: number
  /** Differences that the write made to what is stored. */
  readonly documents?: number
  readonly bytes?: number
  readonly chunks?: number
  readonly tokens?: number
  /** The whole version that was put in place. */
  readonly written?: { readonly chunks: number; readonly bytes: number }
  /** Tokens of the chunks that got new vectors. */
  readonly embeddingTokens?: number
  /** Difference to what pending work holds. */
  readonly held?: Amounts
  /** Why work was dropped. */
  readonly code?: string
  /** The reservation that pays. */
  readonly reservation?: string | undefined
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
  readonly documents: number
  readonly bytes: number
  readonly chunks: number
  readonly chunks_written: number
  readonly bytes_written: number
  readonly embedding_tokens: number
  /** JSON of `Amounts`. */
  readonly held: string | null
  readonly code: string | null
  readonly reservation: string | null
  readonly key_id: string
  readonly job: string | null
  readonly at: number
  /** Position of its transaction's first entry; null in entries of earlier releases. */
  readonly batch: number | null
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

  /** Appends inside the caller's transaction; `position` is one more than the last, `batch` that of the transaction's first. */
  append(position: number, batch: number, change: Change, counters: Counters, nowMs: number): void {
    this.#database.run(
      `INSERT INTO change_log (seq, kind, sequence, id, version, bytes, chunks, tokens, key_id, job, at, next_sequence,
         next_chunk, documents, embedding_tokens, held, code, reservation, chunks_written, bytes_written, batch)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
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
      change.documents ?? 0,
      change.embeddingTokens ?? 0,
      change.held === undefined || Object.keys(change.held).length === 0 ? null : JSON.stringify(change.held),
      change.code ?? null,
      change.reservation ?? null,
      change.written?.chunks ?? 0,
      change.written?.bytes ?? 0,
      batch,
    )
  }

  after(position: number, limit: number): LoggedChange[] {
    return this.#database.all<LoggedChange>(
      `SELECT seq, kind, id, version, documents, bytes, chunks, chunks_written, bytes_written, embedding_tokens, held,
         code, reservation, key_id, job, at, batch FROM change_log WHERE seq > ? ORDER BY seq LIMIT ?`,
      position,
      limit,
    )
  }

  /** What the entries after `position` changed of what is stored. */
  sumsAfter(position: number): { documents: number; chunks: number; bytes: number } {
    const [sums] = this.#database.all<{ documents: number; chunks: number; bytes: number }>(
      `SELECT coalesce(sum(documents), 0) AS documents, coalesce(sum(chunks), 0) AS chunks,
         coalesce(sum(bytes), 0) AS bytes FROM change_log WHERE seq > ?`,
      position,
    )
    return sums ?? { documents: 0, chunks: 0, bytes: 0 }
  }

  readerPosition(reader: string): number {
    return (
      this.#database.get<{ position: number }>('SELECT position FROM readers WHERE name = ?', reader)?.position ?? 0
    )
  }

  hasReader(reader: string): boolean {
    return this.#database.get('SELECT 1 AS known FROM readers WHERE name = ?', reader) !== undefined
  }

  dropReader(reader: string): void {
    this.#database.run('DELETE FROM readers WHERE name = ?', reader)
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
