/**
 * How a piece of text falls into smaller ones: blocks into items, rows or sentences, those into phrases, words, fragments,
 * characters. Every splitter is given one piece and returns contiguous, trimmed, non-empty parts in order that together
 * cover all of it but white space.
 */
import { codeParts, fencedBlocks } from './code-blocks.ts'
import { sentences } from '../text/sentences.ts'
import type { BlockKind } from './document-text.ts'

/**
 * What a piece is, coarse to fine. `item` and `row` are parts of lists and tables; a `record` is a row that stands on its own;
 * `definition`, `member`, `nested` and `lines` are parts of code.
 */
export type Grain =
  | Exclude<BlockKind, 'row'>
  | 'record'
  | 'item'
  | 'definition'
  | 'member'
  | 'nested'
  | 'lines'
  | 'row'
  | 'sentence'
  | 'phrase'
  | 'word'
  | 'fragment'
  | 'grapheme'
  | 'codePoint'

export interface Piece {
  /** UTF-16 offsets, half-open; neither end lies inside a surrogate pair. */
  readonly start: number
  readonly end: number
  readonly grain: Grain
  readonly isHeading: boolean
}

/** Words in a phrase, the unit in which endless sentences are packed. */
const PHRASE_WORDS = 10
/** UTF-16 units of a fragment, the unit in which endless words are packed, and the longest word of a phrase. */
const FRAGMENT_LENGTH = 32
/** A fragment grows by at most this much to keep marks and joiners with their letters. */
const MAX_CLUSTER_LENGTH = 32

/** Whether `split` would find smaller parts. */
export function isSplittable(piece: Piece): boolean {
  return piece.grain !== 'codePoint' && piece.end - piece.start > 1
}

/** Splits into parts of the next finer grain; a piece that has only one such part is handed on to the grain after it. */
export function split(text: string, piece: Piece): Piece[] {
  let grain = piece.grain
  while (grain !== 'codePoint') {
    const [finer, splitter] = SPLITTERS[grain]
    const spans = splitter(text, piece)
    if (spans.length > 1) {
      return spans.map((span) => ({ start: span.start, end: span.end, grain: finer, isHeading: piece.isHeading }))
    }
    grain = finer
  }
  return [{ ...piece, grain: 'codePoint' }]
}

/** The parts of a piece whose grain is in `until`, or the finest ones above words. */
export function unitsOf(text: string, piece: Piece, until: ReadonlySet<Grain>): Piece[] {
  if (until.has(piece.grain)) return [piece]
  const [grain, splitter] = SPLITTERS[piece.grain]
  return splitter(text, piece).flatMap(({ start, end }) =>
    unitsOf(text, { start, end, grain, isHeading: piece.isHeading }, until),
  )
}

interface Span {
  readonly start: number
  readonly end: number
}

/** How a piece of each grain falls apart: what grain its parts have, and where they lie. */
const SPLITTERS: Readonly<Record<Grain, readonly [Grain, (text: string, piece: Span) => Span[]]>> = {
  chunk: ['paragraph', paragraphsOf],
  list: ['item', listItems],
  table: ['row', linesOf],
  record: ['item', linesOf],
  code: ['definition', (text, piece) => fencedBlocks(text, piece) ?? paragraphsOf(text, piece)],
  definition: ['member', codeParts],
  member: ['nested', codeParts],
  nested: ['lines', codeParts],
  lines: ['row', linesOf],
  heading: ['sentence', sentencesOf],
  paragraph: ['sentence', sentencesOf],
  item: ['sentence', sentencesOf],
  row: ['phrase', phrases],
  sentence: ['phrase', phrases],
  phrase: ['word', wordsOf],
  word: ['fragment', fragments],
  fragment: ['grapheme', graphemes],
  grapheme: ['codePoint', codePointsOf],
  codePoint: ['codePoint', (_text, piece) => [piece]],
}

function sentencesOf(text: string, piece: Span): Span[] {
  return sentences(text.slice(piece.start, piece.end)).map((span) => ({
    start: span.start + piece.start,
    end: span.end + piece.start,
  }))
}

function wordsOf(text: string, piece: Span): Span[] {
  return matchesOf(/\S+/g, text, piece)
}

function codePointsOf(text: string, piece: Span): Span[] {
  return matchesOf(/\S/gu, text, piece)
}

function matchesOf(pattern: RegExp, text: string, piece: Span): Span[] {
  const found: Span[] = []
  for (const match of text.slice(piece.start, piece.end).matchAll(pattern)) {
    found.push({ start: piece.start + match.index, end: piece.start + match.index + match[0].length })
  }
  return found
}

export function linesOf(text: string, piece: Span): Span[] {
  return matchesOf(/\S(?:[^\n]*\S)?/g, text, piece)
}

/** Groups of lines between blank ones. */
export function paragraphsOf(text: string, piece: Span): Span[] {
  const found: { start: number; end: number }[] = []
  let previousEnd = -1
  for (const line of linesOf(text, piece)) {
    const last = found.at(-1)
    const gap = last === undefined ? '' : text.slice(previousEnd, line.start)
    if (last !== undefined && gap.indexOf('\n') === gap.lastIndexOf('\n')) last.end = line.end
    else found.push({ ...line })
    previousEnd = line.end
  }
  return found
}

const ITEM_MARK = /^(?:[-*+•]|\d{1,9}[.)])(?=\s)/

/** Items of the outermost level: from each mark at the least indentation to the next. */
function listItems(text: string, piece: Span): Span[] {
  const found: { start: number; end: number }[] = []
  const first = text.lastIndexOf('\n', piece.start) + 1
  let least = piece.start - first
  for (const line of linesOf(text, piece)) {
    const mark = ITEM_MARK.test(text.slice(line.start, line.start + 12))
    const indentation = line.start - (text.lastIndexOf('\n', line.start) + 1)
    const last = found.at(-1)
    if (last === undefined || (mark && indentation <= least + 1)) {
      found.push({ ...line })
      least = Math.min(least, indentation)
    } else last.end = line.end
  }
  return found
}

/** Up to ten words each; an over-long word stands alone. */
function phrases(text: string, piece: Span): Span[] {
  const found: { start: number; end: number }[] = []
  let words = 0
  for (const word of matchesOf(/\S+/g, text, piece)) {
    const last = found.at(-1)
    const long = word.end - word.start > FRAGMENT_LENGTH
    if (last !== undefined && !long && words > 0 && words < PHRASE_WORDS) {
      last.end = word.end
      words++
    } else {
      found.push({ ...word })
      // Zero makes the next word begin a phrase of its own.
      words = long ? 0 : 1
    }
  }
  return found
}

function fragments(text: string, piece: Span): Span[] {
  const found: Span[] = []
  let start = piece.start
  while (start < piece.end) {
    const end = clusterEnd(text, start + FRAGMENT_LENGTH, piece.end)
    found.push({ start, end })
    start = end
  }
  return found
}

/** Moves an end forward until it parts neither a surrogate pair nor, within reason, a mark from its letter. */
function clusterEnd(text: string, at: number, limit: number): number {
  if (at >= limit) return limit
  let end = (text.charCodeAt(at) & 0xfc00) === 0xdc00 && (text.charCodeAt(at - 1) & 0xfc00) === 0xd800 ? at + 1 : at
  const most = Math.min(limit, at + MAX_CLUSTER_LENGTH)
  while (end < most) {
    const next = text.codePointAt(end) ?? 0
    const joins = next === 0x200d || (end > 0 && text.charCodeAt(end - 1) === 0x200d)
    if (!joins && !/[\p{M}\p{Emoji_Modifier}]/u.test(String.fromCodePoint(next))) break
    end += next > 0xffff ? 2 : 1
  }
  return end
}

const graphemeSegmenter = new Intl.Segmenter('und', { granularity: 'grapheme' })

function graphemes(text: string, piece: Span): Span[] {
  const found: Span[] = []
  for (const { segment, index } of graphemeSegmenter.segment(text.slice(piece.start, piece.end))) {
    if (segment.trim() !== '') found.push({ start: piece.start + index, end: piece.start + index + segment.length })
  }
  return found
}
