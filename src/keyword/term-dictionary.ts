/**
 * Numbers terms in the order in which they first appear. A hash table over UTF-8 bytes: terms never become strings, which
 * would cost four times the memory and most of the time of loading. Nothing is ever removed.
 */
const EMPTY = -1

/** FNV-1a, 32 bits, with a final mix because the table uses the low bits. */
function hash(bytes: Uint8Array, length: number): number {
  let value = 0x811c9dc5
  for (let i = 0; i < length; i++) value = Math.imul(value ^ bytes[i]!, 0x01000193)
  value ^= value >>> 15
  return Math.imul(value, 0x2c1b3c6d) >>> 0
}

export class TermDictionary {
  /** All terms' bytes, one after the other. */
  #arena = new Uint8Array(4_096)
  /** Where each term begins in the arena; one more than there are terms. */
  #starts = new Uint32Array(512)
  /** Open addressing with linear probing; a power of two, at most two thirds full. */
  #table = new Int32Array(1_024).fill(EMPTY)
  #count = 0

  get count(): number {
    return this.#count
  }

  get bytes(): number {
    return this.#arena.byteLength + this.#starts.byteLength + this.#table.byteLength
  }

  /** The number of the term in the first `length` bytes, or -1. O(length). */
  find(term: Uint8Array, length: number): number {
    return this.#table[this.#place(term, length)]!
  }

  /** As `find`, but a new term gets the next number. */
  add(term: Uint8Array, length: number): number {
    const place = this.#place(term, length)
    const known = this.#table[place]!
    if (known !== EMPTY) return known
    const number = this.#count++
    this.#append(term, length)
    this.#table[place] = number
    if (this.#count * 3 > this.#table.length * 2) this.#growTable()
    return number
  }

  /** Where the term stands in the table, or the empty place where it would. */
  #place(term: Uint8Array, length: number): number {
    const mask = this.#table.length - 1
    let place = hash(term, length) & mask
    for (;;) {
      const number = this.#table[place]!
      if (number === EMPTY || this.#equals(number, term, length)) return place
      place = (place + 1) & mask
    }
  }

  #equals(number: number, term: Uint8Array, length: number): boolean {
    const start = this.#starts[number]!
    if (this.#starts[number + 1]! - start !== length) return false
    for (let i = 0; i < length; i++) if (this.#arena[start + i] !== term[i]) return false
    return true
  }

  #append(term: Uint8Array, length: number): void {
    const start = this.#starts[this.#count - 1]!
    const end = start + length
    if (end > this.#arena.length) {
      const larger = new Uint8Array(Math.max(end, this.#arena.length + (this.#arena.length >>> 1)))
      larger.set(this.#arena)
      this.#arena = larger
    }
    if (this.#count >= this.#starts.length) {
      const larger = new Uint32Array(this.#starts.length + (this.#starts.length >>> 1))
      larger.set(this.#starts)
      this.#starts = larger
    }
    for (let i = 0; i < length; i++) this.#arena[start + i] = term[i]!
    this.#starts[this.#count] = end
  }

  #growTable(): void {
    this.#table = new Int32Array(this.#table.length * 2).fill(EMPTY)
    const mask = this.#table.length - 1
    for (let number = 0; number < this.#count; number++) {
      const term = this.#arena.subarray(this.#starts[number], this.#starts[number + 1])
      let place = hash(term, term.length) & mask
      while (this.#table[place] !== EMPTY) place = (place + 1) & mask
      this.#table[place] = number
    }
  }
}
