/**
 * The vectors of one leg in memory: one dense matrix of stored values, with the chunk and the scale of every row. Rows
 * have no order; a removed row is filled with the last one, so the matrix never has holes.
 */
import { type Precision, precisionBytes, type VectorValues, viewValues } from './vector-codec.ts'

/** A number-to-number `Map` entry of the runtime, its share of spare room included; measured in Node 24. */
const MAP_ENTRY_BYTES = 48
const MIN_CAPACITY = 64

export class VectorMatrix {
  readonly #dimensions: number
  readonly #precision: Precision
  readonly #slots = new Map<number, number>()
  #values: VectorValues
  #chunks: Uint32Array
  #scales: Float64Array
  #count = 0

  /** `capacity` rows are set aside; more make it grow by half. */
  constructor(dimensions: number, precision: Precision, capacity: number) {
    this.#dimensions = dimensions
    this.#precision = precision
    const rows = Math.max(capacity, MIN_CAPACITY)
    this.#values = viewValues(new Uint8Array(rows * dimensions * precisionBytes(precision)), precision)
    this.#chunks = new Uint32Array(rows)
    this.#scales = new Float64Array(rows)
  }

  get count(): number {
    return this.#count
  }

  /** Row-major, `dimensions` values a row; only the first `count` rows hold something. */
  get values(): VectorValues {
    return this.#values
  }

  /** Chunk number by row. */
  get chunks(): Uint32Array {
    return this.#chunks
  }

  /** 1 / length of the stored values, by row. */
  get scales(): Float64Array {
    return this.#scales
  }

  /** What the matrix holds in memory, spare rows included. */
  get bytes(): number {
    return (
      this.#values.byteLength + this.#chunks.byteLength + this.#scales.byteLength + this.#slots.size * MAP_ENTRY_BYTES
    )
  }

  /** The row of a chunk. */
  find(chunk: number): number | undefined {
    return this.#slots.get(chunk)
  }

  set(chunk: number, bytes: Uint8Array, scale: number): void {
    let slot = this.#slots.get(chunk)
    if (slot === undefined) {
      if (this.#count === this.#chunks.length) this.#grow()
      slot = this.#count++
      this.#slots.set(chunk, slot)
    }
    this.#values.set(viewValues(bytes, this.#precision), slot * this.#dimensions)
    this.#chunks[slot] = chunk
    this.#scales[slot] = scale
  }

  remove(chunk: number): void {
    const slot = this.#slots.get(chunk)
    if (slot === undefined) return
    this.#slots.delete(chunk)
    const last = --this.#count
    if (slot === last) return
    const moved = this.#chunks[last]!
    this.#values.copyWithin(slot * this.#dimensions, last * this.#dimensions, (last + 1) * this.#dimensions)
    this.#chunks[slot] = moved
    this.#scales[slot] = this.#scales[last]!
    this.#slots.set(moved, slot)
  }

  #grow(): void {
    const rows = this.#chunks.length + (this.#chunks.length >>> 1)
    const bytes = new Uint8Array(rows * this.#dimensions * precisionBytes(this.#precision))
    const values = viewValues(bytes, this.#precision)
    values.set(this.#values)
    this.#values = values
    const chunks = new Uint32Array(rows)
    chunks.set(this.#chunks)
    this.#chunks = chunks
    const scales = new Float64Array(rows)
    scales.set(this.#scales)
    this.#scales = scales
  }
}
