/**
 * Vectors that callers bring with a document: one, or several under the names that their collection gives them. Checked here
 * as far as they can be without the collection, then against it, and packed.
 */
import { isJsonObject, pointerTo, type Faults } from '../core/faults.ts'
import { MAX_DIMENSIONS, MAX_DOCUMENT_VECTOR_VALUES, MAX_MULTI_VECTOR_ROWS, MAX_NAMED_VECTORS } from '../core/limits.ts'
import { packVectors, unpackVectors, type VectorLeg } from '../core/packed-vectors.ts'
import { isVectorName, type NamedVectors, VECTOR_NAME_RULE } from '../models/named-vectors.ts'

/** One vector, or the rows of a multi-vector. */
export type CallerVector = readonly number[] | readonly (readonly number[])[]

/** By name. */
export interface CallerVectors {
  readonly [name: string]: CallerVector
}

/** Checks one vector. Gives `[]` with a fault for anything else. */
export function parseVector(value: unknown, pointer: string, faults: Faults): number[] {
  if (!Array.isArray(value) || value.length === 0 || value.length > MAX_DIMENSIONS) {
    faults.add(pointer, `must be an array of 1 to ${MAX_DIMENSIONS} numbers`)
    return []
  }
  // Vectors are kept in single precision, so what overflows there is not finite either.
  const wrong = value.findIndex((item) => typeof item !== 'number' || !Number.isFinite(Math.fround(item)))
  if (wrong >= 0) faults.add(pointerTo(pointer, wrong), 'must be a finite number')
  else if (value.every((item) => Math.fround(item as number) === 0)) faults.add(pointer, 'must not be all zeros')
  return value as number[]
}

/** Checks named vectors; their lengths are checked against the collection. Gives `{}` with a fault for anything else. */
export function parseVectors(value: unknown, pointer: string, faults: Faults): CallerVectors {
  const entries = isJsonObject(value) ? Object.entries(value) : []
  if (entries.length === 0 || entries.length > MAX_NAMED_VECTORS) {
    faults.add(pointer, `must be an object of 1 to ${MAX_NAMED_VECTORS} named vectors`)
    return {}
  }
  const vectors = entries.map(([name, vector]): [string, CallerVector] => {
    const at = pointerTo(pointer, name.toWellFormed())
    if (!isVectorName(name)) faults.add(at, `the name ${VECTOR_NAME_RULE}`)
    return [name, isRows(vector) ? parseRows(vector, at, faults) : parseVector(vector, at, faults)]
  })
  const count = vectors.reduce((sum, [, vector]) => sum + vector.flat().length, 0)
  if (count > MAX_DOCUMENT_VECTOR_VALUES) {
    faults.add(pointer, `must hold at most ${MAX_DOCUMENT_VECTOR_VALUES} numbers in all`)
  }
  return Object.fromEntries(vectors)
}

const isRows = (value: unknown): value is unknown[] => Array.isArray(value) && Array.isArray(value[0])

function parseRows(rows: readonly unknown[], pointer: string, faults: Faults): number[][] {
  if (rows.length > MAX_MULTI_VECTOR_ROWS) {
    faults.add(pointer, `must have at most ${MAX_MULTI_VECTOR_ROWS} rows`)
    return []
  }
  return rows.map((row, index) => parseVector(row, pointerTo(pointer, index), faults))
}

/** What a document brings, as `checkVectors` judges it. */
export interface BroughtVectors {
  readonly vector?: readonly number[]
  readonly vectors?: CallerVectors
}

/** What a collection takes: the names of its vectors, or how long its only one is; neither where a model makes them. */
export interface TakenVectors {
  readonly isOwn: boolean
  readonly dimensions: number
  readonly named: NamedVectors | undefined
}

/** Adds a fault for everything that the collection does not take. */
export function checkVectors(brought: BroughtVectors, taken: TakenVectors, pointer: string, faults: Faults): void {
  const { vector, vectors } = brought
  const { isOwn, dimensions, named } = taken
  const refuse = (field: string, instead: string): void =>
    faults.add(`${pointer}/${field}`, `is refused: ${isOwn ? instead : 'the collection computes its own vectors'}`)
  if (vector !== undefined) {
    if (!isOwn || named !== undefined) refuse('vector', 'the collection names its vectors')
    else if (vector.length !== dimensions) mismatch(`${pointer}/vector`, dimensions, faults)
  }
  if (vectors === undefined) return
  if (named === undefined) refuse('vectors', 'the collection has one vector without a name')
  else checkNamed(vectors, named, `${pointer}/vectors`, faults)
}

function checkNamed(vectors: CallerVectors, named: NamedVectors, pointer: string, faults: Faults): void {
  for (const [name, vector] of Object.entries(vectors)) {
    const at = pointerTo(pointer, name)
    const leg = named.find((one) => one.name === name)
    if (leg === undefined) faults.add(at, `is not one of ${named.map((one) => one.name).join(', ')}`)
    else if (leg.multi !== true && isRows(vector)) faults.add(at, 'must be an array of numbers')
    else if (leg.multi === true && !isRows(vector)) faults.add(at, 'must be an array of arrays of numbers')
    else if (isRows(vector)) checkRows(vector, leg, at, faults)
    else if (vector.length !== leg.dimensions) mismatch(at, leg.dimensions, faults)
  }
}

function checkRows(rows: readonly unknown[], { dimensions }: VectorLeg, pointer: string, faults: Faults): void {
  for (const [index, row] of rows.entries()) {
    if (!Array.isArray(row) || row.length !== dimensions) mismatch(pointerTo(pointer, index), dimensions, faults)
  }
}

const mismatch = (pointer: string, dimensions: number, faults: Faults): void =>
  faults.add(pointer, `must have ${dimensions} numbers`, 'dimension_mismatch')

/** Packs checked vectors. */
export function packCallerVectors(named: NamedVectors, vectors: CallerVectors): Float32Array {
  const values = Object.entries(vectors).map(([name, vector]) => [name, Float32Array.from(vector.flat())] as const)
  return packVectors(named, new Map(values))
}

/** Packed vectors as they were sent, to single precision. */
export function callerVectorsOf(named: NamedVectors, packed: Float32Array): Record<string, CallerVector> {
  const vectors = unpackVectors(named, packed) ?? new Map<string, Float32Array>()
  return Object.fromEntries(
    named.flatMap(({ name, dimensions, multi }): [string, CallerVector][] => {
      const values = vectors.get(name)
      if (values === undefined) return []
      const numbers = [...values]
      return [[name, multi === true ? rowsOf(numbers, dimensions) : numbers]]
    }),
  )
}

const rowsOf = (numbers: readonly number[], dimensions: number): number[][] =>
  Array.from({ length: numbers.length / dimensions }, (_, row) =>
    numbers.slice(row * dimensions, (row + 1) * dimensions),
  )
