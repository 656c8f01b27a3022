/** Headers, footers and page numbers: lines at a page's edge that stand on most pages, alike but for numbers that count the pages. */
import type { Line } from './reading-order.ts'

/** Rows at the top and at the bottom of a page that may be running heads. */
const EDGE_ROWS = 2
/** With fewer pages nothing tells a running head from what is said twice. */
const MIN_PAGES = 3
/** In UTF-16 units; longer lines are text. */
const MAX_LENGTH = 200
/** Each doubles the ways of reading a line. */
const MAX_NUMBERS = 3

/**
 * What a line may have in common with its like on page `page`: each number as it stands or, because it may count the
 * pages, as what it is more than the page's.
 */
function shapesOf(text: string, page: number): string[] {
  const plain = text.toLowerCase().replace(/\p{Nd}/gu, (digit) => digit.normalize('NFKC'))
  if (/^\W*[ivxlc]+\W*$/.test(plain)) return ['roman']
  const parts = plain.split(/(\d+)/)
  if (parts.length > 2 * MAX_NUMBERS + 1) return [plain]
  let shapes = ['']
  for (const [i, part] of parts.entries()) {
    const ways = i % 2 === 0 ? [part] : [part, `#${Number(part) - page}`]
    shapes = shapes.flatMap((shape) => ways.map((way) => shape + way))
  }
  return shapes
}

interface Edge {
  readonly line: Line
  readonly shapes: readonly string[]
}

/** The outermost lines of a page, each with its edge in its shapes. */
function edges(lines: readonly Line[], page: number): Edge[] {
  const rows = lines.toSorted((a, b) => a.y - b.y)
  const top = outermost(rows)
  const bottom = outermost(rows.toReversed()).filter((line) => !top.includes(line))
  const shaped = (line: Line, edge: string): Edge => ({
    line,
    shapes: shapesOf(line.text, page).map((shape) => `${edge} ${shape}`),
  })
  return [...top.map((line) => shaped(line, 'top')), ...bottom.map((line) => shaped(line, 'bottom'))].filter(
    ({ line }) => line.text.length <= MAX_LENGTH,
  )
}

function outermost(sorted: readonly Line[]): Line[] {
  const found: Line[] = []
  let rows = 0
  let y: number | undefined
  for (const line of sorted) {
    if (y === undefined || Math.abs(line.y - y) > 2) rows++
    if (rows > EDGE_ROWS) break
    y = line.y
    found.push(line)
  }
  return found
}

/**
 * The lines without running heads, page by page. Where most pages would have nothing left, they are forms of few lines and
 * nothing is dropped. O(lines · log lines of a page).
 */
export function withoutRunningHeads(pages: readonly (readonly Line[])[]): (readonly Line[])[] {
  if (pages.length < MIN_PAGES) return [...pages]
  const counts = new Map<string, number>()
  const ofPages = pages.map((lines, i) => edges(lines, i + 1))
  for (const page of ofPages) {
    for (const shape of new Set(page.flatMap(({ shapes }) => shapes))) counts.set(shape, (counts.get(shape) ?? 0) + 1)
  }
  const isRepeated = (shape: string): boolean => (counts.get(shape) ?? 0) > pages.length / 2
  const kept = pages.map((lines, i) => {
    const dropped = new Set((ofPages[i] ?? []).filter(({ shapes }) => shapes.some(isRepeated)).map(({ line }) => line))
    return lines.filter((line) => !dropped.has(line))
  })
  const filled = pages.filter((lines) => lines.length > 0).length
  return kept.filter((lines) => lines.length > 0).length < filled / 2 ? [...pages] : kept
}
