/**
 * D1 through drizzle, with two things in front: the schema must be as new as the Worker, and D1's failures become
 * problems. Checked once per isolate; migrations only ever raise the version.
 */
import { eq } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/d1'
import type { DrizzleD1Database } from 'drizzle-orm/d1'
import type { Clock } from '../core/clock.ts'
import { Problem } from '../core/problem.ts'
import { meta, SCHEMA_VERSION } from './schema.ts'

/** One per isolate. */
export class Connection {
  readonly db: DrizzleD1Database
  readonly clock: Clock
  #isCurrent = false

  constructor(database: D1Database, clock: Clock) {
    this.db = drizzle(database)
    this.clock = clock
  }

  /** Runs queries against a schema that fits. @throws schema_out_of_date, overloaded; conflicts pass as they are. */
  async run<T>(work: (db: DrizzleD1Database) => Promise<T>): Promise<T> {
    await this.requireSchema()
    return this.runUnchecked(work)
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
