/**
 * Late interaction (Khattab & Zaharia 2020, "ColBERT"): a chunk has many vectors, a query too, and the score is the mean over
 * the query's vectors of the best cosine among the chunk's. Every pair is computed at stored precision. What fits stays in
 * memory; a larger leg is read from storage in pages on every search, with the same arithmetic and so the same scores.
 */
import type { ChunkMask } from '../core/chunk-mask.ts'
import { invariant } from '../core/invariant.ts'
import { MAX_LATE_INTERACTION_PRODUCTS } from '../core/limits.ts'
import { invalidField } from '../core/problem.ts'
import { residentMemory, type ResidentMemory } from '../core/resident-memory.ts'
import type { SqlDatabase } from '../core/sql-database.ts'
import { TopScores } from '../core/top-scores.ts'
import { dot, inverseLength, unitQuery } from './vector-codec.ts'
import type { LegScores, VectorIndex } from './vector-index.ts'
import { VectorRows, type VectorRow } from './vector-rows.ts'

/** Beyond this a leg is not kept in memory: 600 chunks of 128 vectors of 128 values. */
const MAX_RESIDENT_BYTES = 40_000_000
/** Vectors are read from storage about this many bytes at a time. */
const PAGE_BYTES = 1_000_000
/** An entry of the map with its two arrays, besides their values. */
const ENTRY_BYTES = 300

const TOO_MUCH = 'has too many rows for so many documents: filter them, send fewer rows, or use more shards'

export interface MultiVectorIndexOptions {
  /** Prefix of the key in resident memory, unique to the shard. */
  readonly key: string
  /** Name of the leg; several legs share the table. */
  readonly leg: string
  /** Of each vector. */
  readonly dimensions: number
  readonly memory?: ResidentMemory
  /** Most to keep in memory; tests lower it. */
  readonly maxResidentBytes?: number
  /** Most that a search may compute; tests lower it. */
  readonly maxProducts?: number
}

/** The vectors of one chunk. */
interface Rows {
  /** Row-major, rows × dimensions, as sent. */
  readonly values: Float32Array
  /** 1 / length of each row. */
  readonly scales: Float64Array
}

/** What resident memory holds; an index trusts only what it put there itself. */
interface ResidentRows {
  readonly owner: object
  readonly chunks: Map<number, Rows>
  bytes: number
}

/**
 * Takes and gives the rows of one chunk, or of a query, as one row-major array. Runs to completion in every call; after a
 * transaction that was rolled back the caller must `evict()`.
 */
export class MultiVectorIndex implements VectorIndex {
  readonly #rows: VectorRows
  readonly #memory: ResidentMemory
  readonly #key: string
  readonly #dimensions: number
  readonly #maxResidentBytes: number
  readonly #maxProducts: number
  readonly #owner = {}

  constructor(database: SqlDatabase, options: MultiVectorIndexOptions) {
    this.#rows = new VectorRows(database, options.leg)
    this.#memory = options.memory ?? residentMemory
    this.#key = `${options.key}/vectors/${options.leg}`
    this.#dimensions = options.dimensions
    this.#maxResidentBytes = options.maxResidentBytes ?? MAX_RESIDENT_BYTES
    this.#maxProducts = options.maxProducts ?? MAX_LATE_INTERACTION_PRODUCTS
  }

  get count(): number {
    return this.#resident()?.chunks.size ?? this.#rows.count()
  }

  add(chunk: number, vectors: Float32Array): void {
    const rows = this.#rowsOf(vectors.slice())
    // Each row has a scale of its own, which is computed when it is read.
    this.#rows.put({ chunk, scale: 1, vector: new Uint8Array(rows.values.buffer) })
    const resident = this.#resident()
    if (resident === undefined) return
    this.#drop(resident, chunk)
    this.#keep(resident, chunk, rows)
    this.#recount(resident)
  }

  remove(chunks: readonly number[]): void {
    this.#rows.remove(chunks)
    const resident = this.#resident()
    if (resident === undefined) return
    for (const chunk of chunks) this.#drop(resident, chunk)
    this.#recount(resident)
  }

  /** @throws invalid_request where that is too much to compute */
  search(
    query: Float32Array,
    options: { readonly mask: ChunkMask | undefined; readonly candidates: number },
  ): LegScores {
    const units = this.#units(query)
    const { mask } = options
    const top = new TopScores(options.candidates)
    let products = 0
    this.#visit((chunk, read) => {
      if (mask !== undefined && !mask.has(chunk)) return
      const rows = read()
      products += rows.values.length * units.length
      if (products > this.#maxProducts) throw invalidField('/vector', TOO_MUCH)
      top.push(chunk, this.#score(units, rows))
    })
    return top.finish()
  }

  score(query: Float32Array, chunks: Uint32Array): Float64Array {
    const units = this.#units(query)
    const scores = new Float64Array(chunks.length)
    for (const [index, rows] of this.#find([...chunks]).entries()) {
      if (rows !== undefined) scores[index] = Math.max(0, this.#score(units, rows))
    }
    return scores
  }

  vectors(chunks: readonly number[]): (Float32Array | undefined)[] {
    return this.#find(chunks).map((rows) => rows?.values.slice())
  }

  evict(): void {
    this.#memory.delete(this.#key)
    this.#rows.forget()
  }

  /** Mean over the query's rows of the largest cosine with a row of the chunk, in [−1, 1]. */
  #score(units: readonly Float64Array[], { values, scales }: Rows): number {
    let sum = 0
    for (const unit of units) {
      let best = -1
      for (let row = 0; row < scales.length; row++) {
        best = Math.max(best, dot(unit, values, row * this.#dimensions) * scales[row]!)
      }
      // Rounding may carry a vector's product with itself past 1.
      sum += Math.min(1, best)
    }
    return sum / units.length
  }

  #units(query: Float32Array): Float64Array[] {
    return rowsIn(query, this.#dimensions).map(unitQuery)
  }

  #rowsOf(values: Float32Array): Rows {
    return { values, scales: Float64Array.from(rowsIn(values, this.#dimensions), inverseLength) }
  }

  #stored({ vector }: VectorRow): Rows {
    return this.#rowsOf(new Float32Array(vector.buffer))
  }

  #find(chunks: readonly number[]): (Rows | undefined)[] {
    const resident = this.#resident()
    if (resident !== undefined) return chunks.map((chunk) => resident.chunks.get(chunk))
    const pageRows = this.#pageRows()
    const found: (Rows | undefined)[] = []
    for (let from = 0; from < chunks.length; from += pageRows) {
      const page = chunks.slice(from, from + pageRows)
      const rows = this.#rows.find(page)
      for (const chunk of page) {
        const row = rows.get(chunk)
        found.push(row && this.#stored(row))
      }
    }
    return found
  }

  /** Visits every chunk of the leg, its rows read when they are asked for; brings the leg into memory where it fits. */
  #visit(visit: (chunk: number, rows: () => Rows) => void): void {
    const resident = this.#resident() ?? this.#load()
    if (resident === undefined) {
      this.#rows.scan(this.#pageRows(), (row) => visit(row.chunk, () => this.#stored(row)))
      return
    }
    for (const [chunk, rows] of resident.chunks) visit(chunk, () => rows)
  }

  #resident(): ResidentRows | undefined {
    const resident = this.#memory.get<ResidentRows>(this.#key)
    return resident?.owner === this.#owner ? resident : undefined
  }

  #load(): ResidentRows | undefined {
    const { count, bytes } = this.#rows.totals()
    if (bytes + count * ENTRY_BYTES > this.#maxResidentBytes) return undefined
    const resident: ResidentRows = { owner: this.#owner, chunks: new Map(), bytes: 0 }
    this.#rows.scan(this.#pageRows(), (row) => this.#keep(resident, row.chunk, this.#stored(row)))
    this.#memory.set(this.#key, resident, resident.bytes)
    return resident
  }

  #keep(resident: ResidentRows, chunk: number, rows: Rows): void {
    resident.chunks.set(chunk, rows)
    resident.bytes += bytesOf(rows)
  }

  #drop(resident: ResidentRows, chunk: number): void {
    const rows = resident.chunks.get(chunk)
    if (rows === undefined) return
    resident.chunks.delete(chunk)
    resident.bytes -= bytesOf(rows)
  }

  #recount(resident: ResidentRows): void {
    if (resident.bytes > this.#maxResidentBytes) this.evict()
    else this.#memory.resize(this.#key, resident.bytes)
  }

  /** As if chunks had 32 vectors each: those with more make a page a few times longer. */
  #pageRows(): number {
    return Math.max(1, Math.floor(PAGE_BYTES / (this.#dimensions * 4 * 32)))
  }
}

const bytesOf = ({ values, scales }: Rows): number => values.byteLength + scales.byteLength + ENTRY_BYTES

/** Views of the rows of a row-major array. */
function rowsIn(values: Float32Array, dimensions: number): Float32Array[] {
  const count = values.length / dimensions
  invariant(Number.isInteger(count) && count > 0, `a vector of this leg has rows of ${dimensions} dimensions`)
  return Array.from({ length: count }, (_, row) => values.subarray(row * dimensions, (row + 1) * dimensions))
}
