/** The tree that shows how a hit's score came about. Its root value is the score, and every node says how its details combine. */
import type { Explanation } from '../keyword/keyword-index.ts'
import type { Ranking, Reranking } from './fuse.ts'

const LATE_INTERACTION = "late interaction: mean over the query's vectors of the best cosine with one of the chunk's"

const leaf = (value: number, description: string): Explanation => ({ value, description, details: [] })

/** Explains one candidate; `keyword` is its shard's account of its BM25, absent where the keyword leg did not run. */
export function explainHit(
  ranking: Ranking,
  candidate: number,
  keyword: Explanation | undefined,
  reranking?: Reranking,
): Explanation {
  const reranked = reranking?.judged.get(candidate)
  if (reranking === undefined || reranked === undefined) return explainFused(ranking, candidate, keyword)
  return {
    value: ranking.scores[candidate] ?? 0,
    description: 'reranked: what the model said, calibrated to [0, 1]',
    details: [
      leaf(reranked.raw, "the model's own score of query and text"),
      leaf(reranked.fusedRank, 'rank before reranking'),
      explainFused(reranking.fused, candidate, keyword),
    ],
  }
}

function explainFused(ranking: Ranking, candidate: number, keyword: Explanation | undefined): Explanation {
  const { plan } = ranking
  const parts = ranking.parts(candidate)
  const value = ranking.scores[candidate] ?? 0
  const bm25 = keyword ?? leaf(parts.keyword, 'bm25, no query word matches')
  if (plan.mode === 'keyword') return { value, description: 'keyword mode: bm25', details: [bm25] }
  const isMulti = ranking.source(candidate).isMulti === true
  const cosine = leaf(
    parts.vector,
    `${isMulti ? LATE_INTERACTION : 'cosine of query and chunk'}, 0 where it is not positive`,
  )
  if (plan.mode === 'vector') {
    return { value, description: `vector mode: ${isMulti ? 'late interaction' : 'cosine'}`, details: [cosine] }
  }

  const weight = weightOf(ranking, candidate)
  const rest = leaf(1 - parts.weight, 'weight of the keyword leg: 1 − weight of the vector leg')
  if (plan.fusion.method === 'rrf') {
    const { rankConstant } = plan.fusion
    const constant = leaf(rankConstant, 'rank constant')
    const part = (share: number, rank: number): number => (rank > 0 ? share / (rankConstant + rank) : 0)
    return {
      value,
      description: 'reciprocal rank fusion: sum of',
      details: [
        {
          value: part(parts.weight, parts.vectorRank),
          description: 'vector leg: weight / (rank constant + rank), 0 without a rank',
          details: [weight, constant, leaf(parts.vectorRank, 'rank by cosine, 0 without a match'), cosine],
        },
        {
          value: part(1 - parts.weight, parts.keywordRank),
          description: 'keyword leg: weight / (rank constant + rank), 0 without a rank',
          details: [rest, constant, leaf(parts.keywordRank, 'rank by bm25, 0 without a match'), bm25],
        },
      ],
    }
  }
  const maxima = ranking.maximaOf(candidate)
  return {
    value,
    description: 'convex combination: sum of',
    details: [
      {
        value: parts.weight * (maxima.vector > 0 ? Math.max(parts.vector, 0) / maxima.vector : 0),
        description: 'vector leg: weight · cosine / max cosine',
        details: [weight, cosine, leaf(maxima.vector, 'max cosine of the ranked set')],
      },
      {
        value: (1 - parts.weight) * (maxima.keyword > 0 ? parts.keyword / maxima.keyword : 0),
        description: 'keyword leg: weight · bm25 / max bm25',
        details: [rest, bm25, leaf(maxima.keyword, 'max bm25 of the ranked set')],
      },
    ],
  }
}

function weightOf(ranking: Ranking, candidate: number): Explanation {
  const { weight, queryInProfile, documentInProfile } = ranking.parts(candidate)
  if (ranking.plan.degraded.has(ranking.source(candidate).space))
    return leaf(weight, 'weight of the vector leg: 0, the query could not be embedded')
  return {
    value: weight,
    description: 'weight of the vector leg: alpha · λ(query) · λ(document)',
    details: [
      leaf(ranking.plan.fusion.alpha, 'alpha'),
      leaf(queryInProfile, "λ(query): 1 if its language is in the model's profile or undetermined"),
      leaf(documentInProfile, "λ(document): 1 if the chunk's language is in the model's profile or undetermined"),
    ],
  }
}
