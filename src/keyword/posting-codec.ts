/**
 * The postings of one chunk as bytes: its terms with their frequencies, sorted and front-coded.
 *
 *     offset  what
 *     0       u8      format, 1
 *     1       entries, until the end, ascending by the terms' UTF-16 code units:
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
/** The term and three varints. */
const MAX_ENTRY_BYTES = MAX_TERM_BYTES + 15

const cutTerm = (term: string): string => (term.length > MAX_TERM_LENGTH ? term.slice(0, MAX_TERM_LENGTH) : term)

/** The bytes that a term is stored and looked up under. */
export function termBytes(term: string): Uint8Array {
  return utf8(cutTerm(term))
}

/** Encodes the terms of a chunk in pieces of at most `maxBytes` (≥ 300); a chunk without terms has one empty piece. */
export function encodePostings(terms: ReadonlyMap<string, number>, maxBytes: number): Uint8Array[] {
  const cut = cutTerms(terms)
  const pieces: Uint8Array[] = []
  let piece = new PieceWriter()
  for (const term of [...cut.keys()].sort()) {
    if (piece.length + MAX_ENTRY_BYTES > maxBytes) {
      pieces.push(piece.finish())
      piece = new PieceWriter()
    }
    piece.write(term, cut.get(term)!)
  }
  pieces.push(piece.finish())
  return pieces
}

/** Terms that become one by being cut are added up. */
function cutTerms(terms: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
  let isAnyLong = false
  for (const term of terms.keys()) isAnyLong ||= term.length > MAX_TERM_LENGTH
  if (!isAnyLong) return terms
  const cut = new Map<string, number>()
  for (const [term, frequency] of terms) {
    const key = cutTerm(term)
    cut.set(key, (cut.get(key) ?? 0) + frequency)
  }
  return cut
}

class PieceWriter {
  #bytes = new Uint8Array(1_024)
  #length = 1
  /** The term before and the one at hand, as UTF-8. */
  #before = new Uint8Array(MAX_TERM_BYTES)
  #beforeLength = 0
  #term = new Uint8Array(MAX_TERM_BYTES)

  constructor() {
    this.#bytes[0] = POSTING_FORMAT
  }

  get length(): number {
    return this.#length
  }

  write(term: string, frequency: number): void {
    if (this.#length + MAX_ENTRY_BYTES > this.#bytes.length) {
      const larger = new Uint8Array(this.#bytes.length * 2)
      larger.set(this.#bytes)
      this.#bytes = larger
    }
    const length = encodeTerm(term, this.#term)
    const limit = Math.min(length, this.#beforeLength)
    let shared = 0
    while (shared < limit && this.#before[shared] === this.#term[shared]) shared++
    this.#varint(shared)
    this.#varint(length - shared)
    for (let i = shared; i < length; i++) this.#bytes[this.#length++] = this.#term[i]!
    this.#varint(frequency)
    const swapped = this.#before
    this.#before = this.#term
    this.#beforeLength = length
    this.#term = swapped
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

/** Writes a term's UTF-8 and returns its length. Most terms are ASCII, for which calling the encoder costs more than the work. */
function encodeTerm(term: string, into: Uint8Array): number {
  for (let i = 0; i < term.length; i++) {
    const unit = term.charCodeAt(i)
    if (unit >= 0x80) {
      const bytes = utf8(term)
      into.set(bytes)
      return bytes.length
    }
    into[i] = unit
  }
  return term.length
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
