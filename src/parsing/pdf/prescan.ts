/**
 * What would reading this PDF cost? Every compressed stream is measured before a reader sees the file, wherever one seems
 * to begin: not the cross-reference table is believed but the bytes. Pictures are counted, not unpacked, because text needs none.
 * Streams of encrypted files look damaged from here; only their number and raw size is bounded.
 */
import { inflateSync } from 'fflate'
import { FileFault } from '../file-fault.ts'
import type { ParseBudget } from '../parse-budget.ts'
import { countInflated, countLzw, countRunLength } from './count-inflated.ts'
import { FormCheck, MAX_OBJECTS } from './form-check.ts'
import { StructureCheck } from './structure-check.ts'

const WINDOW = 1_048_576
const OVERLAP = 65_536
/** Of a stream's dictionary, in bytes before its data. */
const MAX_DICTIONARY = 16_384
/** One stream that is no picture: all of it is in memory at once. */
const MAX_STREAM_BYTES = 16_000_000
/** A scanned page has more pixels than this, and a logo fewer. */
const MIN_SCAN_PIXELS = 300_000
/** Of one page: pdf.js goes through all of it without letting anyone in between. A page of a book has some 10,000 bytes. */
const MAX_CONTENT_BYTES = 4_000_000
/** Bytes of content for one step: pdf.js takes some 100 ns for each of them. */
const CONTENT_BYTES_PER_STEP = 16
/** A file of a thousand pages has some 5,000. */
const MAX_STREAMS = 100_000
const STREAMS_PER_TURN = 128
const STREAM_STEPS = 64
const MAX_LINE_BYTES = 3_000_000
const EMPTY = new Uint8Array(0)
const PACKING = new Set(['FlateDecode', 'Fl', 'LZWDecode', 'LZW', 'RunLengthDecode', 'RL', 'BrotliDecode'])

export interface Prescan {
  /** Pictures that are as large as a page. */
  readonly largeImages: number
  readonly isEncrypted: boolean
  /** Of all pages' content, in bytes, for pages that repeat it. */
  readonly largestContent: number
  /** Places that name a content. */
  readonly contents: number
}

const latin1 = new TextDecoder('latin1')

/** @throws FileFault expansion_limit, too_complex, parse_timeout */
export async function prescan(bytes: Uint8Array<ArrayBuffer>, budget: ParseBudget): Promise<Prescan> {
  const check = new StructureCheck(budget)
  const forms = new FormCheck(budget)
  const run = { length: 0 }
  const sizes = new Map<number, number>()
  let streams = 0
  let largeImages = 0
  let isEncrypted = false
  for (let from = 0; from < bytes.length; from += WINDOW) {
    const start = Math.max(0, from - OVERLAP)
    const text = latin1.decode(bytes.subarray(start, from + WINDOW))
    check.look(text, from - start)
    await budget.turn()
    forms.objects(text, from - start)
    checkRuns(bytes.subarray(from, from + WINDOW), run)
    isEncrypted ||= text.includes('/Encrypt')
    await budget.turn()
    const keyword = /stream/g
    keyword.lastIndex = from === 0 ? 0 : from - start - 5
    for (let match = keyword.exec(text); match !== null; match = keyword.exec(text)) {
      if (text.slice(Math.max(0, match.index - 3), match.index) === 'end') continue
      if (++streams > MAX_STREAMS) throw new FileFault('too_complex', 'the file is made of too many streams')
      if (streams % STREAMS_PER_TURN === 0) await budget.turn()
      const dictionary = dictionaryBefore(text, match.index)
      // A file may be full of the keyword, and each is looked at with all that stands before it.
      budget.step(STREAM_STEPS + (dictionary.text.length >> 2))
      checkIndex(dictionary.text)
      const data = start + match.index + 6
      const image = imageOf(dictionary.text)
      if (image !== undefined) {
        if (image >= MIN_SCAN_PIXELS) largeImages++
        continue
      }
      const size = await measure(bytes, lineAfter(bytes, data), dictionary, { budget, check, forms })
      if (/\/Subtype\s*\/Form\b/.test(dictionary.text)) checkContent(size, budget)
      if (dictionary.object !== undefined)
        sizes.set(dictionary.object, Math.max(size, sizes.get(dictionary.object) ?? 0))
    }
  }
  forms.finish()
  let contents = 0
  let largestContent = 0
  for (const [object, times] of check.contents) {
    const size = sizes.get(object) ?? 0
    contents += times
    largestContent = Math.max(largestContent, size)
    checkContent(size, budget)
    if (times > 1) budget.expand(size * (times - 1))
  }
  for (const parts of check.divided) {
    checkContent(
      parts.reduce((sum, object) => sum + (sizes.get(object) ?? 0), 0),
      budget,
    )
  }
  return { largeImages, isEncrypted, largestContent, contents }
}

/** Of a page, or of a form on it. @throws FileFault too_complex */
function checkContent(size: number, budget: ParseBudget): void {
  if (size > MAX_CONTENT_BYTES) throw new FileFault('too_complex', 'a page of the file is made of too much')
  budget.step(Math.ceil(size / CONTENT_BYTES_PER_STEP))
}

/** From the last `n n obj` before it. */
function dictionaryBefore(text: string, end: number): Dictionary {
  const before = text.slice(Math.max(0, end - MAX_DICTIONARY), end)
  const at = before.lastIndexOf(' obj')
  if (at < 0) return { text: before }
  const number = /(\d+)\s+\d+$/.exec(before.slice(Math.max(0, at - 24), at))
  const dictionary = before
    .slice(at + 4)
    .replace(/#([\da-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  return { text: dictionary, ...(number === null ? {} : { object: Number(number[1]) }) }
}

/** Pixels of a picture; strings or comments in a dictionary may feign one. */
function imageOf(dictionary: string): number | undefined {
  if (!/\/Subtype\s*\/Image\b/.test(dictionary) || /[()%]/.test(dictionary)) return undefined
  const width = Number(/\/Width\s+(\d+)/.exec(dictionary)?.[1] ?? Number.NaN)
  const height = Number(/\/Height\s+(\d+)/.exec(dictionary)?.[1] ?? Number.NaN)
  return width > 0 && height > 0 ? width * height : undefined
}

/** A stream's data begins behind the line end that follows the keyword. */
function lineAfter(bytes: Uint8Array, from: number): number {
  let at = from
  while (at < bytes.length && bytes[at] !== 0x0a && bytes[at] !== 0x0d) at++
  return bytes[at] === 0x0d && bytes[at + 1] === 0x0a ? at + 2 : at + 1
}

interface Dictionary {
  readonly text: string
  readonly object?: number
}

interface Scan {
  readonly budget: ParseBudget
  readonly forms: FormCheck
  readonly check: StructureCheck
}

/** Size of what a stream unpacks to; looks through it where it is Flate. */
async function measure(
  bytes: Uint8Array<ArrayBuffer>,
  from: number,
  dictionary: Dictionary,
  scan: Scan,
): Promise<number> {
  const filters = [...(/\/Filter\s*(\/\w+|\[[^[\]]*\])/.exec(dictionary.text)?.[1] ?? '').matchAll(/\/(\w+)/g)].map(
    ([, name = '']) => name,
  )
  if (filters.filter((name) => PACKING.has(name)).length > 1) {
    throw new FileFault('too_complex', 'a stream of the file is compressed more than once')
  }
  if (filters.includes('BrotliDecode')) throw new FileFault('too_complex', 'a stream of the file is packed with Brotli')
  const isAscii = /^(?:ASCII85Decode|A85|ASCIIHexDecode|AHx)$/.test(filters[0] ?? '')
  const isRaw = isAscii || filters.length === 0 || filters.some((name) => /^(?:LZW|RL$|RunLength)/.test(name))
  const raw = isRaw ? bytes.subarray(from, from + (await rawLength(bytes, from, dictionary.text, scan))) : EMPTY
  if (isAscii) scan.budget.expand(raw.length)
  const data = !isAscii ? raw : filters[0]?.includes('85') ? fromAscii85(raw) : fromHex(raw)
  if (filters.some((name) => name.startsWith('LZW'))) {
    scan.budget.step(data.length >> 3)
    return countLzw(data, scan.budget)
  }
  if (filters.some((name) => name === 'RL' || name === 'RunLengthDecode')) {
    const size = countRunLength(data)
    scan.budget.expand(size)
    return size
  }
  // Whatever the dictionary says, as far as the data goes: where it begins like Flate, a reader may take it for that.
  const whole = isAscii ? data : bytes
  const offset = isAscii ? 0 : from
  const { size, end } = await countInflated(whole, offset, scan.budget)
  if (size > MAX_STREAM_BYTES) throw new FileFault('expansion_limit')
  if (size > 0) lookInto(whole.subarray(offset + 2, end), size, dictionary, scan)
  if (filters.length > 0) return size
  if (raw.length > MAX_STREAM_BYTES) return raw.length
  scan.budget.step(raw.length >> 2)
  scan.forms.stream(dictionary.object, dictionary.text, latin1.decode(raw))
  return Math.max(size, raw.length)
}

function lookInto(deflated: Uint8Array, size: number, dictionary: Dictionary, { budget, check, forms }: Scan): void {
  budget.hold(2 * size)
  try {
    const text = latin1.decode(inflateSync(deflated, { out: new Uint8Array(size) }))
    check.look(text)
    forms.stream(dictionary.object, dictionary.text, text)
  } catch (error) {
    // Damaged towards its end: readers take the part before, which is too short to hold much.
    if (error instanceof FileFault) throw error
  } finally {
    budget.release(2 * size)
  }
}

/** As the dictionary says, or to the next end of a stream; bounded by the file. */
async function rawLength(bytes: Uint8Array, from: number, dictionary: string, { budget }: Scan): Promise<number> {
  const [, digits, isReference] = /\/Length\s+(\d+)(\s+\d+\s+R)?/.exec(dictionary) ?? []
  if (digits !== undefined && isReference === undefined)
    return Math.max(0, Math.min(Number(digits), bytes.length - from))
  for (let window = 4_096; ; window *= 4) {
    budget.step(window)
    const end = latin1.decode(bytes.subarray(from, from + window)).indexOf('endstream')
    if (end >= 0) return end
    if (window < WINDOW) continue
    await budget.turn()
    return Math.max(0, bytes.length - from)
  }
}

/**
 * Where the index of a file is broken, pdf.js reads it line by line and adds each character on its own: 32 bytes in memory.
 * @throws FileFault too_complex
 */
function checkRuns(bytes: Uint8Array, run: { length: number }): void {
  for (const byte of bytes) {
    if (byte === 0x0a || byte === 0x0d || byte === 0x3c) run.length = 0
    else if (++run.length > MAX_LINE_BYTES) throw new FileFault('too_complex', 'a line of the file is too long')
  }
}

/** An index of the file that is a stream: pdf.js makes an object for each place of it. @throws FileFault too_complex */
function checkIndex(dictionary: string): void {
  if (!/\/Type\s*\/XRef\b/.test(dictionary)) return
  const [, list = ''] = /\/Index\s*\[([^[\]]*)\]/.exec(dictionary) ?? []
  const size = Number(/\/Size\s+(\d+)/.exec(dictionary)?.[1] ?? 0)
  for (const [count] of [[String(size)], ...list.matchAll(/\d+/g)]) {
    if (Number(count) > MAX_OBJECTS) throw new FileFault('too_complex', 'the file claims more objects than it can have')
  }
}

function fromAscii85(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(Math.ceil(bytes.length * 4))
  let length = 0
  let value = 0
  let digits = 0
  for (const byte of bytes) {
    if (byte === 0x7e) break
    if (byte === 0x7a && digits === 0) length += 4
    if (byte < 0x21 || byte > 0x75) continue
    value = value * 85 + byte - 0x21
    if (++digits === 5) {
      new DataView(out.buffer).setUint32(length, value % 2 ** 32)
      length += 4
      value = 0
      digits = 0
    }
  }
  for (let i = digits; i > 0 && i < 5; i++) value = value * 85 + 84
  for (let i = 1; i < digits; i++) out[length++] = Math.floor(value / 256 ** (4 - i)) % 256
  return out.subarray(0, length)
}

function fromHex(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const digits = latin1
    .decode(bytes)
    .split('>', 1)[0]!
    .replace(/[^\da-f]/gi, '')
  return Uint8Array.from({ length: digits.length >> 1 }, (_, i) => Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16))
}
