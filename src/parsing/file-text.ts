/**
 * A file's bytes as text: decoded piece by piece, with LF line ends, no NUL, no other control characters, well formed. Form
 * feeds stay where the text becomes the document's as it is, because they part its pages.
 */
import { FileFault } from './file-fault.ts'
import { detectEncoding, isAscii } from './encoding.ts'
import { normaliseNewlines } from './normalise.ts'
import type { FileFormat } from './file-format.ts'
import type { FileToParse } from './parsed-document.ts'

/** Decoded at once, before others of the isolate get their turn. */
const PIECE_BYTES = 65_536
/** A whole piece has so many at least, whatever its encoding. */
const TURN_CHARACTERS = PIECE_BYTES / 4
/** A text of which more than one character in ten cannot be told is not in this encoding. */
const MAX_UNKNOWN_SHARE = 0.1
/** Judged once so many characters are there, or at the end. */
const JUDGED_CHARACTERS = 65_536
/** Formats of which the text is kept as it was written. */
const WITH_FORM_FEEDS: ReadonlySet<FileFormat> = new Set(['text', 'markdown', 'code'])

/** Yields the text in order, in pieces of some 64 KB that split no line end and no character. @throws FileFault */
export async function* decodeFile(file: FileToParse): AsyncGenerator<string> {
  const cleaner = new TextCleaner(WITH_FORM_FEEDS.has(file.format) ? withFormFeeds : cleanText)
  for await (const text of decodedPieces(file)) {
    const clean = cleaner.push(text)
    if (clean !== '') yield clean
    // Of a small file nobody notices; among many of them a turn for each would take longer than reading them.
    if (text.length >= TURN_CHARACTERS) await file.budget.turn()
  }
  const last = cleaner.finish()
  if (last !== '') yield last
}

/** All of the text at once, for formats that cannot be read otherwise. It counts as held. @throws FileFault */
export async function readText(file: FileToParse): Promise<string> {
  const pieces: string[] = []
  for await (const piece of decodeFile(file)) {
    file.budget.hold(piece.length)
    pieces.push(piece)
  }
  return pieces.join('')
}

async function* decodedPieces({ bytes, encoding, budget }: FileToParse): AsyncGenerator<string> {
  let decoder = new PieceDecoder(encoding ?? 'utf-8')
  // Where the head was plain ASCII, the first other bytes tell the encoding.
  let isUndecided = encoding === undefined || encoding === 'utf-8'
  for await (const piece of equalPieces(bytes.stream())) {
    budget.step(Math.ceil(piece.length / 1_024))
    if (isUndecided && (!isAscii(piece) || (encoding === undefined && piece.includes(0)))) {
      isUndecided = false
      const found = detectEncoding(piece) ?? 'utf-8'
      if (found !== 'utf-8') decoder = new PieceDecoder(found)
    }
    yield decoder.push(piece)
  }
  yield decoder.finish()
}

/** Pieces of `PIECE_BYTES`, the last one shorter, however the stream is cut; each is only good until the next is asked for. */
async function* equalPieces(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader()
  const piece = new Uint8Array(PIECE_BYTES)
  let filled = 0
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) break
      for (let at = 0; at < value.length;) {
        const taken = value.subarray(at, at + PIECE_BYTES - filled)
        piece.set(taken, filled)
        filled += taken.length
        at += taken.length
        if (filled < PIECE_BYTES) continue
        yield piece
        filled = 0
      }
    }
    if (filled > 0) yield piece.subarray(0, filled)
  } finally {
    await reader.cancel().catch(() => undefined)
  }
}

/** Decodes in pieces and judges whether the encoding was the right one. */
class PieceDecoder {
  readonly #decoder: TextDecoder
  #characters = 0
  #unknown = 0
  #judged = false

  constructor(encoding: string) {
    this.#decoder = decoderOf(encoding)
  }

  push(piece: Uint8Array): string {
    const text = this.#decoder.decode(piece, { stream: true })
    this.#count(text)
    if (!this.#judged && this.#characters >= JUDGED_CHARACTERS) this.#judge()
    return text
  }

  finish(): string {
    const text = this.#decoder.decode()
    this.#count(text)
    this.#judge()
    return text
  }

  #count(text: string): void {
    this.#characters += text.length
    for (let at = text.indexOf('\ufffd'); at !== -1; at = text.indexOf('\ufffd', at + 1)) this.#unknown++
  }

  #judge(): void {
    this.#judged = true
    if (this.#unknown > this.#characters * MAX_UNKNOWN_SHARE) throw new FileFault('unknown_encoding')
  }
}

function decoderOf(encoding: string): TextDecoder {
  try {
    return new TextDecoder(encoding)
  } catch {
    throw new FileFault('unknown_encoding')
  }
}

/** Holds a CR back that may be the first half of a CRLF. */
class TextCleaner {
  readonly #clean: (text: string) => string
  #endsInReturn = false

  constructor(clean: (text: string) => string) {
    this.#clean = clean
  }

  push(text: string): string {
    const whole = this.#endsInReturn ? `\r${text}` : text
    this.#endsInReturn = whole.endsWith('\r')
    return this.#clean(this.#endsInReturn ? whole.slice(0, -1) : whole)
  }

  finish(): string {
    return this.#endsInReturn ? '\n' : ''
  }
}

// oxlint-disable-next-line no-control-regex -- they are what is looked for
const UNCLEAN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/

/** Line ends and form feeds become LF, other control characters go, lone surrogates become U+FFFD. */
export const cleanText = (text: string): string => withFormFeeds(text).replaceAll('\f', '\n')

function withFormFeeds(text: string): string {
  if (!UNCLEAN.test(text)) return text.toWellFormed()
  // oxlint-disable-next-line no-control-regex -- they are what is looked for
  const withoutControls = text.replace(/[\u0000-\u0008\u000b\u000e-\u001f\u007f-\u009f]/g, '')
  return normaliseNewlines(withoutControls).toWellFormed()
}
