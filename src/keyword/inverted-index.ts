/**
 * The keyword leg in memory: term → postings over slots, and slot → chunk, length and language. A slot is a place that
 * one version of a chunk takes when it is added, in rising order; a removed chunk leaves its slot and postings behind as
 * dead, and counts alone are corrected. When dead slots outnumber live ones the owner builds the index anew.
 */
import { term } from '../text/stem.ts'
import { lengthNorm, termFrequencyPart } from './bm25.ts'
import type { Bm25 } from './keyword-index.ts'
import { PostingReader, termBytes } from './posting-codec.ts'
import { PostingPool, type ReadPostings } from './posting-pool.ts'
import { TermDictionary } from './term-dictionary.ts'

/** A number-to-number `Map` entry of the runtime; measured in Node 24. */
const MAP_ENTRY_BYTES = 48
/** Dead slots below this are not worth building anew. */
const MIN_DEAD_SLOTS = 1_024
/** Chunks up to this many words have their norm looked up instead of computed. */
const NORM_TABLE_WORDS = 1_024

/** One chunk as stored. */
export interface KeywordChunk {
  readonly chunk: number
  readonly language: string
  /** In words. */
  readonly length: number
  readonly pieces: readonly Uint8Array[]
}

interface Language {
  readonly name: string
  chunks: number
}

export class InvertedIndex {
  readonly #dictionary = new TermDictionary()
  readonly #pool = new PostingPool()
  readonly #slots = new Map<number, number>()
  readonly #languages = new Map<string, Language>()
  readonly #languageOfSlot: Language[] = []
  #documentFrequencies = new Uint32Array(1_024)
  #chunks = new Uint32Array(256)
  #lengths = new Uint32Array(256)
  #isLive = new Uint8Array(256)
  #slotCount = 0
  #totalLength = 0

  /** Live chunks. */
  get count(): number {
    return this.#slots.size
  }

  /** Words in live chunks. */
  get totalLength(): number {
    return this.#totalLength
  }

  get isMostlyDead(): boolean {
    return this.#slotCount - this.count > this.count + MIN_DEAD_SLOTS
  }

  /** What the index holds in memory, spare room included. */
  get bytes(): number {
    return (
      this.#dictionary.bytes +
      this.#pool.bytes +
      this.#documentFrequencies.byteLength +
      this.#chunks.length * (4 + 4 + 1 + 8) +
      this.#slots.size * MAP_ENTRY_BYTES
    )
  }

  has(chunk: number): boolean {
    return this.#slots.has(chunk)
  }

  /** Adds a chunk that is not in the index. */
  add({ chunk, language, length, pieces }: KeywordChunk): void {
    const slot = this.#takeSlot()
    this.#slots.set(chunk, slot)
    this.#chunks[slot] = chunk
    this.#lengths[slot] = length
    this.#isLive[slot] = 1
    this.#totalLength += length
    const known = this.#languages.get(language) ?? { name: language, chunks: 0 }
    this.#languages.set(language, known)
    this.#languageOfSlot[slot] = known
    known.chunks++
    for (const piece of pieces) {
      const reader = new PostingReader(piece)
      while (reader.next()) {
        const number = this.#dictionary.add(reader.term, reader.termLength)
        if (number >= this.#documentFrequencies.length) this.#growTerms()
        this.#documentFrequencies[number]!++
        this.#pool.append(number, slot, reader.termFrequency)
      }
    }
  }

  /** Takes a chunk out; `pieces` are what it was added with. */
  remove({ chunk, length, pieces }: KeywordChunk): void {
    const slot = this.#slots.get(chunk)
    if (slot === undefined) return
    this.#slots.delete(chunk)
    this.#isLive[slot] = 0
    this.#totalLength -= length
    const language = this.#languageOfSlot[slot]!
    language.chunks--
    if (language.chunks === 0) this.#languages.delete(language.name)
    for (const piece of pieces) {
      const reader = new PostingReader(piece)
      while (reader.next()) {
        const number = this.#dictionary.find(reader.term, reader.termLength)
        this.#documentFrequencies[number]!--
      }
    }
  }

  documentFrequency(word: string): number {
    return this.#terms(word).reduce((sum, number) => sum + this.#documentFrequencies[number]!, 0)
  }

  /**
   * BM25 by slot, dead slots included. Words are added in the order given, so that a score is the same to the last bit whoever
   * computes it. O(postings of the words).
   */
  accumulate(words: readonly string[], idfs: readonly number[], bm25: Bm25, averageLength: number): Float64Array {
    const scores = new Float64Array(this.#slotCount)
    const norms = Float64Array.from({ length: NORM_TABLE_WORDS }, (_, length) =>
      lengthNorm(bm25, length, averageLength),
    )
    const read: ReadPostings = { slots: new Uint32Array(0), termFrequencies: new Uint32Array(0) }
    for (const [index, word] of words.entries()) {
      const weight = idfs[index]!
      for (const number of this.#terms(word)) {
        const count = this.#pool.read(number, read)
        const { slots, termFrequencies } = read
        for (let i = 0; i < count; i++) {
          const slot = slots[i]!
          const length = this.#lengths[slot]!
          const norm = length < NORM_TABLE_WORDS ? norms[length]! : lengthNorm(bm25, length, averageLength)
          scores[slot]! += weight * termFrequencyPart(termFrequencies[i]!, norm)
        }
      }
    }
    return scores
  }

  /** Visits live chunks with their value in an array by slot. */
  eachLive(bySlot: Float64Array, visit: (chunk: number, value: number) => void): void {
    for (let slot = 0; slot < bySlot.length; slot++) {
      if (bySlot[slot]! > 0 && this.#isLive[slot] === 1) visit(this.#chunks[slot]!, bySlot[slot]!)
    }
  }

  find(chunk: number): number | undefined {
    return this.#slots.get(chunk)
  }

  /** The distinct terms that a word has in the languages of live chunks. */
  #terms(word: string): number[] {
    const numbers = new Set<number>()
    for (const language of this.#languages.keys()) {
      const bytes = termBytes(term(word, language))
      const number = this.#dictionary.find(bytes, bytes.length)
      if (number >= 0 && this.#documentFrequencies[number]! > 0) numbers.add(number)
    }
    return [...numbers]
  }

  #takeSlot(): number {
    const slot = this.#slotCount++
    if (slot >= this.#chunks.length) {
      const size = this.#chunks.length * 2
      const chunks = new Uint32Array(size)
      chunks.set(this.#chunks)
      this.#chunks = chunks
      const lengths = new Uint32Array(size)
      lengths.set(this.#lengths)
      this.#lengths = lengths
      const isLive = new Uint8Array(size)
      isLive.set(this.#isLive)
      this.#isLive = isLive
    }
    return slot
  }

  #growTerms(): void {
    const larger = new Uint32Array(this.#documentFrequencies.length * 2)
    larger.set(this.#documentFrequencies)
    this.#documentFrequencies = larger
  }
}
