/**
 * One mail as a document: its subject as title, its text, who wrote it to whom and when as metadata. The plain text is taken
 * where there is one, else what its HTML says. Attachments are named in the metadata; what they hold is not indexed.
 */
import type { Email, PostalMimeOptions } from 'postal-mime'
import type { OutlineBlock } from '../chunking/document-text.ts'
import type { JsonObject } from '../core/canonical-json.ts'
import { MAX_FILE_DEPTH } from '../core/limits.ts'
import { FileFault } from './file-fault.ts'
import { cleanText } from './file-text.ts'
import { inTurns, MAX_HTML_TOKENS } from './html/pieces.ts'
import { parsingHtml } from './html.ts'
import type { ParseBudget } from './parse-budget.ts'
import type { ParsedDocument } from './parsed-document.ts'

/** A mail to 5,000 people has as many. */
const MAX_HEADER_BYTES = 256_000
/** A mail of so much lets others in; who reads many small ones sees to that. */
const TURN_BYTES = 65_536
/** Parts of one mail, as lines that look like a border between two. */
const MAX_BORDERS = 10_000
/** Lines that are no base64; the library handles each as an object of its own. */
const MAX_TEXT_LINES = 100_000
const MIN_PACKED_LINE = 57
/** The library turns each into a string of its own. */
const MAX_ENTITIES = 200_000
/** Mails inside mails that are read with it; deeper ones count as attachments. */
const MAX_FORWARDED = 3
/** Recipients and attachments that the metadata names, and the length of one, in UTF-16 units. */
const MAX_NAMES = 20
const MAX_NAME_LENGTH = 100

interface Mailbox {
  readonly name?: string | undefined
  readonly address?: string | undefined
  readonly group?: readonly Mailbox[] | undefined
}

/** Reads one mail; `undefined` where it says nothing at all. @throws FileFault too_complex, malformed_file */
export async function readMessage(
  bytes: Uint8Array<ArrayBuffer>,
  key: string,
  budget: ParseBudget,
): Promise<ParsedDocument | undefined> {
  checkLines(bytes, budget)
  // The bytes themselves, and the parts decoded.
  budget.hold(2 * bytes.length)
  try {
    const email = await parsed(bytes, {
      maxNestingDepth: MAX_FILE_DEPTH,
      maxHeadersSize: MAX_HEADER_BYTES,
      maxRfc822NestingDepth: MAX_FORWARDED,
    }).catch((error: unknown) => {
      if (error instanceof FileFault) throw error
      const isLimit = error instanceof Error && /exceeded/i.test(error.message)
      throw new FileFault(isLimit ? 'too_complex' : 'malformed_file')
    })
    if (bytes.length >= TURN_BYTES) await budget.turn()
    const subject = line(email.subject ?? '')
    const { text, format, outline } = await bodyOf(email.text, email.html, subject, budget)
    if (text === '') return undefined
    const known: Record<string, string | string[] | undefined> = {
      from: mailboxes(email.from === undefined ? [] : [email.from])[0],
      to: some(mailboxes(email.to ?? [])),
      cc: some(mailboxes(email.cc ?? [])),
      date: isoDate(email.date),
      messageId: email.messageId === undefined ? undefined : line(email.messageId),
      attachments: some(email.attachments.map(({ filename }) => line(filename ?? '')).filter((name) => name !== '')),
    }
    const metadata: JsonObject = Object.fromEntries(
      Object.entries(known).filter((entry): entry is [string, string | string[]] => entry[1] !== undefined),
    )
    return {
      key,
      ...(subject === '' ? {} : { title: subject }),
      metadata,
      format,
      text,
      ...(outline === undefined ? {} : { outline }),
    }
  } finally {
    budget.release(2 * bytes.length)
  }
}

async function parsed(bytes: Uint8Array<ArrayBuffer>, limits: PostalMimeOptions): Promise<Email> {
  const { default: PostalMime } = await import('postal-mime')
  /** Its way from HTML to text looks for the address of each link up to the end of the mail, where a link is not closed. */
  class WithoutLinks extends PostalMime {
    addTextEntry(selector: unknown, kind: string, item: { readonly type: string; readonly value: unknown }): void {
      const value = kind === 'html' && typeof item.value === 'string' ? withoutLinks(item.value) : item.value
      const base = PostalMime.prototype as unknown as Pick<WithoutLinks, 'addTextEntry'>
      base.addTextEntry.call(this, selector, kind, { ...item, value })
    }
  }
  return new WithoutLinks(limits).parse(bytes)
}

/** HTML whose links lead nowhere. O(length). @throws FileFault too_complex */
function withoutLinks(html: string): string {
  let entities = 0
  for (let found = html.indexOf('&'); found >= 0; found = html.indexOf('&', found + 1)) entities++
  if (entities > MAX_ENTITIES) throw new FileFault('too_complex')
  const parts: string[] = []
  const opening = /<a\b/gi
  let at = 0
  for (let match = opening.exec(html); match !== null; match = opening.exec(html)) {
    const end = html.indexOf('>', match.index)
    parts.push(html.slice(at, match.index))
    at = end < 0 ? html.length : end + 1
    if (end < 0) break
    parts.push('<a>')
    opening.lastIndex = at
  }
  return parts.join('') + html.slice(at)
}

/** A mail that brings only attachments is found by its subject. */
async function bodyOf(
  plain: string | undefined,
  html: string | undefined,
  subject: string,
  budget: ParseBudget,
): Promise<Pick<ParsedDocument, 'text' | 'format'> & { outline?: OutlineBlock[] }> {
  const text = cleanText(plain ?? '').trim()
  if (text !== '') return { text, format: 'text' }
  const page = await inTurns(parsingHtml(cleanText(html ?? ''), MAX_HTML_TOKENS), budget)
  return page.text === '' ? { text: subject, format: 'text' } : { ...page, format: 'html' }
}

/** @throws FileFault too_complex */
function checkLines(bytes: Uint8Array, budget: ParseBudget): void {
  let borders = 0
  let lines = 0
  for (let start = 0, end = 0; start < bytes.length; start = end + 1) {
    end = bytes.indexOf(0x0a, start)
    if (end < 0) end = bytes.length
    if (bytes[start] === 0x2d && bytes[start + 1] === 0x2d && bytes[start + 2] !== 0x20) borders++
    if (end - start < MIN_PACKED_LINE || isSpaced(bytes, start)) lines++
  }
  if (borders > MAX_BORDERS || lines > MAX_TEXT_LINES) throw new FileFault('too_complex')
  budget.step(borders + lines)
}

/** Lines of base64 have no spaces. */
function isSpaced(bytes: Uint8Array, start: number): boolean {
  return bytes.subarray(start, start + MIN_PACKED_LINE).includes(0x20)
}

const line = (text: string): string =>
  text
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim()
    .slice(0, 4 * MAX_NAME_LENGTH)
    .toWellFormed()

function mailboxes(given: readonly Mailbox[]): string[] {
  return given
    .flatMap((mailbox) => mailbox.group ?? [mailbox])
    .map(({ name = '', address = '' }) => line(name === '' ? address : address === '' ? name : `${name} <${address}>`))
    .filter((text) => text !== '')
}

const some = (names: readonly string[]): string[] | undefined =>
  names.length === 0
    ? undefined
    : names.slice(0, MAX_NAMES).map((name) => name.slice(0, MAX_NAME_LENGTH).toWellFormed())

function isoDate(text: string | undefined): string | undefined {
  const date = new Date(text ?? Number.NaN)
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString()
}
