/** A packed file of word vectors, used where it lies: finds words and gives the vectors of texts. */
import { gramBuckets } from './character-grams.ts'
import { layoutOf, MAGIC, type PackedSizes, VERSION } from './packed-layout.ts'
import { forEachVectorWord, plainWord } from './vector-words.ts'

/** Words of a text that are looked at; the rest is not seen. */
export const MAX_TEXT_WORDS = 2_048

/** A spelling has at most so many UTF-8 bytes: 100 UTF-16 units. */
const MAX_SPELLING_BYTES = 400

const encoder = new TextEncoder()

export class PackedVectors {
  readonly dimensions: number
  readonly wordCount: number
  readonly #offsets: Uint32Array
  readonly #spellings: Uint8Array
  readonly #scales: Float32Array
  readonly #weights: Float32Array
  readonly #rows: Int8Array
  readonly #gramScales: Float32Array
  readonly #gramRows: Int8Array
  readonly #common: Float32Array
  readonly #spelt = new Uint8Array(MAX_SPELLING_BYTES)

  /** @throws Error where the bytes are no packed file of this version */
  constructor(buffer: ArrayBuffer) {
    const sizes = sizesOf(buffer)
    const { dimensions, count, bucketCount, spellingBytes } = sizes
    const layout = layoutOf(sizes)
    this.dimensions = dimensions
    this.wordCount = count
    this.#offsets = new Uint32Array(buffer, layout.offsets, count + 1)
    this.#spellings = new Uint8Array(buffer, layout.spellings, spellingBytes)
    this.#scales = new Float32Array(buffer, layout.scales, count)
    this.#weights = new Float32Array(buffer, layout.weights, count)
    this.#rows = new Int8Array(buffer, layout.rows, count * dimensions)
    this.#gramScales = new Float32Array(buffer, layout.gramScales, bucketCount)
    this.#gramRows = new Int8Array(buffer, layout.gramRows, bucketCount * dimensions)
    this.#common = new Float32Array(buffer, layout.common, dimensions)
  }

  has(word: string): boolean {
    return this.#find(word) >= 0
  }

  /** A word's vector as the source had it, within an 8-bit step; from its n-grams where the word is not known. */
  wordVector(word: string): Float64Array {
    const vector = new Float64Array(this.dimensions)
    const index = this.#find(word)
    if (index >= 0) this.#addRow(vector, this.#rows, index, this.#scales[index]!)
    else this.#addGrams(vector, word)
    return vector
  }

  /**
   * The weighted mean of a text's words without what all texts have in common, at unit length. A text of which no word
   * says anything gets that common direction itself: it is at right angles to all others.
   */
  textVector(text: string): Float32Array {
    const sum = new Float64Array(this.dimensions)
    let words = 0
    forEachVectorWord(text, (word) => {
      this.#addWord(sum, word)
      return ++words < MAX_TEXT_WORDS
    })
    const before = Math.sqrt(dot(sum, sum))
    const shared = dot(sum, this.#common)
    for (let i = 0; i < sum.length; i++) sum[i]! -= shared * this.#common[i]!
    const length = Math.sqrt(dot(sum, sum))
    // What is left after rounding is no direction.
    if (length <= before * 1e-6) return this.#common.slice()
    return Float32Array.from(sum, (value) => value / length)
  }

  #addWord(sum: Float64Array, word: string): void {
    let index = this.#find(word)
    if (index < 0) index = this.#find(plainWord(word))
    if (index >= 0) this.#addRow(sum, this.#rows, index, this.#scales[index]! * this.#weights[index]!)
    else this.#addGrams(sum, word)
  }

  #addGrams(sum: Float64Array, word: string): void {
    const buckets = gramBuckets(word, this.#gramScales.length)
    for (const bucket of buckets) {
      this.#addRow(sum, this.#gramRows, bucket, this.#gramScales[bucket]! / buckets.length)
    }
  }

  #addRow(sum: Float64Array, rows: Int8Array, index: number, factor: number): void {
    const start = index * this.dimensions
    for (let i = 0; i < sum.length; i++) sum[i]! += factor * rows[start + i]!
  }

  /** Binary search by UTF-8 bytes; -1 when the word is not there. */
  #find(word: string): number {
    const { read, written } = encoder.encodeInto(word, this.#spelt)
    if (read < word.length) return -1
    let low = 0
    let high = this.wordCount - 1
    while (low <= high) {
      const middle = (low + high) >>> 1
      const order = this.#compare(middle, written)
      if (order === 0) return middle
      if (order < 0) low = middle + 1
      else high = middle - 1
    }
    return -1
  }

  #compare(index: number, length: number): number {
    const start = this.#offsets[index]!
    const other = this.#offsets[index + 1]! - start
    const shorter = Math.min(other, length)
    for (let i = 0; i < shorter; i++) {
      const order = this.#spellings[start + i]! - this.#spelt[i]!
      if (order !== 0) return order
    }
    return other - length
  }
}

function sizesOf(buffer: ArrayBuffer): PackedSizes {
  const broken = (): Error => new Error('the packed word vectors are not of this version, or not whole')
  if (buffer.byteLength < 24) throw broken()
  const [magic, version, dimensions = 0, count = 0, bucketCount = 0, spellingBytes = 0] = new Uint32Array(buffer, 0, 6)
  const sizes = { dimensions, count, bucketCount, spellingBytes }
  if (magic !== MAGIC || version !== VERSION || layoutOf(sizes).bytes !== buffer.byteLength) throw broken()
  return sizes
}

function dot(a: Float64Array, b: Float64Array | Float32Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!
  return sum
}
