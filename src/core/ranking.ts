/**
 * The definition of Nearfield's ranking, which exact engines compute and fast ones approximate. Pure arithmetic on raw
 * scores of two legs; no storage, no text. Fusion follows Bruch, Gai & Ingber 2023 (convex combination, "An Analysis of
 * Fusion Functions for Hybrid Retrieval", https://doi.org/10.1145/3596512) and Cormack, Clarke & Büttcher 2009 (reciprocal rank fusion).
 */
import { compareUtf8 } from './bytes.ts'

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

/** Raw scores of the candidates of one shard, parallel arrays of one length; `chunks` are that shard's chunk numbers. */
export interface Candidates {
  readonly chunks: Uint32Array
  /** Cosine, 0 where it is not positive. */
  readonly vector: Float64Array
  /** BM25, 0 where no term matches. */
  readonly keyword: Float64Array
  /** 1 where the chunk's language is in the model's profile or undetermined, else 0: λ(document). */
  readonly inProfile: Uint8Array
}

/** What orders equal scores: document id by UTF-8 bytes, then ordinal. */
export interface Position {
  readonly score: number
  readonly documentId: string
  readonly ordinal: number
}

/** Negative when `a` ranks before `b`: score descending, document id by UTF-8 bytes ascending, ordinal ascending. */
export function comparePositions(a: Position, b: Position): number {
  return b.score - a.score || compareUtf8(a.documentId, b.documentId) || a.ordinal - b.ordinal
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
