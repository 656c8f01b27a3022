/** Puts the paragraphs of all pages together: text and outline with pages, headings from bookmarks or from larger type. */
import type { OutlineBlock } from '../../chunking/document-text.ts'
import { bodySize, paragraphsOf } from './paragraphs.ts'
import type { Line } from './reading-order.ts'

/** An entry of the file's own outline; `level` from 1. */
export interface Bookmark {
  readonly title: string
  readonly level: number
}

/** By how much a heading's type is larger than the text's, at least. */
const HEADING_SIZE = 1.15
/** In UTF-16 units; longer ones are text in large type. */
const MAX_HEADING_LENGTH = 200

/** What a title and its place in the text have in common. */
const plain = (title: string): string =>
  title
    .normalize('NFKC')
    .toLowerCase()
    .replace(/^[\p{Nd}.]+\s+/u, '')
    .replace(/[\s\p{P}]+/gu, '')

/**
 * Without the controls that fonts without a map leave behind, and halves of characters; ligatures, the shapes of
 * Arabic letters and marks of vertical lines as what they stand for. Not before the lines are whole: pdf.js turns text around by the character.
 */
const clean = (text: string): string =>
  text
    .replace(/(?![\n\t])\p{Cc}/gu, '')
    .replace(/[\ufb00-\ufdff\ufe10-\ufe19\ufe30-\ufe44\ufe70-\ufeff]+/g, (shapes) => shapes.normalize('NFKC'))
    .toWellFormed()

/** Text and outline of the pages, numbered from 1. O(text). */
export function compose(
  pages: readonly (readonly Line[])[],
  bookmarks: readonly Bookmark[],
): { text: string; outline: OutlineBlock[] } {
  const levels = new Map(bookmarks.map(({ title, level }) => [plain(title), Math.min(6, level)]))
  levels.delete('')
  const size = bodySize(pages)
  const paragraphs = pages.flatMap((lines, i) =>
    paragraphsOf(lines, (line) => line.length <= MAX_HEADING_LENGTH && levels.has(plain(line))).flatMap((paragraph) => {
      const text = clean(paragraph.text).trim()
      return text === '' ? [] : [{ text, size: paragraph.size, page: i + 1 }]
    }),
  )
  const bookmarked = paragraphs.map(({ text }) =>
    text.length <= MAX_HEADING_LENGTH ? levels.get(plain(text)) : undefined,
  )
  const hasBookmarks = new Set(bookmarked.filter((level) => level !== undefined)).size > 0
  const sizes = [
    ...new Set(
      paragraphs
        .filter((paragraph) => isLarge(paragraph, size))
        .map((paragraph) => Math.round(paragraph.size))
        .sort((a, b) => b - a),
    ),
  ]
  const parts: string[] = []
  const outline: OutlineBlock[] = []
  let length = 0
  for (const [i, paragraph] of paragraphs.entries()) {
    if (length > 0) {
      parts.push('\n\n')
      length += 2
    }
    const bySize = hasBookmarks || !isLarge(paragraph, size) ? -1 : sizes.indexOf(Math.round(paragraph.size))
    const level = bookmarked[i] ?? (bySize < 0 ? undefined : Math.min(6, bySize + 1))
    const start = length
    parts.push(paragraph.text)
    length += paragraph.text.length
    const { page } = paragraph
    outline.push(
      level === undefined
        ? { start, end: length, kind: paragraph.text.includes('\n') ? 'table' : 'paragraph', page }
        : { start, end: length, kind: 'heading', level, page },
    )
  }
  return { text: parts.join(''), outline }
}

function isLarge({ text, size }: { text: string; size: number }, body: number): boolean {
  return size >= HEADING_SIZE * body && text.length <= MAX_HEADING_LENGTH && /\p{L}/u.test(text)
}
