/**
 * Revocations that someone began and that webhooks must hear of, though the Worker may die in between: a row in the
 * tenant's object for each, written before the key is revoked in D1 and removed together with the event. Whatever stands
 * here longer is looked up by the object's alarm. Over the storage port; every method is one transaction at most.
 */
import type { SqlDatabase, SqlMigration } from '../core/sql-database.ts'
import type { TenantPart } from './tenant-part.ts'

/** A request that lives has this long to tell by itself; then the key is looked up as often. */
const LOOK_UP_MS = 60_000
/** A request that planned a revocation has revoked the key within this time, or never will. */
const UNREVOKED_MS = 600_000
/** Keys that one run looks up: each is a read of D1. */
const LOOK_UPS_PER_RUN = 20

export interface RevocationOptions {
  /** When a key was revoked; `undefined` while it is not. */
  readonly revokedAtMs: (keyId: string) => Promise<number | undefined>
  /** Stores the event; one that was told before is dropped. Part of a transaction. */
  readonly tell: (keyId: string, revokedAtMs: number) => void
}

export class PlannedRevocations implements TenantPart {
  static readonly migrations: readonly SqlMigration[] = [
    {
      id: 'tenancy/8 planned revocations',
      statements: [
        `CREATE TABLE planned_revocations (
          key_id TEXT PRIMARY KEY, planned_ms INTEGER NOT NULL, due_ms INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID`,
      ],
    },
  ]

  readonly #database: SqlDatabase
  readonly #options: RevocationOptions

  constructor(database: SqlDatabase, options: RevocationOptions) {
    this.#database = database
    this.#options = options
  }

  plan(keyId: string, nowMs: number): void {
    this.#database.run(
      'INSERT OR REPLACE INTO planned_revocations (key_id, planned_ms, due_ms) VALUES (?, ?, ?)',
      keyId,
      nowMs,
      nowMs + LOOK_UP_MS,
    )
  }

  /** The key is revoked: tells of it, and forgets the plan. */
  finished(keyId: string, revokedAtMs: number): void {
    this.#database.transaction(() => {
      this.#options.tell(keyId, revokedAtMs)
      this.#forget(keyId)
    })
  }

  nextDueMs(): number | undefined {
    const row = this.#database.get<{ next: number | null }>('SELECT MIN(due_ms) AS next FROM planned_revocations')
    return row?.next ?? undefined
  }

  /** @throws what the look-up throws, with what is left kept for a later run */
  async run(nowMs: number): Promise<void> {
    const due = this.#database.all<{ keyId: string; plannedMs: number }>(
      `SELECT key_id AS keyId, planned_ms AS plannedMs FROM planned_revocations WHERE due_ms <= ?
       ORDER BY due_ms, key_id LIMIT ?`,
      nowMs,
      LOOK_UPS_PER_RUN,
    )
    for (const { keyId, plannedMs } of due) {
      const revokedAtMs = await this.#options.revokedAtMs(keyId)
      if (revokedAtMs !== undefined) this.finished(keyId, revokedAtMs)
      else if (nowMs - plannedMs >= UNREVOKED_MS) this.#forget(keyId)
      else {
        const dueMs = nowMs + LOOK_UP_MS
        this.#database.run('UPDATE planned_revocations SET due_ms = ? WHERE key_id = ?', dueMs, keyId)
      }
    }
  }

  #forget(keyId: string): void {
    this.#database.run('DELETE FROM planned_revocations WHERE key_id = ?', keyId)
  }
}
