/** Shares of searches and answers that isolates may use up without asking for each. */
import { randomBase62 } from '../../core/bytes.ts'
import type { SqlDatabase } from '../../core/sql-database.ts'
import type { Consumption } from './consumption.ts'
import type { ReadMeter } from './requests.ts'
import { dayOf } from './windows.ts'

/** A lease may be used so long. */
export const LEASE_MS = 10_000
/** At most one part in so many of what is left, so that many isolates find some. */
const SHARE = 20
const MAX_READS = 64
/** Nobody reports so late: the lease counts as used up from then on. */
const FOLD_AFTER_MS = 600_000

export class Leases {
  readonly #database: SqlDatabase
  readonly #consumption: Consumption

  constructor(database: SqlDatabase, consumption: Consumption) {
    this.#database = database
    this.#consumption = consumption
  }

  /** `left` is at least 1. */
  grant(meter: ReadMeter, want: number, left: number, nowMs: number): { id: string; count: number } {
    const id = randomBase62(16)
    const count = Math.max(1, Math.min(want, MAX_READS, Math.floor(left / SHARE)))
    this.#database.run(
      'INSERT INTO ledger_leases (id, meter, reads, created_ms) VALUES (?, ?, ?, ?)',
      id,
      meter,
      count,
      nowMs,
    )
    return { id, count }
  }

  end(ids: readonly string[]): void {
    for (const id of ids) this.#database.run('DELETE FROM ledger_leases WHERE id = ?', id)
  }

  /** Leases of isolates that died: whether they were used is unknown, so they count as used in their window. */
  fold(nowMs: number): void {
    this.#database.transaction(() => {
      const lost = this.#database.all<{ id: string; meter: ReadMeter; reads: number; created_ms: number }>(
        'SELECT id, meter, reads, created_ms FROM ledger_leases WHERE created_ms <= ?',
        nowMs - FOLD_AFTER_MS,
      )
      for (const { meter, reads, created_ms: createdMs } of lost) {
        this.#consumption.raiseReads({ [meter]: reads }, dayOf(createdMs))
      }
      this.end(lost.map(({ id }) => id))
    })
  }

  nextDueMs(): number | undefined {
    const row = this.#database.get<{ next: number | null }>('SELECT min(created_ms) AS next FROM ledger_leases')
    return row?.next == null ? undefined : row.next + FOLD_AFTER_MS
  }
}
