/** The SQL port over a Durable Object's SQLite storage. */
import type { SqlDatabase, SqlRow, SqlValue } from '../core/sql-database.ts'
import { checkSqlLimits } from './sql-limits.ts'
import { TransactionScope } from './transaction-scope.ts'

type DurableSqlRow = Record<string, ArrayBuffer | string | number | null>

/** The part of `ctx.storage` that the adapter uses, as a shape, so that tests can give their own. */
export interface DurableSqlStorage {
  readonly sql: {
    exec(
      statement: string,
      ...parameters: SqlValue[]
    ): { toArray(): DurableSqlRow[]; readonly rowsRead: number; readonly rowsWritten: number }
  }
  transactionSync<T>(work: () => T): T
}

export class DurableSqlDatabase implements SqlDatabase {
  readonly #storage: DurableSqlStorage
  readonly #scope = new TransactionScope()
  #rowsRead = 0
  #rowsWritten = 0

  constructor(storage: DurableSqlStorage) {
    this.#storage = storage
  }

  /** Rows that this adapter's statements have read since it was made, as the platform bills them. */
  get rowsRead(): number {
    return this.#rowsRead
  }

  /** Rows that this adapter's statements have written since it was made (index entries included), as billed. */
  get rowsWritten(): number {
    return this.#rowsWritten
  }

  run(statement: string, ...parameters: SqlValue[]): void {
    this.#execute(statement, parameters)
  }

  all<Row extends object = SqlRow>(statement: string, ...parameters: SqlValue[]): Row[] {
    const rows: Record<string, unknown>[] = this.#execute(statement, parameters)
    for (const row of rows) {
      for (const column in row) {
        const value = row[column]
        if (value instanceof ArrayBuffer) row[column] = new Uint8Array(value)
      }
    }
    return rows as Row[]
  }

  get<Row extends object = SqlRow>(statement: string, ...parameters: SqlValue[]): Row | undefined {
    return this.all<Row>(statement, ...parameters)[0]
  }

  transaction<T>(work: () => T extends PromiseLike<unknown> ? never : T): T {
    return this.#scope.run<T>(work, (inner) => this.#storage.transactionSync(inner))
  }

  #execute(statement: string, parameters: readonly SqlValue[]): DurableSqlRow[] {
    checkSqlLimits(statement, parameters)
    const cursor = this.#storage.sql.exec(statement, ...parameters)
    const rows = cursor.toArray()
    this.#rowsRead += cursor.rowsRead
    this.#rowsWritten += cursor.rowsWritten
    return rows
  }
}
