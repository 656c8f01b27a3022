/**
 * What this isolate knows of one endpoint: a circuit breaker, how long it asked for patience, how many calls are under way,
 * and a budget of retries. Written by hand because the packages for it keep promises and timers between requests, which the
 * Workers runtime forbids, and read the real clock. Nothing waits in here, and everything that is held is a lease that
 * ends by time: the runtime drops a cancelled request without running what stands in its `finally`.
 */
import type { Clock } from '../../core/clock.ts'
import { ProviderFault } from './provider-fault.ts'

/** Faults in a row that open the breaker. */
export const FAULTS_TO_OPEN = 5
/** It stays open for so long at first, twice as long after each trial that fails. */
export const FIRST_OPEN_MS = 5_000
export const LONGEST_OPEN_MS = 60_000
/** Longer patience than that concerns the call that was told, not all others. */
export const LONGEST_HOLD_MS = 60_000
/** Calls of one isolate that are under way to an endpoint. */
export const MAX_CALLS_UNDER_WAY = 64
/** Retries that may follow each other at once; then each needs several calls that earn it. */
export const FULL_RETRY_BUDGET = 10
/** What a call earns: retries make no more than this share of the load of an endpoint that is in trouble. */
export const RETRIES_PER_CALL = 0.2
/** How soon to come back when too many calls are under way, or another one tries whether the endpoint is well. */
const SOON_MS = 1_000

/** One call under way. Tell it how the call went; one that is told nothing ends by itself. */
interface Lease {
  readonly untilMs: number
}

export class EndpointHealth {
  readonly #clock: Clock
  readonly #underWay = new Set<Lease>()
  #faultsInRow = 0
  /** How often in a row it opened; 0 while it is closed. */
  #openings = 0
  #openUntilMs = 0
  #trial: Lease | undefined
  #holdUntilMs = 0
  #retryBudget = FULL_RETRY_BUDGET

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Begins a call that lasts at most `leaseMs`. @throws ProviderFault of the kinds `open` and `busy` */
  enter(leaseMs: number): Lease {
    const nowMs = this.#clock()
    if (nowMs < this.#openUntilMs) throw open(this.#openUntilMs - nowMs)
    if (nowMs < this.#holdUntilMs) {
      throw new ProviderFault('busy', 'the provider asked for patience', this.#holdUntilMs - nowMs)
    }
    for (const lease of this.#underWay) if (lease.untilMs <= nowMs) this.#underWay.delete(lease)
    if (this.#underWay.size >= MAX_CALLS_UNDER_WAY) {
      throw new ProviderFault('busy', 'too many calls of the provider are under way', SOON_MS)
    }
    const lease = { untilMs: nowMs + leaseMs }
    if (this.#openings > 0) {
      if (this.#trial !== undefined && this.#trial.untilMs > nowMs) throw open(SOON_MS)
      this.#trial = lease
    }
    this.#underWay.add(lease)
    return lease
  }

  /** The endpoint answered, be it with a refusal. */
  answered(lease: Lease): void {
    this.left(lease)
    // A trial that is still under way has nothing to say any more.
    this.#trial = undefined
    this.#faultsInRow = 0
    this.#openings = 0
    this.#openUntilMs = 0
  }

  failed(lease: Lease, retryAfterMs = 0): void {
    const nowMs = this.#clock()
    const wasTrial = this.#trial === lease
    this.left(lease)
    const holdMs = Math.min(retryAfterMs, LONGEST_HOLD_MS)
    this.#holdUntilMs = Math.max(this.#holdUntilMs, nowMs + holdMs)
    this.#faultsInRow++
    const opens = wasTrial || (this.#openings === 0 && this.#faultsInRow >= FAULTS_TO_OPEN)
    if (!opens) return
    this.#openUntilMs = nowMs + Math.min(FIRST_OPEN_MS * 2 ** this.#openings, LONGEST_OPEN_MS)
    this.#openings++
  }

  /** The call ended without a word about the endpoint, such as by its caller. */
  left(lease: Lease): void {
    this.#underWay.delete(lease)
    if (this.#trial === lease) this.#trial = undefined
  }

  /** Each call that is not a retry earns a part of one. */
  earnRetry(): void {
    this.#retryBudget = Math.min(this.#retryBudget + RETRIES_PER_CALL, FULL_RETRY_BUDGET)
  }

  /** Whether one more retry is within the budget; it is spent then. */
  spendRetry(): boolean {
    if (this.#retryBudget < 1) return false
    this.#retryBudget--
    return true
  }
}

const open = (retryAfterMs: number): ProviderFault =>
  new ProviderFault('open', 'the provider failed too often and is given a rest', retryAfterMs)

/** Endpoints that an isolate remembers; a forgotten one counts as healthy. */
const MAX_ENDPOINTS = 1_000

/** One `EndpointHealth` for each key, which names tenant, model and place, so that no tenant's quota opens another's breaker. */
export class EndpointsHealth {
  readonly #clock: Clock
  /** Iterates in the order of use. */
  readonly #endpoints = new Map<string, EndpointHealth>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  of(key: string): EndpointHealth {
    const health = this.#endpoints.get(key) ?? new EndpointHealth(this.#clock)
    this.#endpoints.delete(key)
    this.#endpoints.set(key, health)
    for (const oldest of this.#endpoints.keys()) {
      if (this.#endpoints.size <= MAX_ENDPOINTS) break
      this.#endpoints.delete(oldest)
    }
    return health
  }
}
