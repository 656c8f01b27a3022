/** The erasure of a tenant, over every store that holds something of it. Each step can be repeated after a crash. */
import type { ErasedRows } from '../catalog/tenants.ts'
import type { AppDependencies } from './dependencies.ts'

export interface ErasedStores {
  /** Durable Objects emptied. */
  readonly shards: number
  readonly tenantObject: true
  readonly database: ErasedRows
}

/** `undefined` when there is no such tenant, or nothing of it is left. */
export async function eraseTenant(
  { authenticator, catalog, placement, tenantObjects }: AppDependencies,
  id: string,
): Promise<ErasedStores | undefined> {
  const uid = await catalog.tenants.startErasure(id)
  if (uid === undefined) return undefined
  authenticator.forgetTenant(id)
  let shards = 0
  for (const collection of await catalog.collections.unfinishedDeletions(uid)) {
    await placement.erase(collection)
    shards += collection.generation.shards
  }
  const tenantObject = await tenantObjects.of(uid)
  await tenantObject.erase()
  // The rows go last: until then they name what is still to be emptied.
  return { shards, tenantObject: true, database: await catalog.tenants.finishErasure(uid) }
}
