/**
 * Collections that are being deleted. A planned deletion may never come about, and one that a crash interrupted is finished
 * by others: so their shards are asked until they are gone, or until the plan can lead to nothing any more.
 */
import type { CollectionId } from '../../core/ids.ts'
import type { SqlDatabase } from '../../core/sql-database.ts'

const ASK_AGAIN_MS = 60_000
/** A deletion that is not finished by then is one that never began. */
const GIVE_UP_MS = 86_400_000
/** So long a report of a deleted collection may be under way. */
const FORGET_AFTER_MS = 86_400_000

export class Deletions {
  readonly #database: SqlDatabase

  constructor(database: SqlDatabase) {
    this.#database = database
  }

  isDeleted(collectionId: CollectionId): boolean {
    const row = this.#database.get(
      'SELECT collection_id FROM ledger_deletions WHERE collection_id = ? AND deleted_ms IS NOT NULL',
      collectionId,
    )
    return row !== undefined
  }

  plan(collectionId: CollectionId, nowMs: number): void {
    this.#database.run(
      `INSERT INTO ledger_deletions (collection_id, ask_ms, until_ms) VALUES (?, ?, ?)
       ON CONFLICT DO UPDATE SET ask_ms = excluded.ask_ms, until_ms = excluded.until_ms WHERE deleted_ms IS NULL`,
      collectionId,
      nowMs + ASK_AGAIN_MS,
      nowMs + GIVE_UP_MS,
    )
  }

  confirm(collectionId: CollectionId, nowMs: number): void {
    this.#database.run(
      'INSERT OR REPLACE INTO ledger_deletions (collection_id, ask_ms, until_ms, deleted_ms) VALUES (?, ?, ?, ?)',
      collectionId,
      nowMs + FORGET_AFTER_MS,
      nowMs + FORGET_AFTER_MS,
      nowMs,
    )
  }

  /** Collections to ask for; forgets those whose time is over. */
  toAsk(nowMs: number): CollectionId[] {
    return this.#database.transaction((): CollectionId[] => {
      this.#database.run(
        `DELETE FROM ledger_shards WHERE collection_id IN
           (SELECT collection_id FROM ledger_deletions WHERE until_ms <= ? AND deleted_ms IS NOT NULL)`,
        nowMs,
      )
      this.#database.run('DELETE FROM ledger_deletions WHERE until_ms <= ?', nowMs)
      return this.#database
        .all<{ id: CollectionId }>(
          'SELECT collection_id AS id FROM ledger_deletions WHERE ask_ms <= ? AND deleted_ms IS NULL',
          nowMs,
        )
        .map(({ id }) => id)
    })
  }

  postpone(collectionId: CollectionId, nowMs: number): void {
    this.#database.run(
      'UPDATE ledger_deletions SET ask_ms = min(?, until_ms) WHERE collection_id = ?',
      nowMs + ASK_AGAIN_MS,
      collectionId,
    )
  }

  nextDueMs(): number | undefined {
    const row = this.#database.get<{ next: number | null }>('SELECT min(ask_ms) AS next FROM ledger_deletions')
    return row?.next ?? undefined
  }
}
