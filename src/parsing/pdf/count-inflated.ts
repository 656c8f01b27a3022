/**
 * How large would this be if it were unpacked? Deflate (RFC 1950, 1951) and LZW as PDF uses them, read for their lengths
 * alone: nothing is written, so a bomb costs no more than its own bytes. They end where the data does, whatever the file says.
 */

/** Told bytes that came out and bytes that were read; throws when there are too many. */
export interface Meter {
  expand(bytes: number): void
  step(count: number): void
  turn(): Promise<void>
}

export interface Counted {
  /** Bytes that come out. */
  readonly size: number
  /** Offset behind the last byte that was read. */
  readonly end: number
}

const LENGTH_BASE = [
  3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258,
]
const LENGTH_BITS = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0]
const CODE_LENGTH_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]
const MAX_CODE_BITS = 15
/** Read and written bytes between two looks at the meter. */
const PORTION = 65_536

/** Canonical code as a table over the next 15 bits, least first: `symbol << 4 | bits`, 0 where there is no code. */
function huffman(lengths: readonly number[]): Uint16Array {
  const table = new Uint16Array(1 << MAX_CODE_BITS)
  const next: number[] = []
  let code = 0
  for (let bits = 1; bits <= MAX_CODE_BITS; bits++) {
    next[bits] = code
    code = (code + lengths.filter((length) => length === bits).length) << 1
  }
  for (const [symbol, bits] of lengths.entries()) {
    if (bits === 0) continue
    let reversed = 0
    const own = next[bits]!++
    for (let i = 0; i < bits; i++) reversed |= ((own >> i) & 1) << (bits - 1 - i)
    for (let i = reversed; i < table.length; i += 1 << bits) table[i] = (symbol << 4) | bits
  }
  return table
}

const FIXED: { lengths: Uint16Array; distances: Uint16Array } = {
  lengths: huffman(Array.from({ length: 288 }, (_, i) => (i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8))),
  distances: huffman(Array.from({ length: 30 }, () => 5)),
}

/** Counts the zlib stream at `offset`. Ends quietly where the data is damaged, as readers of PDFs do. O(bytes read). */
export async function countInflated(bytes: Uint8Array, offset: number, meter: Meter): Promise<Counted> {
  const flags = bytes[offset + 1]
  const isZlib = flags !== undefined && (bytes[offset]! & 0x0f) === 8 && (bytes[offset]! * 256 + flags) % 31 === 0
  if (!isZlib) return { size: 0, end: offset }
  let at = offset + 2
  let held = 0
  let bits = 0
  let size = 0
  let isDamaged = false
  let told = { size: 0, at }

  const need = (count: number): void => {
    while (bits < count) {
      // Beyond the end there are noughts, as many as a code may still ask for.
      if (at >= bytes.length + 4) isDamaged = true
      held |= (bytes[at++] ?? 0) << bits
      bits += 8
    }
  }
  const take = (count: number): number => {
    if (count === 0) return 0
    need(count)
    const value = held & ((1 << count) - 1)
    held >>>= count
    bits -= count
    return value
  }
  const symbol = (table: Uint16Array): number => {
    need(MAX_CODE_BITS)
    const entry = table[held & (table.length - 1)]!
    if (entry === 0) {
      isDamaged = true
      return 256
    }
    held >>>= entry & 15
    bits -= entry & 15
    return entry >> 4
  }
  const tell = async (): Promise<void> => {
    meter.expand(size - told.size)
    meter.step((at - told.at) >> 3)
    if (size - told.size > PORTION || at - told.at > PORTION) await meter.turn()
    told = { size, at }
  }

  let isLast = false
  while (!isLast && !isDamaged) {
    isLast = take(1) === 1
    const kind = take(2)
    if (kind === 0) {
      take(bits % 8)
      const length = take(16)
      if ((take(16) ^ 0xffff) !== length) break
      at = Math.max(offset, at - bits / 8)
      held = 0
      bits = 0
      size += Math.min(length, Math.max(0, bytes.length - at))
      at += length
      if (at > bytes.length) isDamaged = true
    } else if (kind === 3) break
    else {
      const codes = kind === 1 ? FIXED : dynamicCodes()
      for (let end = false; !end && !isDamaged;) {
        const code = symbol(codes.lengths)
        if (code < 256) size++
        else if (code === 256 || code > 285) {
          isDamaged ||= code > 285
          end = true
        } else {
          size += LENGTH_BASE[code - 257]! + take(LENGTH_BITS[code - 257]!)
          const distance = symbol(codes.distances)
          take(distance < 4 ? 0 : Math.min(13, (distance >> 1) - 1))
        }
        if (size - told.size > PORTION || at - told.at > PORTION) await tell()
      }
    }
    // One table costs as much as many bytes.
    meter.step(kind === 2 ? 2048 : 1)
    if (size - told.size > PORTION || at - told.at > PORTION) await tell()
  }
  await tell()
  return { size, end: Math.min(bytes.length, at) }

  function dynamicCodes(): { lengths: Uint16Array; distances: Uint16Array } {
    const literals = take(5) + 257
    const distances = take(5) + 1
    const ofLengths: number[] = Array.from({ length: 19 }, () => 0)
    const count = take(4) + 4
    for (let i = 0; i < count; i++) ofLengths[CODE_LENGTH_ORDER[i]!] = take(3)
    const table = huffman(ofLengths)
    const lengths: number[] = []
    while (lengths.length < literals + distances) {
      const code = symbol(table)
      if (code > 18) break
      if (code < 16) lengths.push(code)
      else {
        const [value, times] =
          code === 16 ? [lengths.at(-1) ?? 0, 3 + take(2)] : code === 17 ? [0, 3 + take(3)] : [0, 11 + take(7)]
        for (let i = 0; i < times; i++) lengths.push(value)
      }
    }
    return { lengths: huffman(lengths.slice(0, literals)), distances: huffman(lengths.slice(literals)) }
  }
}

/** Counts LZW data of at most `bytes.length`, with codes of 9 to 12 bits. O(bytes read). */
export async function countLzw(bytes: Uint8Array, meter: Meter): Promise<number> {
  const lengths = new Int32Array(4097)
  lengths.fill(1, 0, 256)
  let next = 258
  let before = 0
  let size = 0
  let told = 0
  let bits = 0
  let held = 0
  for (const [at, byte] of bytes.entries()) {
    held = ((held << 8) | byte) & 0xffffff
    bits += 8
    const width = next + 1 >= 2048 ? 12 : next + 1 >= 1024 ? 11 : next + 1 >= 512 ? 10 : 9
    if (bits < width) continue
    bits -= width
    const code = (held >> bits) & ((1 << width) - 1)
    if (code === 257) break
    if (code === 256) {
      next = 258
      before = 0
      continue
    }
    const length = code < next && code !== 256 ? lengths[code]! : before + 1
    if (before > 0 && next < 4096) lengths[next++] = before + 1
    before = length
    size += length
    if (size - told > PORTION) {
      meter.expand(size - told)
      told = size
    }
    if (at % PORTION === PORTION - 1) await meter.turn()
  }
  meter.expand(size - told)
  return size
}

/** RunLength data: a byte below 128 tells how many follow, one above how often the next is repeated. */
export function countRunLength(bytes: Uint8Array): number {
  let size = 0
  for (let at = 0; at < bytes.length;) {
    const length = bytes[at]!
    if (length === 128) break
    size += length < 128 ? length + 1 : 257 - length
    at += length < 128 ? length + 2 : 2
  }
  return size
}
