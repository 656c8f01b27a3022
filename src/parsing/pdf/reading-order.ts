/**
 * In which order is a page read? The order of the file where it goes down the page; else from the top, and column by
 * column where a gutter parts two runs of prose. Tables are not columns: their cells do not fill their width.
 */
import type { Fragment } from './text-items.ts'

/** A line of one column: what stands on one baseline, parted where the gaps are wide. */
export interface Line {
  text: string
  start: number
  end: number
  y: number
  size: number
  /** Pieces that a wide gap parts; more than one looks like a table's row. */
  cells: number
}

/** Lines that either side of a gutter has at least. */
const MIN_COLUMN_LINES = 4
/** Share of its column that a line of prose fills, in the middle of all. */
const PROSE_FILL = 0.6
const MAX_CUTS = 3

const byPosition = (a: Fragment, b: Fragment): number => a.y - b.y || a.start - b.start

const isSameLine = (a: { y: number; size: number }, b: { y: number; size: number }): boolean =>
  Math.abs(a.y - b.y) < 0.5 * Math.max(a.size, b.size)

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[sorted.length >> 1] ?? 0
}

/** Left edges that at least as many lines share as a column has, without the leftmost. */
function gutters(fragments: readonly Fragment[]): number[] {
  const left = Math.min(...fragments.map(({ start }) => start))
  const right = Math.max(...fragments.map(({ end }) => end))
  const counts = new Map<number, number>()
  for (const { start } of fragments) {
    if (start < left + 0.2 * (right - left)) continue
    const edge = Math.round(start / 2)
    counts.set(edge, (counts.get(edge) ?? 0) + 1)
  }
  return [...counts]
    .filter(([edge, count]) => count + (counts.get(edge + 1) ?? 0) >= MIN_COLUMN_LINES)
    .map(([edge]) => edge * 2 - 2)
    .sort((a, b) => a - b)
    .slice(0, 20)
}

/** Whether most lines reach far into what the column is wide. */
function isProse(fragments: readonly Fragment[]): boolean {
  const rows = toLines(fragments.toSorted(byPosition))
  if (rows.length < MIN_COLUMN_LINES) return false
  const left = Math.min(...rows.map(({ start }) => start))
  const width = Math.max(...rows.map(({ end }) => end)) - left
  const size = median(rows.map((row) => row.size))
  return width > 8 * size && median(rows.map(({ start, end }) => end - start)) >= PROSE_FILL * width
}

/** Cuts at the first gutter that parts prose from prose, in bands between the lines that cross it. */
function cut(fragments: readonly Fragment[], depth: number): Fragment[] {
  if (depth < MAX_CUTS && fragments.length >= 2 * MIN_COLUMN_LINES) {
    for (const gutter of gutters(fragments)) {
      const bands: Fragment[][] = [[]]
      for (const fragment of fragments.toSorted(byPosition)) {
        const crosses = fragment.start < gutter - 1 && fragment.end > gutter + 1
        if (crosses) bands.push([fragment], [])
        else bands.at(-1)?.push(fragment)
      }
      let found = false
      const ordered = bands.flatMap((band) => {
        const before = band.filter(({ end }) => end <= gutter + 1)
        const after = band.filter(({ end }) => end > gutter + 1)
        if (!isProse(before) || !isProse(after)) return band
        found = true
        return [...cut(before, depth + 1), ...cut(after, depth + 1)]
      })
      if (found) return ordered
    }
  }
  return inFileOrder(fragments)
}

/** The order of the file, unless it jumps up again and again. */
function inFileOrder(fragments: readonly Fragment[]): Fragment[] {
  let jumps = 0
  for (let i = 1; i < fragments.length; i++) {
    const [before, after] = [fragments[i - 1]!, fragments[i]!]
    if (after.y < before.y - Math.max(after.size, before.size)) jumps++
  }
  return jumps > 2 && jumps > fragments.length / 8 ? fragments.toSorted(byPosition) : [...fragments]
}

/** Joins neighbours that stand on one baseline. */
function toLines(fragments: readonly Fragment[]): Line[] {
  const lines: Line[] = []
  for (const { text, start, end, y, size } of fragments) {
    const line = lines.at(-1)
    if (line !== undefined && isSameLine(line, { y, size }) && start >= line.end - size) {
      line.text = `${line.text.trimEnd()} ${text.trimStart()}`
      line.end = Math.max(line.end, end)
      line.size = Math.max(line.size, size)
      line.cells++
    } else lines.push({ text, start, end, y, size, cells: 1 })
  }
  return lines
}

/** The lines of a page as they are read. O(fragments · log fragments). */
export function readingOrder(fragments: readonly Fragment[]): Line[] {
  return toLines(cut(fragments, 0)).flatMap((line) => {
    const text = line.text.replace(/\s+/g, ' ').trim()
    return text === '' ? [] : [{ ...line, text }]
  })
}
