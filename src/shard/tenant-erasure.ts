/**
 * The erasure of a tenant, over every store that holds something of it, and what a tenant's alarm does with deletions that
 * a crash interrupted. Each collection's rows go as soon as its shards are empty, so that every run gets further, however
 * large the tenant is; the tenant's own object goes last, because until then it sees to the end.
 */
import type { ErasedRows } from '../catalog/tenants.ts'
import type { TenantUid } from '../core/ids.ts'
import { eraseCollection, type ErasureStores, type LifecycleStores } from './collection-lifecycle.ts'

/**
 * Calls of objects and of D1 after which a run leaves the rest to another. The platform allows 1,000 in one invocation,
 * and the collection begun last may take 350 more: 32 shards with 50,000 documents each.
 */
const MAX_CALLS_PER_RUN = 600
/** Of D1, the files object and the operator's object, for each collection and for each of its documents. */
const CALLS_PER_COLLECTION = 5
const CALLS_PER_DOCUMENT = 1 / 5_000
/** In the tenant's object, beside the ids of its collections. */
const WHOLE_TENANT = 'tenant'

/** What one run removed; `tenancy/erasure-record.ts` sums it up. */
export interface ErasedCounts extends ErasedRows {
  /** Durable Objects emptied. */
  readonly shards: number
  /** Originals of files deleted. */
  readonly originals: number
}

/** The operator's memory of erasures, from which receipts are made. */
export interface ErasureMemory {
  recordErasure(tenantId: string, counts: ErasedCounts, isFinished: boolean): Promise<unknown>
}

/** Where a tenant that is erased is found and remembered. */
export interface TenantErasureStores extends LifecycleStores {
  readonly tenantObjects: LifecycleStores['tenantObjects'] & { operator(): Promise<ErasureMemory> }
}

const NOTHING: ErasedCounts = {
  shards: 0,
  keys: 0,
  collections: 0,
  models: 0,
  jobs: 0,
  documents: 0,
  usage: 0,
  originals: 0,
}

/**
 * Marks the tenant and all its collections as deleted: no reader finds them any more, and its alarm erases them if the
 * caller does not. `undefined` when there is no such tenant, or nothing of it is left. Safe to repeat.
 */
export async function startTenantErasure(stores: LifecycleStores, id: string): Promise<TenantUid | undefined> {
  const uid = await stores.catalog.tenants.erasableUid(id)
  if (uid === undefined) return undefined
  const memory = await stores.tenantObjects.of(uid)
  await memory.planDeletion(uid, WHOLE_TENANT)
  return stores.catalog.tenants.startErasure(id)
}

/** Erases as much as one run may; false when it had to leave a part to the next. `id` is the public one. */
export async function finishTenantErasure(
  stores: TenantErasureStores,
  { id, uid }: { readonly id: string; readonly uid: TenantUid },
): Promise<boolean> {
  const isAll = await eraseRows(stores, await stores.tenantObjects.operator(), { id, uid })
  if (!isAll) return false
  const memory = await stores.tenantObjects.of(uid)
  await memory.erase()
  return true
}

/**
 * Erases what is marked deleted of a tenant: `done`, or `more` to do in another run, or `gone` when the tenant itself was
 * deleted and only its object is left to be erased. The tenant's own alarm calls it.
 */
export async function finishDeletions(
  stores: ErasureStores & { readonly operator: () => Promise<ErasureMemory> },
  uid: TenantUid,
): Promise<'done' | 'more' | 'gone'> {
  // Read first: once a tenant is marked, all its collections are, and none is added.
  const state = await stores.catalog.tenants.erasureState(uid)
  if (state === 'finished') return 'gone'
  if (state === 'live') return (await eraseMarkedCollections(stores, uid)) ? 'done' : 'more'
  const id = await stores.catalog.tenants.idOf(uid)
  // Finished by another run in between: only the object is left.
  if (id === undefined) return 'gone'
  return (await eraseRows(stores, await stores.operator(), { id, uid })) ? 'gone' : 'more'
}

/** Everything but the tenant's own object. The operator's record is complete before the last trace of the tenant goes. */
async function eraseRows(
  stores: ErasureStores,
  operator: ErasureMemory,
  { id, uid }: { readonly id: string; readonly uid: TenantUid },
): Promise<boolean> {
  await operator.recordErasure(id, NOTHING, false)
  const isAll = await eraseMarkedCollections(stores, uid, async (counts) => {
    await operator.recordErasure(id, counts, false)
  })
  if (!isAll) return false
  const originals = await (await stores.files.of(uid)).erase(uid)
  await operator.recordErasure(id, { shards: 0, originals, ...(await stores.catalog.tenants.finishErasure(uid)) }, true)
  return true
}

/** False when a part is left to another run. `onErased` hears of each collection that is gone. */
async function eraseMarkedCollections(
  stores: ErasureStores,
  uid: TenantUid,
  onErased: (counts: ErasedCounts) => Promise<void> = async () => {},
): Promise<boolean> {
  const marked = await stores.catalog.collections.unfinishedDeletions(uid)
  let [calls, done] = [0, 0]
  // One after another: a tenant may have many.
  for (const collection of marked) {
    if (calls >= MAX_CALLS_PER_RUN) break
    const { documents, originals } = await eraseCollection(stores, collection)
    const { shards } = collection.generation
    await onErased({ ...NOTHING, shards, documents, originals, collections: 1 })
    calls += shards + CALLS_PER_COLLECTION + documents * CALLS_PER_DOCUMENT
    done++
  }
  return done === marked.length
}
