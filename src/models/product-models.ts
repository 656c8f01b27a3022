/** The models that come with Nearfield: they have no row in the catalogue, and their names mean them in every tenant. */
import type { EmbeddingModel, ModelSource } from './model.ts'
import { BRING_YOUR_OWN, bringYourOwnProfile, EDGE_EN, findProfile } from './profiles.ts'

/** What a collection is built with where nobody says otherwise. */
export const EDGE_EN_MODEL: EmbeddingModel = {
  uid: EDGE_EN.id,
  task: 'embed',
  source: { provider: 'edge' },
  profile: EDGE_EN,
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
