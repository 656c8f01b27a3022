/**
 * What stays of a deleted document: its last version, so that versions go on, and the deletion's place in the order, so
 * that work accepted before it never brings the document back. No content.
 */
import { TOMBSTONE_RETENTION_MS } from '../core/limits.ts'
import type { SqlDatabase } from '../core/sql-database.ts'

export interface Tombstone {
  readonly version: number
  readonly sequence: number
}

export class TombstoneStore {
  readonly #database: SqlDatabase

  constructor(database: SqlDatabase) {
    this.#database = database
  }

  find(id: string): Tombstone | undefined {
    return this.#database.get<Tombstone & object>('SELECT version, sequence FROM tombstones WHERE id = ?', id)
  }

  write(id: string, tombstone: Tombstone, nowMs: number): void {
    this.#database.run(
      'INSERT OR REPLACE INTO tombstones (id, version, sequence, deleted_at) VALUES (?, ?, ?, ?)',
      id,
      tombstone.version,
      tombstone.sequence,
      nowMs,
    )
  }

  remove(id: string): void {
    this.#database.run('DELETE FROM tombstones WHERE id = ?', id)
  }

  prune(nowMs: number): void {
    this.#database.run('DELETE FROM tombstones WHERE deleted_at < ?', nowMs - TOMBSTONE_RETENTION_MS)
  }

  nextPruneMs(): number | undefined {
    const at = this.#database.get<{ at: number | null }>('SELECT min(deleted_at) AS at FROM tombstones')?.at
    return at === undefined || at === null ? undefined : at + TOMBSTONE_RETENTION_MS
  }
}
