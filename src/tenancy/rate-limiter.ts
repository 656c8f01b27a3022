/**
 * How often may a caller ask? The isolate's side: it spends shares that the tenant's object granted ahead, asks again when
 * they are spent or too old, and remembers denials, so that ten times the load is not ten times the calls. A request is
 * charged to all its policies or to none: who is held back by one rate does not use up another.
 *
 * While the object cannot be reached, each isolate keeps the same rates by itself, from what the object said last: search
 * stays up, and the worst case is the rate times the number of isolates. Once it answers again, it is told what is missing.
 */
import type { Clock } from '../core/clock.ts'
import type { TenantUid } from '../core/ids.ts'
import { MAX_RATE_SHARES } from '../core/limits.ts'
import type { RateGrant, RatePort, RateRequest } from './rate-buckets.ts'
import type { RatePolicy } from './rate-policies.ts'
import { RecentMap } from './rates/recent-map.ts'
import { RateShare } from './rates/rate-share.ts'
import type { RateState } from './rates/rate-share.ts'
import type { KeepAlive } from './read-through-cache.ts'
import { systemTimer } from './timer.ts'
import type { Timer } from './timer.ts'

export type { RateState }

export interface RateVerdict {
  /** 0: admitted and charged. */
  readonly retryAfterMs: number
  /** In the order of the policies. */
  readonly states: readonly RateState[]
}

export interface RateLimiterDependencies {
  readonly objectOf: (tenantUid: TenantUid) => Promise<RatePort>
  readonly clock: Clock
  readonly timer?: Timer
  /** Hears why an object could not be asked. */
  readonly report?: (error: unknown) => void
}

/** A call that shows no end after this long is not waited for: the request that made it may have been cancelled. */
export const LOST_TAKE_MS = 1_000
/** After a failure the object is left alone for this long. */
export const ALONE_MS = 1_000
const MAX_TENANTS_ALONE = 1_000

/** One per isolate. */
export class RateLimiter {
  readonly #dependencies: RateLimiterDependencies
  readonly #timer: Timer
  readonly #shares = new RecentMap<RateShare>(MAX_RATE_SHARES)
  /** Tenants whose object did not answer, and until when the isolate judges by itself. */
  readonly #aloneUntil = new RecentMap<number>(MAX_TENANTS_ALONE)

  constructor(dependencies: RateLimiterDependencies) {
    this.#dependencies = dependencies
    this.#timer = dependencies.timer ?? systemTimer
  }

  /** Charges one request to all policies, or to none where one denies it. Without policies there is nothing to ask. */
  async charge(
    tenantUid: TenantUid,
    policies: readonly RatePolicy[],
    keepAlive: KeepAlive = () => {},
  ): Promise<RateVerdict> {
    const shares = policies.map((policy) => this.#shareOf(tenantUid, policy))
    for (;;) {
      const nowMs = this.#dependencies.clock()
      const retryAfterMs = Math.max(0, ...shares.map((share) => share.deniedForMs(nowMs)))
      const empty = retryAfterMs > 0 ? [] : shares.filter((share) => !share.hasToken(nowMs))
      if (empty.length === 0) {
        if (retryAfterMs === 0) for (const share of shares) share.spend()
        return { retryAfterMs, states: shares.map((share) => share.state(nowMs)) }
      }
      // Only the narrowest is asked for all that wait: of a wider one that would take what this one may yet deny.
      empty.find((share) => share === shares[0])?.wait()
      await this.#refill(tenantUid, empty, keepAlive)
    }
  }

  #shareOf(tenantUid: TenantUid, policy: RatePolicy): RateShare {
    const id = `${tenantUid}/${policy.subject}`
    const held = this.#shares.get(id)
    if (held?.fits(policy.limit) === true) return held
    const share = new RateShare(policy, this.#dependencies.clock)
    this.#shares.set(id, share)
    return share
  }

  /** Waits until every share was refilled or denied once, by calls under way and one for the others. Never fails. */
  async #refill(tenantUid: TenantUid, shares: readonly RateShare[], keepAlive: KeepAlive): Promise<void> {
    const idle = shares.filter((share) => share.flight === undefined)
    let started: Promise<void> | undefined
    const start = (): Promise<void> => (started ??= this.#ask(tenantUid, idle, (share) => share.flight === started))
    const flights = shares.map((share) => (share.flight ??= start()))
    const done = Promise.all(flights)
    keepAlive(done)
    if (!(await this.#isLost(done))) return
    this.#leaveAlone(tenantUid)
    shares.forEach((share, i) => {
      if (share.flight === flights[i]) share.flight = undefined
    })
  }

  /** Never fails: what the object does not answer, the isolate takes by itself. */
  async #ask(
    tenantUid: TenantUid,
    shares: readonly RateShare[],
    isAwaited: (share: RateShare) => boolean,
  ): Promise<void> {
    // Those that wait for the same share are counted before it is asked for, and the flight is known before it lands.
    await Promise.resolve()
    const nowMs = this.#dependencies.clock()
    const requests = shares.map((share) => share.request(nowMs))
    const grants = await this.#take(tenantUid, requests, nowMs)
    shares.forEach((share, i) => {
      if (!isAwaited(share)) return
      share.flight = undefined
      if (grants === undefined) share.takeAlone(nowMs)
      else share.receive(grants[i], nowMs)
    })
  }

  /** `undefined` where the object does not answer, or did not a moment ago. */
  async #take(tenantUid: TenantUid, requests: readonly RateRequest[], nowMs: number): Promise<RateGrant[] | undefined> {
    if (nowMs < (this.#aloneUntil.get(tenantUid) ?? 0)) return undefined
    try {
      return await (await this.#dependencies.objectOf(tenantUid)).takeRates(requests)
    } catch (error) {
      this.#dependencies.report?.(error)
      this.#leaveAlone(tenantUid)
      return undefined
    }
  }

  #leaveAlone(tenantUid: TenantUid): void {
    this.#aloneUntil.set(tenantUid, this.#dependencies.clock() + ALONE_MS)
  }

  async #isLost(work: Promise<unknown>): Promise<boolean> {
    const cancel: (() => void)[] = []
    const lost = new Promise<boolean>((resolve) => {
      cancel.push(this.#timer(LOST_TAKE_MS, () => resolve(true)))
    })
    try {
      return await Promise.race([work.then(() => false), lost])
    } finally {
      for (const stop of cancel) stop()
    }
  }
}
