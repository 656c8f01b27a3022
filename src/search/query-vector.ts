/** A query's vector as the caller sends it: one, or the rows of a multi-vector. */
import { type Faults, pointerTo } from '../core/faults.ts'
import { MAX_DIMENSIONS, MAX_QUERY_VECTOR_ROWS } from '../core/limits.ts'

export interface QueryVector {
  /** Row-major. */
  readonly values: Float32Array
  /** How many rows were sent; absent for a plain array of numbers. */
  readonly rows?: number
}

/** Reads a query vector: finite in single precision, in each row at least one number not 0, rows of one length. */
export function parseQueryVector(value: unknown, pointer: string, faults: Faults): QueryVector | undefined {
  if (!Array.isArray(value) || !Array.isArray(value[0])) {
    const values = parseRow(value, pointer, faults)
    return values && { values }
  }
  if (value.length > MAX_QUERY_VECTOR_ROWS) {
    faults.add(pointer, `must have at most ${MAX_QUERY_VECTOR_ROWS} rows`)
    return undefined
  }
  const rows = value.map((row, index) => parseRow(row, pointerTo(pointer, index), faults))
  const length = rows[0]?.length ?? 0
  for (const [index, row] of rows.entries()) {
    if (row !== undefined && row.length !== length) {
      faults.add(pointerTo(pointer, index), 'must have as many numbers as the first row')
    }
  }
  const values = rows.flatMap((row) => [...(row ?? [])])
  return { values: Float32Array.from(values), rows: rows.length }
}

function parseRow(value: unknown, pointer: string, faults: Faults): Float32Array | undefined {
  if (!Array.isArray(value) || value.length === 0 || value.length > MAX_DIMENSIONS) {
    faults.add(pointer, `must be an array of 1 to ${MAX_DIMENSIONS} numbers`)
    return undefined
  }
  const wrong = value.findIndex((item) => typeof item !== 'number' || !Number.isFinite(Math.fround(item)))
  if (wrong >= 0) {
    faults.add(pointerTo(pointer, wrong), 'must be a finite number')
    return undefined
  }
  const vector = Float32Array.from(value as number[])
  if (vector.some((item) => item !== 0)) return vector
  faults.add(pointer, 'must not be all zeros')
  return undefined
}
