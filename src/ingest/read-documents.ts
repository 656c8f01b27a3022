/** Reading documents and totals back from the shards, behind the credential's visibility. */
import type { CollectionRecord } from '../catalog/records.ts'
import { compareUtf8 } from '../core/bytes.ts'
import { DEFAULT_LIST_LIMIT, PUBLIC_KEY_MAX_PAGED_LISTED } from '../core/limits.ts'
import { Problem } from '../core/problem.ts'
import { namedVectorsOf } from '../models/named-vectors.ts'
import { shardOf } from '../shard/placement.ts'
import type { DocumentInclude, ShardStatistics } from '../shard/shard-api.ts'
import type { Principal } from '../tenancy/principal.ts'
import { documentView, type DocumentView } from './document-view.ts'
import type { IngestDependencies, ReadShard } from './ingest-dependencies.ts'
import { openListCursor, sealListCursor } from './list-cursor.ts'
import { asked } from '../shard/shard-call.ts'
import { shownVersion } from './shown-version.ts'

type Reading = Pick<IngestDependencies, 'placement'>
type Showing = Pick<IngestDependencies, 'placement' | 'sealer'>
type Reader = Pick<Principal, 'kind' | 'filter'>

/** One document with its entity tag. @throws not_found also for what the credential may not see */
export async function readDocument(
  { placement, sealer }: Showing,
  collection: CollectionRecord,
  reader: Reader,
  id: string,
  include: readonly DocumentInclude[],
): Promise<{ readonly document: DocumentView; readonly etag: string }> {
  const { filter } = reader
  const shard = placement.forRead(collection, await shardOf(id, collection.generation.shards))
  const stored = await asked(shard.document(id, { include, ...(filter === undefined ? {} : { visibility: filter }) }))
  if (stored === undefined) throw new Problem('not_found')
  const shown = await shownVersion(sealer, reader, stored)
  return { document: documentView(shown, reader, namedVectorsOf(collection.generation.model)), etag: shown.etag }
}

export interface ListRequest {
  readonly limit?: number
  readonly cursor?: string
}

export interface DocumentPage {
  readonly data: readonly DocumentView[]
  readonly nextCursor: string | null
}

/**
 * One page in the order of ids' UTF-8 bytes, over all shards. Public keys see no more documents by listing than hits by
 * paging. @throws invalid_request for a foreign cursor
 */
export async function listDocuments(
  { placement, sealer }: Showing,
  collection: CollectionRecord,
  reader: Reader,
  { limit = DEFAULT_LIST_LIMIT, cursor }: ListRequest,
): Promise<DocumentPage> {
  const { filter } = reader
  const isPublic = reader.kind === 'public'
  const cap = isPublic ? PUBLIC_KEY_MAX_PAGED_LISTED : Infinity
  const scope = `documents/${collection.tenantUid}/${collection.id}${isPublic ? '/public' : ''}`
  const opened = cursor === undefined ? undefined : await openListCursor(sealer, scope, cursor)
  const { depth, after } = isPublic ? countedPosition(opened) : { depth: 0, after: opened }
  const size = Math.min(limit, cap - depth)
  const lists = await Promise.all(
    shardsOf(placement, collection).map((shard) =>
      asked(
        shard.listDocuments({
          // One more than the page holds tells whether another page follows.
          limit: size + 1,
          ...(after === undefined ? {} : { after }),
          ...(filter === undefined ? {} : { visibility: filter }),
        }),
      ),
    ),
  )
  const merged = lists.flat().sort((a, b) => compareUtf8(a.id, b.id))
  const page = merged.slice(0, size)
  const last = page.at(-1)
  const reached = depth + page.length
  const hasMore = merged.length > size && last !== undefined && reached < cap
  const shown = await Promise.all(page.map((document) => shownVersion(sealer, reader, document)))
  return {
    data: shown.map((document) => documentView(document, reader)),
    nextCursor: hasMore ? await sealListCursor(sealer, scope, isPublic ? `${reached}:${last.id}` : last.id) : null,
  }
}

/** A public key's cursor holds how many documents its pages have shown, and the last one's id. */
function countedPosition(text: string = '0:'): { readonly depth: number; readonly after: string | undefined } {
  const colon = text.indexOf(':')
  return { depth: Number(text.slice(0, colon)), after: text.slice(colon + 1) || undefined }
}

/** Totals of what the credential may see of a collection. */
export async function collectionStatistics(
  { placement }: Reading,
  collection: CollectionRecord,
  { filter }: Pick<Principal, 'filter'>,
): Promise<Omit<ShardStatistics, 'sequence'>> {
  const parts = await Promise.all(shardsOf(placement, collection).map((shard) => asked(shard.statistics(filter))))
  const total = { documents: 0, chunks: 0, bytes: 0, pending: 0 }
  for (const part of parts) {
    total.documents += part.documents
    total.chunks += part.chunks
    total.bytes += part.bytes
    total.pending += part.pending
  }
  return total
}

function shardsOf(placement: Reading['placement'], collection: CollectionRecord): ReadShard[] {
  return Array.from({ length: collection.generation.shards }, (_, shard) => placement.forRead(collection, shard))
}
