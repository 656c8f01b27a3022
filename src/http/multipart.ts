/**
 * `multipart/form-data` (RFC 7578) as a stream: one part after another, each read piece by piece, so that no part and no
 * body is ever held. Strict where leniency would let two readers see two forms. Parsers that push were tried: they lose
 * bytes where a delimiter is divided between two pieces, and file names that are not Latin.
 */
import { MAX_PART_HEADER_BYTES } from '../core/limits.ts'
import { invalidField } from '../core/problem.ts'

const DASH = 0x2d
const CR = 0x0d
const LF = 0x0a

/** What a part says of itself. */
export interface PartHead {
  /** Of the form's field. */
  readonly name: string
  readonly filename?: string
}

type Bytes = Uint8Array<ArrayBuffer>

/** Gives the next piece of a body; `undefined` at its end. */
export type NextPiece = () => Promise<Uint8Array | undefined>

/**
 * The boundary of a content type; `undefined` when it is of another type.
 * @throws invalid_request for a form without a boundary that RFC 2046 allows
 */
export function multipartBoundary(contentType: string | null): string | undefined {
  const [type = '', ...parameters] = (contentType ?? '').split(';')
  if (type.trim().toLowerCase() !== 'multipart/form-data') return undefined
  for (const parameter of parameters) {
    const [, name = '', quoted, plain] = /^\s*([\w-]+)=(?:"([^"]*)"|(\S*))\s*$/.exec(parameter) ?? []
    const boundary = quoted ?? plain ?? ''
    if (name.toLowerCase() !== 'boundary') continue
    if (/^[\w'()+,./:=? -]{0,69}[\w'()+,./:=?-]$/.test(boundary)) return boundary
  }
  throw invalidField('', 'the content type names no valid boundary')
}

/** Reads the parts of one body in order. */
export class MultipartReader {
  readonly #next: NextPiece
  /** CRLF, two dashes, the boundary. */
  readonly #delimiter: Bytes
  /** What came and was not read; the first delimiter may stand at the very start, as if a line had ended before it. */
  #held: Uint8Array = Uint8Array.of(CR, LF)
  /** Bytes that belong to no part, which nobody may send without end. */
  #overhead = 0
  #state: 'outside' | 'inPart' | 'atDelimiter' | 'ended' = 'outside'

  constructor(next: NextPiece, boundary: string) {
    this.#next = next
    this.#delimiter = new TextEncoder().encode(`\r\n--${boundary}`) as Bytes
  }

  /** Goes to the next part, over what is left of the one before; `undefined` after the last. @throws invalid_request */
  async nextPart(): Promise<PartHead | undefined> {
    if (this.#state === 'ended') return undefined
    if (this.#state === 'outside') this.#state = 'inPart'
    for (let piece = await this.#readBody(true); piece !== undefined; piece = await this.#readBody(true)) {
      // Skipped.
    }
    await this.#hold(2)
    const [first, second] = this.#held
    this.#held = this.#held.subarray(2)
    if (first === DASH && second === DASH) {
      this.#state = 'ended'
      return undefined
    }
    if (first !== CR || second !== LF) throw invalidField('', 'a boundary of the form is not followed by a new line')
    this.#state = 'inPart'
    return partHead(await this.#headerLines())
  }

  /** The next piece of the part, never empty; `undefined` at its end. @throws invalid_request when the form ends before */
  read(): Promise<Uint8Array | undefined> {
    return this.#readBody(false)
  }

  async #readBody(isSkipped: boolean): Promise<Uint8Array | undefined> {
    if (this.#state !== 'inPart') return undefined
    for (;;) {
      const at = this.#findDelimiter()
      const end = at ?? this.#safeEnd()
      if (end > 0) {
        const piece = this.#held.subarray(0, end)
        this.#held = this.#held.subarray(end)
        if (isSkipped) this.#charge(piece.length)
        return piece
      }
      if (at === 0) {
        this.#held = this.#held.subarray(this.#delimiter.length)
        this.#state = 'atDelimiter'
        return undefined
      }
      await this.#pull()
    }
  }

  /** Lines up to the empty one. */
  async #headerLines(): Promise<string[]> {
    let from = 0
    for (;;) {
      const end = endOfHeaders(this.#held, from)
      if (end !== undefined) {
        const text = decoded(this.#held.subarray(0, end))
        this.#held = this.#held.subarray(end + 4)
        return text.split('\r\n')
      }
      if (this.#held.length > MAX_PART_HEADER_BYTES) {
        throw invalidField('', `the headers of a part must be at most ${MAX_PART_HEADER_BYTES} bytes`)
      }
      from = Math.max(0, this.#held.length - 3)
      await this.#pull()
    }
  }

  #findDelimiter(): number | undefined {
    const held = this.#held
    const last = held.length - this.#delimiter.length
    for (let at = held.indexOf(CR); at !== -1 && at <= last; at = held.indexOf(CR, at + 1)) {
      if (this.#delimiter.every((byte, i) => held[at + i] === byte)) return at
    }
    return undefined
  }

  /** Bytes before this one belong to no delimiter, whatever comes. */
  #safeEnd(): number {
    const held = this.#held
    for (
      let at = held.indexOf(CR, Math.max(0, held.length - this.#delimiter.length + 1));
      at !== -1;
      at = held.indexOf(CR, at + 1)
    ) {
      const tail = held.subarray(at)
      if (tail.every((byte, i) => byte === this.#delimiter[i])) return at
    }
    return held.length
  }

  #charge(bytes: number): void {
    this.#overhead += bytes
    if (this.#overhead > MAX_PART_HEADER_BYTES) throw invalidField('', 'the form holds too much outside of its parts')
  }

  async #hold(count: number): Promise<void> {
    while (this.#held.length < count) await this.#pull()
  }

  async #pull(): Promise<void> {
    const piece = await this.#next()
    if (piece === undefined) throw invalidField('', 'the form ends before its last boundary')
    if (this.#held.length === 0) {
      this.#held = piece
      return
    }
    const joined = new Uint8Array(this.#held.length + piece.length)
    joined.set(this.#held)
    joined.set(piece, this.#held.length)
    this.#held = joined
  }
}

/** Where the empty line begins that ends the headers. */
function endOfHeaders(bytes: Uint8Array, from: number): number | undefined {
  for (let at = bytes.indexOf(CR, from); at !== -1; at = bytes.indexOf(CR, at + 1)) {
    if (bytes[at + 1] === LF && bytes[at + 2] === CR && bytes[at + 3] === LF) return at
  }
  return undefined
}

function decoded(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw invalidField('', 'the headers of a part are not valid UTF-8')
  }
}

function partHead(lines: readonly string[]): PartHead {
  let head: PartHead | undefined
  for (const line of lines) {
    const colon = line.indexOf(':')
    const name = line.slice(0, colon)
    // No backtracking over what a stranger wrote: `trim` takes the spaces away.
    const value = line.slice(colon + 1).trim()
    if (colon === -1 || !/^[!#$%&'*+.^_`|~\w-]+$/.test(name)) throw invalidField('', 'a part has a malformed header')
    const lower = name.toLowerCase()
    if (lower === 'content-disposition') {
      if (head !== undefined) throw invalidField('', 'a part has two dispositions')
      head = disposition(value)
    } else if (lower === 'content-transfer-encoding' && !/^(?:7bit|8bit|binary)$/i.test(value)) {
      throw invalidField('', 'transfer encodings of parts are not supported; send the bytes as they are')
    }
  }
  if (head === undefined) throw invalidField('', 'a part does not say which field it is')
  return head
}

const PARAMETER = /;[ \t]*([\w-]+\*?)=(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+))[ \t]*/y

/** `form-data; name="file"; filename="a.pdf"`, as browsers and command lines write it. */
function disposition(value: string): PartHead {
  const fault = invalidField('', 'a part has a malformed disposition')
  const start = value.indexOf(';')
  if (start === -1 || value.slice(0, start).trim().toLowerCase() !== 'form-data') throw fault
  const found = new Map<string, string>()
  PARAMETER.lastIndex = start
  while (PARAMETER.lastIndex < value.length) {
    const match = PARAMETER.exec(value)
    if (match === null) throw fault
    const [, name = '', quoted, plain = ''] = match
    if (found.has(name.toLowerCase())) throw fault
    found.set(name.toLowerCase(), quoted === undefined ? plain : unescaped(quoted))
  }
  const name = found.get('name')
  const extended = found.get('filename*')
  const filename = extended === undefined ? found.get('filename') : extendedValue(extended)
  if (name === undefined) throw fault
  return { name, ...(filename === undefined ? {} : { filename }) }
}

/** Browsers escape a quote and line ends by percent signs, older command lines a quote and a backslash by a backslash. */
const unescaped = (quoted: string): string =>
  quoted
    .replaceAll(/\\(["\\])/g, '$1')
    .replaceAll(/%(22|0[AD])/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))

/** `utf-8''na%C3%AFve.txt` (RFC 8187). */
function extendedValue(value: string): string {
  const [, text] = /^utf-8'[^']*'(.*)$/i.exec(value) ?? []
  try {
    if (text !== undefined) return decodeURIComponent(text)
  } catch {
    // Said below.
  }
  throw invalidField('', 'a part has a malformed file name')
}
