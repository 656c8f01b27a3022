/** What one isolate knows of one subject's bucket: tokens that it may still spend, or until when it is denied. */
import { burstOf } from '../rate-buckets.ts'
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

const NOTHING: RateGrant = { granted: 0, available: 0, retryAfterMs: 0 }

export class RateShare {
  readonly #policy: RatePolicy
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

  constructor(policy: RatePolicy) {
    this.#policy = policy
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

  /** Asks for what waits, and ahead for no more than flows in while a share lasts. */
  request(nowMs: number): RateRequest {
    if (this.#endsMs > 0) this.#step = this.#tokens === 0 && nowMs < this.#endsMs ? this.#step * 2 : this.#step / 2
    const { subject, limit } = this.#policy
    this.#step = Math.max(1, Math.floor(Math.min(this.#step, perMs(limit) * SHARE_MS)))
    return { subject, limit, want: Math.max(this.#step, this.#waiting) }
  }

  /** `askedMs`: when the request left, from which on the share grows old. */
  receive({ granted, available, retryAfterMs }: RateGrant = NOTHING, askedMs: number): void {
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
