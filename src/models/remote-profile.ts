/** The profile of a model that a provider runs: what is known about it, or what its owner says where nothing is known. */
import { invalidField } from '../core/problem.ts'
import type { ModelProfile } from './embedder.ts'
import { findKnownModel } from './known-models.ts'
import type { RemoteSource } from './model.ts'

/** What the owner says about the model; checked for type and range before. */
export interface ProfileClaims {
  readonly dimensions?: number
  readonly maxTokens?: number
  readonly queryPrefix?: string
  readonly passagePrefix?: string
  readonly languages?: readonly string[]
}

/** What most models take; only chunk sizes and batches follow from it where a model is unknown. */
const UNKNOWN_MAX_TOKENS = 512

/** The model's name as its provider knows it; an endpoint that needs none is named by its host. */
export function modelNameOf(source: RemoteSource): string {
  if (source.provider !== 'huggingface') return source.model
  return source.model ?? new URL(source.endpointUrl ?? 'https://endpoint').host
}

/** US dollars for a million input tokens; 0 also where the provider charges by the hour or publishes no price. */
export function priceOf(source: RemoteSource): number {
  const known = findKnownModel(modelNameOf(source))
  return (source.provider === 'workers-ai' ? known?.workersAiPrice?.input : known?.price?.input) ?? 0
}

/**
 * The profile of an embedding model. A known model is what its maker says: only `dimensions` may be less, by a Matryoshka
 * step. An unknown one is what its owner says, who must say its dimensions.
 * @param pointer where the claims stand in the request, for refusals
 * @throws invalid_request
 */
export function remoteProfile(source: RemoteSource, claims: ProfileClaims, pointer = '/model'): ModelProfile {
  const name = modelNameOf(source)
  const known = findKnownModel(name)
  const price = priceOf(source)
  if (known === undefined) return unknownProfile(name, claims, price, pointer)
  const { profile } = known
  if (profile === undefined) throw invalidField(`${pointer}/model`, 'is not an embedding model')
  const { dimensions = profile.dimensions } = claims
  if (dimensions !== profile.dimensions && !profile.matryoshka.includes(dimensions)) {
    const sizes = [...profile.matryoshka, profile.dimensions].join(', ')
    throw invalidField(`${pointer}/dimensions`, `${profile.id} has vectors of ${sizes} dimensions`)
  }
  for (const field of ['maxTokens', 'queryPrefix', 'passagePrefix'] as const) {
    if (claims[field] !== undefined && claims[field] !== profile[field]) {
      throw invalidField(`${pointer}/${field}`, `is known of ${profile.id} and cannot be changed`)
    }
  }
  return {
    ...profile,
    dimensions,
    languages: claims.languages ?? profile.languages,
    pricePerMillionTokens: price,
  }
}

function unknownProfile(name: string, claims: ProfileClaims, price: number, pointer: string): ModelProfile {
  const { dimensions, maxTokens = UNKNOWN_MAX_TOKENS, queryPrefix = '', passagePrefix = '', languages = [] } = claims
  if (dimensions === undefined) throw invalidField(`${pointer}/dimensions`, 'is required for a model that is not known')
  return {
    id: name,
    dimensions,
    maxTokens,
    queryPrefix,
    passagePrefix,
    pooling: 'none',
    normalised: true,
    languages,
    version: 1,
    matryoshka: [],
    licence: 'unknown',
    pricePerMillionTokens: price,
  }
}

/** Whether vectors of both may be compared: the same weights, cut to the same length, told the same in front of a text. */
export const sameSpace = (one: ModelProfile, other: ModelProfile): boolean =>
  one.id === other.id &&
  one.version === other.version &&
  one.dimensions === other.dimensions &&
  one.queryPrefix === other.queryPrefix &&
  one.passagePrefix === other.passagePrefix
