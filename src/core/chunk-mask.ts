/** A set of chunk numbers as bits: which chunks a request may see. Filters are masks over the scan, before ranking. */

import { invariant } from './invariant.ts'

export class ChunkMask {
  readonly #limit: number
  readonly #words: Uint32Array
  #count = 0

  /** `limit` is one more than the largest chunk number that can be added. */
  constructor(limit: number) {
    this.#limit = limit
    this.#words = new Uint32Array((limit + 31) >>> 5)
  }

  get count(): number {
    return this.#count
  }

  add(chunk: number): void {
    invariant(chunk >= 0 && chunk < this.#limit, 'a chunk of a mask lies below its limit')
    const bit = 1 << (chunk & 31)
    const word = this.#words[chunk >>> 5] ?? 0
    if ((word & bit) !== 0) return
    this.#words[chunk >>> 5] = word | bit
    this.#count++
  }

  has(chunk: number): boolean {
    return ((this.#words[chunk >>> 5] ?? 0) & (1 << (chunk & 31))) !== 0
  }
}
