/** Has shards tell their tenant's object what it does not know yet, when it cannot wait until they do so by themselves. */
import type { Catalog } from '../catalog/catalog.ts'
import type { CollectionId, TenantUid } from '../core/ids.ts'
import { asProblem } from '../core/problem.ts'
import type { Placement } from './placement.ts'

/** Collections looked up at a time. */
const PAGE_COLLECTIONS = 100
/** The platform allows 1,000 calls in one invocation; the collection begun last may take 31 more than this. */
const MAX_SHARDS_PER_RUN = 600

interface ReportStores {
  readonly catalog: { readonly collections: Pick<Catalog['collections'], 'list'> }
  readonly placement: Pick<Placement, 'all'>
}

/** Names one shard of a tenant. */
interface NamedShard {
  readonly tenantUid: TenantUid
  readonly collectionId: CollectionId
  readonly placementEpoch: number
  readonly shard: number
}

/** The position of its log that a shard has told; `gone` when its collection is deleted. */
export async function requestReport(
  placement: Pick<Placement, 'forWrite'>,
  { tenantUid, collectionId, placementEpoch, shard }: NamedShard,
): Promise<number | 'gone'> {
  return unlessGone(placement.forWrite({ tenantUid, id: collectionId, placementEpoch }, shard).flushChanges())
}

/**
 * Has the shards of the tenant's collections report, in order of the collections' names and from behind `after` on: as many
 * as one run may ask. Answers the `after` of the next run; `undefined` when all have reported.
 */
export async function requestAllReports(
  { catalog, placement }: ReportStores,
  tenantUid: TenantUid,
  after: string,
): Promise<string | undefined> {
  let asked = 0
  let from = after
  for (;;) {
    const { data, nextAfter } = await catalog.collections.list(tenantUid, { limit: PAGE_COLLECTIONS, after: from })
    // One after another: a tenant may have many.
    for (const collection of data) {
      if (asked >= MAX_SHARDS_PER_RUN) return from
      const shards = placement.all(collection)
      await Promise.all(shards.map(async (shard) => unlessGone(shard.flushChanges())))
      asked += shards.length
      from = collection.name
    }
    if (nextAfter === undefined) return undefined
  }
}

async function unlessGone<T>(answer: Promise<T>): Promise<T | 'gone'> {
  try {
    return await answer
  } catch (error) {
    if (asProblem(error)?.code === 'collection_gone') return 'gone'
    throw error
  }
}
