/**
 * The definition of Nearfield's ranking, which exact engines compute and fast ones approximate. Pure arithmetic on raw
 * scores of two legs; no storage, no text. Fusion follows Bruch, Gai & Ingber 2023 (convex combination, "An Analysis of
 * Fusion Functions for Hybrid Retrieval", https://doi.org/10.1145/3596512) and Cormack, Clarke & Büttcher 2009 (reciprocal rank fusion).
 */

export const DEFAULT_ALPHA = 0.6
export const DEFAULT_RANK_CONSTANT = 60

export type SearchMode = 'hybrid' | 'vector' | 'keyword'

export interface Fusion {
  readonly method: 'convex' | 'rrf'
  /** Weight of the vector leg in [0, 1] before languages are looked at. */
  readonly alpha: number
  /** The constant k of reciprocal rank fusion; 60 in the paper. */
  readonly rankConstant: number
}

/** Maxima of the raw scores over the whole ranked set; 0 for a leg without a match. */
export interface Maxima {
  readonly vector: number
  readonly keyword: number
}

/** What orders equal scores: document id by UTF-8 bytes, then ordinal. */
export interface Position {
  readonly score: number
  readonly documentId: string
  readonly ordinal: number
}

/**
 * Fuses one candidate by convex combination; the result lies in [0, 1]. `weight` is alpha · λ(query) · λ(document).
 * A leg whose maximum is not positive contributes 0.
 */
export function convexScore(vector: number, keyword: number, maxima: Maxima, weight: number): number {
  const v = maxima.vector > 0 ? Math.max(vector, 0) / maxima.vector : 0
  const k = maxima.keyword > 0 ? keyword / maxima.keyword : 0
  return weight * v + (1 - weight) * k
}

/** Fuses ranks (1-based; 0 where the leg has no match) by weighted reciprocal rank fusion. */
export function reciprocalRankScore(
  vectorRank: number,
  keywordRank: number,
  rankConstant: number,
  weight: number,
): number {
  const v = vectorRank > 0 ? weight / (rankConstant + vectorRank) : 0
  const k = keywordRank > 0 ? (1 - weight) / (rankConstant + keywordRank) : 0
  return v + k
}
