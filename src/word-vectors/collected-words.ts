/**
 * What is kept of a file or a training: the first words that fit, each spelling once, their vectors in 8 bits with a scale
 * a row. Quantised as they come, because as float32 they would need four times the memory.
 */
import { MAX_PACKED_VECTORS_BYTES, MAX_VOCABULARY_WORDS } from '../core/limits.ts'
import type { FittedWords } from './character-grams.ts'
import { vocabularyWord } from './vector-words.ts'
import type { WordVectorSink } from './word-vectors.ts'

/** Beside its vector a word takes a scale, a weight and an offset of 4 bytes each, and its spelling. */
const WORD_OVERHEAD_BYTES = 12
const BLOCK_WORDS = 1_024
/** What Zipf's shares sum up to over 100,000 words. */
const LANGUAGE_SHARES = 10.4

export interface CollectionBounds {
  readonly maxWords?: number
  /** For words and vectors, without n-grams. */
  readonly maxBytes?: number
}

export class CollectedWords implements WordVectorSink, FittedWords {
  readonly #maxWords: number
  readonly #maxBytes: number
  readonly #indices = new Map<string, number>()
  readonly #words: string[] = []
  readonly #blocks: Int8Array[] = []
  readonly #scales: number[] = []
  readonly #counts: (number | undefined)[] = []
  #dimensions = 0
  #bytes = 0

  constructor(bounds: CollectionBounds = {}) {
    this.#maxWords = Math.min(bounds.maxWords ?? MAX_VOCABULARY_WORDS, MAX_VOCABULARY_WORDS)
    this.#maxBytes = bounds.maxBytes ?? MAX_PACKED_VECTORS_BYTES
  }

  get dimensions(): number {
    return this.#dimensions
  }

  get count(): number {
    return this.#words.length
  }

  /** Leaves out what no text can ask for, spellings that it has, and vectors without a direction. */
  add(entry: string, vector: Float32Array, count?: number): boolean {
    this.#dimensions ||= vector.length
    const word = vocabularyWord(entry)
    if (word === undefined || this.#indices.has(word)) return true
    let largest = 0
    for (const value of vector) largest = Math.max(largest, Math.abs(value))
    const scale = Math.fround(largest / 127)
    // What a float32 scale cannot tell from nothing is nothing.
    if (scale === 0) return true
    const bytes = vector.length + WORD_OVERHEAD_BYTES + 3 * word.length
    if (this.#bytes + bytes > this.#maxBytes) return false
    this.#bytes += bytes
    const index = this.#words.length
    if (index % BLOCK_WORDS === 0) this.#blocks.push(new Int8Array(BLOCK_WORDS * vector.length))
    quantise(vector, scale, this.row(index))
    this.#indices.set(word, index)
    this.#words.push(word)
    this.#scales.push(scale)
    this.#counts.push(count)
    return this.#words.length < this.#maxWords
  }

  word(index: number): string {
    return this.#words[index]!
  }

  scale(index: number): number {
    return this.#scales[index]!
  }

  /** The word's row in 8 bits, not copied. */
  row(index: number): Int8Array {
    const start = (index % BLOCK_WORDS) * this.#dimensions
    return this.#blocks[Math.floor(index / BLOCK_WORDS)]!.subarray(start, start + this.#dimensions)
  }

  read(index: number, target: Float32Array): void {
    const row = this.row(index)
    const scale = this.#scales[index]!
    for (let i = 0; i < row.length; i++) target[i] = scale * row[i]!
  }

  /**
   * How likely each word is in a text: by counts where the source has them, else by rank as Zipf's law has it (Mandelbrot's
   * form, 1 / (rank + 2.7)), where few words are taken for an excerpt of a language.
   */
  probabilities(): Float64Array {
    const shares = Float64Array.from(this.#counts, (count, rank) => count ?? 1 / (rank + 3.7))
    const sum = shares.reduce((total, share) => total + share, 0)
    const isCounted = this.#counts[0] !== undefined
    return shares.map((share) => share / (isCounted ? sum : Math.max(sum, LANGUAGE_SHARES)))
  }
}

/** Rounds a vector to multiples of `scale`, which is a 127th of its largest value. */
export function quantise(vector: Float32Array, scale: number, target: Int8Array): void {
  for (let i = 0; i < vector.length; i++) target[i] = Math.max(-127, Math.min(127, Math.round(vector[i]! / scale)))
}
