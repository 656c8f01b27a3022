/** From what a path says to the collection that is meant, or to the one 404 that tells nothing. */
import type { Catalog } from '../catalog/catalog.ts'
import { isCollectionName } from '../catalog/collections.ts'
import type { CollectionRecord } from '../catalog/records.ts'
import { Problem } from '../core/problem.ts'
import { mayReachCollection, requireTenant } from '../tenancy/principal.ts'
import type { Principal } from '../tenancy/principal.ts'

const ID = /^col_[0-9A-Za-z]{16}$/

/**
 * Looks a collection up by name or id within the principal's tenant and reach. One read of D1, and none for a reference
 * that no collection can have.
 * @throws not_found where it is absent, another tenant's, or outside the key's collections
 */
export async function findCollection(
  catalog: Pick<Catalog, 'collections'>,
  principal: Principal,
  reference: string,
): Promise<CollectionRecord> {
  const { uid } = requireTenant(principal)
  if (!isCollectionName(reference) && !ID.test(reference)) throw new Problem('not_found')
  const collection = await catalog.collections.find(uid, reference)
  if (collection === undefined || !mayReachCollection(principal, collection)) throw new Problem('not_found')
  return collection
}

/** A key of some collections makes and names only what it then reaches. @throws forbidden */
export function requireNameInReach(principal: Principal, name: string): void {
  if (mayReachCollection(principal, { id: '', name })) return
  throw new Problem('forbidden', 'the credential does not reach a collection of this name')
}
