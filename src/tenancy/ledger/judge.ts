/** How much of each meter is used, and whether more may be: settled + held by staged work + reserved, against its limit. */
import { invariant } from '../../core/invariant.ts'
import type { SqlDatabase } from '../../core/sql-database.ts'
import { METERS, type Amounts, type Meter } from '../../core/usage.ts'
import { PRICES } from '../prices.ts'
import type { TenantLimits } from '../tenant-limits.ts'
import { LEASE_MS } from './leases.ts'
import type { ReadLease, ReadLeaseRequest, ReserveResult } from './requests.ts'
import { METER_COLUMNS, type WriteMeter } from './schema.ts'
import { limitsByMeter, secondsLeft, windowOf, WINDOWS, DAY_MS } from './windows.ts'

type Refusal<Result> = Extract<Result, { status: 'refused' }>

export interface Use {
  /** Counted, and held by accepted work. */
  readonly used: number
  /** By writes and leases under way. */
  readonly reserved: number
}

const READ_PRICES = { searches: PRICES.search, answers: PRICES.answer } as const

export class Judge {
  readonly #database: SqlDatabase

  constructor(database: SqlDatabase) {
    this.#database = database
  }

  use(meter: Meter, nowMs: number): Use {
    if (meter === 'searches' || meter === 'answers') {
      return { used: this.#counted(meter, nowMs), reserved: this.#leased(meter, nowMs) }
    }
    const settled =
      WINDOWS[meter] === 'stored' ? this.#sum('ledger_shards', METER_COLUMNS[meter]) : this.#counted(meter, nowMs)
    const held = this.#sum('ledger_shards', `held_${METER_COLUMNS[meter]}`)
    const open = this.#sum('ledger_reservations', METER_COLUMNS[meter])
    return { used: settled + held, reserved: open + this.#lent(meter, nowMs) }
  }

  /** Why the amounts may not be reserved; what does not grow is never refused. */
  refuse(amounts: Amounts, limits: TenantLimits, nowMs: number): Refusal<ReserveResult> | undefined {
    const limited = limitsByMeter(limits)
    for (const meter of METERS) {
      const limit = limited[meter]
      const amount = amounts[meter] ?? 0
      if (limit === undefined || amount === 0) continue
      const { used, reserved } = this.use(meter, nowMs)
      if (used + reserved + amount <= limit) continue
      return {
        status: 'refused',
        meter,
        limit,
        used: used + reserved,
        available: this.#available(limits, nowMs),
        ...(WINDOWS[meter] === 'stored' ? {} : { retryAfterSeconds: secondsLeft(meter, nowMs) }),
      }
    }
    return undefined
  }

  #available(limits: TenantLimits, nowMs: number): Amounts {
    const left = Object.entries(limitsByMeter(limits)).map(([meter, limit]) => {
      const { used, reserved } = this.use(meter as Meter, nowMs)
      return [meter, Math.max(0, limit - used - reserved)]
    })
    return Object.fromEntries(left) as Amounts
  }

  /** How many reads of the kind may still be done, or why none. */
  readsLeft(
    { meter, limits, beyondBudget = false }: Pick<ReadLeaseRequest, 'meter' | 'limits' | 'beyondBudget'>,
    nowMs: number,
  ): { readonly count: number } | { readonly refused: Refusal<ReadLease> } {
    const { [meter]: quota = Infinity, spend: budget = Infinity } = limitsByMeter(limits)
    const left = (of: Meter, limit: number): number => {
      const { used, reserved } = this.use(of, nowMs)
      return limit - used - reserved
    }
    const ofQuota = left(meter, quota)
    const ofBudget = beyondBudget ? Infinity : Math.floor(left('spend', budget) / READ_PRICES[meter])
    const count = Math.min(ofQuota, ofBudget)
    if (count >= 1) return { count }
    const refusing = ofQuota < 1 ? meter : 'spend'
    const whenSpent = refusing === 'spend' ? limits.dailyBudget?.whenSpent : undefined
    return {
      refused: {
        status: 'refused',
        meter: refusing,
        retryAfterSeconds: secondsLeft(refusing, nowMs),
        ...(whenSpent === undefined ? {} : { whenSpent }),
      },
    }
  }

  /** Keeps the limits for warnings, which come when nobody who knows them is asking. */
  noteLimits(limits: TenantLimits): void {
    const text = JSON.stringify(limits)
    this.#database.run('UPDATE ledger_state SET limits = ? WHERE limits <> ?', text, text)
  }

  limits(): TenantLimits {
    const row = this.#database.get<{ limits: string }>('SELECT limits FROM ledger_state')
    invariant(row !== undefined, 'the ledger has a state')
    return JSON.parse(row.limits) as TenantLimits
  }

  /** The fullest window from the present one on: a shard whose clock is ahead may have begun the next one. */
  #counted(meter: Meter, nowMs: number): number {
    const row = this.#database.get<{ amount: number | null }>(
      'SELECT max(amount) AS amount FROM ledger_counters WHERE meter = ? AND period >= ?',
      meter,
      windowOf(meter, nowMs),
    )
    return row?.amount ?? 0
  }

  /** Of what writes spend too, what is lent to requests that write nothing. */
  #lent(meter: Meter, nowMs: number): number {
    if (meter === 'spend') return this.#leasedMoney(nowMs)
    return meter === 'embeddingTokens' ? this.#leasedTokens(nowMs) : 0
  }

  #leasedTokens(nowMs: number): number {
    const row = this.#database.get<{ tokens: number | null }>(
      'SELECT sum(tokens) AS tokens FROM ledger_leases WHERE created_ms > ?',
      windowStartMs('embeddingTokens', nowMs) - LEASE_MS,
    )
    return row?.tokens ?? 0
  }

  #leased(meter: Meter, nowMs: number): number {
    const row = this.#database.get<{ reads: number | null }>(
      'SELECT sum(reads) AS reads FROM ledger_leases WHERE meter = ? AND created_ms > ?',
      meter,
      windowStartMs(meter, nowMs) - LEASE_MS,
    )
    return row?.reads ?? 0
  }

  #leasedMoney(nowMs: number): number {
    const sinceMs = windowStartMs('spend', nowMs) - LEASE_MS
    const row = this.#database.get<{ money: number | null }>(
      'SELECT sum(reads * CASE meter WHEN ? THEN ? ELSE ? END + spend) AS money FROM ledger_leases WHERE created_ms > ?',
      'searches',
      PRICES.search,
      PRICES.answer,
      sinceMs,
    )
    return row?.money ?? 0
  }

  #sum(
    table: 'ledger_shards' | 'ledger_reservations',
    column: `${'' | 'held_'}${(typeof METER_COLUMNS)[WriteMeter]}`,
  ): number {
    const row = this.#database.get<{ amount: number | null }>(`SELECT sum(${column}) AS amount FROM ${table}`)
    return row?.amount ?? 0
  }
}

/** When the window of a monthly or daily meter began. */
function windowStartMs(meter: Meter, nowMs: number): number {
  const day = Math.floor(nowMs / DAY_MS) * DAY_MS
  return WINDOWS[meter] === 'day' ? day : Date.parse(`${windowOf(meter, nowMs)}-01T00:00:00Z`)
}
