/** Which chunking a model allows: what a chunk holds, with the prefix before it, must fit into what the model sees. */
import type { ChunkingSettings } from '../chunking/chunk.ts'
import { MAX_PREFIX_TOKENS } from '../core/limits.ts'
import { invalidField } from '../core/problem.ts'
import type { ModelProfile } from '../models/embedder.ts'

/** @throws invalid_request under `pointer` */
export function checkChunking(
  { strategy, size, overlap }: ChunkingSettings,
  { id, maxTokens }: ModelProfile,
  pointer: string,
): void {
  const largest = maxTokens - MAX_PREFIX_TOKENS
  if (strategy !== 'none' && size > largest) {
    throw invalidField(`${pointer}/size`, `must be at most ${largest} tokens for the model ${id}`)
  }
  if (overlap >= size) throw invalidField(`${pointer}/overlap`, 'must be smaller than the size')
}
