/**
 * Writes a tenant's archive as it is read: page after page of each shard, so that no size is too large. Documents are whole
 * one by one; what is written to meanwhile may be missing or be newer. Accepted writes that are still pending are left out.
 */
import type { CollectionRecord, Page, PageRequest } from '../catalog/records.ts'
import { canonicalJson } from '../core/canonical-json.ts'
import { rfc3339, type Clock } from '../core/clock.ts'
import { hex, sha256, utf8 } from '../core/bytes.ts'
import type { TenantUid } from '../core/ids.ts'
import { EXPORT_PAGE_BYTES, EXPORT_PAGE_DOCUMENTS } from '../core/limits.ts'
import type { ShardApi } from '../shard/shard-api.ts'
import { asked } from '../shard/shard-call.ts'
import { addStateHashes } from '../shard/state-hash.ts'
import { isModelOpen } from './model-choice.ts'
import { ARCHIVE_FORMAT, archivedCollection, archivedDocument, type ArchivedCollection } from './archive.ts'

/** What a tenant is exported with. */
export interface ExportStores {
  readonly catalog: {
    readonly collections: { list(tenantUid: TenantUid, page: PageRequest): Promise<Page<CollectionRecord>> }
  }
  readonly placement: {
    forRead(collection: CollectionRecord, shard: number): Pick<ShardApi, 'exportDocuments' | 'stateHash'>
  }
  readonly clock: Clock
}

export interface ExportedTenant {
  readonly id: string
  readonly uid: TenantUid
  readonly name: string
}

export interface ExportOptions {
  /** False leaves the documents out: what remains says how much there is, with its state hash. */
  readonly documents: boolean
}

/** The archive's lines, each ended by a line feed. */
export async function* exportTenant(
  stores: ExportStores,
  tenant: ExportedTenant,
  { documents }: ExportOptions,
): AsyncGenerator<string> {
  const { id, uid, name } = tenant
  yield line({ type: 'archive', format: ARCHIVE_FORMAT, tenant: { id, name }, exportedAt: rfc3339(stores.clock()) })
  const totals = { collections: 0, documents: 0, chunks: 0 }
  const hashed: HashedCollection[] = []
  for await (const collection of collectionsOf(stores, uid)) {
    const archived = archivedCollection(collection)
    yield line({ type: 'collection', ...archived })
    totals.collections++
    const isEmpty = isModelOpen(collection)
    if (documents && !isEmpty) {
      for await (const document of documentsOf(stores, collection)) {
        totals.documents++
        totals.chunks += document.chunks.length
        yield line({ type: 'document', ...archivedDocument(collection.name, document) })
      }
    }
    // What comes meanwhile has another hash than what was exported.
    hashed.push({ archived, hash: isEmpty ? addStateHashes([]) : await collectionHash(stores, collection) })
  }
  yield line({ type: 'end', ...(documents ? totals : {}), stateHash: await stateHashOf(hashed) })
}

const line = (value: object): string => `${JSON.stringify(value)}\n`

interface HashedCollection {
  readonly archived: ArchivedCollection
  readonly hash: string
}

async function* collectionsOf({ catalog }: ExportStores, uid: TenantUid): AsyncGenerator<CollectionRecord> {
  let after: string | undefined
  do {
    const page = await catalog.collections.list(uid, { limit: 100, ...(after === undefined ? {} : { after }) })
    yield* page.data
    after = page.nextAfter
  } while (after !== undefined)
}

async function* documentsOf({ placement }: ExportStores, collection: CollectionRecord) {
  for (let number = 0; number < collection.generation.shards; number++) {
    const shard = placement.forRead(collection, number)
    for (let after: string | undefined; ;) {
      const page = await asked(
        shard.exportDocuments({
          limit: EXPORT_PAGE_DOCUMENTS,
          maxBytes: EXPORT_PAGE_BYTES,
          ...(after === undefined ? {} : { after }),
        }),
      )
      yield* page
      after = page.at(-1)?.source.id
      // A page ends early where it is full; only an empty one is the end.
      if (after === undefined) break
    }
  }
}

async function collectionHash({ placement }: ExportStores, collection: CollectionRecord): Promise<string> {
  const shards = Array.from({ length: collection.generation.shards }, (_, shard) =>
    placement.forRead(collection, shard),
  )
  return addStateHashes(await Promise.all(shards.map(async (shard) => asked(shard.stateHash()))))
}

/**
 * Hex SHA-256 over the collections, by name, with the hashes of their documents. Equal for two tenants that hold the same
 * collections and documents, whatever their ids and their number of shards.
 */
async function stateHashOf(collections: readonly HashedCollection[]): Promise<string> {
  const parts = collections.map(({ archived: { shards: _shards, ...settings }, hash }) => ({ ...settings, hash }))
  return hex(await sha256(utf8(canonicalJson(parts))))
}
