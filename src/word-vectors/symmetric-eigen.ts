/** Eigenvectors of a small symmetric matrix by cyclic Jacobi rotations (Golub & Van Loan, "Matrix Computations", 8.5). */

export interface Eigen {
  /** Descending. */
  readonly values: Float64Array
  /** Row i is the unit eigenvector of value i. */
  readonly vectors: Float64Array
}

const MAX_SWEEPS = 30

/** `matrix` is size × size, symmetric, and is not changed. O(size³) a sweep, some ten sweeps. */
export function symmetricEigen(matrix: Float64Array, size: number): Eigen {
  const a = matrix.slice()
  const vectors = new Float64Array(size * size)
  for (let i = 0; i < size; i++) vectors[i * size + i] = 1
  let scale = 0
  for (const value of a) scale = Math.max(scale, Math.abs(value))
  for (let sweep = 0; sweep < MAX_SWEEPS; sweep++) {
    let largest = 0
    for (let p = 0; p < size; p++) {
      for (let q = p + 1; q < size; q++) {
        const off = a[p * size + q]!
        largest = Math.max(largest, Math.abs(off))
        // What is that small changes no digit.
        if (Math.abs(off) > scale * 1e-15) rotate(a, vectors, size, p, q)
      }
    }
    if (largest <= scale * 1e-14) break
  }
  const order = Array.from({ length: size }, (_, i) => i).toSorted((i, j) => a[j * size + j]! - a[i * size + i]!)
  const sorted = new Float64Array(size * size)
  for (const [row, i] of order.entries()) sorted.set(vectors.subarray(i * size, (i + 1) * size), row * size)
  return { values: Float64Array.from(order, (i) => a[i * size + i]!), vectors: sorted }
}

/** Makes `a[p][q]` zero. The rotation works on rows alone, columns by symmetry, because rows lie together in memory. */
function rotate(a: Float64Array, vectors: Float64Array, size: number, p: number, q: number): void {
  const app = a[p * size + p]!
  const aqq = a[q * size + q]!
  const apq = a[p * size + q]!
  const theta = (aqq - app) / (2 * apq)
  const t = (theta >= 0 ? 1 : -1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1))
  const c = 1 / Math.sqrt(t * t + 1)
  const s = t * c
  turnRows(a, size, p, q, c, s)
  turnRows(vectors, size, p, q, c, s)
  for (let i = 0; i < size; i++) {
    a[i * size + p] = a[p * size + i]!
    a[i * size + q] = a[q * size + i]!
  }
  a[p * size + p] = app - t * apq
  a[q * size + q] = aqq + t * apq
  a[p * size + q] = 0
  a[q * size + p] = 0
}

function turnRows(m: Float64Array, size: number, p: number, q: number, c: number, s: number): void {
  const rowP = p * size
  const rowQ = q * size
  for (let i = 0; i < size; i++) {
    const x = m[rowP + i]!
    const y = m[rowQ + i]!
    m[rowP + i] = c * x - s * y
    m[rowQ + i] = s * x + c * y
  }
}
