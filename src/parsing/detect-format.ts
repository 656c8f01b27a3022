/**
 * Which format a file has, told by its first bytes. Its name says only what content leaves open: whether a text is markdown
 * or source code, and whether a single line of it is a table.
 */
import type { FileFormat } from './file-format.ts'
import { cleanText } from './file-text.ts'
import { detectEncoding, isBinary } from './encoding.ts'
import { foreignKind } from './foreign-kinds.ts'
import { endingOf, textFormat } from './text-formats.ts'

/** So many first bytes of a file are enough. */
export const DETECTION_BYTES = 65_536
/** A PDF's header stands within these, behind whatever a mail gateway or a printer put before it. */
const PDF_HEADER_BYTES = 1_024

export interface DetectedFormat {
  readonly format: FileFormat
  /** Of text formats: a label that `TextDecoder` knows. */
  readonly encoding?: string
}

/**
 * Tells the format from a file's head, of at most `DETECTION_BYTES`. Containers made of a zip are told by their first
 * entries and may turn out otherwise once all of the file is seen. `undefined`: nothing that is read here.
 */
export function detectFormat(head: Uint8Array, name: string): DetectedFormat | undefined {
  const isWhole = head.length < DETECTION_BYTES
  if (head.length === 0) return undefined
  if (isPdf(head)) return { format: 'pdf' }
  if (isZip(head)) {
    const format = zipFormat(head, name)
    return format === undefined ? undefined : { format }
  }
  const isNoText = isBinary(head)
  if (foreignKind(head, isNoText) !== undefined) return undefined
  const encoding = detectEncoding(head, isWhole)
  if (encoding === undefined) return undefined
  const text = cleanText(new TextDecoder(encoding).decode(head, { stream: !isWhole }))
  const format = textFormat(text, name, isWhole)
  return format === undefined ? undefined : { format, encoding }
}

/** Why `detectFormat` answers nothing, in a sentence that names what the file is. */
export function whyUnsupported(head: Uint8Array): string {
  const kind = isZip(head) ? 'an office document of another kind' : foreignKind(head, isBinary(head))
  return kind === undefined ? 'the file is of a kind that is not read' : `the file is ${kind}, which is not read`
}

const ascii = (bytes: Uint8Array): string => new TextDecoder('windows-1252').decode(bytes)

/** With the header first, or behind other bytes where objects follow: a text may speak of `%PDF-1.4`. */
function isPdf(head: Uint8Array): boolean {
  const text = ascii(head.subarray(0, PDF_HEADER_BYTES))
  const header = /%PDF-\d/.exec(text)
  if (header === null) return false
  if (text.slice(0, header.index).trim() === '') return true
  return isBinary(head) || /\b\d+ \d+ obj\b/.test(ascii(head))
}

/** A local file header, or the end of an archive without entries. */
export const isZip = (head: Uint8Array): boolean =>
  head[0] === 0x50 && head[1] === 0x4b && ((head[2] === 3 && head[3] === 4) || (head[2] === 5 && head[3] === 6))

const OFFICE_FOLDERS: readonly (readonly [prefix: string, format: FileFormat])[] = [
  ['word/', 'docx'],
  ['ppt/', 'pptx'],
  ['xl/', 'xlsx'],
]

/** By the names in the local headers that lie in the head; sizes there may be missing, so headers are looked for. */
function zipFormat(head: Uint8Array, name: string): FileFormat | undefined {
  const text = ascii(head)
  const names: string[] = []
  for (let at = 0; at !== -1 && at + 30 <= head.length; at = text.indexOf('PK\u0003\u0004', at + 4)) {
    const length = head[at + 26]! + 256 * head[at + 27]!
    names.push(text.slice(at + 30, at + 30 + length))
    if (names.length > 1) continue
    const mimetype = names[0] === 'mimetype' ? text.slice(at + 38, at + 138) : ''
    if (mimetype.startsWith('application/epub+zip')) return 'epub'
    if (mimetype.startsWith('application/vnd.')) return undefined
  }
  const folder = OFFICE_FOLDERS.find(([prefix]) => names.some((entry) => entry.startsWith(prefix)))
  if (folder !== undefined) return folder[1]
  if (names.includes('META-INF/container.xml')) return 'epub'
  const ending = endingOf(name)
  const isOffice = names.includes('[Content_Types].xml')
  return isOffice && (ending === 'docx' || ending === 'pptx' || ending === 'xlsx') ? ending : 'zip'
}
