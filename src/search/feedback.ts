/**
 * Pseudo-relevance feedback on the vector leg (Rocchio 1971, as Li et al., TOIS 2023, apply it to dense vectors): the query
 * vector moves towards the first hits' vectors and the search is ranked again.
 */

/** Hits that vote. */
export const FEEDBACK_HITS = 3
const FEEDBACK_WEIGHT = 0.7

/**
 * Moves the unit-length query by 0.7 of the mean of the hits' unit-length vectors; the result has unit length. Without
 * vectors, or where everything cancels out, the query stays where it is.
 */
export function moveQuery(query: Float32Array, hits: readonly Float32Array[]): Float32Array {
  if (hits.length === 0) return query
  const moved = Float64Array.from(unit(query))
  for (const hit of hits) {
    const direction = unit(hit)
    for (let i = 0; i < moved.length; i++)
      moved[i] = (moved[i] ?? 0) + (FEEDBACK_WEIGHT * (direction[i] ?? 0)) / hits.length
  }
  const length = norm(moved)
  return length > 1e-9 ? Float32Array.from(moved, (value) => value / length) : query
}

/** The vector at unit length, computed in double precision; a zero vector stays zero. */
export function unit(vector: Float32Array): Float64Array {
  const length = norm(vector)
  return Float64Array.from(vector, (value) => (length > 0 ? value / length : 0))
}

function norm(vector: Float32Array | Float64Array): number {
  let sum = 0
  for (const value of vector) sum += value * value
  return Math.sqrt(sum)
}
