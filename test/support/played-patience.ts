/** Time and chance of remote models that move only when a test says so: delays are noted and over at once. */
import type { Patience } from '../../src/models/providers/endpoint.ts'

export class PlayedPatience implements Patience {
  nowMs = 1_800_000_000_000
  /** Delays between attempts, in milliseconds. */
  readonly waits: number[] = []
  /** Of every jitter. */
  chance = 0.5
  #limits: { readonly delayMs: number; readonly controller: AbortController }[] = []

  readonly clock = (): number => this.nowMs
  readonly random = (): number => this.chance
  readonly wait = async (delayMs: number, signal: AbortSignal): Promise<void> => {
    signal.throwIfAborted()
    this.waits.push(delayMs)
    this.nowMs += delayMs
  }
  readonly timeLimit = (delayMs: number): AbortSignal => {
    const controller = new AbortController()
    this.#limits.push({ delayMs, controller })
    return controller.signal
  }

  /** Lets every time limit of that length be over. */
  expire(delayMs: number): void {
    for (const limit of this.#limits.filter((limit) => limit.delayMs === delayMs)) {
      limit.controller.abort(new DOMException('too late', 'TimeoutError'))
    }
    this.#limits = this.#limits.filter((limit) => limit.delayMs !== delayMs)
  }
}
