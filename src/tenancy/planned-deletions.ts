/**
 * Deletions that someone began and that must end, though the Worker may die in between: a row in the tenant's object for
 * each, written before anything is marked deleted and removed when all is erased. Whatever stands here longer is finished
 * by the object's alarm. Over the storage port; every method is one transaction, time comes from the caller.
 */
import type { Clock } from '../core/clock.ts'
import type { TenantUid } from '../core/ids.ts'
import type { SqlDatabase, SqlMigration } from '../core/sql-database.ts'
import type { TenantPart } from './tenant-part.ts'

/** A request that lives has this long to finish by itself. */
const FIRST_ATTEMPT_MS = 60_000
/** While one run follows another because each does a part. */
const NEXT_PART_MS = 1_000
const FIRST_RETRY_MS = 30_000
const LONGEST_RETRY_MS = 3_600_000
/** A request that planned a deletion has marked it within this time, or never will. */
const UNMARKED_MS = 600_000

/** How a run ended: nothing marked is left, a part is left, or it threw. */
export type DeletionRun = 'done' | 'more' | 'failed'

export interface DeletionOptions {
  readonly clock: Clock
  /**
   * Erases what is marked deleted of the tenant: all of it (`done`), a part (`more`), or, where the tenant itself was
   * deleted, everything with the object that holds this store (`gone`).
   */
  readonly finish: (tenantUid: TenantUid) => Promise<'done' | 'more' | 'gone'>
}

export class PlannedDeletions implements TenantPart {
  static readonly migrations: readonly SqlMigration[] = [
    {
      id: 'tenancy/2 planned deletions',
      statements: [
        `CREATE TABLE planned_deletions (
          subject TEXT PRIMARY KEY, tenant_uid TEXT NOT NULL, planned_ms INTEGER NOT NULL, due_ms INTEGER NOT NULL,
          failures INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID`,
      ],
    },
  ]

  readonly #database: SqlDatabase
  readonly #options: DeletionOptions

  constructor(database: SqlDatabase, options: DeletionOptions) {
    this.#database = database
    this.#options = options
  }

  /** @throws what `finish` throws, with the deletions kept for a later run */
  async run(nowMs: number): Promise<void> {
    const { clock, finish } = this.#options
    const tenantUid = this.due(nowMs)
    if (tenantUid === undefined) return
    try {
      const run = await finish(tenantUid)
      if (run !== 'gone') this.settle(run, clock())
    } catch (error) {
      this.settle('failed', clock())
      throw error
    }
  }

  /** `subject` is a collection's id, or `tenant`. */
  plan(tenantUid: TenantUid, subject: string, nowMs: number): void {
    this.#database.run(
      'INSERT OR REPLACE INTO planned_deletions (subject, tenant_uid, planned_ms, due_ms, failures) VALUES (?, ?, ?, ?, 0)',
      subject,
      tenantUid,
      nowMs,
      nowMs + FIRST_ATTEMPT_MS,
    )
  }

  /** Only who marked the subject may call it: another request may have planned the same and stand before its mark. */
  finished(subject: string): void {
    this.#database.run('DELETE FROM planned_deletions WHERE subject = ?', subject)
  }

  /** The tenant whose deletions are due; an object has one tenant only. */
  due(nowMs: number): TenantUid | undefined {
    return this.#database.get<{ tenant_uid: TenantUid }>(
      'SELECT tenant_uid FROM planned_deletions WHERE due_ms <= ? LIMIT 1',
      nowMs,
    )?.tenant_uid
  }

  /** Keeps what is due for another run, or forgets it where a run found nothing left and nothing can come any more. */
  settle(run: DeletionRun, nowMs: number): void {
    this.#database.transaction(() => {
      if (run === 'more') {
        this.#delay(`${NEXT_PART_MS}`, '0', nowMs)
      } else if (run === 'failed') {
        this.#delay(`min(${LONGEST_RETRY_MS}, ${FIRST_RETRY_MS} << min(failures, 10))`, 'failures + 1', nowMs)
      } else {
        this.#database.run(
          'DELETE FROM planned_deletions WHERE due_ms <= ? AND planned_ms <= ?',
          nowMs,
          nowMs - UNMARKED_MS,
        )
        this.#delay(`${FIRST_ATTEMPT_MS}`, '0', nowMs)
      }
    })
  }

  nextDueMs(): number | undefined {
    const row = this.#database.get<{ next: number | null }>('SELECT MIN(due_ms) AS next FROM planned_deletions')
    return row?.next ?? undefined
  }

  /** `delay` and `failures` are expressions over the row. */
  #delay(delay: string, failures: string, nowMs: number): void {
    this.#database.run(
      `UPDATE planned_deletions SET due_ms = ? + ${delay}, failures = ${failures} WHERE due_ms <= ?`,
      nowMs,
      nowMs,
    )
  }
}
