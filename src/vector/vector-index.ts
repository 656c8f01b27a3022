/**
 * Which chunks are near? One leg of one shard, over the storage port. Implementations: `ExactVectorIndex` (scores every
 * vector at stored precision; the oracle of recall for the faster ones) and `MultiVectorIndex` (a chunk's vector is many rows in one
 * array, and so may be a query's; the score is their late interaction instead of the cosine). All run the contract suite
 * `test/contract/vector-index-contract.ts`.
 */
import type { ChunkMask } from '../core/chunk-mask.ts'

/** Raw scores of one leg, best first: score descending, then chunk number ascending. Only positive scores. */
export interface LegScores {
  readonly chunks: Uint32Array
  readonly scores: Float64Array
}

export interface VectorIndex {
  readonly count: number
  /** Stores one vector (any non-zero length; the direction counts). Called inside the caller's transaction. */
  add(chunk: number, vector: Float32Array): void
  remove(chunks: readonly number[]): void
  /**
   * The `candidates` nearest chunks of the mask by cosine in (0, 1]; `Infinity` asks for every positive one.
   * An approximate engine may miss some; scores it returns are true ones.
   */
  search(query: Float32Array, options: { readonly mask: ChunkMask | undefined; readonly candidates: number }): LegScores
  /** True cosines of given chunks in their order; 0 where the chunk has no vector or the cosine is not positive. */
  score(query: Float32Array, chunks: Uint32Array): Float64Array
  /** Stored vectors (dequantised, unit length when the profile is normalised), for export, feedback and reuse. */
  vectors(chunks: readonly number[]): (Float32Array | undefined)[]
  /** Forgets what is resident, as an eviction does; the next call reads storage again. */
  evict(): void
}
