/** Shares of searches and answers that isolates may use up without asking for each, and leave to spend tokens. */
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

/** In the place of what is read. */
const TOKENS = 'tokens'

interface LeaseRow {
  readonly id: string
  readonly meter: ReadMeter | typeof TOKENS
  readonly reads: number
  readonly tokens: number
  readonly spend: number
  readonly created_ms: number
}

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

  /** For one call. */
  grantTokens({ tokens, spend }: { readonly tokens: number; readonly spend: number }, nowMs: number): string {
    const id = randomBase62(16)
    this.#database.run(
      'INSERT INTO ledger_leases (id, meter, reads, created_ms, tokens, spend) VALUES (?, ?, 0, ?, ?, ?)',
      id,
      TOKENS,
      nowMs,
      tokens,
      spend,
    )
    return id
  }

  end(ids: readonly string[]): void {
    for (const id of ids) this.#database.run('DELETE FROM ledger_leases WHERE id = ?', id)
  }

  /** Leases of isolates that died: whether they were used is unknown, so they count as used in their window. */
  fold(nowMs: number): void {
    this.#database.transaction(() => {
      const lost = this.#database.all<LeaseRow>(
        'SELECT id, meter, reads, created_ms, tokens, spend FROM ledger_leases WHERE created_ms <= ?',
        nowMs - FOLD_AFTER_MS,
      )
      for (const { meter, reads, tokens, spend, created_ms: createdMs } of lost) {
        const day = dayOf(createdMs)
        if (meter === TOKENS) this.#consumption.raiseTokens({ tokens, spend }, day)
        else this.#consumption.raiseReads({ [meter]: reads }, day)
      }
      this.end(lost.map(({ id }) => id))
    })
  }

  nextDueMs(): number | undefined {
    const row = this.#database.get<{ next: number | null }>('SELECT min(created_ms) AS next FROM ledger_leases')
    return row?.next == null ? undefined : row.next + FOLD_AFTER_MS
  }
}
