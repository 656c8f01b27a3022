/** A map that holds at most so many entries: those used least recently go first. */
export class RecentMap<V> {
  readonly #capacity: number
  /** Iteration order of a map is insertion order, and every use inserts anew: the first entry is the oldest. */
  readonly #entries = new Map<string, V>()

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  get size(): number {
    return this.#entries.size
  }

  /** Counts as a use. */
  get(id: string): V | undefined {
    const value = this.#entries.get(id)
    if (value !== undefined) this.set(id, value)
    return value
  }

  set(id: string, value: V): void {
    this.#entries.delete(id)
    this.#entries.set(id, value)
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= this.#capacity) return
      this.#entries.delete(oldest)
    }
  }

  delete(id: string): void {
    this.#entries.delete(id)
  }

  /** Drops those of the `most` least recently used entries that fit, which is no use of them. */
  dropOldest(most: number, fits: (value: V) => boolean): void {
    let looked = 0
    for (const [id, value] of this.#entries) {
      if (looked++ === most) return
      if (fits(value)) this.#entries.delete(id)
    }
  }
}
