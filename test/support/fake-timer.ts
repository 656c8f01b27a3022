/** A clock and timers that move only when a test says so. */
import type { Clock } from '../../src/core/clock.ts'
import type { Timer } from '../../src/tenancy/timer.ts'

export class FakeTime {
  #nowMs = 1_800_000_000_000
  #due: { atMs: number; run: () => void }[] = []

  readonly clock: Clock = () => this.#nowMs
  readonly timer: Timer = (delayMs, run) => {
    const entry = { atMs: this.#nowMs + delayMs, run }
    this.#due.push(entry)
    return () => {
      this.#due = this.#due.filter((other) => other !== entry)
    }
  }

  /** Timers that wait to fire. */
  get armed(): number {
    return this.#due.length
  }

  /** Moves time; fires what is due, in order, and lets promises settle after each. */
  async advance(byMs: number): Promise<void> {
    const endMs = this.#nowMs + byMs
    for (;;) {
      const next = this.#due.filter(({ atMs }) => atMs <= endMs).sort((a, b) => a.atMs - b.atMs)[0]
      if (next === undefined) break
      this.#due = this.#due.filter((other) => other !== next)
      this.#nowMs = next.atMs
      next.run()
      await settle()
    }
    this.#nowMs = endMs
    await settle()
  }
}

/** Lets everything that is already resolved run on. */
export const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0))

/** Waits for something that real threads do (digests, ciphers), which no fake clock moves. */
export async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setTimeout(resolve, 1))
}
