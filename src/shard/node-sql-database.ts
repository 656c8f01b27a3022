/**
 * The SQL port over `node:sqlite`: what unit tests and benchmarks run the shard's parts on, outside workerd. It is never
 * part of the Worker.
 */
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { invariant } from '../core/invariant.ts'
import type { SqlDatabase, SqlRow, SqlValue } from '../core/sql-database.ts'
import { checkSqlLimits } from './sql-limits.ts'
import { TransactionScope } from './transaction-scope.ts'

/** Enough for every statement of a shard; beyond it, which only generated statements reach, all are prepared again. */
const MAX_PREPARED_STATEMENTS = 256

export class NodeSqlDatabase implements SqlDatabase {
  readonly #database: DatabaseSync
  readonly #prepared = new Map<string, StatementSync>()
  readonly #scope = new TransactionScope()

  /** `path` is a file, or by default a database in memory. */
  constructor(path = ':memory:') {
    this.#database = new DatabaseSync(path)
  }

  run(statement: string, ...parameters: SqlValue[]): void {
    checkSqlLimits(statement, parameters)
    this.#prepare(statement).run(...parameters)
  }

  all<Row extends object = SqlRow>(statement: string, ...parameters: SqlValue[]): Row[] {
    checkSqlLimits(statement, parameters)
    const rows = this.#prepare(statement).all(...parameters)
    for (const row of rows) {
      for (const column in row) {
        const value = row[column]
        if (value instanceof Uint8Array && value.byteLength !== value.buffer.byteLength) row[column] = value.slice()
      }
    }
    return rows as Row[]
  }

  get<Row extends object = SqlRow>(statement: string, ...parameters: SqlValue[]): Row | undefined {
    return this.all<Row>(statement, ...parameters)[0]
  }

  transaction<T>(work: () => T extends PromiseLike<unknown> ? never : T): T {
    return this.#scope.run<T>(work, (inner) => {
      this.#database.exec('BEGIN')
      try {
        const result = inner()
        this.#database.exec('COMMIT')
        return result
      } catch (error) {
        if (this.#database.isTransaction) this.#database.exec('ROLLBACK')
        throw error
      }
    })
  }

  close(): void {
    this.#prepared.clear()
    this.#database.close()
  }

  #prepare(statement: string): StatementSync {
    let prepared = this.#prepared.get(statement)
    if (prepared === undefined) {
      // Durable Objects refuse these; here they would go behind the transaction's back.
      invariant(
        !/^\s*(?:begin|commit|end|rollback|savepoint|release|vacuum|attach)\b/i.test(statement),
        'transactions are opened by transaction()',
      )
      if (this.#prepared.size >= MAX_PREPARED_STATEMENTS) this.#prepared.clear()
      prepared = this.#database.prepare(statement)
      this.#prepared.set(statement, prepared)
    }
    return prepared
  }
}
