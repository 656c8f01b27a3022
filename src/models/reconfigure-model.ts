/** What may change of a provider's model: its key, its address, who stands in for it. Never what it is. */
import { invalidField } from '../core/problem.ts'
import {
  checkKey,
  checkSource,
  type ModelConfiguration,
  type ModelOwner,
  requireSameSpace,
  sealedSource,
  type SourceInput,
} from './configure-model.ts'
import type { ModelProfile } from './embedder.ts'
import { isRemote, type ModelSource, type RemoteSource, type StoredRemoteSource } from './model.ts'

export interface ModelChanges {
  readonly apiKey?: string
  readonly baseUrl?: string
  readonly endpointUrl?: string
  /** In the place of all that there were. */
  readonly fallbacks?: readonly SourceInput[]
}

/**
 * A key goes where its owner sent it: who gives a model another address must give the key again, or whoever may change
 * models could have any key sent to an address of their own.
 * @throws invalid_request, not_supported, with pointers below `pointer`
 */
export async function reconfigureModel(
  configuration: ModelConfiguration,
  owner: ModelOwner,
  { source, profile }: { readonly source: ModelSource; readonly profile?: ModelProfile },
  changes: ModelChanges,
  pointer: string,
): Promise<ModelSource> {
  const [first] = Object.keys(changes)
  if (first === undefined) return source
  if (!isRemote(source)) throw invalidField(`${pointer}/${first}`, 'belongs to a model of a provider')
  const { apiKey, fallbacks } = changes
  const { fallbacks: before = [], ...own } = source
  const moved = movedSource(own, changes, pointer)
  if (moved !== own && own.apiKey !== undefined && apiKey === undefined) {
    throw invalidField(`${pointer}/apiKey`, 'is required with another address')
  }
  // A sealed key stands for one that was given; only whether there is one matters to the check.
  const given = apiKey === undefined ? moved : { ...moved, apiKey }
  checkSource(configuration, given, pointer)
  if (apiKey !== undefined) checkKey(given, pointer)
  for (const [index, fallback] of (fallbacks ?? []).entries()) {
    const at = `${pointer}/fallbacks/${index}`
    checkSource(configuration, fallback, at)
    checkKey(fallback, at)
  }
  if (profile !== undefined) requireSameSpace(profile, fallbacks ?? [], pointer)
  const kept = apiKey === undefined ? moved : await sealedSource(configuration, owner, given, 0)
  const after =
    fallbacks === undefined
      ? before
      : await Promise.all(
          fallbacks.map(async (fallback, index) =>
            withLength(await sealedSource(configuration, owner, fallback, index + 1), own),
          ),
        )
  const changed: StoredRemoteSource = after.length === 0 ? kept : { ...kept, fallbacks: after }
  return changed
}

/** The same object where no address was given. @throws invalid_request */
function movedSource(source: RemoteSource, { baseUrl, endpointUrl }: ModelChanges, pointer: string): RemoteSource {
  if (baseUrl !== undefined) {
    if (source.provider === 'huggingface') throw invalidField(`${pointer}/baseUrl`, 'belongs to another provider')
    return { ...source, baseUrl }
  }
  if (endpointUrl === undefined) return source
  if (source.provider !== 'huggingface') throw invalidField(`${pointer}/endpointUrl`, 'belongs to another provider')
  if (source.endpointUrl === undefined) {
    throw invalidField(`${pointer}/endpointUrl`, 'belongs to a model that was made with one')
  }
  return { ...source, endpointUrl }
}

/** A fallback is asked for vectors as short as the model's. */
function withLength(fallback: RemoteSource, own: RemoteSource): RemoteSource {
  const isCut = own.provider === 'openai-compatible' && own.sendsDimensions === true
  return isCut && fallback.provider === 'openai-compatible' ? { ...fallback, sendsDimensions: true } : fallback
}
