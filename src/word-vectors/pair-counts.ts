/**
 * How often words stand near each other: an open-addressing table of unordered pairs in two typed arrays. When it is full,
 * the rarest pairs are dropped (lossy counting): they say least, and memory is bounded whatever the text.
 */

const EMPTY = 0xffffffff

export class PairCounts {
  readonly #mask: number
  readonly #maxPairs: number
  #keys: Uint32Array
  #counts: Float32Array
  #size = 0
  readonly #wordCount: number

  /** Holds pairs of `wordCount` words, at most 65,535; `slots` is a power of two, 8 bytes each, three quarters of them used. */
  constructor(wordCount: number, slots: number) {
    this.#wordCount = wordCount
    this.#mask = slots - 1
    this.#maxPairs = Math.floor(slots * 0.75)
    this.#keys = new Uint32Array(slots).fill(EMPTY)
    this.#counts = new Float32Array(slots)
  }

  get size(): number {
    return this.#size
  }

  add(first: number, second: number, amount: number): void {
    if (this.#size >= this.#maxPairs) this.#prune()
    const key = first < second ? first * this.#wordCount + second : second * this.#wordCount + first
    let slot = this.#slot(key)
    while (this.#keys[slot] !== EMPTY && this.#keys[slot] !== key) slot = (slot + 1) & this.#mask
    if (this.#keys[slot] === EMPTY) {
      this.#keys[slot] = key
      this.#size++
    }
    this.#counts[slot]! += amount
  }

  /** Calls `visit` for every pair, `first <= second`, in no order. */
  forEach(visit: (first: number, second: number, count: number) => void): void {
    for (const [slot, key] of this.#keys.entries()) {
      if (key === EMPTY) continue
      visit(Math.floor(key / this.#wordCount), key % this.#wordCount, this.#counts[slot]!)
    }
  }

  #slot(key: number): number {
    let hash = Math.imul(key ^ (key >>> 16), 0x45d9f3b)
    hash = Math.imul(hash ^ (hash >>> 16), 0x45d9f3b)
    return (hash ^ (hash >>> 16)) & this.#mask
  }

  /** Drops pairs that count little, and more of them where that made too little room. */
  #prune(): void {
    for (let least = 1; this.#size > this.#maxPairs / 2; least *= 1.5) {
      const keys = this.#keys
      const counts = this.#counts
      this.#keys = new Uint32Array(keys.length).fill(EMPTY)
      this.#counts = new Float32Array(counts.length)
      this.#size = 0
      for (const [slot, key] of keys.entries()) {
        if (key === EMPTY || counts[slot]! <= least) continue
        this.add(Math.floor(key / this.#wordCount), key % this.#wordCount, counts[slot]!)
      }
    }
  }
}
