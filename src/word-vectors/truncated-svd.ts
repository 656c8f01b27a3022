/**
 * The largest singular values of a large sparse matrix and their left singular vectors, by random projections with power
 * iterations (Halko, Martinsson & Tropp 2011, "Finding Structure with Randomness"). Deterministic: its randomness is seeded.
 */
import { symmetricEigen } from './symmetric-eigen.ts'
import type { GiveTurn } from './word-vectors.ts'

/** A square matrix that is only ever multiplied with. */
export interface Multiplied {
  readonly size: number
  multiply(
    source: Float32Array,
    target: Float32Array,
    width: number,
    isTransposed: boolean,
    giveTurn: GiveTurn,
  ): Promise<void>
}

export interface LeftSingular {
  /** Descending; fewer than were asked for where the matrix has no more. */
  readonly values: Float64Array
  /** Size × values, row after row. */
  readonly vectors: Float32Array
}

/** More directions than are asked for make those that are exact. */
const OVERSAMPLING = 16
const POWER_ITERATIONS = 2
/** Directions of which less than this share of the longest is left are noise. */
const RANK_TOLERANCE = 1e-9
/** Multiplications between two turns. */
const SLICE_OPERATIONS = 4_000_000

export async function truncatedSvd(matrix: Multiplied, rank: number, giveTurn: GiveTurn): Promise<LeftSingular> {
  const { size } = matrix
  let width = Math.min(size, rank + OVERSAMPLING)
  let image = new Float32Array(size * width)
  let other = new Float32Array(size * width)
  fillGaussian(other)
  await matrix.multiply(other, image, width, false, giveTurn)
  for (let i = 0; i < POWER_ITERATIONS; i++) {
    width = await orthonormalise(image, size, width, giveTurn)
    await matrix.multiply(image, other, width, true, giveTurn)
    await matrix.multiply(other, image, width, false, giveTurn)
  }
  // Once leaves the rounding of badly conditioned columns, which does no harm before.
  width = await orthonormalise(image, size, width, giveTurn)
  width = await orthonormalise(image, size, width, giveTurn)
  // M = Q Qᵀ M; the rows of Qᵀ M are the columns of what Mᵀ makes of Q.
  await matrix.multiply(image, other, width, true, giveTurn)
  const { values, vectors } = symmetricEigen(await gram(other, size, width, giveTurn), width)
  const kept = Math.min(rank, width, values.filter((value) => value > RANK_TOLERANCE * values[0]!).length)
  const left = new Float32Array(size * kept)
  await project(image, size, width, vectors, kept, left, giveTurn)
  return { values: values.slice(0, kept).map((value) => Math.sqrt(value)), vectors: left }
}

/**
 * Makes the columns of `matrix` (size × width) orthonormal, in place, and drops those that add nothing; gives how many are
 * left. Gram-Schmidt over the Gram matrix.
 */
async function orthonormalise(matrix: Float32Array, size: number, width: number, giveTurn: GiveTurn): Promise<number> {
  const { directions, rank } = orthonormalDirections(await gram(matrix, size, width, giveTurn), width)
  await project(matrix, size, width, directions, rank, matrix, giveTurn)
  return rank
}

/** Rows that combine the columns with these inner products into orthonormal ones, without those that add nothing. */
function orthonormalDirections(products: Float64Array, width: number): { directions: Float64Array; rank: number } {
  const directions = new Float64Array(width * width)
  let rank = 0
  for (let column = 0; column < width; column++) {
    const target = directions.subarray(rank * width, (rank + 1) * width)
    target.fill(0)
    target[column] = 1
    const whole = products[column * width + column]!
    let left = whole
    for (let row = 0; row < rank; row++) {
      const direction = directions.subarray(row * width, (row + 1) * width)
      let shared = 0
      for (let i = 0; i < column; i++) shared += direction[i]! * products[column * width + i]!
      for (let i = 0; i < column; i++) target[i]! -= shared * direction[i]!
      left -= shared * shared
    }
    if (left <= RANK_TOLERANCE * whole) continue
    const scale = 1 / Math.sqrt(left)
    for (let i = 0; i <= column; i++) target[i]! *= scale
    rank++
  }
  return { directions, rank }
}

/** `matrixᵀ × matrix` for a matrix of size × width. */
async function gram(matrix: Float32Array, size: number, width: number, giveTurn: GiveTurn): Promise<Float64Array> {
  const product = new Float64Array(width * width)
  const rowsPerSlice = Math.ceil(SLICE_OPERATIONS / (width * width))
  for (let row = 0; row < size; row++) {
    const start = row * width
    for (let i = 0; i < width; i++) {
      const value = matrix[start + i]!
      if (value === 0) continue
      for (let j = i; j < width; j++) product[i * width + j]! += value * matrix[start + j]!
    }
    if (row % rowsPerSlice === 0) await giveTurn()
  }
  for (let i = 0; i < width; i++) for (let j = 0; j < i; j++) product[i * width + j] = product[j * width + i]!
  return product
}

/** `target = matrix × directionsᵀ`; directions are rows. `target` may be `matrix`, because no row grows. */
async function project(
  matrix: Float32Array,
  size: number,
  width: number,
  directions: Float64Array,
  count: number,
  target: Float32Array,
  giveTurn: GiveTurn,
): Promise<void> {
  const source = new Float64Array(width)
  const rowsPerSlice = Math.ceil(SLICE_OPERATIONS / (width * Math.max(1, count)))
  for (let row = 0; row < size; row++) {
    for (let i = 0; i < width; i++) source[i] = matrix[row * width + i]!
    for (let k = 0; k < count; k++) {
      let sum = 0
      for (let i = 0; i < width; i++) sum += source[i]! * directions[k * width + i]!
      target[row * count + k] = sum
    }
    if (row % rowsPerSlice === 0) await giveTurn()
  }
}

/** Normal deviates by Box and Muller from a xorshift generator, so that the same text gives the same model. */
function fillGaussian(target: Float32Array): void {
  let state = 0x9e3779b9
  const uniform = (): number => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return ((state >>> 0) + 0.5) / 4_294_967_296
  }
  for (let i = 0; i < target.length; i++) {
    target[i] = Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform())
  }
}
