/** Divides texts into calls of a provider. */
import { estimateTokens } from '../estimate-tokens.ts'

/** Special tokens that a model puts around a text. */
export const SPECIAL_TOKENS = 2

/** Consecutive runs of the indexes of `texts`; a text that is above `limits.tokens` alone has a run of its own. */
export function batchesOf(
  texts: readonly string[],
  limits: { readonly texts: number; readonly tokens: number },
): number[][] {
  const batches: number[][] = []
  let batch: number[] = []
  let tokens = 0
  for (const [index, text] of texts.entries()) {
    const added = estimateTokens(text) + SPECIAL_TOKENS
    if (batch.length > 0 && (batch.length >= limits.texts || tokens + added > limits.tokens)) {
      batches.push(batch)
      batch = []
      tokens = 0
    }
    batch.push(index)
    tokens += added
  }
  if (batch.length > 0) batches.push(batch)
  return batches
}
