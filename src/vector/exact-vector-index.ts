/**
 * The vector leg that scores every vector at stored precision. It is the oracle for the recall of faster engines. Its
 * vectors stay in memory while they fit; a leg too large for that is read from storage in pages on every search, with the
 * same arithmetic and so the same scores.
 */
import type { ChunkMask } from '../core/chunk-mask.ts'
import { invariant } from '../core/invariant.ts'
import { residentMemory, type ResidentMemory } from '../core/resident-memory.ts'
import type { SqlDatabase, SqlMigration } from '../core/sql-database.ts'
import { TopScores } from '../core/top-scores.ts'
import {
  decodeVector,
  dot,
  encodeVector,
  type Precision,
  precisionBytes,
  unitQuery,
  type VectorValues,
  viewValues,
} from './vector-codec.ts'
import type { LegScores, VectorIndex } from './vector-index.ts'
import { VectorMatrix } from './vector-matrix.ts'
import { type VectorRow, VectorRows } from './vector-rows.ts'

/** Beyond this a leg is not kept in memory: 100,000 vectors of 384 int8 values, or 2,400 of 4,096 f32 values. */
const MAX_MATRIX_BYTES = 40_000_000
/** Vectors are read from storage about this many bytes at a time. */
const PAGE_BYTES = 1_000_000

export interface ExactVectorIndexOptions {
  /** Prefix of the key in resident memory, unique to the shard. */
  readonly key: string
  /** Name of the leg; several legs share the table. */
  readonly leg: string
  readonly dimensions: number
  readonly precision: Precision
  readonly memory?: ResidentMemory
  /** Largest matrix to keep in memory; tests lower it. */
  readonly maxMatrixBytes?: number
}

/** What resident memory holds. An index trusts only what it put there itself, never what an earlier run of the object left. */
interface ResidentMatrix {
  readonly owner: object
  readonly matrix: VectorMatrix
}

/** Runs to completion in every call. After a transaction that was rolled back the caller must `evict()`. */
export class ExactVectorIndex implements VectorIndex {
  /** Of the stored rows; `rebuild` makes the present format from vectors of any earlier one. */
  static readonly FORMAT = 1

  static readonly migrations: readonly SqlMigration[] = VectorRows.migrations

  readonly #rows: VectorRows
  readonly #memory: ResidentMemory
  readonly #key: string
  readonly #dimensions: number
  readonly #precision: Precision
  readonly #maxMatrixBytes: number
  readonly #rowBytes: number
  readonly #owner = {}

  constructor(database: SqlDatabase, options: ExactVectorIndexOptions) {
    this.#rows = new VectorRows(database, options.leg)
    this.#memory = options.memory ?? residentMemory
    this.#key = `${options.key}/vectors/${options.leg}`
    this.#dimensions = options.dimensions
    this.#precision = options.precision
    this.#maxMatrixBytes = options.maxMatrixBytes ?? MAX_MATRIX_BYTES
    this.#rowBytes = options.dimensions * precisionBytes(options.precision)
  }

  get count(): number {
    return this.#resident()?.count ?? this.#rows.count()
  }

  add(chunk: number, vector: Float32Array): void {
    invariant(vector.length === this.#dimensions, `a vector of this leg has ${this.#dimensions} dimensions`)
    const { bytes, scale } = encodeVector(vector, this.#precision)
    this.#rows.put({ chunk, scale, vector: bytes })
    const matrix = this.#resident()
    if (matrix === undefined) return
    matrix.set(chunk, bytes, scale)
    this.#recount(matrix)
  }

  remove(chunks: readonly number[]): void {
    this.#rows.remove(chunks)
    const matrix = this.#resident()
    if (matrix === undefined) return
    for (const chunk of chunks) matrix.remove(chunk)
    this.#recount(matrix)
  }

  search(
    query: Float32Array,
    options: { readonly mask: ChunkMask | undefined; readonly candidates: number },
  ): LegScores {
    const unit = this.#unit(query)
    const { mask } = options
    const top = new TopScores(options.candidates)
    const matrix = this.#load()
    if (matrix === undefined) {
      this.#scan(({ chunk, scale, vector }) => {
        if (mask !== undefined && !mask.has(chunk)) return
        top.push(chunk, this.#cosine(unit, viewValues(vector, this.#precision), 0, scale))
      })
      return top.finish()
    }
    const { values, chunks, scales, count } = matrix
    for (let slot = 0; slot < count; slot++) {
      const chunk = chunks[slot]!
      if (mask !== undefined && !mask.has(chunk)) continue
      top.push(chunk, this.#cosine(unit, values, slot * this.#dimensions, scales[slot]!))
    }
    return top.finish()
  }

  score(query: Float32Array, chunks: Uint32Array): Float64Array {
    const unit = this.#unit(query)
    const scores = new Float64Array(chunks.length)
    this.#each(chunks, (index, values, offset, scale) => {
      scores[index] = Math.max(0, this.#cosine(unit, values, offset, scale))
    })
    return scores
  }

  vectors(chunks: readonly number[]): (Float32Array | undefined)[] {
    const vectors: (Float32Array | undefined)[] = chunks.map(() => undefined)
    this.#each(chunks, (index, values, offset, scale) => {
      vectors[index] = decodeVector(values.subarray(offset, offset + this.#dimensions), scale)
    })
    return vectors
  }

  evict(): void {
    this.#memory.delete(this.#key)
    this.#rows.forget()
  }

  /** Replaces every vector of the leg; inside the caller's transaction. Storing decoded vectors again changes nothing. */
  rebuild(vectors: Iterable<{ readonly chunk: number; readonly vector: Float32Array }>): void {
    this.evict()
    this.#rows.clear()
    for (const { chunk, vector } of vectors) this.add(chunk, vector)
  }

  #unit(query: Float32Array): Float64Array {
    invariant(query.length === this.#dimensions, `a query of this leg has ${this.#dimensions} dimensions`)
    return unitQuery(query)
  }

  /** At most 1: rounding may carry a vector's product with itself past it. */
  #cosine(unit: Float64Array, values: VectorValues, offset: number, scale: number): number {
    return Math.min(1, dot(unit, values, offset) * scale)
  }

  /** Visits the stored values of given chunks, by their index in `chunks`; skips those without a vector. */
  #each(
    chunks: readonly number[] | Uint32Array,
    visit: (index: number, values: VectorValues, offset: number, scale: number) => void,
  ): void {
    // A few rows are not worth bringing a whole leg into memory.
    const pageRows = this.#pageRows()
    const matrix = chunks.length <= pageRows ? this.#resident() : this.#load()
    if (matrix !== undefined) {
      for (let index = 0; index < chunks.length; index++) {
        const slot = matrix.find(chunks[index]!)
        if (slot !== undefined) visit(index, matrix.values, slot * this.#dimensions, matrix.scales[slot]!)
      }
      return
    }
    for (let from = 0; from < chunks.length; from += pageRows) {
      const page = Array.from(chunks.slice(from, from + pageRows))
      const rows = this.#rows.find(page)
      for (const [offset, chunk] of page.entries()) {
        const row = rows.get(chunk)
        if (row !== undefined) visit(from + offset, viewValues(row.vector, this.#precision), 0, row.scale)
      }
    }
  }

  #resident(): VectorMatrix | undefined {
    const resident = this.#memory.get<ResidentMatrix>(this.#key)
    return resident?.owner === this.#owner ? resident.matrix : undefined
  }

  /** The matrix, read from storage if it is not in memory; `undefined` if it does not fit. */
  #load(): VectorMatrix | undefined {
    const resident = this.#resident()
    if (resident !== undefined) return resident
    const count = this.#rows.count()
    if (count * this.#rowBytes > this.#maxMatrixBytes) return undefined
    const matrix = new VectorMatrix(this.#dimensions, this.#precision, count)
    this.#scan(({ chunk, scale, vector }) => matrix.set(chunk, vector, scale))
    const value: ResidentMatrix = { owner: this.#owner, matrix }
    this.#memory.set(this.#key, value, matrix.bytes)
    return matrix
  }

  /** Visits every stored row of the leg in order of chunks, a page at a time. */
  #scan(visit: (row: VectorRow) => void): void {
    this.#rows.scan(this.#pageRows(), (row) => {
      invariant(row.vector.byteLength === this.#rowBytes, 'a stored vector has the dimensions of its leg')
      visit(row)
    })
  }

  #pageRows(): number {
    return Math.max(1, Math.floor(PAGE_BYTES / this.#rowBytes))
  }

  #recount(matrix: VectorMatrix): void {
    if (matrix.count * this.#rowBytes > this.#maxMatrixBytes) this.evict()
    else this.#memory.resize(this.#key, matrix.bytes)
  }
}
