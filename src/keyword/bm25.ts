/**
 * BM25 as Lucene computes it (Kamphuis et al., "Which BM25 Do You Mean?", ECIR 2020, variant "Lucene"), but with exact
 * chunk lengths instead of one-byte norms, and without the constant factor k1 + 1, which changes no order.
 */
import type { Bm25 } from './keyword-index.ts'

/** ln(1 + (N − df + 0.5) / (df + 0.5)); positive for every df ≤ N. */
export function idf(chunks: number, documentFrequency: number): number {
  return Math.log(1 + (chunks - documentFrequency + 0.5) / (documentFrequency + 0.5))
}

/** k1 · (1 − b + b · dl / avgdl): what a term frequency is weighed against. Lengths are in words. */
export function lengthNorm({ k1, b }: Bm25, length: number, averageLength: number): number {
  return k1 * (1 - b + b * (averageLength > 0 ? length / averageLength : 1))
}

/** tf / (tf + norm), in (0, 1]. */
export function termFrequencyPart(termFrequency: number, norm: number): number {
  return termFrequency / (termFrequency + norm)
}
