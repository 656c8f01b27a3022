/** Vectors and scores as providers send them, brought into the order of the request. */
import type { ModelProfile } from '../embedder.ts'
import { findKnownModel } from '../known-models.ts'
import { fieldOf } from './provider-answer.ts'
import { ProviderFault } from './provider-fault.ts'

/**
 * The vectors of an answer. Whole ones of a model whose beginnings are vectors too are cut to the profile's length, for
 * providers that cannot; those of any other length stay, to be found out.
 * @throws ProviderFault `wrong`
 */
export function shortened(vectors: unknown, profile: ModelProfile | undefined): ArrayLike<unknown>[] {
  if (!Array.isArray(vectors) || !vectors.every((vector): vector is unknown[] => Array.isArray(vector))) {
    throw new ProviderFault('wrong', 'the provider answered without vectors')
  }
  if (profile === undefined || !profile.matryoshka.includes(profile.dimensions)) return vectors
  const whole = findKnownModel(profile.id)?.profile?.dimensions
  return vectors.map((vector) => (vector.length === whole ? vector.slice(0, profile.dimensions) : vector))
}

/**
 * Entries in the order of their `index`, which no protocol promises; as they come where none has one.
 * @throws ProviderFault `wrong` where two have the same
 */
export function inOrder(entries: readonly unknown[]): unknown[] {
  if (entries.every((entry) => fieldOf(entry, 'index') === undefined)) return [...entries]
  const placed = new Map(entries.map((entry) => [fieldOf(entry, 'index'), entry]))
  return entries.map((_, index) => {
    if (placed.has(index)) return placed.get(index)
    throw new ProviderFault('wrong', 'the provider did not answer every text once')
  })
}

/**
 * One score for each document, in the order of the documents, from entries in any order.
 * @throws ProviderFault `wrong` unless every document has exactly one that is a number
 */
export function scoresOf(
  entries: unknown,
  names: { readonly index: string; readonly score: string },
  documents: number,
): number[] {
  const scores = new Map<number, number>()
  for (const entry of Array.isArray(entries) ? entries : []) {
    const [index, score] = [fieldOf(entry, names.index), fieldOf(entry, names.score)]
    if (typeof index !== 'number' || typeof score !== 'number' || !Number.isFinite(score)) throw notOneEach()
    if (!Number.isInteger(index) || index < 0 || index >= documents || scores.has(index)) throw notOneEach()
    scores.set(index, score)
  }
  return Array.from({ length: documents }, (_, index) => {
    const score = scores.get(index)
    if (score === undefined) throw notOneEach()
    return score
  })
}

const notOneEach = (): ProviderFault => new ProviderFault('wrong', 'the provider did not score every document once')
