/** Where the parts of a packed file lie. Numbers wider than a byte begin at a multiple of 4, so that typed arrays look
 * straight at them. */

/** `NFWV` in ASCII, little-endian. */
export const MAGIC = 0x5657464e
export const VERSION = 1
/** Magic, version, dimensions, words, buckets, bytes of spellings: each a uint32. */
const HEADER_BYTES = 24

export interface PackedSizes {
  readonly dimensions: number
  readonly count: number
  readonly bucketCount: number
  readonly spellingBytes: number
}

/** Byte offsets of the parts, in their order, and the length of the whole. */
export interface PackedLayout {
  /** Uint32 × (words + 1): where each spelling begins; words are sorted by their UTF-8 bytes. */
  readonly offsets: number
  /** Float32 × words. */
  readonly scales: number
  /** Float32 × words: smooth inverse frequency. */
  readonly weights: number
  /** Float32 × buckets. */
  readonly gramScales: number
  /** Float32 × dimensions: the unit vector that is taken out of every text's. */
  readonly common: number
  readonly spellings: number
  /** Int8 × words × dimensions. */
  readonly rows: number
  /** Int8 × buckets × dimensions. */
  readonly gramRows: number
  readonly bytes: number
}

export function layoutOf({ dimensions, count, bucketCount, spellingBytes }: PackedSizes): PackedLayout {
  const offsets = HEADER_BYTES
  const scales = offsets + 4 * (count + 1)
  const weights = scales + 4 * count
  const gramScales = weights + 4 * count
  const common = gramScales + 4 * bucketCount
  const spellings = common + 4 * dimensions
  const rows = spellings + spellingBytes
  const gramRows = rows + count * dimensions
  return {
    offsets,
    scales,
    weights,
    gramScales,
    common,
    spellings,
    rows,
    gramRows,
    bytes: gramRows + bucketCount * dimensions,
  }
}
