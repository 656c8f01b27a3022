/**
 * The Worker's side of reservations: one for each write of a tenant whose writes are limited, kept in the tenant's object,
 * renewed while the write lasts and settled when it ends. Without limits there is none, and no call.
 */
import { randomBase62 } from '../core/bytes.ts'
import type { Clock } from '../core/clock.ts'
import { invariant } from '../core/invariant.ts'
import type { TenantUid } from '../core/ids.ts'
import { asProblem, Problem, type ProblemCode } from '../core/problem.ts'
import type { Allowance, Amounts, Meter, ShardPosition } from '../core/usage.ts'
import type { TenantState } from './key-store.ts'
import type { ReserveRequest, ReserveResult, ShardRef } from './ledger.ts'
import type { TenantLimits } from './tenant-limits.ts'

/** A reservation that ends sooner than this is renewed before a commit relies on it. */
const RENEW_BEFORE_MS = 10_000

/** The part of a tenant's object that reserves. */
export interface LedgerPort {
  reserve(request: ReserveRequest): Promise<ReserveResult>
  settle(id: string, committed: readonly ShardPosition[]): Promise<void>
}

export interface LedgerPorts {
  of(tenantUid: TenantUid): Promise<LedgerPort>
}

export type ReservationRefusal = Extract<ReserveResult, { status: 'refused' }>

export class Allowances {
  readonly #ports: LedgerPorts
  readonly #clock: Clock

  constructor(ports: LedgerPorts, clock: Clock) {
    this.#ports = ports
    this.#clock = clock
  }

  /** For one write; `undefined` where nothing that writes use is limited. */
  forWrite({ uid, limits }: Pick<TenantState, 'uid' | 'limits'>): WriteAllowance | undefined {
    return limitsWrites(limits) ? new WriteAllowance(this.#ports, this.#clock, uid, limits) : undefined
  }
}

const limitsWrites = ({
  documents,
  chunks,
  storedBytes,
  embeddingTokensPerMonth,
  dailyBudget,
}: TenantLimits): boolean =>
  [documents, chunks, storedBytes, embeddingTokensPerMonth, dailyBudget].some((limit) => limit !== undefined)

export class WriteAllowance {
  readonly #ports: LedgerPorts
  readonly #clock: Clock
  readonly #tenantUid: TenantUid
  readonly #limits: TenantLimits
  #id = randomBase62(16)
  /** Absent until something is reserved. */
  #expiresAtMs: number | undefined

  constructor(ports: LedgerPorts, clock: Clock, tenantUid: TenantUid, limits: TenantLimits) {
    this.#ports = ports
    this.#clock = clock
    this.#tenantUid = tenantUid
    this.#limits = limits
  }

  /** Nothing may be committed without one. */
  get current(): Extract<Allowance, { kind: 'reserved' }> {
    invariant(this.#expiresAtMs !== undefined, 'a write reserves before it commits')
    return { kind: 'reserved', id: this.#id, expiresAtMs: this.#expiresAtMs }
  }

  /** Another one after everything was lost. */
  get id(): string {
    return this.#id
  }

  /** Whether it should be renewed before anything relies on it. */
  get isShort(): boolean {
    return this.#expiresAtMs !== undefined && this.#expiresAtMs - this.#clock() < RENEW_BEFORE_MS
  }

  /**
   * Reserves more, or with no amounts renews. After `gone` everything that was reserved is lost, and the next call begins
   * anew.
   * @throws overloaded
   */
  async reserve(amounts: Amounts, shards: readonly ShardRef[]): Promise<ReserveResult> {
    const renews = this.#expiresAtMs !== undefined
    const request = { id: this.#id, tenantUid: this.#tenantUid, amounts, limits: this.#limits, shards, renews }
    const result = await answered(this.#ports, this.#tenantUid, (ledger) => ledger.reserve(request))
    if (result.status === 'granted') this.#expiresAtMs = result.expiresAtMs
    if (result.status === 'gone') {
      this.#id = randomBase62(16)
      this.#expiresAtMs = undefined
    }
    return result
  }

  /** Gives back what was not used. Where it fails, the tenant's object resolves the reservation by itself. */
  async settle(committed: readonly ShardPosition[]): Promise<void> {
    if (this.#expiresAtMs === undefined) return
    const id = this.#id
    await answered(this.#ports, this.#tenantUid, (ledger) => ledger.settle(id, committed)).catch(() => {})
  }
}

async function answered<T>(ports: LedgerPorts, uid: TenantUid, ask: (ledger: LedgerPort) => Promise<T>): Promise<T> {
  try {
    return await ask(await ports.of(uid))
  } catch (error) {
    throw asProblem(error) ?? new Problem('overloaded', 'nothing can be reserved now', { retryAfterSeconds: 1 })
  }
}

const REFUSALS: Readonly<Record<Meter, readonly [ProblemCode, string]>> = {
  documents: ['quota_exceeded', 'the tenant may not store more documents'],
  chunks: ['quota_exceeded', 'the tenant may not store more chunks'],
  storedBytes: ['quota_exceeded', 'the tenant may not store more bytes'],
  embeddingTokens: ['monthly_quota_exceeded', 'the tenant may not embed more tokens this month'],
  searches: ['monthly_quota_exceeded', 'the tenant may not search more often this month'],
  answers: ['monthly_quota_exceeded', 'the tenant may not ask for more answers this month'],
  spend: ['budget_exceeded', "the tenant's budget of the day is spent"],
}

/** Limits may be raised at any time, so nobody is told to stay away for longer than a day. */
const MAX_RETRY_SECONDS = 86_400

/** The problem of a meter that is used up. */
export function quotaProblem(meter: Meter, retryAfterSeconds?: number): Problem {
  const [code, detail] = REFUSALS[meter]
  return new Problem(
    code,
    detail,
    retryAfterSeconds === undefined ? {} : { retryAfterSeconds: Math.min(retryAfterSeconds, MAX_RETRY_SECONDS) },
  )
}
