/** Keyset pages: one row more than asked for is read, to know whether another page follows. */
import type { Page } from './records.ts'

/** Cuts `rows` (up to `limit + 1` of them) to a page; `keyOf` gives the `after` that continues behind a row. */
export function pageOf<T>(rows: readonly T[], limit: number, keyOf: (row: T) => string): Page<T> {
  const data = rows.slice(0, limit)
  const last = data.at(-1)
  return rows.length > limit && last !== undefined ? { data, nextAfter: keyOf(last) } : { data }
}
