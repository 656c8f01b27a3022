/**
 * Sees to it that what was stored before there was a ledger is counted. Shards report by themselves, but only once something
 * wakes them, and one that an earlier release filled may sleep for ever. So before a tenant's quotas are judged, or its
 * usage is told, for the first time, each of its shards is asked once. A new tenant has none, and that is one look.
 */
import type { TenantUid } from '../core/ids.ts'
import { Problem } from '../core/problem.ts'
import type { SqlDatabase, SqlMigration } from '../core/sql-database.ts'

/**
 * Has shards of the tenant report, as many as one run may ask, from behind `after` on (at first the empty string); answers
 * the `after` of the next run, `undefined` when all have reported.
 */
export type RequestAllReports = (tenantUid: TenantUid, after: string) => Promise<string | undefined>

export class FirstCount {
  static readonly migrations: readonly SqlMigration[] = [
    {
      id: 'tenancy/7 first count',
      statements: [
        // `after`: how far it got; NULL: all have reported.
        'CREATE TABLE first_count (one INTEGER PRIMARY KEY CHECK (one = 1), after TEXT) STRICT',
        `INSERT INTO first_count (one, after) VALUES (1, '')`,
      ],
    },
  ]

  readonly #database: SqlDatabase
  readonly #requestAllReports: RequestAllReports
  /** The run under way, which every caller waits for. */
  #running: Promise<void> | undefined
  #isDone = false

  constructor(database: SqlDatabase, requestAllReports: RequestAllReports) {
    this.#database = database
    this.#requestAllReports = requestAllReports
  }

  /** @throws overloaded while shards are left to be asked; what asking throws */
  async done(tenantUid: TenantUid): Promise<void> {
    if (this.#isDone) return
    this.#running ??= this.#run(tenantUid).finally(() => {
      this.#running = undefined
    })
    await this.#running
  }

  async #run(tenantUid: TenantUid): Promise<void> {
    const after = this.#after()
    const next = after === null ? null : ((await this.#requestAllReports(tenantUid, after)) ?? null)
    if (next !== after) this.#database.run('UPDATE first_count SET after = ?', next)
    if (next !== null) {
      throw new Problem('overloaded', 'what the tenant stores is being counted', { retryAfterSeconds: 1 })
    }
    this.#isDone = true
  }

  #after(): string | null {
    return this.#database.get<{ after: string | null }>('SELECT after FROM first_count')?.after ?? null
  }
}
