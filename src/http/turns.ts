/**
 * Turns: how many requests may do something costly at the same time in one isolate. A turn is a lease and a poll, not a
 * chain of promises: the runtime drops a request whose client went away without running its `finally`, and a promise that
 * never settles would close the door for ever.
 */
import type { Clock } from '../core/clock.ts'
import { Problem } from '../core/problem.ts'

/** How long a turn is waited for before the request is refused as `overloaded`. */
const WAIT_MS = 60_000
const POLL_MS = 20

const sleep = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds))

/** It ends with `release`, or by itself when its time is up. */
export interface Turn {
  /** Sets the time at which the turn ends by itself; says nothing about one that has ended. */
  holdUntil(timeMs: number): void
  release(): void
}

interface Holder {
  readonly owner: string
  endsAtMs: number
}

export class Turns {
  readonly #clock: Clock
  readonly #capacity: number
  readonly #perOwner: number
  readonly #holders = new Set<Holder>()

  /** `capacity` turns at the same time, and `perOwner` of each owner. */
  constructor(clock: Clock, capacity: number, perOwner = 1) {
    this.#clock = clock
    this.#perOwner = perOwner
    this.#capacity = capacity
  }

  /** Waits for a turn of `leaseMs`. @throws overloaded when it does not come in time */
  async take(owner: string, leaseMs: number): Promise<Turn> {
    const startMs = this.#clock()
    while (!this.#hasRoomFor(owner)) {
      if (this.#clock() - startMs > WAIT_MS) {
        throw new Problem('overloaded', 'other large bodies are being taken in', { retryAfterSeconds: 5 })
      }
      await sleep(POLL_MS)
    }
    const holder = { owner, endsAtMs: this.#clock() + leaseMs }
    this.#holders.add(holder)
    return {
      holdUntil: (timeMs) => {
        holder.endsAtMs = timeMs
      },
      release: () => {
        this.#holders.delete(holder)
      },
    }
  }

  #hasRoomFor(owner: string): boolean {
    const nowMs = this.#clock()
    let held = 0
    for (const holder of this.#holders) {
      if (nowMs >= holder.endsAtMs) this.#holders.delete(holder)
      else if (holder.owner === owner) held++
    }
    return held < this.#perOwner && this.#holders.size < this.#capacity
  }
}
