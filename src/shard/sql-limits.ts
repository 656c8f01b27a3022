/**
 * What SQLite refuses in production and local workerd lets pass. Both adapters of the SQL port call it before every
 * statement, so that a program which passes its tests here does not break there. An overrun is a bug of the caller, who
 * must cut or refuse beforehand: it throws, and is no problem of the user's.
 */
import { utf8Length } from '../core/bytes.ts'
import { invariant } from '../core/invariant.ts'
import { MAX_SQL_PARAMETERS, MAX_SQL_STATEMENT_BYTES, MAX_SQL_VALUE_BYTES } from '../core/limits.ts'
import type { SqlValue } from '../core/sql-database.ts'

/**
 * Checks one statement and its bound values. Besides each value their sum is limited, because the values of one insert
 * make up a row, and a row has the same limit as a value.
 */
export function checkSqlLimits(statement: string, parameters: readonly SqlValue[]): void {
  invariant(
    statement.length * 3 <= MAX_SQL_STATEMENT_BYTES || utf8Length(statement) <= MAX_SQL_STATEMENT_BYTES,
    `an SQL statement has at most ${MAX_SQL_STATEMENT_BYTES} bytes`,
  )
  invariant(parameters.length <= MAX_SQL_PARAMETERS, `an SQL statement has at most ${MAX_SQL_PARAMETERS} parameters`)
  let bytes = 0
  for (const parameter of parameters) bytes += valueBytes(parameter)
  invariant(bytes <= MAX_SQL_VALUE_BYTES, `the values of an SQL statement have at most ${MAX_SQL_VALUE_BYTES} bytes`)
}

function valueBytes(value: SqlValue): number {
  if (typeof value === 'string') return utf8Length(value)
  if (typeof value === 'object' && value !== null) return value.byteLength
  return 8
}

/** Refuses the result of a transaction's callback if it is a promise: its work would run after the commit. */
export function checkSynchronous(result: unknown): void {
  const isThenable = typeof result === 'object' && result !== null && 'then' in result
  if (!isThenable) return
  // The promise is abandoned; its own failure must not surface a second time as an unhandled rejection.
  void Promise.resolve(result).catch(() => undefined)
  throw new Error('invariant: the callback of a transaction is synchronous')
}
