/**
 * Collections come into being and go in an order that survives a crash between any two steps: shards are ready before the
 * row that names them exists, the row that names them outlives their contents, and a deletion is noted in the tenant's
 * object, whose alarm finishes it, before anything is marked.
 */
import type { Catalog } from '../catalog/catalog.ts'
import type { NewCollection } from '../catalog/collections.ts'
import type { CollectionRecord } from '../catalog/records.ts'
import type { Clock } from '../core/clock.ts'
import type { CollectionId, TenantUid } from '../core/ids.ts'
import { asProblem, invalidField, PROBLEMS } from '../core/problem.ts'
import type { Placement } from './placement.ts'

/** The part of a tenant's object that remembers deletions until they are finished; see `tenancy/tenant-object.ts`. */
export interface DeletionMemory {
  planDeletion(tenantUid: TenantUid, subject: string): Promise<void>
  deletionFinished(subject: string): Promise<void>
  erase(): Promise<void>
}

/** The part of a tenant's files object that an erasure needs; see `files/files-object.ts`. Both answer how many originals went. */
export interface FileMemory {
  collectionDeleted(tenantUid: TenantUid, collectionId: CollectionId): Promise<number>
  erase(tenantUid: TenantUid): Promise<number>
}

export interface ErasureStores {
  readonly catalog: Pick<Catalog, 'collections' | 'tenants'>
  readonly placement: Pick<Placement, 'erase'>
  readonly files: { of(tenantUid: TenantUid): Promise<FileMemory> }
}

export interface LifecycleStores extends ErasureStores {
  readonly tenantObjects: { of(tenantUid: TenantUid): Promise<DeletionMemory> }
}

export interface CreationStores {
  readonly catalog: Pick<Catalog, 'collections'>
  readonly placement: Pick<Placement, 'initialise' | 'erase'>
  readonly clock: Clock
}

/**
 * Makes a collection with the id `col_<operationId>`; repeating it with the same operation id answers the same one.
 * @throws conflict when the name is in use; unauthorized when the tenant was deleted meanwhile
 */
export async function createCollection(
  { catalog, placement, clock }: CreationStores,
  made: NewCollection & { readonly operationId: string },
): Promise<CollectionRecord> {
  const { tenantUid, name, language, settings, generation, modelChoice, operationId } = made
  const nowMs = clock()
  const planned: CollectionRecord = {
    id: `col_${operationId}` as CollectionId,
    tenantUid,
    name,
    placementEpoch: 1,
    language,
    settings,
    generation: { id: `gen_${operationId}`, ...generation },
    ...(modelChoice === undefined ? {} : { modelChoice }),
    createdAtMs: nowMs,
    updatedAtMs: nowMs,
  }
  const existing = await catalog.collections.find(tenantUid, name)
  if (existing !== undefined && existing.id !== planned.id) throw nameInUse()
  try {
    await placement.initialise(planned)
    return await catalog.collections.create(made)
  } catch (error) {
    // Nothing will ever name these shards. After a failure that may pass, the row may exist all the same, and the
    // request may be repeated under its idempotency key: then they are still needed.
    if (!mayPass(error)) await placement.erase(planned)
    throw error
  }
}

const nameInUse = () => invalidField('/name', 'is in use', 'conflict')

/** What is no problem is a failure that nobody foresaw: what it left behind is unknown. */
function mayPass(error: unknown): boolean {
  const problem = asProblem(error)
  return problem === undefined || PROBLEMS[problem.code].retryable
}

/** False when another request deleted it before. A collection that is marked is erased sooner or later, whatever fails. */
export async function deleteCollection(stores: LifecycleStores, collection: CollectionRecord): Promise<boolean> {
  const { id, tenantUid } = collection
  const memory = await stores.tenantObjects.of(tenantUid)
  await memory.planDeletion(tenantUid, id)
  if (!(await stores.catalog.collections.markDeleted(tenantUid, id))) return false
  await eraseCollection(stores, collection)
  await memory.deletionFinished(id)
  return true
}

/**
 * Empties the shards of a collection that is marked, then removes its rows; safe to repeat. Its files go first, so that
 * nothing more is handed to the shards. Answers how many rows the document catalogue and originals the bucket lost.
 */
export async function eraseCollection(
  { catalog, placement, files }: ErasureStores,
  collection: CollectionRecord,
): Promise<{ readonly documents: number; readonly originals: number }> {
  const { tenantUid, id } = collection
  const originals = await (await files.of(tenantUid)).collectionDeleted(tenantUid, id)
  await placement.erase(collection)
  return { documents: await catalog.collections.purge(tenantUid, id), originals }
}
