/** A document's blocks, grouped under their headings. */
import { MAX_HEADING_LENGTH } from '../core/limits.ts'
import type { OutlineBlock, TextFormat } from './document-text.ts'
import { headingText, markdownBlocks } from './markdown-blocks.ts'
import { paragraphsOf, type Piece } from './split.ts'

export interface Heading {
  readonly level: number
  /** Without marks, white space collapsed, at most 200 UTF-16 units. */
  readonly text: string
  /** Where its line begins in the document's text. */
  readonly start: number
}

/** One or more headings in a row and what stands under the last of them; before the first heading, a section without. */
export interface Section {
  /** Outermost first; the path of the section's last heading. */
  readonly path: readonly Heading[]
  /** Headings first. */
  readonly pieces: readonly Piece[]
}

export interface SectionDocument {
  readonly text: string
  readonly format: TextFormat
  readonly outline?: readonly OutlineBlock[]
}

/** Lists the sections of some blocks in order; `before` is what the first block stands under. */
export function sectionsIn(
  { text, format }: SectionDocument,
  blocks: readonly OutlineBlock[],
  before: readonly Heading[] = [],
): Section[] {
  const sections: Section[] = []
  let path = before
  let pieces: Piece[] = []
  const close = (): void => {
    if (pieces.length > 0) sections.push({ path, pieces })
    pieces = []
  }
  for (const block of blocks) {
    const isHeading = block.kind === 'heading'
    if (isHeading) {
      if (pieces.at(-1)?.isHeading === false) close()
      const raw = text.slice(block.start, block.end)
      const level = block.level ?? 1
      const plain = format === 'markdown' ? headingText(raw) : raw.slice(0, 1_000).replace(/\s+/g, ' ').trim()
      const heading = { level, text: truncateHeading(plain), start: block.start }
      path = [...path.filter((outer) => outer.level < level), heading]
    }
    const grain = block.kind === 'row' ? 'record' : block.kind
    pieces.push({ start: block.start, end: block.end, grain, isHeading })
  }
  close()
  return sections
}

export const truncateHeading = (text: string): string =>
  text.length <= MAX_HEADING_LENGTH
    ? text
    : text
        .slice(0, MAX_HEADING_LENGTH)
        .toWellFormed()
        .replace(/\ufffd$/, '')
        .trimEnd()

/** Trimmed, ascending, disjoint blocks that cover all but white space. */
export function blocksOf({ text, format, outline }: SectionDocument): OutlineBlock[] {
  const whole = { start: 0, end: text.length }
  if (format === 'markdown') return cover(text, markdownBlocks(text))
  if (format !== 'text' && outline !== undefined) return cover(text, outline)
  return paragraphsOf(text, whole).map((span) => ({ ...span, kind: 'paragraph' }))
}

/** Makes any outline safe to cut by: order kept, overlaps clipped, gaps filled with paragraphs, ends trimmed. */
function cover(text: string, outline: readonly OutlineBlock[]): OutlineBlock[] {
  const covered: OutlineBlock[] = []
  let at = 0
  const push = (block: OutlineBlock): void => {
    const raw = text.slice(block.start, block.end)
    const trimmed = raw.trim()
    if (trimmed === '') return
    const start = block.start + raw.length - raw.trimStart().length
    covered.push({ ...block, start, end: start + trimmed.length })
  }
  for (const block of outline) {
    const start = Math.max(at, wholeCharacter(text, block.start))
    const end = Math.min(text.length, wholeCharacter(text, block.end))
    if (end <= start) continue
    if (start > at) push({ start: at, end: start, kind: 'paragraph' })
    push({ ...block, start, end })
    at = end
  }
  if (at < text.length) push({ start: at, end: text.length, kind: 'paragraph' })
  return covered
}

/** Moves an offset that lies inside a surrogate pair behind it. */
function wholeCharacter(text: string, at: number): number {
  const isInside = (text.charCodeAt(at) & 0xfc00) === 0xdc00 && (text.charCodeAt(at - 1) & 0xfc00) === 0xd800
  return isInside ? at + 1 : at
}
