/** Merged ranges stand behind the rows that they concern, so a sheet's part is looked through for them beforehand. */
import { columnOf, type Merge } from './sheet-reader.ts'

/** More than any sheet that a person made; the rest is read as it stands. */
const MAX_MERGES = 10_000
const MAX_TAIL_CHARACTERS = 1_000_000
const MARK = 'mergeCells'

/** The ranges of several rows. References are ASCII, so bytes are read as they are. */
export async function findMerges(pieces: AsyncIterable<Uint8Array>): Promise<Merge[]> {
  const decoder = new TextDecoder('latin1')
  let tail = ''
  let isFound = false
  for await (const piece of pieces) {
    tail = (isFound ? tail : tail.slice(-MARK.length)) + decoder.decode(piece)
    if (!isFound) {
      const start = tail.indexOf(MARK)
      isFound = start !== -1
      if (isFound) tail = tail.slice(start)
    }
    if (isFound && (tail.length > MAX_TAIL_CHARACTERS || tail.includes(`/${MARK}`) || tail.includes(`:${MARK}`))) break
  }
  if (!isFound) return []
  const merges: Merge[] = []
  for (const match of tail.matchAll(/\bref="([A-Z]{1,3})(\d{1,7}):[A-Z]{1,3}(\d{1,7})"/g)) {
    const [, column = '', first = '', last = ''] = match
    if (first !== last) merges.push({ column: columnOf(column), firstRow: Number(first), lastRow: Number(last) })
    if (merges.length === MAX_MERGES) break
  }
  return merges
}
