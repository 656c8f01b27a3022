/**
 * The model of a collection in an archive, and what becomes of it where it is imported: a name must mean a model with the
 * same vectors there; a model of the collection's own comes without its keys, which its new owner gives it.
 */
import type { ModelNames } from '../catalog/model-names.ts'
import type { CollectionRecord } from '../catalog/records.ts'
import type { TenantUid } from '../core/ids.ts'
import { invariant } from '../core/invariant.ts'
import { invalidField } from '../core/problem.ts'
import { checkAddresses, type ModelRules, withoutKeys } from '../models/configure-model.ts'
import type { ModelProfile } from '../models/embedder.ts'
import { type EmbeddingModel, isRemote, type StoredRemoteSource } from '../models/model.ts'
import { namedVectorsModel, type NamedVectors } from '../models/named-vectors.ts'
import { isProductName, productModel } from '../models/product-models.ts'
import { BRING_YOUR_OWN } from '../models/profiles.ts'
import { priceOf } from '../models/remote-profile.ts'
import { vectorSpace } from '../models/vector-space.ts'

export interface ArchivedModel {
  readonly profile: ModelProfile
  /** Of a tenant's model, or one of Workers AI. */
  readonly name?: string
  /** Of a collection's own, without its keys. */
  readonly source?: StoredRemoteSource
}

/** `undefined` where the profile's id says it all. */
export function archivedModel({
  model,
  modelName,
  profileId,
}: Pick<CollectionRecord['generation'], 'model' | 'modelName' | 'profileId'>): ArchivedModel | undefined {
  const { uid, source, profile } = model
  if (profileId === BRING_YOUR_OWN || source.provider === 'edge') return undefined
  if (modelName !== undefined || !isRemote(source) || uid === profileName(source)) {
    return { profile, name: modelName ?? uid }
  }
  return { profile, source: withoutKeys(source) }
}

/** The uid of a model of Workers AI that has no row. */
const profileName = (source: StoredRemoteSource): string | undefined =>
  source.provider === 'workers-ai' ? source.model : undefined

export interface ModelPlan {
  readonly model: EmbeddingModel
  readonly modelName?: string
  /** It belongs to the collection, and gets a uid when it is made. */
  readonly isOwn: boolean
}

export interface ModelPlanStores {
  readonly modelNames: ModelNames
  readonly modelRules: ModelRules
}

interface MadeWith {
  readonly profileId: string
  readonly dimensions: number
  readonly vectors?: NamedVectors
  readonly model?: ArchivedModel
}

/** @throws invalid_request, not_supported, where the tenant cannot have the model */
export async function planModel(
  { modelNames, modelRules }: ModelPlanStores,
  tenantUid: TenantUid,
  { profileId, dimensions, vectors, model: archived }: MadeWith,
  pointer: string,
): Promise<ModelPlan> {
  if (vectors !== undefined) return { model: namedVectorsModel(vectors), isOwn: true }
  if (archived === undefined) {
    const model = productModel(profileId, dimensions)
    if (model === undefined) throw invalidField(`${pointer}/profileId`, 'is not a model that this server has')
    return { model, isOwn: false }
  }
  const { profile, name, source } = archived
  if (profile.id !== profileId || profile.dimensions !== dimensions || isProductName(profileId)) {
    throw invalidField(`${pointer}/model/profile`, 'is not the profile that the collection names')
  }
  if (name !== undefined) {
    const at = `${pointer}/model/name`
    const { uid, source: found, profile: own } = await modelNames.find(tenantUid, name, 'embed', at)
    if (vectorSpace(own) !== vectorSpace(profile)) throw invalidField(at, 'is a model that makes other vectors')
    const model: EmbeddingModel = { uid, task: 'embed', source: found, profile: own }
    return { model, isOwn: false, ...(uid === name ? {} : { modelName: name }) }
  }
  invariant(source !== undefined, 'a model has a name or a source')
  checkAddresses(modelRules, source, `${pointer}/model/source`)
  // Anyone may write an archive: what tokens cost here is not its to say.
  const priced = { ...profile, pricePerMillionTokens: priceOf(source) }
  return { model: { uid: '', task: 'embed', source, profile: priced }, isOwn: true }
}
