/**
 * From what a caller says of a provider's model to what is kept of it: addresses checked, profile found, keys sealed. What
 * is wrong is refused before anything is stored.
 */
import { defined } from '../core/defined.ts'
import { Faults } from '../core/faults.ts'
import { invalidField } from '../core/problem.ts'
import type { ModelProfile } from './embedder.ts'
import { baseUrlFault } from './endpoint-url.ts'
import { findKnownModel } from './known-models.ts'
import {
  apiKeyContext,
  type ModelTask,
  type RemoteSource,
  type SealedApiKey,
  type StoredRemoteSource,
} from './model.ts'
import { isProductName } from './product-models.ts'
import { isForeignKey, isHubModel, isWorkersAiModel } from './providers/provider-names.ts'
import { modelNameOf, type ProfileClaims, remoteProfile, sameSpace } from './remote-profile.ts'

/** Where a model runs, with the provider's key as it is. */
export type SourceInput = RemoteSource

/** A provider's model as a caller describes it; types and lengths were checked. */
export type ModelInput = SourceInput & ProfileClaims & { readonly fallbacks?: readonly SourceInput[] }

/** What the deployment has and allows. */
export interface ModelRules {
  /** Whether Workers AI can be called through the deployment's own binding. */
  readonly hasWorkersAi: boolean
  readonly allowsPrivateEndpoints: boolean
}

export interface ModelConfiguration extends ModelRules {
  /** Seals a provider key; base64url. */
  readonly seal: (plain: string, context: string) => Promise<SealedApiKey>
}

/** For whom keys are sealed. */
export interface ModelOwner {
  readonly tenantUid: string
  readonly modelUid: string
}

export interface ConfiguredModel {
  readonly source: StoredRemoteSource
  /** Of a model that embeds. */
  readonly profile?: ModelProfile
}

export const NO_WORKERS_AI = 'this deployment has no Workers AI binding'

/** @throws invalid_request, not_supported, with pointers below `pointer` */
export async function configureModel(
  configuration: ModelConfiguration,
  owner: ModelOwner,
  task: ModelTask,
  input: ModelInput,
  pointer: string,
): Promise<ConfiguredModel> {
  const { dimensions, maxTokens, queryPrefix, passagePrefix, languages, fallbacks = [], ...source } = input
  const claims = defined({ dimensions, maxTokens, queryPrefix, passagePrefix, languages })
  for (const [index, each] of [source, ...fallbacks].entries()) {
    const at = index === 0 ? pointer : `${pointer}/fallbacks/${index - 1}`
    checkSource(configuration, each, at)
    checkKey(each, at)
  }
  const profile = task === 'embed' ? profileOf(source, claims, fallbacks, pointer) : undefined
  if (task !== 'embed') checkTask(source, task, claims, pointer)
  // A provider gives the model's own length unless it is asked for less; whoever serves an unknown model knows its length.
  const full = findKnownModel(modelNameOf(source))?.profile?.dimensions
  const isCut = profile !== undefined && full !== undefined && profile.dimensions < full
  const [own, ...rest] = await Promise.all(
    [source, ...fallbacks].map(async (each, position) => {
      const sealed = await sealedSource(configuration, owner, each, position)
      return isCut && sealed.provider === 'openai-compatible' ? { ...sealed, sendsDimensions: true } : sealed
    }),
  )
  const kept = own as RemoteSource
  return {
    source: rest.length === 0 ? kept : { ...kept, fallbacks: rest },
    ...(profile === undefined ? {} : { profile }),
  }
}

/** Takes the keys out, sealed or not: what may be shown to who moves a collection elsewhere. */
export function withoutKeys({ fallbacks, ...source }: StoredRemoteSource): StoredRemoteSource {
  const plain = ({ apiKey: _apiKey, ...rest }: RemoteSource): RemoteSource => rest
  return { ...plain(source), ...(fallbacks === undefined ? {} : { fallbacks: fallbacks.map(plain) }) }
}

/** Whether the places may be called at all, of a model that has no key yet. @throws invalid_request */
export function checkAddresses(
  { allowsPrivateEndpoints }: ModelRules,
  source: StoredRemoteSource,
  pointer: string,
): void {
  for (const [index, each] of [source, ...(source.fallbacks ?? [])].entries()) {
    const at = index === 0 ? pointer : `${pointer}/fallbacks/${index - 1}`
    const [field, address] =
      each.provider === 'huggingface' ? ['endpointUrl', each.endpointUrl] : ['baseUrl', each.baseUrl]
    const fault = address === undefined ? undefined : baseUrlFault(address, allowsPrivateEndpoints)
    if (fault !== undefined) throw invalidField(`${at}/${field}`, fault)
  }
}

/** @throws invalid_request, not_supported */
export function checkSource(
  { hasWorkersAi, allowsPrivateEndpoints }: ModelRules,
  source: SourceInput,
  pointer: string,
): void {
  const faults = new Faults()
  const check = (field: string, fault: string | undefined): void => {
    if (fault !== undefined) faults.add(`${pointer}/${field}`, fault)
  }
  if (source.provider === 'workers-ai') {
    const { model, accountId, apiKey, baseUrl } = source
    if (!isWorkersAiModel(model)) check('model', 'must be a name of Workers AI, such as @cf/baai/bge-m3')
    const isByRest = accountId !== undefined || apiKey !== undefined || baseUrl !== undefined
    if (!isByRest && !hasWorkersAi) throw invalidField(`${pointer}/provider`, NO_WORKERS_AI, 'not_supported')
    if (isByRest && accountId === undefined) check('accountId', 'is required with a key or an address')
    if (isByRest && apiKey === undefined) check('apiKey', 'is required with an account or an address')
    if (baseUrl !== undefined) check('baseUrl', baseUrlFault(baseUrl, allowsPrivateEndpoints))
  } else if (source.provider === 'huggingface') {
    const { model, endpointUrl, inferenceProvider } = source
    if (model === undefined && endpointUrl === undefined) check('model', 'is required without an endpointUrl')
    if (model !== undefined && endpointUrl === undefined && !isHubModel(model)) {
      check('model', 'must be a name of the hub, such as BAAI/bge-m3')
    }
    if (endpointUrl !== undefined) check('endpointUrl', baseUrlFault(endpointUrl, allowsPrivateEndpoints))
    if (endpointUrl !== undefined && inferenceProvider !== undefined) {
      check('inferenceProvider', 'does not go with an endpointUrl')
    }
  } else check('baseUrl', baseUrlFault(source.baseUrl, allowsPrivateEndpoints))
  faults.throwIfAny()
}

/** Of a key as it was given, not as it is kept. @throws invalid_request for one that would go where nobody sent it */
export function checkKey(source: SourceInput, pointer: string): void {
  if (source.provider !== 'huggingface' || !isForeignKey(source, source.apiKey)) return
  throw invalidField(`${pointer}/apiKey`, 'must begin with hf_ unless an endpointUrl or inferenceProvider takes it')
}

/** @throws invalid_request where a fallback makes other vectors */
function profileOf(
  source: SourceInput,
  claims: ProfileClaims,
  fallbacks: readonly SourceInput[],
  pointer: string,
): ModelProfile {
  const profile = remoteProfile(source, claims, pointer)
  // Vectors of the product's own models must not be met by others in their space.
  if (isProductName(profile.id)) throw invalidField(`${pointer}/model`, 'is the name of a model inside the Worker')
  requireSameSpace(profile, fallbacks, pointer)
  return profile
}

/** Vectors of a fallback stand beside those of the model. @throws invalid_request */
export function requireSameSpace(profile: ModelProfile, fallbacks: readonly SourceInput[], pointer: string): void {
  const { dimensions, queryPrefix, passagePrefix, languages } = profile
  for (const [index, fallback] of fallbacks.entries()) {
    const at = `${pointer}/fallbacks/${index}`
    const name = modelNameOf(fallback)
    // What was said of an unknown model holds for its fallbacks; a known one is what it is.
    const claims =
      findKnownModel(name) === undefined ? { dimensions, queryPrefix, passagePrefix, languages } : { dimensions }
    if (!sameSpace(profile, remoteProfile(fallback, claims, at))) {
      throw invalidField(`${at}/model`, `must be ${profile.id}, as its vectors must be the same`)
    }
  }
}

/** @throws invalid_request */
function checkTask(source: SourceInput, task: ModelTask, claims: ProfileClaims, pointer: string): void {
  for (const field of Object.keys(claims)) throw invalidField(`${pointer}/${field}`, 'belongs to a model that embeds')
  const known = findKnownModel(modelNameOf(source))?.task
  if (known !== undefined && known !== task) throw invalidField(`${pointer}/task`, `must be ${known} for this model`)
}

export async function sealedSource(
  { seal }: ModelConfiguration,
  { tenantUid, modelUid }: ModelOwner,
  source: SourceInput,
  position: number,
): Promise<RemoteSource> {
  const { apiKey } = source
  return apiKey === undefined
    ? source
    : { ...source, apiKey: await seal(apiKey, apiKeyContext(tenantUid, modelUid, position)) }
}
