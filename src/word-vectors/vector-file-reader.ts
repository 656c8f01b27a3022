/**
 * Reads files of word vectors as they come, piece by piece: word2vec's text (fastText's `.vec` is the same), word2vec's
 * binary and GloVe's text, which has no header. Holds one row at a time; nothing that a header promises is believed
 * before it has come.
 */
import { MAX_WORD_VECTOR_DIMENSIONS } from '../core/limits.ts'
import { invalidField, type Problem } from '../core/problem.ts'
import { numberAt } from './number-text.ts'
import type { WordVectorSink } from './word-vectors.ts'

export type VectorFileFormat = 'word2vec' | 'word2vec-binary' | 'glove' | 'fasttext'

export interface VectorFileOptions {
  /** Without it the file's beginning tells. */
  readonly format?: VectorFileFormat
  /** Whether the file is the beginning of a longer one: its last row may be incomplete, its header may promise more. */
  readonly isCut?: boolean
  /** Rows to read at most. */
  readonly maxWords?: number
}

export interface VectorFileSummary {
  readonly format: VectorFileFormat
  readonly dimensions: number
  /** Rows read. */
  readonly rows: number
  /** Rows whose word is no UTF-8 or too long to be one. */
  readonly unreadableWords: number
}

/** A row has at most so many bytes: numbers of 24 characters each, and a word. */
const MAX_ROW_BYTES = MAX_WORD_VECTOR_DIMENSIONS * 25 + 2_000
/** So much of the file tells its format: a header and two rows. */
const LOOK_AHEAD_BYTES = 2 * MAX_ROW_BYTES + 64
/** Words of more bytes are no words. */
const MAX_WORD_BYTES = 400
const HEADER = /^(\d{1,10})[ \t]+(\d{1,6})\s*$/

const NEWLINE = 0x0a
const SPACE = 0x20
const isBlank = (unit: number): boolean => unit === SPACE || unit === 0x09 || unit === 0x0d

const fault = (detail: string): Problem => invalidField('', detail)

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** One file on its way in. Give it pieces until `push` answers `false` or the file ends, then `finish`. */
export class VectorFileReader {
  readonly #sink: WordVectorSink
  readonly #options: VectorFileOptions
  #buffer = new Uint8Array(1 << 17)
  #start = 0
  #end = 0
  #format: VectorFileFormat | undefined
  #vector = new Float32Array()
  /** Rows that the header promises; none where there is no header. */
  #promised: number | undefined
  #rows = 0
  #unreadableWords = 0
  #isFull = false

  constructor(sink: WordVectorSink, options: VectorFileOptions = {}) {
    this.#sink = sink
    this.#options = options
  }

  /** `false` when no more is wanted. @throws invalid_request, with the row */
  push(piece: Uint8Array): boolean {
    if (this.#isFull) return false
    // Of a large piece no more is copied than a few rows at a time.
    for (let at = 0; at < piece.length && !this.#isFull; at += LOOK_AHEAD_BYTES) {
      this.#append(piece.subarray(at, at + LOOK_AHEAD_BYTES))
      if (this.#format === undefined && this.#end - this.#start < LOOK_AHEAD_BYTES) continue
      this.#readRows(false)
    }
    return !this.#isFull
  }

  /** @throws invalid_request where the file is cut off, empty or not what its header says */
  finish(): VectorFileSummary {
    if (!this.#isFull) this.#readRows(true)
    const { isCut = false } = this.#options
    if (!this.#isFull && !isCut && this.#promised !== undefined && this.#rows < this.#promised) {
      throw fault(`the header promises ${this.#promised} words, the file ends after ${this.#rows}`)
    }
    if (this.#format === undefined || this.#rows === 0) throw fault('the file holds no word vectors')
    return {
      format: this.#format,
      dimensions: this.#vector.length,
      rows: this.#rows,
      unreadableWords: this.#unreadableWords,
    }
  }

  #append(piece: Uint8Array): void {
    const held = this.#end - this.#start
    if (this.#end + piece.length > this.#buffer.length) {
      const target =
        held + piece.length > this.#buffer.length ? new Uint8Array(2 * (held + piece.length)) : this.#buffer
      target.set(this.#buffer.subarray(this.#start, this.#end))
      this.#buffer = target
      this.#start = 0
      this.#end = held
    }
    this.#buffer.set(piece, this.#end)
    this.#end += piece.length
  }

  #readRows(isEnd: boolean): void {
    if (this.#start === this.#end) return
    this.#format ??= this.#recognise(isEnd)
    const isBinary = this.#format === 'word2vec-binary'
    while (!this.#isFull && (isBinary ? this.#binaryRow(isEnd) : this.#textRow(isEnd)));
  }

  /** Reads the header, if there is one, and tells the format by what follows. */
  #recognise(isEnd: boolean): VectorFileFormat {
    const { format } = this.#options
    if (this.#buffer[this.#start] === 0xef && this.#buffer[this.#start + 1] === 0xbb) this.#start += 3
    const lineEnd = this.#lineEnd(isEnd)
    if (lineEnd === undefined) throw fault('the first line is too long for a row of word vectors')
    const header = HEADER.exec(ascii(this.#buffer, this.#start, Math.min(lineEnd, this.#start + 64)))
    if (header === null) {
      if (format !== undefined && format !== 'glove') {
        throw fault('the first line must be a header: the number of words and of dimensions')
      }
      this.#setDimensions(this.#countFields(this.#start, lineEnd) - 1)
      return 'glove'
    }
    this.#promised = Number(header[1])
    this.#setDimensions(Number(header[2]))
    this.#start = Math.min(lineEnd + 1, this.#end)
    return format ?? (this.#looksLikeText(isEnd) ? 'word2vec' : 'word2vec-binary')
  }

  #setDimensions(dimensions: number): void {
    if (dimensions < 2 || dimensions > MAX_WORD_VECTOR_DIMENSIONS) {
      throw fault(`vectors must have 2 to ${MAX_WORD_VECTOR_DIMENSIONS} dimensions`)
    }
    this.#vector = new Float32Array(dimensions)
  }

  #looksLikeText(isEnd: boolean): boolean {
    const end = this.#lineEnd(isEnd)
    return end !== undefined && this.#numbersBefore(this.#start, end) !== undefined
  }

  /** Where the line that begins at `#start` ends; `undefined` when its end has not come. */
  #lineEnd(isEnd: boolean): number | undefined {
    const at = this.#buffer.subarray(this.#start, this.#end).indexOf(NEWLINE)
    if (at >= 0) return this.#start + at
    return isEnd ? this.#end : undefined
  }

  #textRow(isEnd: boolean): boolean {
    if (this.#start === this.#end) return false
    const end = this.#lineEnd(isEnd)
    const length = (end ?? this.#end) - this.#start
    if (length > MAX_ROW_BYTES) throw fault(`row ${this.#rows + 1} is longer than any row of word vectors`)
    if (end === undefined) return false
    const isLast = end === this.#end
    const start = this.#start
    this.#start = Math.min(end + 1, this.#end)
    if (this.#isBlankLine(start, end)) return !isLast
    if (isLast && this.#options.isCut === true) return false
    this.#requirePromised()
    const wordEnd = this.#numbersBefore(start, end)
    if (wordEnd === undefined) {
      throw fault(`row ${this.#rows + 1} is not a word and ${this.#vector.length} finite numbers`)
    }
    this.#take(start, wordEnd)
    return !isLast
  }

  /** Fills the vector with the numbers that end the line; gives where the word before them ends. */
  #numbersBefore(start: number, lineEnd: number): number | undefined {
    const bytes = this.#buffer
    let end = lineEnd
    for (let i = this.#vector.length - 1; i >= 0; i--) {
      while (end > start && isBlank(bytes[end - 1]!)) end--
      let from = end
      while (from > start && !isBlank(bytes[from - 1]!)) from--
      // A float32 may overflow where a double does not.
      const value = Math.fround(numberAt(bytes, from, end))
      if (from <= start || !Number.isFinite(value)) return undefined
      this.#vector[i] = value
      end = from
    }
    while (end > start && isBlank(bytes[end - 1]!)) end--
    return end
  }

  #binaryRow(isEnd: boolean): boolean {
    while (this.#start < this.#end && this.#buffer[this.#start] === NEWLINE) this.#start++
    if (this.#start === this.#end) return false
    this.#requirePromised()
    const held = this.#buffer.subarray(this.#start, this.#end)
    const wordLength = held.indexOf(SPACE)
    if (wordLength > MAX_ROW_BYTES || (wordLength < 0 && held.length > MAX_ROW_BYTES)) {
      throw fault(`row ${this.#rows + 1} has no word`)
    }
    const valuesStart = this.#start + wordLength + 1
    if (wordLength < 0 || valuesStart + 4 * this.#vector.length > this.#end) {
      if (!isEnd || this.#options.isCut === true) return false
      throw fault(`the file ends within row ${this.#rows + 1}`)
    }
    const values = new DataView(this.#buffer.buffer, valuesStart, 4 * this.#vector.length)
    for (let i = 0; i < this.#vector.length; i++) {
      const value = values.getFloat32(4 * i, true)
      if (!Number.isFinite(value)) throw fault(`row ${this.#rows + 1} has a number that is not finite`)
      this.#vector[i] = value
    }
    const start = this.#start
    this.#start = valuesStart + 4 * this.#vector.length
    this.#take(start, start + wordLength)
    return true
  }

  #requirePromised(): void {
    if (this.#promised !== undefined && this.#rows >= this.#promised) {
      throw fault(`the header promises ${this.#promised} words, the file has more`)
    }
  }

  #take(start: number, end: number): void {
    this.#rows++
    const word = wordOf(this.#buffer, start, end)
    if (word === undefined) this.#unreadableWords++
    else if (!this.#sink.add(word, this.#vector)) this.#isFull = true
    if (this.#rows >= (this.#options.maxWords ?? Infinity)) this.#isFull = true
  }

  #isBlankLine(start: number, end: number): boolean {
    for (let at = start; at < end; at++) if (!isBlank(this.#buffer[at]!)) return false
    return true
  }

  #countFields(start: number, end: number): number {
    let fields = 0
    for (let at = start; at < end; at++) {
      if (!isBlank(this.#buffer[at]!) && (at === start || isBlank(this.#buffer[at - 1]!))) fields++
    }
    return fields
  }
}

function ascii(bytes: Uint8Array, start: number, end: number): string {
  let text = ''
  for (let at = start; at < end; at++) text += String.fromCharCode(bytes[at]!)
  return text
}

function wordOf(bytes: Uint8Array, start: number, end: number): string | undefined {
  if (end <= start || end - start > MAX_WORD_BYTES) return undefined
  try {
    return strict.decode(bytes.subarray(start, end))
  } catch {
    return undefined
  }
}
