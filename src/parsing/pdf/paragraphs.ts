/** Joins a page's lines to paragraphs: where the lines say that a new one begins, and what stands between two joined ones. */
import { heaviest } from './text-items.ts'
import type { Line } from './reading-order.ts'

export interface Paragraph {
  readonly text: string
  readonly size: number
}

const LIST_MARK = /^(?:[•◦▪‣●○■□·※–—*-]|\(?\p{Nd}{1,3}[.)]|\(?[a-z][.)])\s/u
/** Scripts that put no space between words: a line's end is not one either. */
const UNSPACED =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}\u3000-\u303f\ufe10-\ufe4f\uff00-\uffef]/u
const SENTENCE_END = /[.!?:;。！？」』）)\]"”»؟]$/u

/** The size in which most of the text is set, to half a point. */
export function bodySize(pages: Iterable<readonly Line[]>): number {
  const pairs: [number, number][] = []
  for (const lines of pages) for (const { size, text } of lines) pairs.push([Math.round(size * 2) / 2, text.length])
  return heaviest(pairs) ?? 1
}

/** Appends a line, taking a hyphen at the end of the one before back where it parted a word. */
export function joinLines(before: string, after: string, isTable = false): string {
  if (isTable) return `${before}\n${after}`
  if (before.endsWith('\u00ad')) return before.slice(0, -1) + after
  if (/\p{L}[-\u2010]$/u.test(before) && /^\p{Ll}/u.test(after)) return before.slice(0, -1) + after
  const last = before.slice(-1)
  const first = after.slice(0, 1)
  // The last unit of a pair is no letter of its own; characters beyond the BMP are rare enough to get a space.
  return UNSPACED.test(last) && UNSPACED.test(first) ? before + after : `${before} ${after}`
}

/** Lines to paragraphs; `isTitle` tells lines that stand alone. O(lines). */
export function paragraphsOf(lines: readonly Line[], isTitle: (text: string) => boolean): Paragraph[] {
  const pitch = linePitch(lines)
  const paragraphs: { text: string; size: number; lines: number }[] = []
  let before: Line | undefined
  let isAlone = false
  let left = 0
  let right = 0
  for (const line of lines) {
    const paragraph = paragraphs.at(-1)
    const wasAlone = isAlone
    isAlone = isTitle(line.text)
    const begins = before === undefined || wasAlone || isAlone || beginsParagraph(before, line, { pitch, left, right })
    if (paragraph !== undefined && before !== undefined && !begins) {
      const isTable = before.cells > 1 && line.cells > 1
      paragraph.text = joinLines(paragraph.text, line.text, isTable)
      paragraph.lines++
      left = Math.min(left, line.start)
      right = Math.max(right, line.end)
    } else {
      paragraphs.push({ text: line.text, size: line.size, lines: 1 })
      // A column keeps its width over its paragraphs.
      const isSameColumn = before !== undefined && line.start < right && line.y > before.y
      left = isSameColumn ? Math.min(left, line.start) : line.start
      right = isSameColumn ? Math.max(right, line.end) : line.end
    }
    before = line
  }
  return paragraphs.map(({ text, size }) => ({ text: text.replaceAll('\u00ad', ''), size }))
}

/** From baseline to baseline, in ems, of most lines. */
function linePitch(lines: readonly Line[]): number {
  const pairs: [number, number][] = []
  for (let i = 1; i < lines.length; i++) {
    const [before, line] = [lines[i - 1]!, lines[i]!]
    const step = (line.y - before.y) / line.size
    if (step > 0.5 && step < 3) pairs.push([Math.round(step * 10) / 10, line.text.length])
  }
  return heaviest(pairs) ?? 1.2
}

function beginsParagraph(before: Line, line: Line, column: { pitch: number; left: number; right: number }): boolean {
  const size = Math.max(before.size, line.size)
  const step = line.y - before.y
  // Rows of a table stand further apart than lines.
  if (before.cells > 1 && line.cells > 1 && step > 0 && step < 2.5 * size) return false
  // The next column, or something set apart.
  if (step <= 0 || step > (column.pitch + 0.35) * size) return true
  if (Math.abs(before.size - line.size) > 0.1 * size) return true
  if (LIST_MARK.test(line.text)) return true
  if (before.cells > 1 !== line.cells > 1) return true
  const isIndented = line.start > before.start + 0.9 * size && line.start > column.left + 0.9 * size
  const isShort = before.end < column.right - 0.15 * (column.right - column.left) - size
  // A hanging indent belongs to its list mark; the first line of a paragraph is indented against the lines before it.
  if (isIndented && !LIST_MARK.test(before.text) && (isShort || SENTENCE_END.test(before.text))) return true
  if (isShort && SENTENCE_END.test(before.text)) return true
  // A title in the type of the text ends far before its column does.
  const width = column.right - column.left
  return width > 20 * size && before.end < column.left + 0.6 * width && /^[\p{Lu}\p{Lo}\p{N}]/u.test(line.text)
}
