/**
 * The postings lists of all terms in one growing byte array. Each list is a chain of slices that double in size, so a term
 * of one chunk costs eight bytes and a frequent one no copying (the idea of Lucene's in-memory indexer):
 *
 *     level 0   [ 4 bytes of postings | address of the next slice ]   8 bytes
 *     level 1   [ 12 bytes of postings | address ]                    16 bytes
 *     …         up to 1,024 bytes, then all of that size
 *
 * A posting is a varint of (slot − slot before − 1) · 2 + (1 if the term frequency is 1), else followed by a varint of the
 * frequency. Slots only rise within a list.
 */
const FIRST_SLICE_BYTES = 8
const MAX_SLICE_BYTES = 1_024
const ADDRESS_BYTES = 4

/** Postings of one list, as long as `read` says. */
export interface ReadPostings {
  slots: Uint32Array
  termFrequencies: Uint32Array
}

export class PostingPool {
  #bytes = new Uint8Array(16_384)
  #used = 0
  #lists = 0
  // By list: first byte; next byte to write; end of the last slice's postings; that slice's size; postings ever written; last slot + 1.
  #starts = new Uint32Array(1_024)
  #writes = new Uint32Array(1_024)
  #ends = new Uint32Array(1_024)
  #sliceBytes = new Uint16Array(1_024)
  #counts = new Uint32Array(1_024)
  #nextSlots = new Uint32Array(1_024)

  get bytes(): number {
    const perList = 4 * 5 + 2
    return this.#bytes.byteLength + this.#starts.length * perList
  }

  /** Postings in a list. */
  count(list: number): number {
    return list < this.#lists ? this.#counts[list]! : 0
  }

  /** Appends to a list; lists are numbered from 0 without gaps, and a new one begins with its first posting. */
  append(list: number, slot: number, termFrequency: number): void {
    if (list === this.#lists) this.#begin()
    const delta = slot - this.#nextSlots[list]!
    this.#nextSlots[list] = slot + 1
    this.#counts[list]!++
    if (termFrequency === 1) this.#varint(list, delta * 2 + 1)
    else {
      this.#varint(list, delta * 2)
      this.#varint(list, termFrequency)
    }
  }

  /** Decodes a whole list into `into`, growing it where needed; returns the number of postings. */
  read(list: number, into: ReadPostings): number {
    const count = this.count(list)
    if (into.slots.length < count) {
      into.slots = new Uint32Array(count * 2)
      into.termFrequencies = new Uint32Array(count * 2)
    }
    const bytes = this.#bytes
    const { slots, termFrequencies } = into
    let at = this.#starts[list]!
    let sliceBytes = FIRST_SLICE_BYTES
    let end = at + sliceBytes - ADDRESS_BYTES
    let slot = 0
    for (let i = 0; i < count; i++) {
      let code = 0
      // Twice at most: the slot and, where it is not 1, the frequency.
      for (let part = 0; ; part++) {
        let value = 0
        for (let shift = 0; ; shift += 7) {
          if (at === end) {
            at = this.#address(end)
            sliceBytes = Math.min(sliceBytes * 2, MAX_SLICE_BYTES)
            end = at + sliceBytes - ADDRESS_BYTES
          }
          const byte = bytes[at++]!
          value |= (byte & 0x7f) << shift
          if (byte < 0x80) break
        }
        if (part === 1) {
          termFrequencies[i] = value
          break
        }
        code = value
        if ((code & 1) === 1) {
          termFrequencies[i] = 1
          break
        }
      }
      slot += code >>> 1
      slots[i] = slot
      slot++
    }
    return count
  }

  #begin(): void {
    const list = this.#lists++
    if (list >= this.#starts.length) this.#growLists()
    const start = this.#allocate(FIRST_SLICE_BYTES)
    this.#starts[list] = start
    this.#writes[list] = start
    this.#ends[list] = start + FIRST_SLICE_BYTES - ADDRESS_BYTES
    this.#sliceBytes[list] = FIRST_SLICE_BYTES
  }

  #varint(list: number, value: number): void {
    let rest = value
    while (rest > 0x7f) {
      this.#byte(list, (rest & 0x7f) | 0x80)
      rest >>>= 7
    }
    this.#byte(list, rest)
  }

  #byte(list: number, byte: number): void {
    if (this.#writes[list] === this.#ends[list]) this.#chain(list)
    this.#bytes[this.#writes[list]!++] = byte
  }

  /** Puts a larger slice behind the full one. */
  #chain(list: number): void {
    const sliceBytes = Math.min(this.#sliceBytes[list]! * 2, MAX_SLICE_BYTES)
    const address = this.#allocate(sliceBytes)
    const link = this.#ends[list]!
    this.#bytes[link] = address & 0xff
    this.#bytes[link + 1] = (address >>> 8) & 0xff
    this.#bytes[link + 2] = (address >>> 16) & 0xff
    this.#bytes[link + 3] = address >>> 24
    this.#writes[list] = address
    this.#ends[list] = address + sliceBytes - ADDRESS_BYTES
    this.#sliceBytes[list] = sliceBytes
  }

  #address(at: number): number {
    const bytes = this.#bytes
    return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
  }

  #allocate(size: number): number {
    const address = this.#used
    this.#used += size
    if (this.#used > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(this.#used, this.#bytes.length + (this.#bytes.length >>> 1)))
      larger.set(this.#bytes)
      this.#bytes = larger
    }
    return address
  }

  #growLists(): void {
    const size = this.#starts.length + (this.#starts.length >>> 1)
    const larger = (old: Uint32Array) => {
      const grown = new Uint32Array(size)
      grown.set(old)
      return grown
    }
    this.#starts = larger(this.#starts)
    this.#writes = larger(this.#writes)
    this.#ends = larger(this.#ends)
    this.#counts = larger(this.#counts)
    this.#nextSlots = larger(this.#nextSlots)
    const sliceBytes = new Uint16Array(size)
    sliceBytes.set(this.#sliceBytes)
    this.#sliceBytes = sliceBytes
  }
}
