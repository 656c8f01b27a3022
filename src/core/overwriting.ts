/**
 * SQL that wipes a value in place. SQLite leaves the bytes of deleted rows in their pages until these are used again, and
 * the platform allows neither `secure_delete` nor `VACUUM`. A row that is updated without changing its length is
 * overwritten where it lies, so content is overwritten by as many bytes before its row goes or changes its length.
 */

/** A text of as many UTF-8 bytes as the column's; NULL stays NULL. */
export function wipedText(column: string): string {
  const bytes = `length(CAST(${column} AS BLOB))`
  return `${column} = substr(hex(zeroblob(${bytes} / 2 + 1)), 1, ${bytes})`
}

/** As many zero bytes as the column's; NULL must not occur. */
export const wipedBlob = (column: string): string => `${column} = zeroblob(length(${column}))`
