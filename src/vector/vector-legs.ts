/**
 * All vectors of one shard's chunks. Usually that is one leg, and a chunk's vector is what is stored; where the collection
 * names its vectors there is an index for each of them, and a chunk's vectors come and go as one packed array.
 */
import { invariant } from '../core/invariant.ts'
import { packVectors, unpackVectors, type VectorLeg } from '../core/packed-vectors.ts'
import type { ResidentMemory } from '../core/resident-memory.ts'
import type { SqlDatabase } from '../core/sql-database.ts'
import { ExactVectorIndex } from './exact-vector-index.ts'
import { MultiVectorIndex } from './multi-vector-index.ts'
import type { Precision } from './vector-codec.ts'
import type { VectorIndex } from './vector-index.ts'

/** Name of the leg where the collection names none. */
const ONLY_LEG = 'default'

export interface VectorLegsOptions {
  /** Prefix of the keys in resident memory, unique to the shard. */
  readonly key: string
  readonly memory: ResidentMemory
  /** Of the only leg; named vectors are kept as sent. */
  readonly dimensions: number
  readonly precision: Precision
  /** Absent: one leg without a name. */
  readonly named?: readonly VectorLeg[] | undefined
}

/** After a transaction that was rolled back the caller must `evict()`. */
export class VectorLegs {
  readonly #named: readonly VectorLeg[] | undefined
  readonly #indexes: ReadonlyMap<string, VectorIndex>

  constructor(database: SqlDatabase, { key, memory, dimensions, precision, named }: VectorLegsOptions) {
    this.#named = named
    this.#indexes = new Map(
      named === undefined
        ? [[ONLY_LEG, new ExactVectorIndex(database, { key, memory, leg: ONLY_LEG, dimensions, precision })]]
        : named.map((leg) => [leg.name, namedIndex(database, leg, key, memory)]),
    )
  }

  /** Chunks that have a vector, in the leg that has most of them. */
  get count(): number {
    return Math.max(...[...this.#indexes.values()].map(({ count }) => count))
  }

  /** The index of a named vector; without a name the first. */
  leg(name?: string): VectorIndex {
    const index = name === undefined ? [...this.#indexes.values()][0] : this.#indexes.get(name)
    invariant(index !== undefined, 'the shard has the leg that is asked for')
    return index
  }

  /** Stores what a chunk has: its vector, or all of its named ones packed. */
  add(chunk: number, vector: Float32Array): void {
    if (this.#named === undefined) return this.leg().add(chunk, vector)
    const vectors = unpackVectors(this.#named, vector)
    invariant(vectors !== undefined, 'the vectors are packed as the shard names them')
    for (const [name, own] of vectors) this.leg(name).add(chunk, own)
  }

  remove(chunks: readonly number[]): void {
    for (const index of this.#indexes.values()) index.remove(chunks)
  }

  /** As `add` took them: singles as they are stored, named ones packed; `undefined` for chunks without any. */
  vectors(chunks: readonly number[]): (Float32Array | undefined)[] {
    const named = this.#named
    if (named === undefined) return this.leg().vectors(chunks)
    const stored = named.map(({ name }) => ({ name, vectors: this.leg(name).vectors(chunks) }))
    return chunks.map((_, place) => {
      const own = stored.flatMap(({ name, vectors }) => {
        const vector = vectors[place]
        return vector === undefined ? [] : [[name, vector] as const]
      })
      return own.length === 0 ? undefined : packVectors(named, new Map(own))
    })
  }

  evict(): void {
    for (const index of this.#indexes.values()) index.evict()
  }
}

function namedIndex(
  database: SqlDatabase,
  { name, dimensions, multi }: VectorLeg,
  key: string,
  memory: ResidentMemory,
): VectorIndex {
  const options = { key, memory, leg: name, dimensions }
  return multi === true
    ? new MultiVectorIndex(database, options)
    : new ExactVectorIndex(database, { ...options, precision: 'f32' })
}
