/**
 * A model's table of words, one row of 384 for each, outside the kernel's linear memory: a pass needs only the rows of its
 * own tokens.
 */
import { invariant } from '../../core/invariant.ts'
import { ENCODER_DIMENSIONS } from '../../kernels/encoder-kernel.ts'

export interface WordRows {
  /** Number of rows. */
  readonly vocabulary: number
  /** Bytes held. */
  readonly bytes: number
  /** Writes the rows of `ids`, one after the other, as float32 into `target` (ids × 384). */
  write(ids: Uint32Array, target: Float32Array): void
}

/** Where rows come from; those of a large table may have to be read first. */
export interface WordTable {
  /** Bytes that the model itself holds. */
  readonly bytes: number
  /** Gives rows that `ids` can be written from, as a promise where some must be read. */
  rowsFor(ids: readonly Uint32Array[]): WordRows | Promise<WordRows>
}

/** Rows of int8 with one scale each: value = code · scale. */
export class Int8WordRows implements WordRows, WordTable {
  readonly #codes: Int8Array
  readonly #scales: Float32Array

  /** Copies; `codes`: vocabulary × 384 int8, `scales`: float32, one for each row. */
  constructor(codes: Uint8Array, scales: Uint8Array) {
    this.#codes = new Int8Array(codes.slice().buffer)
    this.#scales = new Float32Array(scales.slice().buffer)
    invariant(this.#codes.length === this.vocabulary * ENCODER_DIMENSIONS, 'every row of words has a scale')
  }

  get vocabulary(): number {
    return this.#scales.length
  }

  get bytes(): number {
    return this.#codes.byteLength + this.#scales.byteLength
  }

  rowsFor(): WordRows {
    return this
  }

  write(ids: Uint32Array, target: Float32Array): void {
    const codes = this.#codes
    let at = 0
    for (const id of ids) {
      invariant(id < this.vocabulary, 'a token id lies in the vocabulary')
      const scale = this.#scales[id]!
      const row = id * ENCODER_DIMENSIONS
      for (let d = 0; d < ENCODER_DIMENSIONS; d++) target[at++] = codes[row + d]! * scale
    }
  }
}
