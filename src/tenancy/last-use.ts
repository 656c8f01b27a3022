/**
 * When was a key used last? Remembered by each isolate and written at most once a key and minute, in batches, after the
 * answer has left. Nothing waits for it and nothing depends on it: a write that fails is reported and forgotten.
 */
import type { Clock } from '../core/clock.ts'
import type { KeyRecord } from './key-store.ts'
import type { KeepAlive } from './read-through-cache.ts'

export interface LastUseDependencies {
  readonly write: (uses: readonly { readonly keyId: string; readonly atMs: number }[]) => Promise<void>
  readonly clock: Clock
  readonly report: (what: string, error: unknown) => void
  /** Keys remembered; 10,000 unless told. */
  readonly capacity?: number
}

const MINUTE_MS = 60_000
/** A write that shows no end after this long is not waited for: the request that carried it may have been cancelled. */
const LOST_WRITE_MS = 10_000
/** Uses in one statement. */
const MAX_BATCH = 1_000
const DEFAULT_CAPACITY = 10_000

/** One per isolate. */
export class LastUse {
  readonly #dependencies: LastUseDependencies
  readonly #capacity: number
  /** The minute that was noted last, by key; the first entries are the longest noted. */
  readonly #noted = new Map<string, number>()
  readonly #pending = new Map<string, number>()
  #writingSinceMs: number | undefined

  constructor(dependencies: LastUseDependencies) {
    this.#dependencies = dependencies
    this.#capacity = dependencies.capacity ?? DEFAULT_CAPACITY
  }

  /** Costs a look-up where the minute was noted before. `keepAlive` carries the write past the answer. */
  note({ id, lastUsedAtMs = 0 }: Pick<KeyRecord, 'id' | 'lastUsedAtMs'>, keepAlive: KeepAlive): void {
    const nowMs = this.#dependencies.clock()
    const minuteMs = nowMs - (nowMs % MINUTE_MS)
    if (lastUsedAtMs >= minuteMs || this.#noted.get(id) === minuteMs) return
    this.#noted.delete(id)
    this.#noted.set(id, minuteMs)
    if (this.#noted.size > this.#capacity) for (const oldest of this.#noted.keys().take(1)) this.#noted.delete(oldest)
    this.#pending.set(id, minuteMs)
    if (this.#writingSinceMs === undefined || nowMs - this.#writingSinceMs >= LOST_WRITE_MS) keepAlive(this.#write())
  }

  /** Writes until nothing is left: what is noted meanwhile goes with the next batch. Never throws. */
  async #write(): Promise<void> {
    const { clock, write, report } = this.#dependencies
    while (this.#pending.size > 0) {
      const batch = [...this.#pending].slice(0, MAX_BATCH)
      for (const [keyId] of batch) this.#pending.delete(keyId)
      this.#writingSinceMs = clock()
      try {
        await write(batch.map(([keyId, atMs]) => ({ keyId, atMs })))
      } catch (error) {
        report('last_use', error)
      }
    }
    this.#writingSinceMs = undefined
  }
}
