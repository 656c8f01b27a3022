/** Deleting documents: one by its id, many by ids, or all that match a filter. What the credential may not see stays. */
import type { CollectionRecord } from '../catalog/records.ts'
import { Faults, isJsonObject, pointerTo } from '../core/faults.ts'
import { MAX_DOCUMENTS_PER_CALL } from '../core/limits.ts'
import { Problem } from '../core/problem.ts'
import type { Filter } from '../metadata/filter.ts'
import { parseFilter } from '../metadata/parse-filter.ts'
import { shardOf } from '../shard/placement.ts'
import { matchesEtag } from '../shard/etag.ts'
import { isRestricted } from '../tenancy/principal.ts'
import { writeContext, type Caller, type IngestDependencies, type WriteShard } from './ingest-dependencies.ts'
import { asked } from '../shard/shard-call.ts'
import { shownVersion } from './shown-version.ts'
import { idFault } from './validate-document.ts'

type Deleting = Pick<IngestDependencies, 'placement' | 'sealer'>

/** Made by `parseDeleteRequest`. */
export type DeleteRequest = { readonly ids: readonly string[] } | { readonly filter: Filter }

/**
 * Checks an untrusted `{ids}` or `{filter}`.
 * @throws invalid_request, listing every fault
 */
export function parseDeleteRequest(body: unknown): DeleteRequest {
  const faults = new Faults()
  if (!isJsonObject(body)) {
    faults.add('', 'must be an object')
    faults.throwIfAny()
    return { ids: [] }
  }
  faults.checkMembers(body, '', new Set(['ids', 'filter']))
  const { ids, filter } = body
  if ((ids === undefined) === (filter === undefined)) faults.add('', 'must hold either ids or a filter')
  const parsedFilter = filter === undefined ? undefined : faults.attempt(() => parseFilter(filter, '/filter'))
  const parsedIds = ids === undefined ? [] : parseIds(ids, faults)
  faults.throwIfAny()
  return parsedFilter === undefined ? { ids: parsedIds } : { filter: parsedFilter }
}

function parseIds(ids: unknown, faults: Faults): string[] {
  if (!Array.isArray(ids) || ids.length === 0 || ids.length > MAX_DOCUMENTS_PER_CALL) {
    faults.add('/ids', `must be an array of 1 to ${MAX_DOCUMENTS_PER_CALL} ids`)
    return []
  }
  for (const [index, id] of ids.entries()) {
    const fault = idFault(id)
    if (fault !== undefined) faults.add(pointerTo('/ids', index), fault)
  }
  return [...new Set(ids as string[])]
}

/** Deletes what is there and visible; says how many documents that was. Repeating it deletes nothing more. */
export async function deleteDocuments(
  { placement }: Pick<Deleting, 'placement'>,
  collection: CollectionRecord,
  deleter: Caller,
  request: DeleteRequest,
): Promise<{ readonly deleted: number }> {
  const { shards } = collection.generation
  const selections = new Map<number, { ids: string[] } | { filter: Filter }>()
  if ('filter' in request) {
    for (let shard = 0; shard < shards; shard++) selections.set(shard, { filter: request.filter })
  } else {
    const placed = await Promise.all(request.ids.map(async (id) => ({ id, shard: await shardOf(id, shards) })))
    for (const [shard, members] of Map.groupBy(placed, (item) => item.shard)) {
      selections.set(shard, { ids: members.map(({ id }) => id) })
    }
  }
  const counts = await Promise.all(
    [...selections].map(async ([shard, selection]) => {
      const answer = placement.forWrite(collection, shard).deleteDocuments(selection, contextOf(deleter))
      return (await asked(answer)).deleted
    }),
  )
  return { deleted: counts.reduce((sum, count) => sum + count, 0) }
}

/**
 * Deletes one document.
 * @throws not_found where there is none that the credential may see, precondition_failed
 */
export async function deleteDocument(
  { placement, sealer }: Deleting,
  collection: CollectionRecord,
  deleter: Caller,
  id: string,
  options: { readonly ifMatch?: string } = {},
): Promise<void> {
  const shard = placement.forWrite(collection, await shardOf(id, collection.generation.shards))
  const ifMatch =
    options.ifMatch === undefined ? undefined : await storedTag(sealer, shard, deleter, id, options.ifMatch)
  const context = { ...contextOf(deleter), ...(ifMatch === undefined ? {} : { ifMatch }) }
  const { deleted } = await asked(shard.deleteDocuments({ ids: [id] }, context))
  if (deleted === 0) throw new Problem('not_found')
}

/**
 * `If-Match` as the shard knows it: a caller who was shown another tag of the version means that one.
 * @throws not_found, precondition_failed
 */
async function storedTag(
  sealer: Deleting['sealer'],
  shard: Pick<WriteShard, 'latestSource'>,
  deleter: Caller,
  id: string,
  ifMatch: string,
): Promise<string> {
  if (!isRestricted(deleter)) return ifMatch
  const latest = await asked(shard.latestSource(id, deleter.filter))
  if (latest === undefined) throw new Problem('not_found')
  const { source, etag } = latest
  const shown = await shownVersion(sealer, deleter, { ...source, etag })
  if (!matchesEtag(ifMatch, shown.etag)) throw new Problem('precondition_failed')
  return etag
}

function contextOf(deleter: Caller) {
  const { filter } = deleter
  return { ...writeContext(deleter), ...(filter === undefined ? {} : { visibility: filter }) }
}
