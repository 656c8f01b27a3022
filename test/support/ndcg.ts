/**
 * nDCG with linear gain and log2 discount (Järvelin & Kekäläinen 2002), as trec_eval computes it: the ideal ranking is
 * that of all judged documents.
 */
export function ndcgAt(k: number, ranking: readonly string[], relevant: Readonly<Record<string, number>>): number {
  const gain = (grades: readonly number[]): number =>
    grades.slice(0, k).reduce((sum, grade, rank) => sum + grade / Math.log2(rank + 2), 0)
  const ideal = gain(Object.values(relevant).toSorted((a, b) => b - a))
  return ideal === 0 ? 0 : gain(ranking.map((id) => relevant[id] ?? 0)) / ideal
}
