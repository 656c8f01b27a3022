/**
 * Records that are trusted for a few seconds, so that the hot path costs no read, and never longer, so that a revocation
 * holds everywhere within 10 s. Age counts from the *start* of the read. One read a record is in flight at a time.
 *
 *   age        0 ────────── 5 s ────────────── 10 s ──────────
 *   known      use it       use it, refresh    wait for a read
 *   unknown    use it ──────────────────────── wait for a read
 */
import type { Clock } from '../core/clock.ts'
import { KEY_FRESH_MS, UNKNOWN_KEY_MS } from '../core/limits.ts'
import { Problem } from '../core/problem.ts'
import type { Timer } from './timer.ts'

/**
 * A read that shows no end after this long is not waited for any more: the request that started it may have been
 * cancelled, and its I/O with it.
 */
export const LOST_READ_MS = 2_000
const MAX_AGE_MS = 2 * KEY_FRESH_MS

interface Known<T> {
  readonly value: T
  readonly readAtMs: number
}

interface Flight<T> {
  readonly startedAtMs: number
  readonly done: Promise<T | undefined>
}

/** Keeps a promise alive after the answer has left: `ExecutionContext.waitUntil`. */
export type KeepAlive = (work: Promise<unknown>) => void

export interface ReadThroughCacheOptions<T> {
  readonly read: (id: string) => Promise<T | undefined>
  readonly clock: Clock
  readonly timer: Timer
  /** Entries of each kind, known and unknown; kept apart so that made-up ids never push out real ones. */
  readonly capacity: number
}

/** Safe for concurrent callers, those of different requests included. */
export class ReadThroughCache<T extends object> {
  readonly #options: ReadThroughCacheOptions<T>
  readonly #known = new Map<string, Known<T>>()
  readonly #unknown = new Map<string, number>()
  readonly #flights = new Map<string, Flight<T>>()

  constructor(options: ReadThroughCacheOptions<T>) {
    this.#options = options
  }

  /** @throws what the read throws, and `overloaded` when reads do not come back, once no value young enough is held. */
  async get(id: string, keepAlive: KeepAlive): Promise<T | undefined> {
    // Twice: when a read is lost, another request may have brought the record meanwhile, or one more read is tried.
    for (let attempt = 0; attempt < 2; attempt++) {
      const held = this.#held(id, keepAlive)
      if (held !== undefined) return held.value
      const flight = this.#join(id)
      keepAlive(flight.done.catch(() => {}))
      const outcome = await this.#raceLoss(flight)
      if (outcome !== 'lost' && isWithin(this.#options.clock() - flight.startedAtMs, MAX_AGE_MS)) return outcome.value
      if (this.#flights.get(id) === flight) this.#flights.delete(id)
    }
    throw new Problem('overloaded', 'the credential cannot be looked up at the moment', { retryAfterSeconds: 1 })
  }

  /** Drops what is held of one record, and what a read under way will bring. */
  forget(id: string): void {
    this.#known.delete(id)
    this.#unknown.delete(id)
    this.#flights.delete(id)
  }

  /** Drops every record that fits, and every read under way, because nobody can tell what it will bring. */
  forgetWhere(fits: (value: T) => boolean): void {
    for (const [id, known] of this.#known) if (fits(known.value)) this.#known.delete(id)
    this.#flights.clear()
  }

  /** What may be used without waiting. */
  #held(id: string, keepAlive: KeepAlive): { value: T | undefined } | undefined {
    const nowMs = this.#options.clock()
    const known = this.#known.get(id)
    if (known !== undefined && isWithin(nowMs - known.readAtMs, MAX_AGE_MS)) {
      remember(this.#known, id, known, this.#options.capacity)
      // A refresh that fails is tried again by the next request; the value is used until it is 10 s old.
      if (nowMs - known.readAtMs >= KEY_FRESH_MS) keepAlive(this.#join(id).done.catch(() => {}))
      return known
    }
    const missedAtMs = this.#unknown.get(id)
    if (missedAtMs !== undefined && isWithin(nowMs - missedAtMs, UNKNOWN_KEY_MS)) return { value: undefined }
    return undefined
  }

  async #raceLoss(flight: Flight<T>): Promise<{ value: T | undefined } | 'lost'> {
    const cancel: (() => void)[] = []
    const lost = new Promise<'lost'>((resolve) => {
      cancel.push(this.#options.timer(LOST_READ_MS, () => resolve('lost')))
    })
    try {
      return await Promise.race([flight.done.then((value) => ({ value })), lost])
    } finally {
      for (const stop of cancel) stop()
    }
  }

  /** Joins the read under way or starts one; a read that seems lost is replaced. */
  #join(id: string): Flight<T> {
    const nowMs = this.#options.clock()
    const current = this.#flights.get(id)
    if (current !== undefined && isWithin(nowMs - current.startedAtMs, LOST_READ_MS)) return current
    const flight: Flight<T> = {
      startedAtMs: nowMs,
      done: this.#read(id, nowMs, () => this.#flights.get(id) === flight),
    }
    this.#flights.set(id, flight)
    return flight
  }

  async #read(id: string, startedAtMs: number, isCurrent: () => boolean): Promise<T | undefined> {
    // Lets `#join` register the flight before a synchronous failure could end it.
    await Promise.resolve()
    try {
      const value = await this.#options.read(id)
      if (!isCurrent()) return value
      this.#known.delete(id)
      this.#unknown.delete(id)
      const { capacity } = this.#options
      if (value === undefined) remember(this.#unknown, id, startedAtMs, capacity)
      else remember(this.#known, id, { value, readAtMs: startedAtMs }, capacity)
      return value
    } finally {
      if (isCurrent()) this.#flights.delete(id)
    }
  }
}

/** A clock that went backwards makes an age negative: such a value is not trusted. */
const isWithin = (ageMs: number, limitMs: number): boolean => ageMs >= 0 && ageMs < limitMs

/** Iteration order of a map is insertion order: the first entry is the least recently used. */
function remember<V>(map: Map<string, V>, id: string, value: V, capacity: number): void {
  map.delete(id)
  map.set(id, value)
  if (map.size > capacity) for (const oldest of map.keys().take(1)) map.delete(oldest)
}
