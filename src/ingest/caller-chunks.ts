/**
 * Chunks that the caller cut: places in the document's text, or texts that together are the document. They are checked here and
 * become blocks of the document's outline, by which they are cut again for ever.
 */
import { utf8Length } from '../core/bytes.ts'
import { isJsonObject, pointerTo, type Faults } from '../core/faults.ts'
import {
  MAX_CHUNKED_LENGTH,
  MAX_CHUNKS_PER_DOCUMENT,
  MAX_CHUNK_HEADINGS,
  MAX_DOCUMENT_TEXT_BYTES,
  MAX_HEADING_LENGTH,
} from '../core/limits.ts'
import { normaliseNewlines } from '../parsing/normalise.ts'
import type { OutlineBlock } from '../shard/shard-api.ts'

/** UTF-16 offsets into the text as sent, half-open. */
export interface ChunkPlace {
  readonly start: number
  readonly end: number
  readonly headings?: readonly string[]
}

export interface ChunkText {
  readonly text: string
  readonly headings?: readonly string[]
}

export type ChunkInput = ChunkPlace | ChunkText

/** Stands between chunks that are texts. */
const SEPARATOR = '\n\n'
const PLACE_FIELDS = new Set(['start', 'end', 'headings'])
const TEXT_FIELDS = new Set(['text', 'headings'])

/**
 * Checks the `chunks` of a document; `text` is its text or markdown where it has one. Gives `undefined` with a fault for
 * anything that could not be cut.
 */
export function parseChunks(
  value: unknown,
  text: unknown,
  pointer: string,
  faults: Faults,
): readonly ChunkInput[] | undefined {
  if (!Array.isArray(value) || value.length === 0 || value.length > MAX_CHUNKS_PER_DOCUMENT) {
    faults.add(pointer, `must be an array of 1 to ${MAX_CHUNKS_PER_DOCUMENT} chunks`)
    return undefined
  }
  const chunks: ChunkInput[] = []
  let before = 0
  let length = 0
  for (const [index, item] of (value as unknown[]).entries()) {
    const at = pointerTo(pointer, index)
    if (!isJsonObject(item)) {
      faults.add(at, 'must be an object')
      continue
    }
    faults.checkMembers(item, at, text === undefined ? TEXT_FIELDS : PLACE_FIELDS)
    const headings =
      item['headings'] === undefined ? undefined : parseHeadings(item['headings'], `${at}/headings`, faults)
    const chunk =
      text === undefined ? textOf(item['text'], `${at}/text`, faults) : placeOf(item, text, before, at, faults)
    if (chunk === undefined) continue
    if ('start' in chunk) before = chunk.start
    length += 'start' in chunk ? chunk.end - chunk.start : utf8Length(chunk.text) + SEPARATOR.length
    chunks.push({ ...chunk, ...(headings === undefined ? {} : { headings }) })
  }
  const most = text === undefined ? MAX_DOCUMENT_TEXT_BYTES : MAX_CHUNKED_LENGTH
  if (length > most) {
    faults.add(pointer, `must together be at most ${most} ${text === undefined ? 'bytes' : 'UTF-16 code units'} long`)
  }
  return chunks
}

function textOf(value: unknown, pointer: string, faults: Faults): ChunkText | undefined {
  const text = faults.text(value, pointer)
  if (text === undefined) return undefined
  if (text.trim() !== '') return { text }
  faults.add(pointer, 'must not be empty')
  return undefined
}

function placeOf(
  { start, end }: Record<string, unknown>,
  text: unknown,
  before: number,
  pointer: string,
  faults: Faults,
): ChunkPlace | undefined {
  // What is wrong with the text itself is said at the text.
  const length = typeof text === 'string' ? text.length : 0
  for (const [field, offset, least] of [
    ['start', start, before],
    ['end', end, typeof start === 'number' ? start + 1 : 1],
  ] as const) {
    const at = `${pointer}/${field}`
    if (!Number.isInteger(offset)) faults.add(at, 'must be an integer')
    else if ((offset as number) < least || (offset as number) > length) {
      faults.add(at, `must be from ${least} to ${length}: chunks ascend and lie within the text`)
    } else if (typeof text === 'string' && isInsidePair(text, offset as number)) {
      faults.add(at, 'must not part a surrogate pair')
    } else continue
    return undefined
  }
  const place = { start: start as number, end: end as number }
  if (typeof text === 'string' && /\S/.test(text.slice(place.start, place.end))) return place
  faults.add(pointer, 'must hold more than white space')
  return undefined
}

const isInsidePair = (text: string, at: number): boolean =>
  (text.charCodeAt(at) & 0xfc00) === 0xdc00 && (text.charCodeAt(at - 1) & 0xfc00) === 0xd800

function parseHeadings(value: unknown, pointer: string, faults: Faults): readonly string[] {
  if (!Array.isArray(value) || value.length > MAX_CHUNK_HEADINGS) {
    faults.add(pointer, `must be an array of at most ${MAX_CHUNK_HEADINGS} headings`)
    return []
  }
  return value.map((item: unknown, index) => {
    const at = pointerTo(pointer, index)
    const heading = faults.text(item, at)?.replace(/\s+/g, ' ').trim()
    if (heading === '') faults.add(at, 'must not be empty')
    else if (heading !== undefined && heading.length > MAX_HEADING_LENGTH) {
      faults.add(at, `must be at most ${MAX_HEADING_LENGTH} characters`)
    }
    return heading ?? ''
  })
}

/** The text of a document whose chunks were checked, with LF line ends, and its chunks as blocks. */
export function outlineOfChunks(
  chunks: readonly ChunkInput[],
  text: string | undefined,
): { readonly text: string; readonly outline: readonly OutlineBlock[] } {
  const outline: OutlineBlock[] = []
  if (text !== undefined) {
    const moved = lineEndShift(text)
    for (const chunk of chunks) {
      if ('start' in chunk) outline.push(blockOf(moved(chunk.start), moved(chunk.end), chunk))
    }
    return { text: normaliseNewlines(text), outline }
  }
  const texts: string[] = []
  let at = 0
  for (const chunk of chunks) {
    if ('start' in chunk) continue
    const own = normaliseNewlines(chunk.text)
    outline.push(blockOf(at, at + own.length, chunk))
    texts.push(own)
    at += own.length + SEPARATOR.length
  }
  return { text: texts.join(SEPARATOR), outline }
}

const blockOf = (start: number, end: number, { headings = [] }: ChunkInput): OutlineBlock => ({
  start,
  end,
  kind: 'chunk',
  ...(headings.length === 0 ? {} : { headings }),
})

/** Tells where an offset lies once CRLF is LF. */
function lineEndShift(text: string): (offset: number) => number {
  const ends: number[] = []
  for (let at = text.indexOf('\r\n'); at !== -1; at = text.indexOf('\r\n', at + 2)) ends.push(at + 1)
  return (offset) => {
    let low = 0
    let high = ends.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((ends[middle] ?? 0) < offset) low = middle + 1
      else high = middle
    }
    return offset - low
  }
}
