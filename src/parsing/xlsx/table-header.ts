/** Which row of a sheet names its columns? Titles and notes may stand above it, and some sheets have none. */
import type { Row } from './sheet-reader.ts'

/** The header is looked for among so many rows. */
export const HEADER_SEARCH_ROWS = 10
const MAX_NAME_LENGTH = 200

/**
 * The index of the first of `rows` that has about as many cells as the widest of them, all short, different texts, and a row
 * behind it. `undefined`: no row looks like a header.
 */
export function findHeader(rows: readonly Row[]): number | undefined {
  const widest = Math.max(0, ...rows.map(({ cells }) => cells.length))
  const index = rows.findIndex(({ cells }) => {
    if (cells.length < 2 || cells.length * 2 < widest) return false
    const names = new Set(cells.map(({ text }) => text))
    return names.size === cells.length && cells.every(({ text, isText }) => isText && text.length <= MAX_NAME_LENGTH)
  })
  return index === -1 || index === rows.length - 1 ? undefined : index
}
