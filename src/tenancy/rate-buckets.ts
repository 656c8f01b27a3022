/**
 * Token buckets of one tenant, in its object's memory: the one place where the requests of all isolates meet. Isolates take
 * small shares ahead, so that a request seldom waits for a call. Nothing is stored: after a restart every bucket is full,
 * as is one that was dropped because 50,000 others were used since.
 */
import type { Clock } from '../core/clock.ts'
import { MAX_RATE_SUBJECTS } from '../core/limits.ts'
import { RecentMap } from './rates/recent-map.ts'
import type { RateLimit } from './tenant-limits.ts'

/** Asks for tokens of one subject. The limit comes with it: it is part of the credential that was just read. */
export interface RateRequest {
  /** Whom the bucket belongs to: `tenant`, `key/<id>`, `sub/<key>/<digest>`, `ip/<key>/<address>`. */
  readonly subject: string
  readonly limit: RateLimit
  /** Whole tokens, at least 1. */
  readonly want: number
  /** Of an isolate that has judged by itself since the last answer: whole tokens that are missing from the bucket for all it knows. */
  readonly missing?: number
}

/** Whole tokens, to be spent within a few seconds or not at all. */
export interface RateGrant {
  /** 0: denied. Otherwise no more than a quarter of what there was, so that several isolates get their part. */
  readonly granted: number
  /** Whole tokens left in the bucket. */
  readonly available: number
  /** Until the next token is there; 0 unless denied. */
  readonly retryAfterMs: number
}

/** Answers in the order of the requests. */
export interface RatePort {
  takeRates(requests: readonly RateRequest[]): Promise<RateGrant[]>
}

/**
 * What was spent and has not come back: in tokens times the window's milliseconds, of which `requests` come back every
 * millisecond. Whole numbers all the way, so that no rounding ever adds up to a token.
 */
interface Bucket {
  readonly debt: number
  readonly atMs: number
  readonly limit: RateLimit
}

/** Of the least recently used buckets this many are looked at for each request, and dropped when full again. */
const SWEEP = 2
const SHARE_PARTS = 4

/** The most that can be spent at once. */
export const burstOf = ({ burst, requests }: RateLimit): number => burst ?? requests

const windowMsOf = ({ windowSeconds }: RateLimit): number => windowSeconds * 1000

export class RateBuckets {
  readonly #clock: Clock
  readonly #buckets: RecentMap<Bucket>

  constructor(clock: Clock, capacity = MAX_RATE_SUBJECTS) {
    this.#clock = clock
    this.#buckets = new RecentMap(capacity)
  }

  /** Buckets held; full ones are not. */
  get size(): number {
    return this.#buckets.size
  }

  /** Answers in the order of the requests. */
  take(requests: readonly RateRequest[]): RateGrant[] {
    const nowMs = this.#clock()
    return requests.map((request) => this.#takeOne(request, nowMs))
  }

  /** Takes over what another keeper of the bucket said at a time: so many whole tokens were left. */
  learn({ subject, limit }: Pick<RateRequest, 'subject' | 'limit'>, available: number, atMs: number): void {
    this.#buckets.set(subject, { debt: (burstOf(limit) - available) * windowMsOf(limit), atMs, limit })
  }

  /** Whole tokens that are missing until the bucket is full. */
  missing({ subject, limit }: Pick<RateRequest, 'subject' | 'limit'>): number {
    const held = this.#buckets.get(subject)
    return held === undefined ? 0 : Math.ceil(debtAt(held, limit, this.#clock()) / windowMsOf(limit))
  }

  #takeOne({ subject, limit, want, missing = 0 }: RateRequest, nowMs: number): RateGrant {
    this.#buckets.dropOldest(SWEEP, (bucket) => debtAt(bucket, bucket.limit, nowMs) === 0)
    const held = this.#buckets.get(subject)
    const windowMs = windowMsOf(limit)
    const debt = Math.max(held === undefined ? 0 : debtAt(held, limit, nowMs), missing * windowMs)
    const room = burstOf(limit) * windowMs - debt
    const whole = Math.max(0, Math.floor(room / windowMs))
    if (whole === 0) {
      if (missing > 0) this.#buckets.set(subject, { debt, atMs: nowMs, limit })
      return { granted: 0, available: 0, retryAfterMs: Math.ceil((windowMs - room) / limit.requests) }
    }
    const granted = Math.min(want, Math.max(1, Math.floor(whole / SHARE_PARTS)))
    this.#buckets.set(subject, { debt: debt + granted * windowMs, atMs: nowMs, limit })
    return { granted, available: whole - granted, retryAfterMs: 0 }
  }
}

/** The debt under `limit`, which may have been changed since; a clock that went backwards gives nothing back. */
function debtAt({ debt, atMs, limit: old }: Bucket, limit: RateLimit, nowMs: number): number {
  const left = Math.max(0, debt - Math.max(0, nowMs - atMs) * old.requests)
  return windowMsOf(old) === windowMsOf(limit) ? left : Math.ceil((left / windowMsOf(old)) * windowMsOf(limit))
}
