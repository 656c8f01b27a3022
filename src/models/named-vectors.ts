/**
 * Named vectors: a collection whose documents bring several vectors each, such as one of the title and one of an image, or a
 * vector for each token (late interaction). Here is what a caller says of them and what is kept of it.
 */
import { isJsonObject, pointerTo, type Faults } from '../core/faults.ts'
import { MAX_DIMENSIONS, MAX_NAMED_VECTORS } from '../core/limits.ts'
import type { VectorLeg } from '../core/packed-vectors.ts'
import type { Model } from './model.ts'

/** 1 to `MAX_NAMED_VECTORS` of them, in the order in which the caller named them: searches use the first by default. */
export type NamedVectors = readonly VectorLeg[]

/** A caller's definition of one; `cosine` is the only metric. */
export interface VectorDefinition {
  readonly dimensions: number
  readonly metric?: 'cosine' | undefined
  readonly multi?: boolean | undefined
}

export const VECTOR_NAME_RULE = 'must be 1 to 32 characters of a-z, 0-9, _ and -, the first a letter or a digit'
const VECTOR_NAME = /^[a-z0-9][a-z0-9_-]{0,31}$/
const DEFINITION_FIELDS = new Set(['dimensions', 'metric', 'multi'])

export const isVectorName = (name: string): boolean => VECTOR_NAME.test(name)

/** Checks untrusted definitions by name. Gives those that are right, with a fault for each of the others. */
export function parseNamedVectors(value: unknown, pointer: string, faults: Faults): NamedVectors {
  const entries = isJsonObject(value) ? Object.entries(value) : []
  if (entries.length === 0 || entries.length > MAX_NAMED_VECTORS) {
    faults.add(pointer, `must be an object of 1 to ${MAX_NAMED_VECTORS} named vectors`)
    return []
  }
  return entries.flatMap(([name, definition]) => {
    const at = pointerTo(pointer, name.toWellFormed())
    if (!isVectorName(name)) faults.add(at, `the name ${VECTOR_NAME_RULE}`)
    return parseDefinition(name, definition, at, faults)
  })
}

function parseDefinition(name: string, value: unknown, pointer: string, faults: Faults): VectorLeg[] {
  if (!isJsonObject(value)) {
    faults.add(pointer, 'must be an object')
    return []
  }
  faults.checkMembers(value, pointer, DEFINITION_FIELDS)
  const { dimensions, metric, multi } = value
  if (metric !== undefined && metric !== 'cosine') faults.add(`${pointer}/metric`, 'must be cosine')
  if (![undefined, true, false].includes(multi as boolean | undefined)) {
    faults.add(`${pointer}/multi`, 'must be true or false')
  }
  if (!isCount(dimensions)) {
    faults.add(`${pointer}/dimensions`, `must be an integer from 1 to ${MAX_DIMENSIONS}`)
    return []
  }
  return [{ name, dimensions, ...(multi === true ? { multi } : {}) }]
}

const isCount = (value: unknown): value is number =>
  Number.isInteger(value) && (value as number) >= 1 && (value as number) <= MAX_DIMENSIONS

/** The definitions as their collection shows them. */
export function namedVectorsView(legs: NamedVectors): Record<string, VectorDefinition> {
  return Object.fromEntries(
    legs.map(({ name, dimensions, multi }) => [
      name,
      { dimensions, metric: 'cosine' as const, ...(multi === true ? { multi } : {}) },
    ]),
  )
}

/** The named vectors of a collection's model; `undefined` where its documents have one vector, or the model makes them. */
export function namedVectorsOf({ source }: Pick<Model, 'source'>): NamedVectors | undefined {
  return source.provider === 'bring-your-own' ? source.vectors : undefined
}
