/**
 * Puts scored chunks in order: score descending, then chunk number ascending. Two ways to the same order: a bounded
 * heap where few are wanted, a radix sort where all are (a comparison sort of 50,000 takes ten times as long).
 */

/** Parallel arrays of one length, best first. */
export interface ScoredChunks {
  readonly chunks: Uint32Array
  readonly scores: Float64Array
}

/**
 * Collects scores, in any order, and hands out the best `limit` of them (`Infinity`: all). Only scores above 0 are
 * kept. O(n log limit) time, O(limit) memory.
 */
export class TopScores {
  readonly #limit: number
  #chunks: Uint32Array
  #scores: Float64Array
  #count = 0

  constructor(limit: number) {
    this.#limit = limit
    const capacity = Math.min(limit, 1_024)
    this.#chunks = new Uint32Array(capacity)
    this.#scores = new Float64Array(capacity)
  }

  push(chunk: number, score: number): void {
    if (!(score > 0)) return
    if (this.#count < this.#limit) {
      if (this.#count === this.#scores.length) this.#grow()
      this.#chunks[this.#count] = chunk
      this.#scores[this.#count] = score
      this.#count++
      if (this.#count === this.#limit) this.#heapify()
    } else if (this.#limit > 0 && this.#isWorse(0, chunk, score)) {
      this.#chunks[0] = chunk
      this.#scores[0] = score
      this.#sink(0)
    }
  }

  /** Sorts and returns what was kept; the collector is not used afterwards. */
  finish(): ScoredChunks {
    return sortScores(this.#chunks.subarray(0, this.#count), this.#scores.subarray(0, this.#count))
  }

  #grow(): void {
    const capacity = Math.min(this.#limit, this.#scores.length * 2)
    const chunks = new Uint32Array(capacity)
    const scores = new Float64Array(capacity)
    chunks.set(this.#chunks)
    scores.set(this.#scores)
    this.#chunks = chunks
    this.#scores = scores
  }

  /** Whether the kept element at `index` ranks after the given one. */
  #isWorse(index: number, chunk: number, score: number): boolean {
    const kept = this.#scores[index]!
    return kept < score || (kept === score && this.#chunks[index]! > chunk)
  }

  /** Makes the worst kept element the root. */
  #heapify(): void {
    for (let index = (this.#count >>> 1) - 1; index >= 0; index--) this.#sink(index)
  }

  #sink(start: number): void {
    const chunk = this.#chunks[start]!
    const score = this.#scores[start]!
    let index = start
    for (;;) {
      let child = 2 * index + 1
      if (child >= this.#count) break
      const right = child + 1
      if (right < this.#count && this.#isWorse(right, this.#chunks[child]!, this.#scores[child]!)) child = right
      if (!this.#isWorse(child, chunk, score)) break
      this.#chunks[index] = this.#chunks[child]!
      this.#scores[index] = this.#scores[child]!
      index = child
    }
    this.#chunks[index] = chunk
    this.#scores[index] = score
  }
}

/** Below this many a comparison sort is faster than clearing the radix sort's counters. */
const RADIX_SORT_FROM = 4_096
const DIGITS = 65_536

/** Returns sorted copies of two parallel arrays. Scores are positive and finite. */
export function sortScores(chunks: Uint32Array, scores: Float64Array): ScoredChunks {
  const order = scores.length < RADIX_SORT_FROM ? comparisonOrder(chunks, scores) : radixOrder(chunks, scores)
  const sortedChunks = new Uint32Array(order.length)
  const sortedScores = new Float64Array(order.length)
  for (let i = 0; i < order.length; i++) {
    sortedChunks[i] = chunks[order[i]!]!
    sortedScores[i] = scores[order[i]!]!
  }
  return { chunks: sortedChunks, scores: sortedScores }
}

function comparisonOrder(chunks: Uint32Array, scores: Float64Array): Uint32Array {
  const order = new Uint32Array(scores.length)
  for (let i = 0; i < order.length; i++) order[i] = i
  return order.sort((a, b) => scores[b]! - scores[a]! || chunks[a]! - chunks[b]!)
}

/**
 * Least-significant-digit radix sort, 16 bits a pass. The bits of positive IEEE 754 doubles order as the numbers do, so
 * the key is the chunk number (two digits) followed by the complement of the score's bits (four digits).
 */
function radixOrder(chunks: Uint32Array, scores: Float64Array): Uint32Array {
  const count = scores.length
  const bits = new Uint16Array(Float64Array.from(scores).buffer)
  const chunkBits = new Uint16Array(Uint32Array.from(chunks).buffer)
  let order: Uint32Array = new Uint32Array(count)
  let next: Uint32Array = new Uint32Array(count)
  for (let i = 0; i < count; i++) order[i] = i
  const starts = new Uint32Array(DIGITS)
  const pass = (digits: Uint16Array, stride: number, offset: number, flip: number) => {
    starts.fill(0)
    for (let at = offset; at < digits.length; at += stride) starts[digits[at]! ^ flip]!++
    let total = 0
    for (let digit = 0; digit < DIGITS; digit++) {
      const size = starts[digit]!
      if (size === count) return
      starts[digit] = total
      total += size
    }
    for (let i = 0; i < count; i++) {
      const element = order[i]!
      next[starts[digits[element * stride + offset]! ^ flip]!++] = element
    }
    const swapped = order
    order = next
    next = swapped
  }
  for (let digit = 0; digit < 2; digit++) pass(chunkBits, 2, digit, 0)
  for (let digit = 0; digit < 4; digit++) pass(bits, 4, digit, 0xffff)
  return order
}
