/**
 * One reader of the change log as the alarm runs it: pushes until nothing is left, waits ever longer after failures, and
 * never runs twice at a time. What it pushes to may be down for days: the log keeps what it has not passed.
 */
import type { Clock } from '../core/clock.ts'

/** A reader hears of a write about this much later, together with what else happened meanwhile. */
export const REPORT_DELAY_MS = 1_000
const FIRST_RETRY_MS = 2_000
const MAX_RETRY_MS = 5 * 60_000

export interface LogFollowerOptions {
  /** Pushes the next batch; false when there was none. */
  readonly pushNext: () => Promise<boolean>
  readonly isBehind: () => boolean
  readonly clock: Clock
  readonly pause: () => Promise<void>
  /** Hears of what a run of the alarm fails with. */
  readonly report: (error: unknown) => void
}

export class LogFollower {
  readonly #options: LogFollowerOptions
  #failures = 0
  #notBeforeMs = 0
  #running: Promise<void> | undefined
  #isStopped = false

  constructor(options: LogFollowerOptions) {
    this.#options = options
  }

  stop(): void {
    this.#isStopped = true
  }

  /** Pushes what there is, unless the last failure was a short while ago. Never throws. */
  async run(): Promise<void> {
    const { clock, report } = this.#options
    if (clock() < this.#notBeforeMs) return
    try {
      await this.flush()
    } catch (error) {
      if (this.#isStopped) return
      report(error)
      this.#notBeforeMs = clock() + Math.min(FIRST_RETRY_MS * 2 ** this.#failures, MAX_RETRY_MS)
      this.#failures = Math.min(this.#failures + 1, 16)
    }
  }

  /** Pushes everything now. @throws what pushing throws */
  async flush(): Promise<void> {
    // Joins a run that is under way; what it no longer saw is pushed by the next.
    while (!this.#isStopped && this.#options.isBehind()) {
      this.#running ??= this.#pushAll().finally(() => {
        this.#running = undefined
      })
      await this.#running
    }
  }

  nextRunMs(): number | undefined {
    if (!this.#options.isBehind()) return undefined
    return Math.max(this.#options.clock() + REPORT_DELAY_MS, this.#notBeforeMs)
  }

  async #pushAll(): Promise<void> {
    while (!this.#isStopped && (await this.#options.pushNext())) await this.#options.pause()
    this.#failures = 0
  }
}
