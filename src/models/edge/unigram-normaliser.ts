/**
 * What happens to a text before it is cut into pieces: the rules of sentencepiece's `nmt_nfkc`, in the way that Hugging Face
 * `tokenizers` applies them (`Precompiled`), then runs of spaces as one, then spaces as `▁`, with one in front (`Metaspace`).
 */
import type { DoubleArray } from './double-array.ts'

/** U+2581, which stands for a space at the start of a word. */
export const SPACE_MARK: readonly [number, number, number] = [0xe2, 0x96, 0x81]
const SPACE = 0x20
/** The reference looks for rules of whole clusters only in those shorter than this many bytes. */
const LONG_CLUSTER_BYTES = 6
/** Longest output of a rule in bytes, rounded up. */
const MAX_OUTPUT_BYTES = 64

/**
 * Where a cluster of several characters may be shorter than 6 bytes: a mark of 2 bytes, any mark behind a character of at
 * most 2, the few signs that join what follows them, CR LF. All other texts need no clusters.
 */
const SHORT_CLUSTER =
  /[[\u0080-\u07ff]&&\p{M}]|[\0-\u07ff](?:\p{M}|\u200c|\u200d|\uff9e|\uff9f)|[\u0600-\u0605\u06dd\u070f]|\r\n/v

const encoder = new TextEncoder()
const clusters = new Intl.Segmenter('und', { granularity: 'grapheme' })

/** Bytes of the character that `first` begins. */
export const characterBytes = (first: number): number => (first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4)

export class UnigramNormaliser {
  readonly #rules: DoubleArray
  /** Outputs in UTF-8, each ended by NUL; the values of `rules` point here. */
  readonly #outputs: Uint8Array
  #target = new Uint8Array(1_024)
  #length = 0
  #endsWithSpace = false

  constructor(rules: DoubleArray, outputs: Uint8Array) {
    this.#rules = rules
    this.#outputs = outputs
  }

  /** Normalises `text` into UTF-8; empty when nothing is left. The bytes are good until the next call. O(length). */
  normalise(text: string): Uint8Array {
    // Room for the mark in front, which is left out where the text brings one.
    this.#length = SPACE_MARK.length
    this.#target.set(SPACE_MARK)
    this.#endsWithSpace = false
    if (SHORT_CLUSTER.test(text))
      for (const { segment } of clusters.segment(text)) this.#cluster(encoder.encode(segment))
    else this.#characters(encoder.encode(text))
    const start = this.#length > SPACE_MARK.length && this.#startsWithMark() ? SPACE_MARK.length : 0
    const bytes =
      this.#length === SPACE_MARK.length ? this.#target.subarray(0, 0) : this.#target.subarray(start, this.#length)
    // One large text does not hold its room for ever.
    if (this.#target.length > 1 << 20) this.#target = new Uint8Array(1_024)
    return bytes
  }

  #startsWithMark(): boolean {
    return SPACE_MARK.every((byte, i) => this.#target[SPACE_MARK.length + i] === byte)
  }

  /** A cluster is replaced as a whole, marks that the rule does not know included: so does the reference. */
  #cluster(bytes: Uint8Array): void {
    if (bytes.length < LONG_CLUSTER_BYTES) {
      const output = this.#find(bytes, 0, bytes.length)
      if (output >= 0) return this.#replace(output)
    }
    this.#characters(bytes)
  }

  #characters(bytes: Uint8Array): void {
    for (let i = 0; i < bytes.length;) {
      this.#reserve()
      const first = bytes[i]!
      if (first >= SPACE && first < 0x7f) {
        this.#push(first)
        i++
        continue
      }
      const end = i + characterBytes(first)
      const output = this.#find(bytes, i, end)
      if (output >= 0) this.#replace(output)
      else while (i < end) this.#push(bytes[i++]!)
      i = end
    }
  }

  /** Where the output of the shortest rule lies that `bytes` starts with at `start`; −1 for none. */
  #find(bytes: Uint8Array, start: number, end: number): number {
    let node = this.#rules.root
    for (let i = start; i < end && bytes[i] !== 0; i++) {
      node = this.#rules.step(node, bytes[i]!)
      if (node < 0) return -1
      const output = this.#rules.valueAt(node)
      if (output >= 0) return output
    }
    return -1
  }

  #replace(output: number): void {
    this.#reserve()
    for (let i = output; this.#outputs[i] !== 0; i++) this.#push(this.#outputs[i]!)
  }

  #push(byte: number): void {
    if (byte !== SPACE) {
      this.#target[this.#length++] = byte
      this.#endsWithSpace = false
    } else if (!this.#endsWithSpace) {
      for (const part of SPACE_MARK) this.#target[this.#length++] = part
      this.#endsWithSpace = true
    }
  }

  /** Makes room for whatever one character may become. */
  #reserve(): void {
    if (this.#length + MAX_OUTPUT_BYTES <= this.#target.length) return
    const larger = new Uint8Array(2 * this.#target.length)
    larger.set(this.#target)
    this.#target = larger
  }
}
