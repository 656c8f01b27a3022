/**
 * D1 through drizzle, with two things in front: the schema must be as new as the Worker, and D1's failures become
 * problems. Checked once per isolate; migrations only ever raise the version.
 */
import { eq, is, SQL } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/d1'
import type { DrizzleD1Database } from 'drizzle-orm/d1'
import { SQLiteAsyncDialect } from 'drizzle-orm/sqlite-core'
import type { Clock } from '../core/clock.ts'
import { utf8Length } from '../core/bytes.ts'
import { invariant } from '../core/invariant.ts'
import { MAX_SQL_PARAMETERS, MAX_SQL_STATEMENT_BYTES, MAX_SQL_VALUE_BYTES } from '../core/limits.ts'
import { Problem } from '../core/problem.ts'
import { meta, SCHEMA_VERSION } from './schema.ts'

/** A statement for `batch`: raw SQL, or a query of drizzle's builder that was not run. */
export type Statement = SQL | { toSQL(): { readonly sql: string; readonly params: readonly unknown[] } }

const dialect = new SQLiteAsyncDialect()

/** One per isolate. */
export class Connection {
  readonly db: DrizzleD1Database
  readonly #database: D1Database
  readonly clock: Clock
  #isCurrent = false

  constructor(database: D1Database, clock: Clock) {
    this.#database = database
    // Drizzle tells its logger of every query before it runs: the one place to stop what production would refuse.
    this.db = drizzle(database, { logger: { logQuery: checkD1Limits } })
    this.clock = clock
  }

  /** Runs queries against a schema that fits. @throws schema_out_of_date, overloaded; conflicts pass as they are. */
  async run<T>(work: (db: DrizzleD1Database) => Promise<T>): Promise<T> {
    await this.requireSchema()
    return this.runUnchecked(work)
  }

  /** Runs statements in one transaction; drizzle's own `batch` takes no raw SQL with parameters. */
  async batch(...statements: readonly Statement[]): Promise<D1Result[]> {
    await this.requireSchema()
    return this.runUnchecked(() =>
      this.#database.batch(
        statements.map((statement) => {
          const { sql, params } = is(statement, SQL) ? dialect.sqlToQuery(statement) : statement.toSQL()
          checkD1Limits(sql, params)
          return this.#database.prepare(sql).bind(...params)
        }),
      ),
    )
  }

  /** As `run`, without the read of the schema's version: for the one read that authentication may do. */
  async runUnchecked<T>(work: (db: DrizzleD1Database) => Promise<T>): Promise<T> {
    try {
      return await work(this.db)
    } catch (error) {
      throw translated(error)
    }
  }

  /** The version that the last applied migration recorded. */
  async schemaVersion(): Promise<number> {
    const rows = await this.runUnchecked((db) =>
      db.select({ value: meta.value }).from(meta).where(eq(meta.key, 'schema_version')),
    )
    return rows[0]?.value ?? 0
  }

  /** One read per isolate, none once it succeeded. @throws schema_out_of_date when the Worker is newer than its schema. */
  async requireSchema(): Promise<void> {
    if (this.#isCurrent) return
    if ((await this.schemaVersion()) < SCHEMA_VERSION) throw new Problem('schema_out_of_date')
    this.#isCurrent = true
  }
}

/** What D1 refuses in production and the local runtime lets pass. */
export function checkD1Limits(sql: string, params: readonly unknown[]): void {
  invariant(params.length <= MAX_SQL_PARAMETERS, `a statement has at most ${MAX_SQL_PARAMETERS} parameters`)
  invariant(utf8Length(sql) <= MAX_SQL_STATEMENT_BYTES, `a statement has at most ${MAX_SQL_STATEMENT_BYTES} bytes`)
  for (const param of params) {
    const bytes = typeof param === 'string' ? utf8Length(param) : 0
    invariant(bytes <= MAX_SQL_VALUE_BYTES, `a value has at most ${MAX_SQL_VALUE_BYTES} bytes`)
  }
}

/** Whether an insert met a row with the same unique value. */
export const isUniqueViolation = (error: unknown): boolean =>
  error instanceof Error && error.message.includes('UNIQUE constraint failed')

/**
 * Turns what D1 throws into what callers understand. Drizzle wraps errors in one whose message quotes the parameters:
 * only its cause is kept, so that no digest or name reaches a log.
 */
function translated(error: unknown): unknown {
  const cause = innermost(error)
  if (!(cause instanceof Error)) return cause
  const { message } = cause
  if (/no such (?:table|column)|has no column named/.test(message)) return new Problem('schema_out_of_date')
  const isOurs = /SQLITE_|UNIQUE constraint|D1_TYPE_ERROR|too many SQL variables/.test(message)
  const isTheirs = /D1|Network connection lost|storage operation|reset|overloaded|timed? ?out|internal error/i.test(
    message,
  )
  return isTheirs && !isOurs ? new Problem('overloaded', undefined, { retryAfterSeconds: 1 }) : cause
}

function innermost(error: unknown): unknown {
  let inner = error
  while (inner instanceof Error && inner.cause instanceof Error) inner = inner.cause
  return inner
}
