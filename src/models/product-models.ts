/** The models that come with Nearfield: they have no row in the catalogue, and their names mean them in every tenant. */
import type { ModelProfile } from './embedder.ts'
import { findKnownModel, KNOWN_MODELS } from './known-models.ts'
import type { EmbeddingModel, Model, ModelSource } from './model.ts'
import {
  BRING_YOUR_OWN,
  bringYourOwnProfile,
  EDGE_EN,
  EDGE_MULTILINGUAL,
  EDGE_PROFILES,
  findProfile,
} from './profiles.ts'
import { priceOf } from './remote-profile.ts'

/** What a collection is built with where nobody says otherwise. */
export const EDGE_EN_MODEL: EmbeddingModel = {
  uid: EDGE_EN.id,
  task: 'embed',
  source: { provider: 'edge' },
  profile: EDGE_EN,
}

export const EDGE_MULTILINGUAL_MODEL: EmbeddingModel = {
  uid: EDGE_MULTILINGUAL.id,
  task: 'embed',
  source: { provider: 'edge' },
  profile: EDGE_MULTILINGUAL,
}

/** Models of Workers AI by their own names: the deployment's binding serves them, whoever asks. */
const WORKERS_AI_PREFIX = '@cf/'

/** Where a model of the product runs; `undefined` for one that a tenant brings. */
export function productSource(uid: string): ModelSource | undefined {
  if (uid === BRING_YOUR_OWN) return { provider: BRING_YOUR_OWN }
  if (uid.startsWith(WORKERS_AI_PREFIX)) return { provider: 'workers-ai', model: uid }
  return findProfile(uid) === undefined ? undefined : { provider: 'edge' }
}

/** A model inside the Worker, or the callers' own vectors, by its profile's id: what releases before 0.2 could name. */
export function productModel(profileId: string, dimensions: number): EmbeddingModel | undefined {
  const profile = profileId === BRING_YOUR_OWN ? bringYourOwnProfile(dimensions) : findProfile(profileId)
  const source = productSource(profileId)
  return profile && source && { uid: profileId, task: 'embed', source, profile }
}

/** What a collection of a declared language is built with where no model is named; `auto` may become any language: see `model-by-language.ts`. */
export function defaultModel(language: string): EmbeddingModel {
  const [subtag = ''] = language.toLowerCase().split('-')
  const knows = ({ languages }: ModelProfile): boolean => languages.length === 0 || languages.includes(subtag)
  const fitting = language === 'auto' ? undefined : EDGE_PROFILES.find(knows)
  return (fitting && productModel(fitting.id, fitting.dimensions)) ?? EDGE_EN_MODEL
}

/** Names that no tenant may give a model or its profile, also for models that are still to come. */
export const isProductName = (name: string): boolean => name === BRING_YOUR_OWN || name.startsWith('edge-')

export const isWorkersAiName = (name: string): boolean => name.startsWith(WORKERS_AI_PREFIX)

/**
 * A model by the name that means it in every tenant: one inside the Worker, or one of Workers AI that is known. Whether the
 * deployment can call Workers AI is the caller's to judge.
 */
export function findProductModel(name: string): EmbeddingModel | Model | undefined {
  if (name === BRING_YOUR_OWN) return undefined
  const inside = productModel(name, 0)
  if (inside !== undefined) return inside
  const source = productSource(name)
  const known = findKnownModel(name)
  if (source?.provider !== 'workers-ai' || known === undefined) return undefined
  const { task, profile } = known
  const model: Model = { uid: name, task, source }
  return profile === undefined ? model : { ...model, profile: { ...profile, pricePerMillionTokens: priceOf(source) } }
}

/** Every one of them, those inside the Worker first. */
export function productModels({
  hasWorkersAi,
}: {
  readonly hasWorkersAi: boolean
}): readonly (EmbeddingModel | Model)[] {
  const names = KNOWN_MODELS.flatMap((known) => known.names.filter(isWorkersAiName))
  return [...EDGE_PROFILES.map(({ id }) => id), ...(hasWorkersAi ? names : [])].flatMap(
    (name) => findProductModel(name) ?? [],
  )
}
