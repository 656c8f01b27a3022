/**
 * The postings of one chunk as bytes: its terms with their frequencies, sorted and front-coded.
 *
 *     offset  what
 *     0       u8      format, 1
 *     1       entries, until the end, ascending by the terms' UTF-8 bytes:
 *             varint  bytes shared with the term before (0 for the first)
 *             varint  bytes that follow
 *             bytes   the rest of the term, UTF-8
 *             varint  term frequency, ≥ 1
 *
 * A varint has 7 bits a byte, least significant first, the high bit set on all but the last. A chunk with very many
 * terms has several such pieces, each readable alone.
 */
import { utf8 } from '../core/bytes.ts'
import { invariant } from '../core/invariant.ts'

export const POSTING_FORMAT = 1

/** Longer words are cut, here and in queries alike: no one searches by their ends. In UTF-16 units, so ≤ 240 bytes. */
const MAX_TERM_LENGTH = 80
const MAX_TERM_BYTES = MAX_TERM_LENGTH * 3

/** The bytes that a term is stored and looked up under. */
export function termBytes(term: string): Uint8Array {
  return utf8(term.length > MAX_TERM_LENGTH ? term.slice(0, MAX_TERM_LENGTH) : term)
}

interface Entry {
  readonly bytes: Uint8Array
  readonly frequency: number
}

/** Encodes the terms of a chunk in pieces of at most `maxBytes` (≥ 300); a chunk without terms has one empty piece. */
export function encodePostings(terms: ReadonlyMap<string, number>, maxBytes: number): Uint8Array[] {
  const entries = Array.from(terms, ([term, frequency]): Entry => ({ bytes: termBytes(term), frequency }))
  entries.sort((a, b) => compareBytes(a.bytes, b.bytes))
  const pieces: Uint8Array[] = []
  let piece = new PieceWriter()
  for (const entry of mergeEqual(entries)) {
    if (piece.length + MAX_TERM_BYTES + 15 > maxBytes) {
      pieces.push(piece.finish())
      piece = new PieceWriter()
    }
    piece.write(entry)
  }
  pieces.push(piece.finish())
  return pieces
}

/** Terms that were cut may have become one. */
function* mergeEqual(entries: readonly Entry[]): Iterable<Entry> {
  let last: Entry | undefined
  for (const entry of entries) {
    if (last !== undefined && compareBytes(last.bytes, entry.bytes) === 0) {
      last = { bytes: last.bytes, frequency: last.frequency + entry.frequency }
      continue
    }
    if (last !== undefined) yield last
    last = entry
  }
  if (last !== undefined) yield last
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shared = sharedLength(a, b)
  return (a[shared] ?? -1) - (b[shared] ?? -1)
}

function sharedLength(a: Uint8Array, b: Uint8Array): number {
  const limit = Math.min(a.length, b.length)
  let shared = 0
  while (shared < limit && a[shared] === b[shared]) shared++
  return shared
}

class PieceWriter {
  #bytes = new Uint8Array(1_024)
  #length = 1
  #before = new Uint8Array(0)

  constructor() {
    this.#bytes[0] = POSTING_FORMAT
  }

  get length(): number {
    return this.#length
  }

  write({ bytes, frequency }: Entry): void {
    const shared = sharedLength(this.#before, bytes)
    if (this.#length + MAX_TERM_BYTES + 15 > this.#bytes.length) {
      const larger = new Uint8Array(this.#bytes.length * 2)
      larger.set(this.#bytes)
      this.#bytes = larger
    }
    this.#varint(shared)
    this.#varint(bytes.length - shared)
    this.#bytes.set(bytes.subarray(shared), this.#length)
    this.#length += bytes.length - shared
    this.#varint(frequency)
    this.#before = Uint8Array.from(bytes)
  }

  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length)
  }

  #varint(value: number): void {
    let rest = value
    while (rest > 0x7f) {
      this.#bytes[this.#length++] = (rest & 0x7f) | 0x80
      rest >>>= 7
    }
    this.#bytes[this.#length++] = rest
  }
}

/** Walks one piece without allocating: after `next()` the fields describe the entry. */
export class PostingReader {
  /** The first `termLength` bytes are the term's UTF-8; overwritten by the next entry. */
  readonly term = new Uint8Array(MAX_TERM_BYTES)
  termLength = 0
  termFrequency = 0
  readonly #bytes: Uint8Array
  #at = 1

  constructor(piece: Uint8Array) {
    invariant(piece[0] === POSTING_FORMAT, 'stored postings are of the present format')
    this.#bytes = piece
  }

  next(): boolean {
    if (this.#at >= this.#bytes.length) return false
    const shared = this.#varint()
    const rest = this.#varint()
    for (let i = 0; i < rest; i++) this.term[shared + i] = this.#bytes[this.#at + i]!
    this.#at += rest
    this.termLength = shared + rest
    this.termFrequency = this.#varint()
    return true
  }

  #varint(): number {
    let byte = this.#bytes[this.#at++]!
    if (byte < 0x80) return byte
    let value = byte & 0x7f
    for (let shift = 7; byte >= 0x80; shift += 7) {
      byte = this.#bytes[this.#at++]!
      value |= (byte & 0x7f) << shift
    }
    return value
  }
}
