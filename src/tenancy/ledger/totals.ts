/** What each shard has reported: up to which place in its log, what is stored there, and what its staged work holds. */
import type { CollectionId } from '../../core/ids.ts'
import { invariant } from '../../core/invariant.ts'
import type { SqlDatabase } from '../../core/sql-database.ts'
import type { ChangeReport, ReportedChange } from '../../core/usage.ts'
import type { ShardRef, StoredAmounts } from './requests.ts'
import { METER_COLUMNS, WRITE_METERS } from './schema.ts'

interface ShardRow {
  collection_id: CollectionId
  placement_epoch: number
  shard: number
}

const HELD_COLUMNS = WRITE_METERS.map((meter) => `held_${METER_COLUMNS[meter]}`)

export class Totals {
  readonly #database: SqlDatabase

  constructor(database: SqlDatabase) {
    this.#database = database
  }

  /**
   * Moves the shard's position on and adds up what the new entries changed; of a deleted collection only the position.
   * A report that begins behind that position counts nothing: the shard begins again from there.
   * @throws an invariant error when entries are missing within the report
   */
  advance(
    report: ChangeReport,
    nowMs: number,
    isDeleted: boolean,
  ): { fresh: readonly ReportedChange[]; position: number } {
    const { collectionId, placementEpoch, shard, after, baseline } = report
    const known = this.position(report)
    // The ledger is behind what the shard told it, as after a restore of an earlier state: the shard goes back and tells again.
    if (after > known && baseline === undefined) return { fresh: [], position: known }
    const start = Math.max(after, known)
    const fresh = report.changes.filter(({ position }) => position > start)
    invariant(isGapless(fresh, start), 'a report has no gaps')
    const position = start + fresh.length
    if (position === known) return { fresh, position }
    const stored = { documents: 0, chunks: 0, bytes: 0 }
    const counted = isDeleted ? [] : fresh
    if (!isDeleted && start > known && baseline !== undefined) {
      const before = this.#storedOf(report)
      stored.documents = baseline.documents - before.documents
      stored.chunks = baseline.chunks - before.chunks
      stored.bytes = baseline.bytes - before.bytes
    }
    for (const change of counted) {
      stored.documents += change.documents
      stored.chunks += change.chunks
      stored.bytes += change.bytes
    }
    const held = WRITE_METERS.map((meter) => counted.reduce((sum, change) => sum + (change.held[meter] ?? 0), 0))
    this.#database.run(
      `INSERT INTO ledger_shards (collection_id, placement_epoch, shard, position, reported_ms, documents, chunks,
         stored_bytes, ${HELD_COLUMNS.join(', ')}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ${HELD_COLUMNS.map(() => '?').join(', ')})
       ON CONFLICT DO UPDATE SET position = excluded.position, reported_ms = excluded.reported_ms,
         documents = documents + excluded.documents, chunks = chunks + excluded.chunks,
         stored_bytes = stored_bytes + excluded.stored_bytes,
         ${HELD_COLUMNS.map((column) => `${column} = ${column} + excluded.${column}`).join(', ')}`,
      collectionId,
      placementEpoch,
      shard,
      position,
      nowMs,
      stored.documents,
      stored.chunks,
      stored.bytes,
      ...held,
    )
    return { fresh, position }
  }

  #storedOf({ collectionId, placementEpoch, shard }: ShardRef): StoredAmounts {
    const row = this.#database.get<StoredAmounts>(
      `SELECT documents, chunks, stored_bytes AS bytes FROM ledger_shards
       WHERE collection_id = ? AND placement_epoch = ? AND shard = ?`,
      collectionId,
      placementEpoch,
      shard,
    )
    return row ?? { documents: 0, chunks: 0, bytes: 0 }
  }

  /** 0 while the shard has reported nothing. */
  position({ collectionId, placementEpoch, shard }: ShardRef): number {
    const row = this.#database.get<{ position: number }>(
      'SELECT position FROM ledger_shards WHERE collection_id = ? AND placement_epoch = ? AND shard = ?',
      collectionId,
      placementEpoch,
      shard,
    )
    return row?.position ?? 0
  }

  ofCollection(collectionId: CollectionId): StoredAmounts {
    const row = this.#database.get<{ documents: number; chunks: number; bytes: number }>(
      `SELECT coalesce(sum(documents), 0) AS documents, coalesce(sum(chunks), 0) AS chunks,
         coalesce(sum(stored_bytes), 0) AS bytes FROM ledger_shards WHERE collection_id = ?`,
      collectionId,
    )
    invariant(row !== undefined, 'a sum has a row')
    return row
  }

  /** Shards that hold something, those that reported last first. */
  recent(limit: number): ShardRef[] {
    return this.#database
      .all<ShardRow>(
        `SELECT collection_id, placement_epoch, shard FROM ledger_shards
         WHERE documents + held_documents > 0 ORDER BY reported_ms DESC LIMIT ?`,
        limit,
      )
      .map(refOf)
  }

  shardsOf(collectionId: CollectionId): ShardRef[] {
    return this.#database
      .all<ShardRow>(
        'SELECT collection_id, placement_epoch, shard FROM ledger_shards WHERE collection_id = ? ORDER BY shard',
        collectionId,
      )
      .map(refOf)
  }

  /** Nothing is stored or held there any more; the positions stay, so that late reports count once. */
  clear(collectionId: CollectionId): void {
    this.#database.run(
      `UPDATE ledger_shards SET documents = 0, chunks = 0, stored_bytes = 0,
         ${HELD_COLUMNS.map((column) => `${column} = 0`).join(', ')} WHERE collection_id = ?`,
      collectionId,
    )
  }
}

const refOf = ({ collection_id: collectionId, placement_epoch: placementEpoch, shard }: ShardRow): ShardRef => ({
  collectionId,
  placementEpoch,
  shard,
})

const isGapless = (changes: readonly ReportedChange[], start: number): boolean =>
  changes.every(({ position }, index) => position === start + index + 1)
