/**
 * Positive pointwise mutual information of words and their neighbours as a sparse matrix, never written out: only the upper
 * half of the counts is held, and an entry is computed where it is used. Contexts are smoothed by the power .75 (Levy,
 * Goldberg & Dagan 2015, "Improving Distributional Similarity"), so the matrix is not symmetric.
 */
import type { PairCounts } from './pair-counts.ts'
import type { GiveTurn } from './word-vectors.ts'

const CONTEXT_SMOOTHING = 0.75
/** Multiplications between two turns for other work: some milliseconds. */
const SLICE_OPERATIONS = 4_000_000

export class AssociationMatrix {
  readonly size: number
  readonly #starts: Uint32Array
  readonly #columns: Uint32Array
  /** Natural logarithms of the counts. */
  readonly #logs: Float32Array
  /** What is subtracted from a logarithm for its word, and for its context. */
  readonly #ofWord: Float64Array
  readonly #ofContext: Float64Array

  /** `pairs` are of `size` words, each unordered pair once. */
  constructor(pairs: PairCounts, size: number) {
    this.size = size
    this.#starts = new Uint32Array(size + 1)
    const sums = new Float64Array(size)
    pairs.forEach((first, second, count) => {
      this.#starts[first + 1]!++
      sums[first]! += count
      // A word beside itself is its own neighbour on both sides.
      sums[second]! += count
    })
    for (let i = 0; i < size; i++) this.#starts[i + 1]! += this.#starts[i]!
    this.#columns = new Uint32Array(pairs.size)
    this.#logs = new Float32Array(pairs.size)
    const next = this.#starts.slice()
    pairs.forEach((first, second, count) => {
      const at = next[first]!++
      this.#columns[at] = second
      this.#logs[at] = Math.log(first === second ? 2 * count : count)
    })
    const smoothed = sums.map((sum) => sum ** CONTEXT_SMOOTHING)
    const smoothedSum = smoothed.reduce((total, value) => total + value, 0)
    this.#ofWord = sums.map(Math.log)
    this.#ofContext = smoothed.map((value) => Math.log(value / smoothedSum))
  }

  /** The entry of a pair that was counted, for tests and for reading; 0 for others. */
  entry(word: number, context: number): number {
    const [first, second] = word < context ? [word, context] : [context, word]
    for (let at = this.#starts[first]!; at < this.#starts[first + 1]!; at++) {
      if (this.#columns[at] === second)
        return Math.max(0, this.#logs[at]! - this.#ofWord[word]! - this.#ofContext[context]!)
    }
    return 0
  }

  /** `target = M × source` or, transposed, `Mᵀ × source`; both are size × width, row after row. */
  async multiply(
    source: Float32Array,
    target: Float32Array,
    width: number,
    isTransposed: boolean,
    giveTurn: GiveTurn,
  ): Promise<void> {
    target.fill(0)
    const [ofRow, ofColumn] = isTransposed ? [this.#ofContext, this.#ofWord] : [this.#ofWord, this.#ofContext]
    let operations = 0
    for (let i = 0; i < this.size; i++) {
      for (let at = this.#starts[i]!; at < this.#starts[i + 1]!; at++) {
        const j = this.#columns[at]!
        const log = this.#logs[at]!
        const forward = log - ofRow[i]! - ofColumn[j]!
        if (forward > 0) addScaled(target, i * width, source, j * width, width, forward)
        const backward = log - ofRow[j]! - ofColumn[i]!
        if (backward > 0 && i !== j) addScaled(target, j * width, source, i * width, width, backward)
        operations += 2 * width
      }
      if (operations < SLICE_OPERATIONS) continue
      operations = 0
      await giveTurn()
    }
  }
}

function addScaled(
  target: Float32Array,
  to: number,
  source: Float32Array,
  from: number,
  width: number,
  factor: number,
) {
  for (let i = 0; i < width; i++) target[to + i]! += factor * source[from + i]!
}
