/**
 * Which encoding are these bytes in? Byte order marks, then what only one encoding allows (UTF-8, ISO-2022-JP), then what a
 * page says of itself, then the statistics of chardet; whatever is chosen must decode.
 */
import { big5, euc_jp, euc_kr, gb_18030, sjis } from 'chardet/lib/encoding/mbcs.js'
import {
  ISO_8859_1,
  ISO_8859_2,
  ISO_8859_5,
  ISO_8859_6,
  ISO_8859_7,
  ISO_8859_8,
  ISO_8859_9,
  KOI8_R,
  windows_1251,
  windows_1256,
  windows_1257,
  windows_1258,
  windows_874,
} from 'chardet/lib/encoding/sbcs.js'

/** Tried in this order among equals. */
const RECOGNISERS = [
  [new sjis(), 'shift_jis'],
  [new big5(), 'big5'],
  [new euc_jp(), 'euc-jp'],
  [new euc_kr(), 'euc-kr'],
  [new gb_18030(), 'gb18030'],
  // What is called ISO 8859 is nearly always its Windows extension, as browsers hold too.
  [new ISO_8859_1(), 'windows-1252'],
  [new ISO_8859_2(), 'windows-1250'],
  [new ISO_8859_5(), 'iso-8859-5'],
  [new ISO_8859_6(), 'iso-8859-6'],
  [new ISO_8859_7(), 'windows-1253'],
  [new ISO_8859_8(), 'windows-1255'],
  [new ISO_8859_9(), 'windows-1254'],
  [new windows_1251(), 'windows-1251'],
  [new windows_1256(), 'windows-1256'],
  [new windows_1257(), 'windows-1257'],
  [new windows_1258(), 'windows-1258'],
  [new windows_874(), 'windows-874'],
  [new KOI8_R(), 'koi8-r'],
] as const

/** The statistics need no more than this of the bytes that are not ASCII's lines. */
const STATISTICS_BYTES = 16_384
/** A page's declaration stands within its first bytes. */
const DECLARATION_BYTES = 4_096
const MIN_CONFIDENCE = 10
/** Accents stand alone among Latin letters; letters and pairs of bytes of other scripts follow one another. */
const MIN_RUN = 1.3
const LATIN: ReadonlySet<string> = new Set([
  'windows-1252',
  'windows-1250',
  'windows-1254',
  'windows-1257',
  'windows-1258',
])
/** A text has hardly any of the control characters that binary data is full of. */
const MAX_CONTROL_SHARE = 0.02
const NUL_WEIGHT = 8

/**
 * A label that `TextDecoder` knows, or `undefined` for what is no text. `ascii` is answered as `utf-8`.
 * @param isWhole whether `head` ends where the file does, not in the middle of a character
 */
export function detectEncoding(head: Uint8Array, isWhole = false): string | undefined {
  const marked = byteOrderMark(head)
  if (marked !== undefined) return marked === 'utf-32' ? undefined : marked
  const isUtf8 = decodes(head, 'utf-8', isWhole)
  // What reads as UTF-8 by chance is no text.
  if (isUtf8 && !isAscii(head)) return isBinary(head) ? undefined : 'utf-8'
  const wide = utf16Without(head)
  if (wide !== undefined) return wide
  if (isBinary(head)) return undefined
  if (isIso2022Jp(head)) return 'iso-2022-jp'
  const declared = declaredEncoding(head)
  if (isUtf8) return declared ?? 'utf-8'
  if (declared !== undefined && decodes(head, declared, isWhole)) return declared
  return byStatistics(head, isWhole)
}

/** Whether the bytes hold too many control characters, NUL above all, to be a text of any encoding. */
export function isBinary(head: Uint8Array): boolean {
  let controls = 0
  for (const byte of head) {
    // Logs of programs that crashed have one or the other NUL; programs have one in every number.
    if (byte === 0) controls += NUL_WEIGHT
    // ESC begins the shifts of ISO-2022-JP and the colours of a terminal's log.
    else if ((byte < 32 && !(byte >= 8 && byte <= 13) && byte !== 27) || byte === 127) controls++
  }
  return controls > Math.max(3, head.length * MAX_CONTROL_SHARE) && utf16Without(head) === undefined
}

export function isAscii(bytes: Uint8Array): boolean {
  for (const byte of bytes) if (byte > 127) return false
  return true
}

function byteOrderMark(head: Uint8Array): string | undefined {
  const [a, b, c, d] = head
  if (a === 0xef && b === 0xbb && c === 0xbf) return 'utf-8'
  if (a === 0xff && b === 0xfe) return c === 0 && d === 0 ? 'utf-32' : 'utf-16le'
  if (a === 0xfe && b === 0xff) return 'utf-16be'
  return a === 0 && b === 0 && c === 0xfe && d === 0xff ? 'utf-32' : undefined
}

/** UTF-16 without a mark has its NULs in every other place only, and reads as assigned characters. */
function utf16Without(head: Uint8Array): string | undefined {
  const nuls = [0, 0]
  for (let i = 0; i < head.length; i++) if (head[i] === 0) nuls[i % 2]!++
  const [even = 0, odd = 0] = nuls
  if (even > 0 === odd > 0) return undefined
  const label = odd > 0 ? 'utf-16le' : 'utf-16be'
  const whole = head.subarray(0, head.length - (head.length % 2))
  if (!decodes(whole, label, false)) return undefined
  const text = new TextDecoder(label).decode(whole.subarray(0, STATISTICS_BYTES))
  const odds = text.match(/[^\P{C}\t\n\r\f\p{Cf}]/gu)?.length ?? 0
  return odds <= text.length * MAX_CONTROL_SHARE ? label : undefined
}

/** Seven bits, with at least one shift to a Japanese set. */
function isIso2022Jp(head: Uint8Array): boolean {
  if (!head.includes(27) || !isAscii(head)) return false
  const text = latin1(head)
  return text.includes('\u001b$B') || text.includes('\u001b$@')
}

/** What a page, an XML file or a source file says of its own encoding. */
function declaredEncoding(head: Uint8Array): string | undefined {
  const text = latin1(head.subarray(0, DECLARATION_BYTES))
  const label =
    /^\s*<\?xml[^>]*?\sencoding\s*=\s*["']([\w.:-]{1,40})["']/.exec(text)?.[1] ??
    /<meta\b[^>]{0,400}?\bcharset\s*=\s*["']?\s*([\w.:-]{1,40})/i.exec(text)?.[1] ??
    /^@charset "([\w.:-]{1,40})";/.exec(text)?.[1] ??
    /^(?:#!.*\n)?#.*?coding[:=][ \t]*([\w.-]{1,40})/.exec(text)?.[1]
  const encoding = label === undefined ? undefined : knownLabel(label)
  // A declaration in single bytes cannot stand in UTF-16.
  return encoding?.startsWith('utf-16') ? 'utf-8' : encoding
}

function knownLabel(label: string): string | undefined {
  try {
    return new TextDecoder(label).encoding
  } catch {
    return undefined
  }
}

function byStatistics(head: Uint8Array, isWhole: boolean): string | undefined {
  const sample = wordsAround(head)
  if (isThai(sample) && decodes(head, 'windows-874', isWhole)) return 'windows-874'
  const byteStats = Array.from<number>({ length: 256 }).fill(0)
  for (const byte of sample) byteStats[byte]!++
  const c1Bytes = byteStats.slice(0x80, 0xa0).some((count) => count > 0)
  const context = {
    byteStats,
    c1Bytes,
    rawInput: sample,
    rawLen: sample.length,
    inputBytes: sample,
    inputLen: sample.length,
  }
  const isLatin = meanRun(sample) < MIN_RUN
  const candidates = RECOGNISERS.flatMap(([recogniser, label]) => {
    if (isLatin && !LATIN.has(label)) return []
    const confidence = recogniser.match(context)?.confidence ?? 0
    return confidence >= MIN_CONFIDENCE ? [{ label, confidence }] : []
  }).sort((a, b) => b.confidence - a.confidence)
  const found = candidates.find(({ label }) => decodes(head, label, isWhole))?.label
  // A few accents among English are too little for statistics, and most likely Western.
  return found ?? (decodes(head, 'windows-1252', isWhole) ? 'windows-1252' : undefined)
}

/** Bytes above ASCII that follow one another directly, on average. */
function meanRun(sample: Uint8Array): number {
  let bytes = 0
  let runs = 0
  for (let i = 0; i < sample.length; i++) {
    if (sample[i]! < 0x80) continue
    bytes++
    if (i === 0 || sample[i - 1]! < 0x80) runs++
  }
  return bytes / Math.max(1, runs)
}

/** The statistics miss short Thai texts; its spelling shows: signs above and below follow a letter, leading vowels precede one. */
function isThai(sample: Uint8Array): boolean {
  let letters = 0
  let signs = 0
  let misplaced = 0
  for (let i = 0; i < sample.length; i++) {
    const byte = sample[i]!
    // The other half of a Chinese character may be a Latin letter; within Thai there is none.
    if (byte >= 0x40 && byte < 0x7f && (sample[i - 1] ?? 0) >= 0xa1) misplaced++
    if (byte < 0xa1) continue
    const isConsonant = byte <= 0xce
    const isSign = byte === 0xd1 || (byte >= 0xd4 && byte <= 0xda) || (byte >= 0xe7 && byte <= 0xee)
    const before = sample[i - 1] ?? 0
    const after = sample[i + 1] ?? 0
    if (isConsonant) letters++
    else if (isSign) signs++
    if (isSign && before < 0xa1) misplaced++
    if (byte >= 0xe0 && byte <= 0xe4 && !(after >= 0xa1 && after <= 0xce)) misplaced++
  }
  return signs > 0 && letters > signs && misplaced * 20 < letters + signs
}

/** The lines that have bytes above ASCII, as far as they are needed: the rest says nothing of an encoding. */
function wordsAround(head: Uint8Array): Uint8Array {
  const sample = new Uint8Array(Math.min(head.length, STATISTICS_BYTES))
  let length = 0
  for (let start = 0; start < head.length && length < sample.length;) {
    const feed = head.indexOf(10, start)
    const end = feed === -1 ? head.length : feed + 1
    const line = head.subarray(start, end)
    if (!isAscii(line)) {
      const taken = line.subarray(0, sample.length - length)
      sample.set(taken, length)
      length += taken.length
    }
    start = end
  }
  return sample.subarray(0, length)
}

function decodes(bytes: Uint8Array, label: string, isWhole: boolean): boolean {
  try {
    new TextDecoder(label, { fatal: true, ignoreBOM: false }).decode(bytes, { stream: !isWhole })
    return true
  } catch {
    return false
  }
}

const latin1 = (bytes: Uint8Array): string => new TextDecoder('windows-1252').decode(bytes)
