/**
 * Collections come into being and go in an order that survives a crash between any two steps: shards are ready before the
 * row that names them exists, and the row that names them outlives their contents.
 */
import type { NewCollection } from '../catalog/collections.ts'
import type { CollectionRecord } from '../catalog/records.ts'
import type { CollectionId, TenantUid } from '../core/ids.ts'
import { asProblem, invalidField } from '../core/problem.ts'
import type { AppDependencies } from './dependencies.ts'

type Stores = Pick<AppDependencies, 'catalog' | 'placement' | 'clock'>

/**
 * Makes a collection with the id `col_<operationId>`; repeating it with the same operation id answers the same one.
 * @throws conflict when the name is in use
 */
export async function createCollection(
  { catalog, placement, clock }: Stores,
  made: NewCollection & { readonly operationId: string },
): Promise<CollectionRecord> {
  const { tenantUid, name, language, settings, generation, operationId } = made
  const nowMs = clock()
  const planned: CollectionRecord = {
    id: `col_${operationId}` as CollectionId,
    tenantUid,
    name,
    placementEpoch: 1,
    language,
    settings,
    generation: { id: `gen_${operationId}`, ...generation },
    createdAtMs: nowMs,
    updatedAtMs: nowMs,
  }
  const existing = await catalog.collections.find(tenantUid, name)
  if (existing !== undefined && existing.id !== planned.id) throw nameInUse()
  await placement.initialise(planned)
  try {
    return await catalog.collections.create(made)
  } catch (error) {
    // Someone else took the name meanwhile: nothing will ever name these shards.
    if (asProblem(error)?.code === 'conflict') await placement.erase(planned)
    throw error
  }
}

const nameInUse = () => invalidField('/name', 'is in use', 'conflict')

/** Empties the shards of the tenant's deleted collections, also of those whose deletion a crash interrupted. */
export async function finishDeletions({ catalog, placement }: Stores, tenantUid: TenantUid): Promise<number> {
  let shards = 0
  for (const collection of await catalog.collections.unfinishedDeletions(tenantUid)) {
    // One after another: a tenant may have many, and nobody waits for the last of them.
    await placement.erase(collection)
    await catalog.collections.purge(tenantUid, collection.id)
    shards += collection.generation.shards
  }
  return shards
}
