/** What one isolate knows of one subject's bucket: tokens that it may still spend, or until when it is denied. */
import type { Clock } from '../../core/clock.ts'
import { burstOf, RateBuckets } from '../rate-buckets.ts'
import type { RateGrant, RateRequest } from '../rate-buckets.ts'
import type { RatePolicy } from '../rate-policies.ts'
import type { RateLimit } from '../tenant-limits.ts'

/** Where one policy stands, as the isolate knows it. */
export interface RateState {
  readonly name: RatePolicy['name']
  /** What may be spent at once, and how many seconds bring it back. */
  readonly quota: number
  readonly windowSeconds: number
  readonly remaining: number
  /** Until `remaining` is `quota` again, if nothing is spent. */
  readonly resetSeconds: number
}

/** Tokens that are not spent within this time are lost: a share is never more than this long's worth ahead. */
export const SHARE_MS = 2_000
/** The object is not asked again sooner than this after a denial, unless the bucket is full earlier. */
export const QUIET_MS = 100

/** Where an answer says nothing. */
const NOTHING: RateGrant = { granted: 0, available: 0, retryAfterMs: 0 }

export class RateShare {
  readonly #policy: RatePolicy
  /** The bucket as the object last told it, from which the isolate takes while the object does not answer. */
  readonly #own: RateBuckets
  /** The isolate has taken by itself, and the object does not know. */
  #wasAlone = false
  #tokens = 0
  #endsMs = 0
  #deniedUntilMs = 0
  /** Of the bucket, when it was last asked; full as long as nobody asked. */
  #available: number
  /** What is asked for: twice as much when the last share was spent in time, half as much when it was not. */
  #step = 1
  /** Requests that wait since the last answer. Nobody counts down: a request that was cancelled could not. */
  #waiting = 0
  /** The call under way that will refill it. */
  flight: Promise<void> | undefined

  constructor(policy: RatePolicy, clock: Clock) {
    this.#policy = policy
    this.#own = new RateBuckets(clock, 1)
    this.#available = burstOf(policy.limit)
  }

  /** A changed limit makes a new share, so that a denial under the old one is forgotten. */
  fits({ requests, windowSeconds, burst }: RateLimit): boolean {
    const own = this.#policy.limit
    return own.requests === requests && own.windowSeconds === windowSeconds && own.burst === burst
  }

  hasToken(nowMs: number): boolean {
    return this.#tokens > 0 && nowMs < this.#endsMs
  }

  spend(): void {
    this.#tokens--
  }

  /** Counts one request that waits for this share before all others. */
  wait(): void {
    this.#waiting++
  }

  deniedForMs(nowMs: number): number {
    return Math.max(0, this.#deniedUntilMs - nowMs)
  }

  /** By the last answer of the object. */
  state(nowMs: number): RateState {
    const { name, limit } = this.#policy
    const quota = burstOf(limit)
    const remaining = this.deniedForMs(nowMs) > 0 ? 0 : this.#tokens + this.#available
    const secondsFor = (tokens: number): number => Math.ceil((tokens * limit.windowSeconds) / limit.requests)
    return {
      name,
      quota,
      windowSeconds: secondsFor(quota),
      remaining,
      resetSeconds: secondsFor(quota - remaining),
    }
  }

  get #want(): number {
    return Math.max(this.#step, this.#waiting)
  }

  /** Asks for what waits, and ahead for no more than flows in while a share lasts. */
  request(nowMs: number): RateRequest {
    if (this.#endsMs > 0) this.#step = this.#tokens === 0 && nowMs < this.#endsMs ? this.#step * 2 : this.#step / 2
    const { subject, limit } = this.#policy
    this.#step = Math.max(1, Math.floor(Math.min(this.#step, perMs(limit) * SHARE_MS)))
    return { subject, limit, want: this.#want, ...(this.#wasAlone ? { missing: this.#own.missing(this.#policy) } : {}) }
  }

  /** The object's answer. `askedMs`: when the request left, from which on the share grows old. */
  receive(grant: RateGrant = NOTHING, askedMs: number): void {
    this.#own.learn(this.#policy, grant.available, askedMs)
    this.#wasAlone = false
    this.#fill(grant, askedMs)
  }

  /** The object does not answer: the rate goes on from what it said last. */
  takeAlone(askedMs: number): void {
    this.#wasAlone = true
    const { subject, limit } = this.#policy
    const [grant = NOTHING] = this.#own.take([{ subject, limit, want: this.#want }])
    this.#fill(grant, askedMs)
  }

  #fill({ granted, available, retryAfterMs }: RateGrant, askedMs: number): void {
    this.#waiting = 0
    this.#tokens = granted
    this.#available = available
    this.#endsMs = askedMs + SHARE_MS
    if (granted > 0) return
    const { limit } = this.#policy
    const fillMs = burstOf(limit) / perMs(limit)
    this.#deniedUntilMs = askedMs + Math.max(1, retryAfterMs, Math.min(QUIET_MS, fillMs / 2))
  }
}

const perMs = ({ requests, windowSeconds }: RateLimit): number => requests / (windowSeconds * 1000)
