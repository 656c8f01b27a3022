/** Says once, when a meter first reaches 80 and 100 percent of its limit in its window. */
import type { SqlDatabase } from '../../core/sql-database.ts'
import type { Meter } from '../../core/usage.ts'
import { dollars } from '../prices.ts'
import type { Judge } from './judge.ts'
import type { QuotaWarning } from './requests.ts'
import { limitsByMeter, windowOf } from './windows.ts'

const THRESHOLDS = [80, 100] as const
/** What is stored falls and rises, and limits are raised: the next warning of a threshold comes only from below this part. */
const REARM = 0.9

export class Warnings {
  readonly #database: SqlDatabase
  readonly #judge: Judge
  readonly #warn: (warning: QuotaWarning) => void

  constructor(database: SqlDatabase, judge: Judge, warn: (warning: QuotaWarning) => void) {
    this.#database = database
    this.#judge = judge
    this.#warn = warn
  }

  /** Inside the transaction that may have changed what is used. */
  check(nowMs: number): void {
    for (const [name, limit] of Object.entries(limitsByMeter(this.#judge.limits()))) {
      const meter = name as Meter
      const { used } = this.#judge.use(meter, nowMs)
      for (const percent of THRESHOLDS) this.#checkThreshold(meter, percent, limit, used, nowMs)
    }
  }

  #checkThreshold(meter: Meter, percent: 80 | 100, limit: number, used: number, nowMs: number): void {
    const window = windowOf(meter, nowMs)
    const warned = this.#database.get<{ period: string }>(
      'SELECT period FROM ledger_warnings WHERE meter = ? AND percent = ?',
      meter,
      percent,
    )
    const threshold = (limit * percent) / 100
    if (used < threshold) {
      if (warned !== undefined && used < threshold * REARM) {
        this.#database.run('DELETE FROM ledger_warnings WHERE meter = ? AND percent = ?', meter, percent)
      }
      return
    }
    if (warned?.period === window) return
    this.#database.run(
      'INSERT OR REPLACE INTO ledger_warnings (meter, percent, period) VALUES (?, ?, ?)',
      meter,
      percent,
      window,
    )
    const onTheWire = (amount: number): number => (meter === 'spend' ? dollars(amount) : amount)
    this.#warn({
      type: 'quota.warning',
      meter,
      percent,
      limit: onTheWire(limit),
      used: onTheWire(used),
      window,
      atMs: nowMs,
    })
  }
}
