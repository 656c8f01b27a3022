/**
 * What is in a zip archive, and how is one entry read without the others? The directory at the end of the file becomes
 * plain data that outlives the process; an entry is opened from it alone, by ranges, and inflated as a stream.
 *
 * Written here rather than taken from `@zip.js/zip.js`, which reads safely too: its entries are objects of an open reader
 * (after a restart the whole directory would be read again for each of 10,000 files), it holds a directory of any size,
 * and it does not stop at what all entries expand to together. `fflate` needs the archive in memory.
 *
 * Format: PKWARE APPNOTE 6.3.10. Overlapping entries: D. Fifield, "A better zip bomb", WOOT 2019.
 */
import {
  FREE_ARCHIVE_BYTES,
  MAX_ARCHIVE_BYTES,
  MAX_ARCHIVE_FILES,
  MAX_ARCHIVE_RATIO,
  MAX_FILE_NAME_BYTES,
} from '../core/limits.ts'
import { FileFault } from './file-fault.ts'
import { ParseBudget } from './parse-budget.ts'
import type { FileBytes } from './parsed-document.ts'
import type { ArchiveEntry } from './zip/archive-entry.ts'
import { decodeEntryName } from './zip/entry-name.ts'
import { inflateEntry } from './zip/inflate-entry.ts'

export type { ArchiveEntry }

export interface ArchiveLimits {
  readonly maxFiles?: number
  /** Of all entries together, expanded. */
  readonly maxBytes?: number
}

const END_RECORD_BYTES = 22
const MAX_COMMENT_BYTES = 65_535
const HEADER_BYTES = 46
const LOCAL_HEADER_BYTES = 30
const MAX_UINT32 = 0xffffffff
/** For 10,000 files with names and extra fields of a kilobyte and more. */
const MAX_DIRECTORY_BYTES = 16_000_000
/** Deflate cannot do more, whatever a header says. */
const MAX_DEFLATE_RATIO = 1_032
const ENTRIES_PER_TURN = 500

/** Left behind by file managers; nobody means to upload them. */
const LITTER = /(?:^|\/)(?:__MACOSX\/|\.DS_Store$|Thumbs\.db$|desktop\.ini$)/i

const damaged = (detail: string): FileFault => new FileFault('malformed_file', detail)

/**
 * Lists the files of an archive in the order of its directory, without directories and litter.
 * @throws FileFault malformed_file, encrypted_file, unsafe_path, expansion_limit, too_many_files, empty_file, unsupported_format
 */
export async function readArchive(
  bytes: FileBytes,
  budget: ParseBudget,
  { maxFiles = MAX_ARCHIVE_FILES, maxBytes = MAX_ARCHIVE_BYTES }: ArchiveLimits = {},
): Promise<readonly ArchiveEntry[]> {
  const { offset: start, size } = await findDirectory(bytes)
  budget.hold(size)
  const directory = await readExactly(bytes, start, size)
  const view = viewOf(directory)
  const entries: ArchiveEntry[] = []
  const paths = new Set<string>()
  let expanded = 0
  for (let at = 0, count = 0; at < size; count++) {
    if (at + HEADER_BYTES > size || view.getUint32(at, true) !== 0x02014b50) throw damaged('the directory is damaged')
    const header = readHeader(directory, view, at)
    at = header.next
    budget.step()
    if (count % ENTRIES_PER_TURN === ENTRIES_PER_TURN - 1) await budget.turn()
    const { entry } = header
    requireSafePath(entry.path, header.mode)
    if (entry.path.endsWith('/') || LITTER.test(entry.path)) continue
    requireReadable(entry, header.flags)
    if (paths.has(entry.path)) throw damaged('two entries have the same path')
    paths.add(entry.path)
    entries.push(entry)
    if (entries.length > maxFiles) throw new FileFault('too_many_files')
    expanded += entry.size
    if (expanded > maxBytes) throw new FileFault('expansion_limit')
  }
  requireDisjoint(entries, start)
  if (expanded > FREE_ARCHIVE_BYTES + MAX_ARCHIVE_RATIO * bytes.size) throw new FileFault('expansion_limit')
  if (entries.length === 0) throw new FileFault('empty_file', 'the archive holds no files')
  budget.release(size)
  return entries
}

/**
 * An entry's content as a file of its own. `stream()` and a `read` of all of it check size and checksum; a `read` of a part
 * of a deflated entry inflates all that stands before it.
 * @param expand told of each piece that was inflated, and may throw to stop it
 */
export function openEntry(bytes: FileBytes, entry: ArchiveEntry, expand?: (count: number) => void): FileBytes {
  const data = async (): Promise<number> => {
    const header = viewOf(await readExactly(bytes, entry.offset, LOCAL_HEADER_BYTES))
    if (header.getUint32(0, true) !== 0x04034b50) throw damaged('an entry is not where the directory says')
    const start = entry.offset + LOCAL_HEADER_BYTES + header.getUint16(26, true) + header.getUint16(28, true)
    if (start + entry.compressedSize > bytes.size) throw damaged('an entry ends beyond the end of the file')
    return start
  }
  const pieces = (): AsyncGenerator<Uint8Array<ArrayBuffer>> => inflateEntry(bytes, entry, data, expand)
  return {
    size: entry.size,
    async read(offset, length) {
      const end = Math.min(entry.size, offset + length)
      const result = new Uint8Array(Math.max(0, end - offset))
      if (entry.method === 0 && result.length < entry.size) {
        const start = await data()
        return await bytes.read(start + offset, result.length)
      }
      let position = 0
      for await (const piece of pieces()) {
        const from = Math.max(0, offset - position)
        if (from < piece.length && position < end) {
          result.set(piece.subarray(from, Math.min(piece.length, end - position)), Math.max(0, position - offset))
        }
        position += piece.length
        // At the very end the loop goes on once more: that is where the checksum is looked at.
        if (position >= end && end < entry.size) break
      }
      return result
    },
    stream() {
      const source = pieces()
      return new ReadableStream<Uint8Array<ArrayBuffer>>(
        {
          async pull(controller) {
            const { done, value } = await source.next()
            if (done === true) controller.close()
            else controller.enqueue(value)
          },
          async cancel() {
            await source.return(undefined)
          },
        },
        { highWaterMark: 0 },
      )
    },
  }
}

/** What a zip file is: one of the formats that are zip files inside, or an archive of files. @throws FileFault */
export async function formatOfZip(
  bytes: FileBytes,
  budget: ParseBudget = new ParseBudget({ size: bytes.size, clock: () => Date.now() }),
): Promise<'docx' | 'pptx' | 'xlsx' | 'epub' | 'zip'> {
  const entries = await readArchive(bytes, budget)
  const paths = new Set(entries.map(({ path }) => path))
  if (paths.has('[Content_Types].xml')) {
    if (paths.has('xl/workbook.bin')) throw new FileFault('unsupported_format', 'save the workbook as .xlsx')
    for (const [folder, format] of OFFICE_FOLDERS) {
      if (entries.some(({ path }) => path.startsWith(folder))) return format
    }
  }
  const mimetype = entries.find(({ path, size }) => path === 'mimetype' && size < 200)
  if (mimetype !== undefined) {
    const type = new TextDecoder().decode(await openEntry(bytes, mimetype).read(0, mimetype.size)).trim()
    if (type === 'application/epub+zip') return 'epub'
    if (type.startsWith('application/vnd.oasis.opendocument')) {
      throw new FileFault('unsupported_format', 'OpenDocument is not read; save it as .docx, .xlsx or .pptx')
    }
  }
  return paths.has('META-INF/container.xml') ? 'epub' : 'zip'
}

const OFFICE_FOLDERS = [
  ['word/', 'docx'],
  ['ppt/', 'pptx'],
  ['xl/', 'xlsx'],
] as const

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

async function readExactly(bytes: FileBytes, offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
  const result = offset < 0 || offset + length > bytes.size ? undefined : await bytes.read(offset, length)
  if (result?.length !== length) throw damaged('the archive is cut off')
  return result
}

/** Where the directory stands, from the record at the end of the file; behind it may follow a comment only. */
async function findDirectory(bytes: FileBytes): Promise<{ offset: number; size: number }> {
  const tailSize = Math.min(bytes.size, END_RECORD_BYTES + MAX_COMMENT_BYTES)
  const tailStart = bytes.size - tailSize
  const view = viewOf(await readExactly(bytes, tailStart, tailSize))
  for (let at = tailSize - END_RECORD_BYTES; at >= 0; at--) {
    if (view.getUint32(at, true) !== 0x06054b50) continue
    if (at + END_RECORD_BYTES + view.getUint16(at + 20, true) !== tailSize) continue
    const disks = view.getUint16(at + 4, true) | view.getUint16(at + 6, true)
    const plain = { offset: view.getUint32(at + 16, true), size: view.getUint32(at + 12, true) }
    const isLarge = view.getUint16(at + 10, true) === 0xffff || plain.offset === MAX_UINT32 || plain.size === MAX_UINT32
    const large = isLarge ? await findLargeDirectory(bytes, tailStart + at) : undefined
    if (large === undefined && disks !== 0) {
      throw new FileFault('unsupported_format', 'the archive is one of several parts; make one of them')
    }
    const found = large ?? plain
    if (found.size > MAX_DIRECTORY_BYTES)
      throw new FileFault('too_many_files', 'the directory of the archive is too large')
    if (found.offset + found.size > tailStart + at) throw damaged('the directory is not where the archive says')
    return found
  }
  throw damaged('the end of the archive is missing')
}

/** Of a zip64 archive: its own record stands before the ordinary one, where a locator says. */
async function findLargeDirectory(
  bytes: FileBytes,
  end: number,
): Promise<{ offset: number; size: number } | undefined> {
  if (end < 20) return undefined
  const locator = viewOf(await readExactly(bytes, end - 20, 20))
  if (locator.getUint32(0, true) !== 0x07064b50) return undefined
  const record = viewOf(await readExactly(bytes, readUint64(locator, 8), 56))
  if (record.getUint32(0, true) !== 0x06064b50) throw damaged('the directory is not where the archive says')
  return { offset: readUint64(record, 48), size: readUint64(record, 40) }
}

/** @throws FileFault when the number is beyond any file */
function readUint64(view: DataView, at: number): number {
  if (at + 8 > view.byteLength) throw damaged('a size is missing')
  const value = view.getBigUint64(at, true)
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw damaged('a size is beyond any file')
  return Number(value)
}

interface Header {
  readonly entry: ArchiveEntry
  readonly flags: number
  /** Type and permissions as Unix has them; 0 where the archive tells none. */
  readonly mode: number
  /** Where the next header begins. */
  readonly next: number
}

function readHeader(directory: Uint8Array, view: DataView, at: number): Header {
  const nameEnd = at + HEADER_BYTES + view.getUint16(at + 28, true)
  const extraEnd = nameEnd + view.getUint16(at + 30, true)
  const next = extraEnd + view.getUint16(at + 32, true)
  if (next > directory.length) throw damaged('the directory is damaged')
  const flags = view.getUint16(at + 8, true)
  const extra = directory.subarray(nameEnd, extraEnd)
  const sizes = [view.getUint32(at + 24, true), view.getUint32(at + 20, true), view.getUint32(at + 42, true)]
  const [size = 0, compressedSize = 0, offset = 0] = withLargeSizes(sizes, extra)
  const path = decodeEntryName(directory.subarray(at + HEADER_BYTES, nameEnd), extra, (flags & 0x800) !== 0)
  const entry = {
    path,
    offset,
    compressedSize,
    size,
    method: view.getUint16(at + 10, true),
    crc32: view.getUint32(at + 16, true),
  }
  return { entry, flags, mode: view.getUint32(at + 38, true) >>> 16, next }
}

/** Sizes of 0xffffffff stand in the zip64 extra field instead, in the same order. */
function withLargeSizes(sizes: readonly number[], extra: Uint8Array): number[] {
  if (sizes.every((size) => size !== MAX_UINT32)) return [...sizes]
  const view = viewOf(extra)
  for (let at = 0; at + 4 <= extra.length; at += 4 + view.getUint16(at + 2, true)) {
    if (view.getUint16(at, true) !== 1) continue
    let next = at + 4
    return sizes.map((size) => {
      if (size !== MAX_UINT32) return size
      next += 8
      return readUint64(view, next - 8)
    })
  }
  throw damaged('a size is missing')
}

/** @throws FileFault unsafe_path for whatever could be written or read outside of the archive's own folder */
function requireSafePath(path: string, mode: number): void {
  const type = mode & 0xf000
  if (type !== 0 && type !== 0x8000 && type !== 0x4000) {
    throw new FileFault('unsafe_path', 'an entry of the archive is a link or a device, so nothing of it is read')
  }
  const segments = path.split('/')
  if (segments.length > 1 && segments.at(-1) === '') segments.pop()
  const isUnsafe =
    // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
    /[\u0000-\u001f\u007f-\u009f\\]/.test(path) ||
    /^[a-z]:/i.test(path) ||
    segments.some((segment) => segment === '' || segment === '.' || segment === '..')
  if (isUnsafe) throw new FileFault('unsafe_path')
  if (path.length > MAX_FILE_NAME_BYTES || new TextEncoder().encode(path).length > MAX_FILE_NAME_BYTES) {
    throw new FileFault('unsafe_path', `a path in the archive is longer than ${String(MAX_FILE_NAME_BYTES)} bytes`)
  }
}

function requireReadable({ method, size, compressedSize }: ArchiveEntry, flags: number): void {
  // Bit 0: encrypted; bit 6: strongly; bit 13: so is the directory. Method 99: AES.
  if ((flags & 0x2041) !== 0 || method === 99) throw new FileFault('encrypted_file')
  if (method !== 0 && method !== 8) {
    throw new FileFault(
      'unsupported_format',
      'an entry is compressed in another way than Deflate; make the archive again',
    )
  }
  if (method === 0 && size !== compressedSize) throw damaged('an entry that is not compressed has two sizes')
  if (method === 8 && size > compressedSize * MAX_DEFLATE_RATIO)
    throw damaged('an entry says that it is larger than it can be')
}

/** @throws FileFault expansion_limit when the same bytes belong to two entries: a bomb, never a mistake */
function requireDisjoint(entries: readonly ArchiveEntry[], directoryStart: number): void {
  let end = 0
  for (const entry of entries.toSorted((a, b) => a.offset - b.offset)) {
    if (entry.offset < end) throw new FileFault('expansion_limit', 'entries of the archive overlap')
    end = entry.offset + LOCAL_HEADER_BYTES + entry.compressedSize
  }
  if (end > directoryStart) throw damaged('an entry ends beyond the end of the file')
}
