/** Divides texts into calls of a provider, and cuts those that are longer than a model reads. */
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

/**
 * The longest beginning of a text whose estimate is at most `tokens`, to 1 in 64; never between the halves of a surrogate
 * pair. The estimate of a beginning never falls with its length, so halving finds it.
 */
export function cutToTokens(text: string, tokens: number): string {
  if (text.length <= tokens || estimateTokens(text) <= tokens) return text
  let [fits, over] = [0, text.length]
  while (over - fits > Math.max(1, fits / 64)) {
    const middle = (fits + over) >>> 1
    if (estimateTokens(text.slice(0, middle)) <= tokens) fits = middle
    else over = middle
  }
  const cut = text.slice(0, fits)
  return /[\uD800-\uDBFF]$/.test(cut) ? cut.slice(0, -1) : cut
}
