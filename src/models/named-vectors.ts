/**
 * Named vectors: a collection whose documents bring several vectors each, such as one of the title and one of an image, or a
 * vector for each token (late interaction). Here is what a caller says of them and what is kept of it.
 */
import type { VectorLeg } from '../core/packed-vectors.ts'
import type { EmbeddingModel, Model } from './model.ts'
import { BRING_YOUR_OWN, bringYourOwnProfile } from './profiles.ts'

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

export const isVectorName = (name: string): boolean => VECTOR_NAME.test(name)

/** Checked definitions by name, in the order in which they stand. */
export const namedVectors = (definitions: Readonly<Record<string, VectorDefinition>>): NamedVectors =>
  Object.entries(definitions).map(([name, { dimensions, multi }]) => ({
    name,
    dimensions,
    ...(multi === true ? { multi } : {}),
  }))

/** The definitions as their collection shows them. */
export function namedVectorsView(legs: NamedVectors): Record<string, VectorDefinition> {
  return Object.fromEntries(
    legs.map(({ name, dimensions, multi }) => [
      name,
      { dimensions, metric: 'cosine' as const, ...(multi === true ? { multi } : {}) },
    ]),
  )
}

/**
 * The model of a collection that names its vectors. As it holds the names, it belongs to that collection alone, under a uid of
 * its own, which is given when it is stored. Its profile has the dimensions of the first.
 */
export function namedVectorsModel(vectors: NamedVectors, uid: string = BRING_YOUR_OWN): EmbeddingModel {
  const profile = bringYourOwnProfile(vectors[0]?.dimensions ?? 0)
  return { uid, task: 'embed', source: { provider: BRING_YOUR_OWN, vectors }, profile }
}

/** The named vectors of a collection's model; `undefined` where its documents have one vector, or the model makes them. */
export function namedVectorsOf({ source }: Pick<Model, 'source'>): NamedVectors | undefined {
  return source.provider === 'bring-your-own' ? source.vectors : undefined
}
