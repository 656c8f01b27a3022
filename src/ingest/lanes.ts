/** Work side by side in lanes, such as commits of several documents in each of several shards. */

/** Runs work side by side, at most `width` at a time in each lane; the first failure is thrown by `finish`. */
export class Lanes {
  readonly #width: number
  readonly #tails = new Map<number, Promise<void>[]>()
  readonly #started = new Map<number, number>()
  #failures: unknown[] = []

  constructor(width: number) {
    this.#width = width
  }

  run(lane: number, work: () => Promise<void>): void {
    const tails = this.#tails.get(lane) ?? []
    this.#tails.set(lane, tails)
    const turn = this.#started.get(lane) ?? 0
    this.#started.set(lane, turn + 1)
    const slot = turn % this.#width
    const guarded = async (): Promise<void> => {
      try {
        await work()
      } catch (error) {
        this.#failures.push(error)
      }
    }
    tails[slot] = (tails[slot] ?? Promise.resolve()).then(guarded)
  }

  async finish(): Promise<void> {
    await Promise.all([...this.#tails.values()].flat())
    const [failure] = this.#failures
    this.#failures = []
    if (failure !== undefined) throw failure
  }
}
