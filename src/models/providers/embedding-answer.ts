/** Judges the vectors of a provider before anybody stores them, and gives them unit length. */
import { ProviderFault } from './provider-fault.ts'

/** @throws ProviderFault `wrong` unless there are `count` vectors of `dimensions` finite numbers that are not all zero */
export function unitVectors(
  vectors: readonly ArrayLike<unknown>[],
  count: number,
  dimensions: number,
): Float32Array<ArrayBuffer>[] {
  if (vectors.length !== count) throw wrong(`${vectors.length} vectors for ${count} texts`)
  return vectors.map((vector) => {
    if (vector.length !== dimensions) throw wrong(`a vector of ${vector.length} dimensions, not ${dimensions}`)
    return unitVector(vector)
  })
}

function unitVector(vector: ArrayLike<unknown>): Float32Array<ArrayBuffer> {
  const values = new Float64Array(vector.length)
  let largest = 0
  for (let i = 0; i < vector.length; i++) {
    const value = vector[i]
    if (typeof value !== 'number' || !Number.isFinite(value)) throw wrong('a vector with something else than numbers')
    values[i] = value
    largest = Math.max(largest, Math.abs(value))
  }
  if (largest === 0) throw wrong('a vector of zeros')
  // By its largest value first, so that no square leaves the range of numbers.
  let squares = 0
  for (const value of values) squares += (value / largest) ** 2
  const length = Math.sqrt(squares)
  return Float32Array.from(values, (value) => value / largest / length)
}

const wrong = (what: string): ProviderFault => new ProviderFault('wrong', `the provider answered with ${what}`)
