/**
 * The vocabulary of WordPiece as a compact hash table: all words in one array of UTF-16 units, found by a rolling hash over
 * those units. A `Map` of 30,522 strings would take several times the bytes, and the greedy search would have to cut a
 * substring for every candidate length.
 */
import { invariant } from '../../core/invariant.ts'

/** Power of two above twice the number of words, so that probes stay short. */
const TABLE_SIZE = 65_536
const EMPTY = 0xffff
/** A match packs the word's length into the low bits. */
export const LENGTH_BITS = 8
export const LENGTH_MASK = 0xff
const SEED = 0x811c9dc5
/** Words that continue another one are written with this mark in the vocabulary file. */
const CONTINUATION = '##'

const step = (hash: number, unit: number): number => Math.imul(hash ^ unit, 0x01000193)

/** Spreads the high bits, which FNV leaves to the last units, into the slot. */
const slotOf = (hash: number): number => (hash ^ (hash >>> 15)) & (TABLE_SIZE - 1)

export class Vocabulary {
  /** Units of all words one after the other, without the continuation mark. */
  readonly #units: Uint16Array
  /** Where word i starts; one more entry than words. */
  readonly #starts: Uint32Array
  readonly #heads = new Uint16Array(TABLE_SIZE).fill(EMPTY)
  readonly #continuations = new Uint16Array(TABLE_SIZE).fill(EMPTY)
  #maxHead = 0
  #maxContinuation = 0
  /** Hashes of the prefixes of the word being searched; scratch, so that a search allocates nothing. */
  readonly #hashes: Int32Array

  /** `file`: the words in the order of their ids, separated by line feeds. Cuts no strings: it runs while requests wait. */
  constructor(file: string) {
    let size = 1
    for (let i = file.indexOf('\n'); i >= 0; i = file.indexOf('\n', i + 1)) size++
    invariant(size < EMPTY, 'ids fit in 16 bits')
    this.#starts = new Uint32Array(size + 1)
    this.#units = new Uint16Array(file.length)
    let start = 0
    let end = 0
    for (let id = 0; id < size; id++) {
      const lineEnd = id + 1 === size ? file.length : file.indexOf('\n', start)
      const isContinuation = lineEnd - start > CONTINUATION.length && file.startsWith(CONTINUATION, start)
      const from = isContinuation ? start + CONTINUATION.length : start
      let hash = SEED
      for (let i = from; i < lineEnd; i++) {
        const unit = file.charCodeAt(i)
        hash = step(hash, unit)
        this.#units[end++] = unit
      }
      this.#starts[id + 1] = end
      const table = isContinuation ? this.#continuations : this.#heads
      let slot = slotOf(hash)
      while (table[slot] !== EMPTY) slot = (slot + 1) & (TABLE_SIZE - 1)
      table[slot] = id
      if (isContinuation) this.#maxContinuation = Math.max(this.#maxContinuation, lineEnd - from)
      else this.#maxHead = Math.max(this.#maxHead, lineEnd - from)
      start = lineEnd + 1
    }
    invariant(Math.max(this.#maxHead, this.#maxContinuation) <= LENGTH_MASK, 'lengths fit in 8 bits')
    this.#hashes = new Int32Array(Math.max(this.#maxHead, this.#maxContinuation) + 1)
  }

  get size(): number {
    return this.#starts.length - 1
  }

  /** Bytes held. */
  get bytes(): number {
    const arrays = [this.#units, this.#starts, this.#heads, this.#continuations, this.#hashes]
    return arrays.reduce((sum, array) => sum + array.byteLength, 0)
  }

  /** Finds a whole word; `undefined` when the vocabulary lacks it. */
  find(word: string): number | undefined {
    const match = this.longest(word, 0, word.length, true)
    return match !== 0 && (match & LENGTH_MASK) === word.length ? match >>> LENGTH_BITS : undefined
  }

  /**
   * Finds the longest vocabulary word that `text` has at `start`, within `end`: one that begins a word (`isHead`) or
   * one that continues it. Returns `id << 8 | length` in units, 0 for none: the inner loop of tokenising allocates nothing.
   */
  longest(text: string, start: number, end: number, isHead: boolean): number {
    const table = isHead ? this.#heads : this.#continuations
    const hashes = this.#hashes
    const longest = Math.min(end - start, isHead ? this.#maxHead : this.#maxContinuation)
    let hash = SEED
    for (let i = 0; i < longest; i++) {
      hash = step(hash, text.charCodeAt(start + i))
      hashes[i] = hash
    }
    for (let length = longest; length > 0; length--) {
      let slot = slotOf(hashes[length - 1]!)
      for (let id = table[slot]!; id !== EMPTY; id = table[slot]!) {
        if (this.#is(id, text, start, length)) return (id << LENGTH_BITS) | length
        slot = (slot + 1) & (TABLE_SIZE - 1)
      }
    }
    return 0
  }

  #is(id: number, text: string, start: number, length: number): boolean {
    const from = this.#starts[id]!
    if (this.#starts[id + 1]! - from !== length) return false
    for (let i = 0; i < length; i++) if (this.#units[from + i] !== text.charCodeAt(start + i)) return false
    return true
  }
}
