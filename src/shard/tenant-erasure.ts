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
/** Of D1, for each collection and for each of its documents. */
const CALLS_PER_COLLECTION = 3
const CALLS_PER_DOCUMENT = 1 / 5_000
/** In the tenant's object, beside the ids of its collections. */
const WHOLE_TENANT = 'tenant'

export interface ErasedStores {
  /** Durable Objects emptied. */
  readonly shards: number
  readonly tenantObject: true
  readonly database: ErasedRows
}

interface ErasedCollections {
  readonly shards: number
  readonly collections: number
  /** Rows of the document catalogue. */
  readonly documents: number
  /** Whether none is left. */
  readonly isAll: boolean
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

/** What this run erased; `undefined` when it had to leave a part to the next. */
export async function finishTenantErasure(stores: LifecycleStores, uid: TenantUid): Promise<ErasedStores | undefined> {
  const erased = await eraseMarkedCollections(stores, uid)
  if (!erased.isAll) return undefined
  const rest = await stores.catalog.tenants.finishErasure(uid)
  const memory = await stores.tenantObjects.of(uid)
  await memory.erase()
  return {
    shards: erased.shards,
    tenantObject: true,
    database: {
      ...rest,
      collections: rest.collections + erased.collections,
      documents: rest.documents + erased.documents,
    },
  }
}

/**
 * Erases what is marked deleted of a tenant: `done`, or `more` to do in another run, or `gone` when the tenant itself was
 * deleted and only its object is left to be erased. The tenant's own alarm calls it.
 */
export async function finishDeletions(stores: ErasureStores, uid: TenantUid): Promise<'done' | 'more' | 'gone'> {
  // Read first: once a tenant is marked, all its collections are, and none is added.
  const state = await stores.catalog.tenants.erasureState(uid)
  if (state === 'finished') return 'gone'
  const { isAll } = await eraseMarkedCollections(stores, uid)
  if (!isAll) return 'more'
  if (state === 'live') return 'done'
  await stores.catalog.tenants.finishErasure(uid)
  return 'gone'
}

async function eraseMarkedCollections(stores: ErasureStores, uid: TenantUid): Promise<ErasedCollections> {
  const marked = await stores.catalog.collections.unfinishedDeletions(uid)
  let [shards, collections, documents] = [0, 0, 0]
  // One after another: a tenant may have many.
  for (const collection of marked) {
    const calls = shards + collections * CALLS_PER_COLLECTION + documents * CALLS_PER_DOCUMENT
    if (calls >= MAX_CALLS_PER_RUN) break
    documents += await eraseCollection(stores, collection)
    shards += collection.generation.shards
    collections++
  }
  return { shards, collections, documents, isAll: collections === marked.length }
}
