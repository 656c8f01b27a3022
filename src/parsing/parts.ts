/**
 * Cuts what is too long for one document into several: `part-2`, `part-3`, … behind the first, which keeps its key. Cuts fall
 * between blocks of the outline or paragraphs where they can; the parts' texts follow each other without a gap.
 */
import type { BlockKind, Location, OutlineBlock } from '../chunking/document-text.ts'
import { utf8Length } from '../core/bytes.ts'
import { MAX_PART_BLOCKS, MAX_PART_BYTES } from '../core/limits.ts'
import type { ParsedDocument } from './parsed-document.ts'

/** A cut is looked for in the last part of what fits. */
const SEARCHED_SHARE = 0.5
/** UTF-16 code units never take more bytes than this in UTF-8. */
const MAX_UNIT_BYTES = 3

/** Where a text may end before a new part begins, best first; each matches up to the cut. */
const ENDS = [/\n(?=#{1,3} )/g, /\n[ \t]*\n+/g, /\n/g, /[.!?。！？…]["'”’)\]]*\s+/g, /\s/g]

/**
 * @param maxBytes of a part's text, in UTF-8
 * @param maxBlocks of a part's outline
 */
export function* cutIntoParts(
  document: ParsedDocument,
  maxBytes = MAX_PART_BYTES,
  maxBlocks = MAX_PART_BLOCKS,
): Generator<ParsedDocument> {
  const { text, outline } = document
  if (fits(text, maxBytes) && (outline?.length ?? 0) <= maxBlocks) {
    yield document
    return
  }
  let number = 0
  for (let start = 0; start < text.length;) {
    const end = Math.min(endOfPart(text, start, maxBytes, outline), endOfBlocks(text, start, maxBlocks, outline))
    const part = text.slice(start, end)
    // What nobody can read is no document of its own.
    if (part.trim() !== '') {
      number++
      yield { ...partOf(document, number), text: part, ...outlineWithin(outline, start, end) }
    }
    start = end
  }
}

/** Only the first part has the document's own id and key, and tells of the file. */
function partOf(document: ParsedDocument, number: number): Omit<ParsedDocument, 'text' | 'outline'> {
  const { key, id, pages, text: _text, outline: _outline, ...rest } = document
  if (number === 1)
    return { key, ...(id === undefined ? {} : { id }), ...(pages === undefined ? {} : { pages }), ...rest }
  return { key: partKey(key, number), ...(id === undefined ? {} : { id: `${id}/part-${number}` }), ...rest }
}

/** @param number from 1 */
export function partKey(key: string, number: number): string {
  if (number === 1) return key
  return key === '' ? `part-${number}` : `${key}/part-${number}`
}

function outlineWithin(
  outline: readonly OutlineBlock[] | undefined,
  start: number,
  end: number,
): { outline?: OutlineBlock[] } {
  if (outline === undefined) return {}
  const within: OutlineBlock[] = []
  for (const block of outline) {
    const moved = { ...block, start: Math.max(block.start, start) - start, end: Math.min(block.end, end) - start }
    if (moved.start < moved.end) within.push(moved)
  }
  return { outline: within }
}

/** Offset behind the longest good beginning of `text` from `start` on that fits. Always advances. */
export function endOfPart(text: string, start: number, maxBytes: number, outline?: readonly OutlineBlock[]): number {
  const limit = start + unitsThatFit(text, start, maxBytes)
  if (limit >= text.length) return text.length
  const earliest = start + Math.floor((limit - start) * SEARCHED_SHARE)
  const window = text.slice(earliest, limit)
  const boundary = outline === undefined ? undefined : lastBoundary(outline, earliest, limit)
  if (boundary !== undefined && !isWithinCharacter(text, boundary)) return boundary
  for (const pattern of ENDS) {
    let last = -1
    for (const match of window.matchAll(pattern)) last = match.index + match[0].length
    if (last > 0) return earliest + last
  }
  return limit
}

/** Where the first block begins that is one too many. Always advances. */
function endOfBlocks(text: string, start: number, maxBlocks: number, outline: readonly OutlineBlock[] = []): number {
  let blocks = 0
  for (const block of outline) {
    if (block.end <= start || block.start === block.end) continue
    if (++blocks > maxBlocks) return isWithinCharacter(text, block.start) ? block.start + 1 : block.start
  }
  return text.length
}

/** Between the two halves of a surrogate pair. */
const isWithinCharacter = (text: string, at: number): boolean => (text.codePointAt(at - 1) ?? 0) > 0xffff

/** The last start of a heading, or else of any block. */
function lastBoundary(outline: readonly OutlineBlock[], earliest: number, limit: number): number | undefined {
  let boundary: number | undefined
  let heading: number | undefined
  for (const { start, kind } of outline) {
    if (start > limit) break
    if (start <= earliest) continue
    boundary = start
    if (kind === 'heading') heading = start
  }
  return heading ?? boundary
}

export const fits = (text: string, maxBytes: number): boolean =>
  text.length * MAX_UNIT_BYTES <= maxBytes || (text.length <= maxBytes && utf8Length(text) <= maxBytes)

const encoder = new TextEncoder()

function unitsThatFit(text: string, start: number, maxBytes: number): number {
  const candidate = text.slice(start, start + maxBytes)
  if (candidate.length * MAX_UNIT_BYTES <= maxBytes) return candidate.length
  const { read } = encoder.encodeInto(candidate, new Uint8Array(Math.max(maxBytes, 4)))
  return Math.max(1, read)
}

/** Collects blocks of a file that is read as a stream into documents that fit, so that no more than one is ever held. */
export class PartWriter {
  readonly #document: Omit<ParsedDocument, 'text' | 'outline'>
  readonly #maxBytes: number
  readonly #maxBlocks: number
  #texts: string[] = []
  #outline: OutlineBlock[] = []
  #length = 0
  #bytes = 0
  #number = 0

  /** @param document what all parts have */
  constructor(
    document: Omit<ParsedDocument, 'text' | 'outline'>,
    maxBytes = MAX_PART_BYTES,
    maxBlocks = MAX_PART_BLOCKS,
  ) {
    this.#document = document
    this.#maxBytes = maxBytes
    this.#maxBlocks = maxBlocks
  }

  /** Adds a block on lines of its own; yields the parts that are full by it. */
  *add(
    text: string,
    block: Location & { readonly kind: BlockKind; readonly level?: number },
  ): Generator<ParsedDocument> {
    for (let start = 0; start < text.length;) {
      const end = fits(text, this.#maxBytes - 1) ? text.length : endOfPart(text, start, this.#maxBytes - 1)
      const piece = text.slice(start, end)
      start = end
      const bytes = utf8Length(piece) + 1
      const isFull = this.#bytes + bytes > this.#maxBytes || this.#outline.length >= this.#maxBlocks
      const full = isFull ? this.finish() : undefined
      if (full !== undefined) yield full
      this.#append(piece, block, bytes)
    }
  }

  #append(text: string, block: Location & { readonly kind: BlockKind; readonly level?: number }, bytes: number): void {
    if (this.#texts.length > 0) this.#length++
    this.#texts.push(text)
    this.#outline.push({ ...block, start: this.#length, end: this.#length + text.length })
    this.#length += text.length
    this.#bytes += bytes
  }

  /** What is left, if anything. */
  finish(): ParsedDocument | undefined {
    if (this.#texts.length === 0) return undefined
    this.#number++
    const document = {
      ...partOf({ ...this.#document, text: '' }, this.#number),
      text: this.#texts.join('\n'),
      outline: this.#outline,
    }
    this.#texts = []
    this.#outline = []
    this.#length = 0
    this.#bytes = 0
    return document
  }
}
