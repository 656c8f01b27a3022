/** The lines of one chain over the storage port, and the head that the next one follows. */
import { rfc3339 } from '../../core/clock.ts'
import type { SqlDatabase, SqlMigration, SqlValue } from '../../core/sql-database.ts'
import type { AuditHead, AuditLine, AuditPage, AuditPageRequest } from '../audit-line.ts'
import { BEGINNING, chained } from './chain.ts'
import type { Statement } from './chain.ts'
import { LINE_COLUMNS, lineOf, lineValues } from './line-rows.ts'
import type { LineRow } from './line-rows.ts'

/** What is said of an action; the chain adds time and place. */
export type Saying = Omit<Statement, 'at'>

export class Lines {
  static readonly migration: SqlMigration = {
    id: 'tenancy/4 audit',
    statements: [
      `CREATE TABLE audit_lines (
        sequence INTEGER PRIMARY KEY, at TEXT NOT NULL, actor_kind TEXT NOT NULL, key_id TEXT NOT NULL, action TEXT NOT NULL,
        subject_type TEXT, subject_id TEXT, outcome TEXT NOT NULL, code TEXT, reason TEXT, request_id TEXT, digest TEXT,
        count INTEGER, previous_hash TEXT NOT NULL, hash TEXT NOT NULL
      ) STRICT`,
      `CREATE INDEX audit_lines_by_action ON audit_lines (action)`,
      `CREATE INDEX audit_lines_by_time ON audit_lines (at)`,
      `CREATE TABLE audit_chain (
        one INTEGER PRIMARY KEY CHECK (one = 1), sequence INTEGER NOT NULL, hash TEXT NOT NULL, at TEXT NOT NULL
      ) STRICT`,
      `CREATE TABLE audit_begun (
        request_id TEXT PRIMARY KEY, entry TEXT NOT NULL, due_ms INTEGER NOT NULL, told INTEGER NOT NULL
      ) STRICT, WITHOUT ROWID`,
      `CREATE INDEX audit_begun_by_time ON audit_begun (due_ms)`,
      `CREATE TABLE audit_refusals (
        minute INTEGER NOT NULL, actor_kind TEXT NOT NULL, key_id TEXT NOT NULL, code TEXT NOT NULL, reason TEXT NOT NULL,
        count INTEGER NOT NULL, PRIMARY KEY (minute, actor_kind, key_id, code, reason)
      ) STRICT, WITHOUT ROWID`,
      `CREATE TABLE audit_heads (sequence INTEGER PRIMARY KEY, at TEXT NOT NULL, jws TEXT NOT NULL) STRICT`,
    ],
  }

  readonly #database: SqlDatabase

  constructor(database: SqlDatabase) {
    this.#database = database
  }

  head(): AuditHead & { readonly at: string } {
    const row = this.#database.get<{ sequence: number; hash: string; at: string }>(
      'SELECT sequence, hash, at FROM audit_chain WHERE one = 1',
    )
    return row ?? { ...BEGINNING, at: '' }
  }

  /** Only one call at a time may run: what the line follows is read before its hash is made. */
  async append(saying: Saying, nowMs: number, effect: () => void): Promise<void> {
    const head = this.head()
    const now = rfc3339(nowMs)
    const line = await chained({ ...saying, at: now > head.at ? now : head.at }, head)
    this.#database.transaction(() => {
      const places = LINE_COLUMNS.replaceAll(/\w+/g, '?')
      this.#database.run(`INSERT INTO audit_lines (${LINE_COLUMNS}) VALUES (${places})`, ...lineValues(line))
      this.#database.run(
        'INSERT OR REPLACE INTO audit_chain (one, sequence, hash, at) VALUES (1, ?, ?, ?)',
        line.sequence,
        line.hash,
        line.at,
      )
      effect()
    })
  }

  page({ limit, before, fromMs, toMs, action }: AuditPageRequest): AuditPage {
    const bounds: [condition: string, value: SqlValue][] = []
    if (before !== undefined) bounds.push(['sequence < ?', before])
    if (action !== undefined) bounds.push(['action = ?', action])
    // Times rise with the sequence, so that a time is a place in the chain.
    if (fromMs !== undefined) bounds.push(['sequence >= ?', this.#firstSince(fromMs)])
    if (toMs !== undefined) bounds.push(['sequence < ?', this.#firstSince(toMs)])
    const where = bounds.length === 0 ? '' : `WHERE ${bounds.map(([condition]) => condition).join(' AND ')}`
    const rows = this.#database.all<LineRow>(
      `SELECT ${LINE_COLUMNS} FROM audit_lines ${where} ORDER BY sequence DESC LIMIT ?`,
      ...bounds.map(([, value]) => value),
      limit + 1,
    )
    const lines = rows.slice(0, limit).map(lineOf)
    const last = rows.length > limit ? lines.at(-1) : undefined
    return { lines, ...(last === undefined ? {} : { nextBefore: last.sequence }) }
  }

  /** Up to `limit` lines after a sequence, in their order. */
  after(sequence: number, limit: number): AuditLine[] {
    return this.#database
      .all<LineRow>(
        `SELECT ${LINE_COLUMNS} FROM audit_lines WHERE sequence > ? ORDER BY sequence LIMIT ?`,
        sequence,
        limit,
      )
      .map(lineOf)
  }

  find(sequence: number): AuditLine | undefined {
    return this.after(sequence - 1, 1).find((line) => line.sequence === sequence)
  }

  count(): number {
    return this.#database.all<{ n: number }>('SELECT COUNT(*) AS n FROM audit_lines').reduce((sum, { n }) => sum + n, 0)
  }

  /** The sequence of the first line at or after a time; beyond the last one where there is none. */
  #firstSince(timeMs: number): number {
    const row = this.#database.get<{ sequence: number }>(
      'SELECT sequence FROM audit_lines WHERE at >= ? ORDER BY at, sequence LIMIT 1',
      rfc3339(timeMs),
    )
    return row?.sequence ?? this.head().sequence + 1
  }
}
