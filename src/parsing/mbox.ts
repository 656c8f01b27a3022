/**
 * A mailbox as a stream: each mail is a document of its own. A mail begins with a line `From … 12:34…` at the beginning or after an
 * empty line; lines of a mail that would look like one stand behind a `>`, which is taken away (mboxo and mboxrd).
 */
import { MAX_DOCUMENTS_PER_FILE, MAX_FILE_BYTES } from '../core/limits.ts'
import { FileFault } from './file-fault.ts'
import { readMessage } from './mail-message.ts'
import type { ParseBudget } from './parse-budget.ts'
import type { FileToParse, ParsedDocument } from './parsed-document.ts'

const LINE_FEED = 0x0a
/** Of a line that is not whole yet; a longer one is no beginning of a mail. */
const MAX_HELD_LINE = 1_000
/** Worked on before others of the isolate get their turn. */
const PIECE_BYTES = 65_536
const MESSAGES_PER_TURN = 32
const BEGINNING = /^From .*\d:\d\d/
const ascii = new TextDecoder('latin1')

/** Documents `messages/1` and so on, in the order of the file; mails without any text are left out. @throws FileFault */
export async function* parseMbox({ bytes, budget }: FileToParse): AsyncGenerator<ParsedDocument> {
  const message = new MessageBytes(budget)
  let number = 0
  let isAfterEmpty = true
  let isInLine = false
  let rest = new Uint8Array(0)
  let sinceTurn = 0
  const finish = async (): Promise<ParsedDocument | undefined> => {
    const content = message.take()
    return number === 0 ? undefined : await readMessage(content, `messages/${number}`, budget)
  }
  for await (const piece of piecesOf(bytes.stream())) {
    const data = joined(rest, piece)
    let at = 0
    while (at < data.length) {
      const end = data.indexOf(LINE_FEED, at)
      if (end < 0 && !isInLine && data.length - at < MAX_HELD_LINE) break
      const line = data.subarray(at, end < 0 ? data.length : end + 1)
      at += line.length
      if (!isInLine && isAfterEmpty && isBeginning(line)) {
        const document = await finish()
        if (document !== undefined) yield document
        // Mails without any text count as well.
        if (++number > MAX_DOCUMENTS_PER_FILE) throw new FileFault('too_many_documents')
        if (number % MESSAGES_PER_TURN === 0) await budget.turn()
      } else if (number === 0) {
        if (line.length > 2) throw new FileFault('malformed_file', 'the mailbox does not begin with a mail')
      } else message.push(isInLine ? line : unquoted(line))
      isAfterEmpty = !isInLine && (line.length === 1 || (line.length === 2 && line[0] === 0x0d))
      isInLine = end < 0
    }
    rest = data.slice(at)
    sinceTurn += piece.length
    if (sinceTurn < PIECE_BYTES) continue
    await budget.turn()
    sinceTurn = 0
  }
  message.push(unquoted(rest))
  const document = await finish()
  if (document !== undefined) yield document
}

const isBeginning = (line: Uint8Array): boolean =>
  line[0] === 0x46 && BEGINNING.test(ascii.decode(line.subarray(0, MAX_HELD_LINE)))

/** Without the first of the marks that hide a `From `. */
function unquoted(line: Uint8Array): Uint8Array {
  if (line[0] !== 0x3e) return line
  return /^>+From /.test(ascii.decode(line.subarray(0, 100))) ? line.subarray(1) : line
}

/** The bytes of one mail, growing. */
class MessageBytes {
  readonly #budget: ParseBudget
  #bytes = new Uint8Array(0)
  #length = 0

  constructor(budget: ParseBudget) {
    this.#budget = budget
  }

  push(line: Uint8Array): void {
    const length = this.#length + line.length
    if (length > MAX_FILE_BYTES) throw new FileFault('record_too_large')
    if (length > this.#bytes.length) {
      const grown = new Uint8Array(Math.min(MAX_FILE_BYTES, Math.max(PIECE_BYTES, length, 2 * this.#bytes.length)))
      this.#budget.hold(grown.length - this.#bytes.length)
      grown.set(this.#bytes.subarray(0, this.#length))
      this.#bytes = grown
    }
    this.#bytes.set(line, this.#length)
    this.#length = length
  }

  /** A copy; the room is used again, but for that of a large mail. */
  take(): Uint8Array<ArrayBuffer> {
    const content = this.#bytes.slice(0, this.#length)
    this.#length = 0
    if (this.#bytes.length > 1_000_000) {
      this.#budget.release(this.#bytes.length)
      this.#bytes = new Uint8Array(0)
    }
    return content
  }
}

function joined(before: Uint8Array, after: Uint8Array): Uint8Array {
  if (before.length === 0) return after
  const both = new Uint8Array(before.length + after.length)
  both.set(before)
  both.set(after, before.length)
  return both
}

/** As the stream gives them, at most 64 KB each, so that others get their turn. */
async function* piecesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader()
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      for (let at = 0; at < next.value.length; at += PIECE_BYTES) yield next.value.subarray(at, at + PIECE_BYTES)
    }
  } finally {
    await reader.cancel().catch(() => undefined)
  }
}
