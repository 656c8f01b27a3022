/**
 * Retrieval metrics over judged queries, as trec_eval computes them: nDCG with linear gain (Järvelin & Kekäläinen 2002,
 * https://doi.org/10.1145/582415.582418; `ndcg_cut` of trec_eval: grade / log2(rank + 1); not the exponential gain of Burges et al. 2005), and recall.
 * A document without a judgement counts as not relevant.
 */

/** Grades by document id; a grade above 0 is relevant. */
export type Judgements = ReadonlyMap<string, number>

const discount = (rank: number): number => 1 / Math.log2(rank + 1)

/** nDCG of the first `k` ids of a ranking; 0 where nothing is relevant. */
export function ndcgAtK(ranking: readonly string[], judgements: Judgements, k: number): number {
  let gain = 0
  for (const [index, id] of ranking.slice(0, k).entries()) {
    gain += Math.max(judgements.get(id) ?? 0, 0) * discount(index + 1)
  }
  const ideal = [...judgements.values()].filter((grade) => grade > 0).sort((a, b) => b - a)
  const best = ideal.slice(0, k).reduce((sum, grade, index) => sum + grade * discount(index + 1), 0)
  return best > 0 ? gain / best : 0
}

/** The share of the relevant documents that stand among the first `k`; 0 where nothing is relevant. */
export function recallAtK(ranking: readonly string[], judgements: Judgements, k: number): number {
  const found = new Set(ranking.slice(0, k))
  let relevant = 0
  let recalled = 0
  for (const [id, grade] of judgements) {
    if (grade <= 0) continue
    relevant++
    if (found.has(id)) recalled++
  }
  return relevant > 0 ? recalled / relevant : 0
}

export const mean = (values: readonly number[]): number =>
  values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length
