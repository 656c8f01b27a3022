/**
 * The small synchronous SQLite port that every index, the shard and the tenant's object stand on. Two adapters exist
 * (`shard/durable-sql-database.ts` and `shard/node-sql-database.ts`); one contract suite runs on both. Both refuse what
 * the platform refuses in production and local workerd lets pass: values above `MAX_SQL_VALUE_BYTES`, more than
 * `MAX_SQL_PARAMETERS` parameters, statements above `MAX_SQL_STATEMENT_BYTES`.
 */

/** BLOBs are always handed out as a `Uint8Array` that owns its bytes from offset 0. */
export type SqlValue = string | number | null | Uint8Array

export type SqlRow = Record<string, SqlValue>

export interface SqlDatabase {
  /** Runs one statement for its effect. */
  run(statement: string, ...parameters: SqlValue[]): void
  /** Runs one statement and reads all its rows before it returns: no cursor outlives the call. */
  all<Row extends object = SqlRow>(statement: string, ...parameters: SqlValue[]): Row[]
  /** Runs one statement and returns its first row. */
  get<Row extends object = SqlRow>(statement: string, ...parameters: SqlValue[]): Row | undefined
  /**
   * Runs `work` in one transaction; a throw rolls everything back. Nested calls join the outer transaction.
   * `work` must be synchronous: an asynchronous callback is a type error.
   */
  transaction<T>(work: () => T extends PromiseLike<unknown> ? never : T): T
}

/** One step of a schema's append-only history. `id` is unique and increasing within its owner. */
export interface SqlMigration {
  /** `<room>/<number> <what>`, such as `vector/1 vectors`. Never edited after it was released. */
  readonly id: string
  readonly statements: readonly string[]
}
