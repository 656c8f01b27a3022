/**
 * The document catalogue: which documents exist across collections, for operators. A projection of the shards' change
 * logs, behind by seconds and rebuildable from them; handles and sizes only. The API's own lists are answered by shards.
 */
import { and, asc, eq, gt, sql } from 'drizzle-orm'
import type { CollectionId, TenantUid } from '../core/ids.ts'
import type { Connection } from './connection.ts'
import { pageOf } from './paging.ts'
import type { CataloguedDocument, Page, PageRequest, ProjectionBatch } from './records.ts'
import { documents } from './schema.ts'

/** Documents of one statement: they travel as one JSON parameter, at most 600 bytes or so each. */
const BATCH = 500

export class DocumentCatalogue {
  readonly #connection: Connection

  constructor(connection: Connection) {
    this.#connection = connection
  }

  /**
   * Brings the catalogue up to the batch. Safe to repeat, and an earlier batch never overwrites a row. It may bring back a
   * row that a later one deleted, whose sequence nobody keeps: a shard therefore sends its batches one after another, and
   * one that was given up on and lands late shows a deleted document until the catalogue is rebuilt.
   * Does nothing for a collection that was deleted meanwhile.
   */
  async project({ tenantUid, collectionId, documents }: ProjectionBatch): Promise<void> {
    const { gone = [], present = [] } = Object.groupBy(documents, ({ status }) =>
      status === 'deleted' ? 'gone' : 'present',
    )
    for (const batch of batches(present)) {
      await this.#connection.batch(
        sql`INSERT INTO documents
              (collection_id, document_id, tenant_uid, status, bytes, chunks, version, sequence, updated_at_ms)
            SELECT c.id, d.value ->> 'id', c.tenant_uid, d.value ->> 'status', d.value ->> 'bytes', d.value ->> 'chunks',
              d.value ->> 'version', d.value ->> 'sequence', d.value ->> 'updatedAtMs'
            FROM collections AS c CROSS JOIN json_each(${batch}) AS d
            WHERE c.id = ${collectionId} AND c.tenant_uid = ${tenantUid} AND c.deleted_at_ms IS NULL
            ON CONFLICT (collection_id, document_id) DO UPDATE SET status = excluded.status, bytes = excluded.bytes,
              chunks = excluded.chunks, version = excluded.version, sequence = excluded.sequence,
              updated_at_ms = excluded.updated_at_ms
            WHERE excluded.sequence >= documents.sequence`,
      )
    }
    for (const batch of batches(gone)) {
      // CROSS JOIN keeps the batch outside: left to itself, SQLite walks the collection and reads the JSON for each row.
      await this.#connection.batch(
        sql`DELETE FROM documents
            WHERE collection_id = ${collectionId} AND tenant_uid = ${tenantUid} AND rowid IN (
              SELECT gone.rowid FROM json_each(${batch}) AS d CROSS JOIN documents AS gone
                ON gone.collection_id = ${collectionId} AND gone.document_id = d.value ->> 'id'
              WHERE gone.sequence < d.value ->> 'sequence')`,
      )
    }
  }

  /** By document id, ascending. */
  async list(
    tenantUid: TenantUid,
    collectionId: CollectionId,
    { limit, after = '' }: PageRequest,
  ): Promise<Page<CataloguedDocument>> {
    const rows = await this.#connection.run((db) =>
      db
        .select()
        .from(documents)
        .where(
          and(
            eq(documents.collectionId, collectionId),
            eq(documents.tenantUid, tenantUid),
            gt(documents.documentId, after),
          ),
        )
        .orderBy(asc(documents.documentId))
        .limit(limit + 1),
    )
    const listed = rows.map(({ documentId, status, bytes, chunks, version, sequence, updatedAtMs }) => ({
      id: documentId,
      status,
      bytes,
      chunks,
      version,
      sequence,
      updatedAtMs,
    }))
    return pageOf(listed, limit, ({ id }) => id)
  }
}

/** Documents as JSON, `BATCH` at a time. */
function batches(documents: readonly CataloguedDocument[]): string[] {
  const count = Math.ceil(documents.length / BATCH)
  return Array.from({ length: count }, (_, i) => JSON.stringify(documents.slice(i * BATCH, (i + 1) * BATCH)))
}
