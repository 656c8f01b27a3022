/** Archives of the fixture library: files of several kinds in one, and what attackers put into archives. */
import { deflateSync } from 'fflate'
import { crc32 } from '../../../src/parsing/zip/crc32.ts'
import { wordParagraph, writeDocx, writeXlsx, plainRow } from '../office-writer.ts'
import { writeZip, type ZipFile } from '../zip-writer.ts'
import type { LibraryEntry } from './library-entry.ts'

const zeros = (size: number): ZipFile => {
  const data = new Uint8Array(size)
  return { path: 'zeros.txt', packed: deflateSync(data, { level: 9 }), size, crc: crc32(data) }
}

/** Many entries over one block of data: D. Fifield's bomb. */
function overlapping(): Uint8Array {
  const kernel = zeros(20_000_000)
  const copies = Array.from({ length: 500 }, (_, index) => ({
    ...kernel,
    path: `${String(index)}.txt`,
    offset: 0,
    headerOnly: index > 0,
  }))
  return writeZip(copies)
}

const note = { path: 'notes/read me.txt', data: 'Read these files first.' }

export const entries: readonly LibraryEntry[] = [
  {
    name: 'mixed.zip',
    bytes: () =>
      writeZip([
        { path: 'notes/' },
        note,
        { path: 'Bericht.docx', data: writeDocx(wordParagraph('Ein Bericht über Öl.')), descriptor: true },
        {
          path: '表/価格.xlsx',
          data: writeXlsx({ 表: plainRow(['名前', '価格']) + plainRow(['茶', 5]) }),
          deflated: false,
        },
        { path: '__MACOSX/._x', data: 'x' },
      ]),
    expect: {
      format: 'zip',
      count: 3,
      documents: [
        { key: 'notes/read me.txt', contains: ['Read these files first.'] },
        { key: 'Bericht.docx', contains: ['Ein Bericht über Öl.'] },
        {
          key: '表/価格.xlsx',
          contains: ['名前: 茶; 価格: 5'],
          locations: [{ text: '茶', location: { sheet: '表', row: 2 } }],
        },
      ],
    },
  },
  {
    name: 'old names.zip',
    bytes: () =>
      writeZip([
        {
          path: '',
          rawName: Uint8Array.of(0x9a, 0x62, 0x65, 0x72, 0x2e, 0x74, 0x78, 0x74),
          flags: 0,
          data: 'über alles',
        },
      ]),
    expect: { format: 'zip', documents: [{ key: 'Über.txt', contains: ['über alles'] }] },
    note: 'names in code page 437',
  },
  {
    name: 'large.zip',
    bytes: () => writeZip([{ ...note, zip64: true }], { zip64: true, comment: 'backup' }),
    expect: { format: 'zip', documents: [{ contains: ['Read these'] }] },
    note: 'zip64',
  },
  {
    name: 'traversal.zip',
    bytes: () => writeZip([note, { path: '../../etc/cron.d/x', data: 'x' }]),
    expect: { code: 'unsafe_path' },
  },
  {
    name: 'backslash.zip',
    bytes: () => writeZip([note, { path: '..\\..\\x.txt', data: 'x' }]),
    expect: { code: 'unsafe_path' },
  },
  {
    name: 'absolute.zip',
    bytes: () => writeZip([note, { path: '/etc/passwd', data: 'x' }]),
    expect: { code: 'unsafe_path' },
  },
  {
    name: 'link.zip',
    bytes: () => writeZip([note, { path: 'link', data: '/etc', mode: 0o120777 }]),
    expect: { code: 'unsafe_path' },
  },
  { name: 'flat bomb.zip', bytes: () => writeZip([zeros(50_000_000)]), expect: { code: 'expansion_limit' } },
  { name: 'overlapping bomb.zip', bytes: overlapping, expect: { code: 'expansion_limit' } },
  {
    name: 'lying size.zip',
    bytes: () => writeZip([{ path: 'a.txt', data: 'word '.repeat(50_000), size: 100 }]),
    expect: { code: 'expansion_limit' },
  },
  {
    name: 'huge sizes.zip',
    bytes: () =>
      writeZip(
        [1, 2, 3].map((index) => ({ path: String(index), data: 'x', deflated: false, size: 4e8, compressedSize: 4e8 })),
      ),
    expect: { code: 'expansion_limit' },
  },
  {
    name: 'many entries.zip',
    bytes: () =>
      writeZip(
        Array.from({ length: 10_001 }, (_, index) => ({ path: `${String(index)}.txt`, data: 'x', deflated: false })),
      ),
    expect: { code: 'too_many_files' },
  },
  {
    name: 'nested.zip',
    bytes: () => writeZip([{ path: 'inner.zip', data: writeZip([note]), deflated: false }]),
    expect: { code: 'nested_archive' },
  },
  { name: 'locked.zip', bytes: () => writeZip([{ ...note, flags: 0x801 }]), expect: { code: 'encrypted_file' } },
  {
    name: 'other method.zip',
    bytes: () => writeZip([{ ...note, method: 14 }]),
    expect: { code: 'unsupported_format' },
  },
  {
    name: 'folders only.zip',
    bytes: () => writeZip([{ path: 'a/' }, { path: 'a/b/' }]),
    expect: { code: 'empty_file' },
  },
  { name: 'cut off.zip', bytes: () => writeZip([note]).slice(0, -30), expect: { code: 'malformed_file' } },
  { name: 'wrong checksum.zip', bytes: () => writeZip([{ ...note, crc: 7 }]), expect: { code: 'malformed_file' } },
  { name: 'twice.zip', bytes: () => writeZip([note, note]), expect: { code: 'malformed_file' } },
]
