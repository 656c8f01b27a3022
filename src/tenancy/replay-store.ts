/**
 * The replay records of one tenant: a state machine over the storage port, run by the tenant's object and, in tests, by
 * `node:sqlite`. Every method is one transaction that runs to completion; time comes from the caller.
 *
 *   absent ── begin ──> leased ── finish ──> stored ── 24 h ──> absent
 *                         ├─ drop ──> dropped ── begin ──> leased (same fingerprint: same operation id; another: afresh)
 *                         └─ lease ends, the Worker died ── begin, same fingerprint ──> leased, same operation id
 */
import { randomBase62 } from '../core/bytes.ts'
import { MAX_TEXT_PIECE_BYTES, REPLAY_TTL_MS } from '../core/limits.ts'
import { invariant } from '../core/invariant.ts'
import type { SqlDatabase, SqlMigration } from '../core/sql-database.ts'
import type { BeginReplayResult, SealedAnswer } from './replay-port.ts'
import type { TenantPart } from './tenant-part.ts'

/** A Worker that does not renew its lease for this long has died; the request may be run again. */
export const REPLAY_LEASE_MS = 30_000
const PRUNE_BATCH = 500
/** In place of a lease's end: the request ended with a 5xx or 429, and its key may be used again, also for another body. */
const DROPPED = 0

interface RecordRow {
  fingerprint: string
  lease: string
  lease_ends_ms: number
  operation_id: string
  status: number | null
  expires_ms: number
}

export class ReplayStore implements TenantPart {
  static readonly migrations: readonly SqlMigration[] = [
    {
      id: 'tenancy/1 replay records',
      statements: [
        `CREATE TABLE replay_records (
          lookup TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, lease TEXT NOT NULL, lease_ends_ms INTEGER NOT NULL,
          operation_id TEXT NOT NULL, status INTEGER, expires_ms INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID`,
        `CREATE INDEX replay_records_by_expiry ON replay_records (expires_ms)`,
        `CREATE TABLE replay_pieces (
          lookup TEXT NOT NULL, piece INTEGER NOT NULL, sealed BLOB NOT NULL, PRIMARY KEY (lookup, piece)
        ) STRICT`,
      ],
    },
  ]

  readonly #database: SqlDatabase

  constructor(database: SqlDatabase) {
    this.#database = database
  }

  begin(lookup: string, fingerprint: string, nowMs: number): BeginReplayResult {
    return this.#database.transaction((): BeginReplayResult => {
      const record = this.#find(lookup)
      const wasDropped = record?.status === null && record.lease_ends_ms === DROPPED
      const isOther = record?.fingerprint !== fingerprint
      if (record === undefined || record.expires_ms <= nowMs || (wasDropped && isOther)) {
        this.#remove(lookup)
        return this.#lease(lookup, fingerprint, randomBase62(16), nowMs + REPLAY_TTL_MS, nowMs)
      }
      if (isOther) return { kind: 'reused' }
      if (record.status !== null) return { kind: 'replay', status: record.status, pieces: this.#pieces(lookup) }
      if (record.lease_ends_ms > nowMs) return { kind: 'inFlight', retryAfterSeconds: 1 }
      return this.#lease(lookup, fingerprint, record.operation_id, record.expires_ms, nowMs)
    })
  }

  renew(lookup: string, lease: string, nowMs: number): boolean {
    return this.#database.transaction(() => {
      if (!this.#holds(lookup, lease)) return false
      this.#database.run(
        'UPDATE replay_records SET lease_ends_ms = ? WHERE lookup = ?',
        nowMs + REPLAY_LEASE_MS,
        lookup,
      )
      return true
    })
  }

  /** The record lives 24 h from now on. */
  finish(lookup: string, lease: string, { status, pieces }: SealedAnswer, nowMs: number): boolean {
    invariant(
      pieces.every((piece) => piece.length <= MAX_TEXT_PIECE_BYTES),
      'pieces of an answer fit into a row',
    )
    return this.#database.transaction(() => {
      if (!this.#holds(lookup, lease)) return false
      this.#database.run(
        'UPDATE replay_records SET status = ?, expires_ms = ? WHERE lookup = ?',
        status,
        nowMs + REPLAY_TTL_MS,
        lookup,
      )
      for (const [index, piece] of pieces.entries()) {
        this.#database.run('INSERT INTO replay_pieces (lookup, piece, sealed) VALUES (?, ?, ?)', lookup, index, piece)
      }
      return true
    })
  }

  drop(lookup: string, lease: string): void {
    this.#database.transaction(() => {
      if (!this.#holds(lookup, lease)) return
      this.#database.run("UPDATE replay_records SET lease_ends_ms = ?, lease = '' WHERE lookup = ?", DROPPED, lookup)
    })
  }

  /** Removes up to a batch of expired records; tells when the next one expires, `undefined` when none is left. */
  prune(nowMs: number): number | undefined {
    return this.#database.transaction(() => {
      const expired = this.#database.all<{ lookup: string }>(
        'SELECT lookup FROM replay_records WHERE expires_ms <= ? ORDER BY expires_ms LIMIT ?',
        nowMs,
        PRUNE_BATCH,
      )
      for (const { lookup } of expired) this.#remove(lookup)
      return this.nextDueMs()
    })
  }

  /** Prunes while anything has expired. */
  async run(nowMs: number): Promise<void> {
    this.prune(nowMs)
  }

  nextDueMs(): number | undefined {
    const row = this.#database.get<{ next: number | null }>('SELECT MIN(expires_ms) AS next FROM replay_records')
    return row?.next ?? undefined
  }

  #lease(
    lookup: string,
    fingerprint: string,
    operationId: string,
    expiresMs: number,
    nowMs: number,
  ): BeginReplayResult {
    const lease = randomBase62(16)
    this.#database.run(
      `INSERT OR REPLACE INTO replay_records (lookup, fingerprint, lease, lease_ends_ms, operation_id, status, expires_ms)
       VALUES (?, ?, ?, ?, ?, NULL, ?)`,
      lookup,
      fingerprint,
      lease,
      nowMs + REPLAY_LEASE_MS,
      operationId,
      expiresMs,
    )
    return { kind: 'run', lease, operationId }
  }

  /** Only the holder of an unfinished record's newest lease may change it. */
  #holds(lookup: string, lease: string): boolean {
    const record = this.#find(lookup)
    return record !== undefined && record.status === null && record.lease === lease
  }

  #find(lookup: string): RecordRow | undefined {
    return this.#database.get<RecordRow>(
      `SELECT fingerprint, lease, lease_ends_ms, operation_id, status, expires_ms FROM replay_records WHERE lookup = ?`,
      lookup,
    )
  }

  #pieces(lookup: string): Uint8Array[] {
    const rows = this.#database.all<{ sealed: Uint8Array }>(
      'SELECT sealed FROM replay_pieces WHERE lookup = ? ORDER BY piece',
      lookup,
    )
    return rows.map(({ sealed }) => sealed)
  }

  #remove(lookup: string): void {
    this.#database.run('DELETE FROM replay_pieces WHERE lookup = ?', lookup)
    this.#database.run('DELETE FROM replay_records WHERE lookup = ?', lookup)
  }
}
