/**
 * The named vectors of one chunk as one array of numbers, so that whatever carries a chunk's vector carries them too. For each
 * leg of the collection in order: how many rows it has (0: none, 1 for a single vector), then rows × dimensions values.
 */
import { invariant } from './invariant.ts'

/** One kind of vector that the documents of a collection have, under its name. */
export interface VectorLeg {
  readonly name: string
  /** Of each row. */
  readonly dimensions: number
  /** Whether a document has many rows of it, one for each of its tokens, patches or parts. */
  readonly multi?: true
}

/** Row-major, rows × dimensions, by the leg's name; legs that a chunk has nothing of are absent. */
export type LegVectors = ReadonlyMap<string, Float32Array>

export function packVectors(legs: readonly VectorLeg[], vectors: LegVectors): Float32Array {
  const values = legs.map(({ name }) => vectors.get(name) ?? new Float32Array())
  const packed = new Float32Array(values.reduce((sum, { length }) => sum + 1 + length, 0))
  let at = 0
  for (const [index, { name, dimensions, multi }] of legs.entries()) {
    const own = values[index] ?? new Float32Array()
    const rows = own.length / dimensions
    invariant(Number.isInteger(rows) && (multi || rows <= 1), `the vector "${name}" has whole rows`)
    packed[at] = rows
    packed.set(own, at + 1)
    at += 1 + own.length
  }
  return packed
}

/** Views of what was packed, without copying; `undefined` for numbers that `packVectors` did not make of these legs. */
export function unpackVectors(legs: readonly VectorLeg[], packed: Float32Array): LegVectors | undefined {
  const vectors = new Map<string, Float32Array>()
  let at = 0
  for (const { name, dimensions, multi } of legs) {
    const rows = packed[at] ?? -1
    const end = at + 1 + rows * dimensions
    if (!Number.isInteger(rows) || rows < 0 || (rows > 1 && multi !== true) || end > packed.length) return undefined
    if (rows > 0) vectors.set(name, packed.subarray(at + 1, end))
    at = end
  }
  return at === packed.length ? vectors : undefined
}
