/** Which chunking a model allows: what a chunk holds, with the prefix before it, must fit into what the model sees. */
import { DEFAULT_CHUNKING, type ChunkingSettings } from '../chunking/chunk.ts'
import { MAX_PREFIX_TOKENS, MIN_CHUNK_TOKENS } from '../core/limits.ts'
import { invalidField } from '../core/problem.ts'
import type { ModelProfile } from '../models/embedder.ts'

const largestSize = (maxTokens: number): number => maxTokens - MAX_PREFIX_TOKENS

/** Tokens of a chunk where nobody says how many: fewer than usual where the model reads less. */
export const defaultSize = ({ maxTokens }: Pick<ModelProfile, 'maxTokens'>): number =>
  Math.max(MIN_CHUNK_TOKENS, Math.min(DEFAULT_CHUNKING.size, largestSize(maxTokens)))

/** @throws invalid_request under `pointer` */
export function checkChunking(
  { strategy, size, overlap }: ChunkingSettings,
  { id, maxTokens }: ModelProfile,
  pointer: string,
): void {
  const largest = largestSize(maxTokens)
  if (strategy !== 'none' && size > largest) {
    throw invalidField(`${pointer}/size`, `must be at most ${largest} tokens for the model ${id}`)
  }
  if (overlap >= size) throw invalidField(`${pointer}/overlap`, 'must be smaller than the size')
}
