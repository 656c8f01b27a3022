/**
 * Reads XML of unknown origin as it arrives, in pieces, and tells of elements and text. No tree is built; depth, elements
 * and attributes are counted, and a document type that declares entities is refused: nothing read here needs one.
 */
import { Parser } from 'htmlparser2'
import { MAX_FILE_DEPTH, MAX_RECORD_BYTES } from '../../core/limits.ts'
import { FileFault } from '../file-fault.ts'
import { cleanText } from '../file-text.ts'
import type { ParseBudget } from '../parse-budget.ts'

export type XmlAttributes = Readonly<Record<string, string>>

/** Names come without their prefix, attributes with it, text clean and in pieces. May throw to stop the reading. */
export interface XmlEvents {
  open?(name: string, attributes: XmlAttributes): void
  close?(name: string): void
  text?(text: string): void
}

/** Each entity is a text of its own; so many are put together before they are told. */
const MAX_TEXTS = 1_024
/** What each of them costs beside its characters: a few bytes of a file may stand for millions. */
const ENTITY_STEPS = 2

/** So many bytes are read at a stretch; whoever feeds the reader lets others in between. */
export const XML_PIECE_BYTES = 65_536

export class XmlReader {
  readonly #parser: Parser
  #decoder: TextDecoder | undefined
  #depth = 0
  /** Bytes since the last element or text: a tag, an attribute or a comment that does not end is kept whole. */
  #silent = 0
  readonly #texts: string[] = []
  #hasRoot = false
  #isEnding = false

  constructor(events: XmlEvents, budget: ParseBudget) {
    const tellText = (): void => {
      if (this.#texts.length > 0) events.text?.(cleanText(this.#texts.splice(0).join('')))
    }
    this.#parser = new Parser(
      {
        onopentag: (name, attributes) => {
          this.#silent = 0
          tellText()
          this.#hasRoot = true
          budget.step()
          this.#depth++
          if (this.#depth > MAX_FILE_DEPTH)
            throw new FileFault('too_complex', 'the elements of the file are nested too deep')
          events.open?.(localName(name), attributes)
        },
        onattribute: () => budget.step(),
        onclosetag: (name) => {
          this.#silent = 0
          // What is still open at the end was never closed.
          if (this.#isEnding) throw new FileFault('malformed_file', 'a part of the file ends too early')
          this.#depth--
          tellText()
          events.close?.(localName(name))
        },
        ontext: (text) => {
          this.#silent = 0
          if (this.#texts.length > 0) budget.step(ENTITY_STEPS)
          this.#texts.push(text)
          if (this.#texts.length === MAX_TEXTS) tellText()
        },
        onprocessinginstruction: (name, data) => {
          budget.step()
          if (name.startsWith('!') && /\[|<?!ENTITY/i.test(data)) {
            throw new FileFault('malformed_file', 'a part of the file declares entities')
          }
        },
        oncomment: () => budget.step(),
      },
      { xmlMode: true, decodeEntities: true },
    )
  }

  /** At most `XML_PIECE_BYTES` at a time, so that a long tag is noticed. @throws FileFault */
  write(piece: Uint8Array): void {
    this.#silent += piece.length
    if (this.#silent > MAX_RECORD_BYTES) throw new FileFault('too_complex', 'a tag or comment of the file is too long')
    this.#decoder ??= decoderOf(piece)
    this.#parser.write(this.#decode(piece))
  }

  /** @throws FileFault malformed_file when the document is not complete */
  end(): void {
    this.#parser.write(this.#decode())
    this.#isEnding = true
    this.#parser.end()
    if (!this.#hasRoot) throw new FileFault('malformed_file', 'a part of the file holds no XML')
  }

  #decode(piece?: Uint8Array): string {
    try {
      return this.#decoder?.decode(piece, { stream: piece !== undefined }) ?? ''
    } catch {
      throw new FileFault('malformed_file', 'a part of the file is not written in the characters that it says')
    }
  }
}

/** The attribute of that name, with whatever prefix. */
export function attributeOf(attributes: XmlAttributes, name: string): string | undefined {
  const plain = attributes[name]
  if (plain !== undefined) return plain
  for (const key of Object.keys(attributes)) if (key.endsWith(`:${name}`)) return attributes[key]
  return undefined
}

function localName(name: string): string {
  return name.slice(name.indexOf(':') + 1)
}

/** By byte order mark, or by the declaration at the beginning; UTF-8 where there is neither. @throws FileFault */
export function decoderOf(head: Uint8Array): TextDecoder {
  const isWide = (head[0] === 0xff && head[1] === 0xfe) || (head[0] === 0xfe && head[1] === 0xff)
  const declared = /^\s*<\?xml[^>]*\bencoding\s*=\s*["']([\w.-]+)["']/.exec(
    new TextDecoder('latin1').decode(head.subarray(0, 200)),
  )?.[1]
  // A declaration that can be read as single bytes is not written in double ones, whatever it says.
  const label = isWide
    ? head[0] === 0xff
      ? 'utf-16le'
      : 'utf-16be'
    : declared === undefined || /^utf-?16/i.test(declared)
      ? 'utf-8'
      : declared
  try {
    return new TextDecoder(label, { fatal: true, ignoreBOM: false })
  } catch {
    throw new FileFault('unknown_encoding')
  }
}
