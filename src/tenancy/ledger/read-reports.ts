/** Which reports of reads were counted: an isolate whose answer was lost tells the same again. */
import type { SqlDatabase } from '../../core/sql-database.ts'

/** An isolate tries again within seconds. What it tells again after so long is taken for new. */
export const REMEMBER_REPORTS_MS = 600_000

export class ReadReports {
  readonly #database: SqlDatabase

  constructor(database: SqlDatabase) {
    this.#database = database
  }

  /** Whether the report is new; from now on it is not. */
  take(id: string, nowMs: number): boolean {
    this.#database.run('DELETE FROM ledger_read_reports WHERE taken_ms <= ?', nowMs - REMEMBER_REPORTS_MS)
    const known = this.#database.get('SELECT id FROM ledger_read_reports WHERE id = ?', id)
    if (known !== undefined) return false
    this.#database.run('INSERT INTO ledger_read_reports (id, taken_ms) VALUES (?, ?)', id, nowMs)
    return true
  }
}
