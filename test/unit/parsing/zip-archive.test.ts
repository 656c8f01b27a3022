import * as fc from 'fast-check'
import { deflateSync, unzipSync, zipSync } from 'fflate'
import { expect, test } from 'vitest'
import { memoryBytes } from '../../../src/parsing/memory-bytes.ts'
import { ParseBudget } from '../../../src/parsing/parse-budget.ts'
import type { FileBytes } from '../../../src/parsing/parsed-document.ts'
import { formatOfZip, openEntry, readArchive, type ArchiveEntry } from '../../../src/parsing/zip-archive.ts'
import { crc32 } from '../../../src/parsing/zip/crc32.ts'
import { writeZip, type ZipFile } from '../../support/zip-writer.ts'

const budgetOf = (bytes: Uint8Array): ParseBudget => new ParseBudget({ size: bytes.length, clock: () => Date.now() })
const entriesOf = (bytes: Uint8Array<ArrayBuffer>): Promise<readonly ArchiveEntry[]> =>
  readArchive(memoryBytes(bytes), budgetOf(bytes))

async function contentOf(bytes: Uint8Array<ArrayBuffer>, entry: ArchiveEntry): Promise<Uint8Array> {
  return new Uint8Array(await new Response(openEntry(memoryBytes(bytes), entry).stream()).arrayBuffer())
}

async function codeOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => 'nothing',
    (error: unknown) => (error as { code?: unknown }).code ?? error,
  )
}

/** Code of listing an archive of these files, or of reading the first. */
async function codeOfFiles(...files: ZipFile[]): Promise<unknown> {
  const bytes = writeZip(files)
  return codeOf(
    entriesOf(bytes).then(async ([entry]) => {
      if (entry !== undefined) await contentOf(bytes, entry)
    }),
  )
}

const text = (value: string): Uint8Array => new TextEncoder().encode(value)

test('whatever another writer packs is read back, whole and in ranges', async () => {
  const content = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.string({ maxLength: 300 }).map((value) => text(value.repeat(400))),
  )
  await fc.assert(
    fc.asyncProperty(
      fc.dictionary(fc.stringMatching(/^[a-z0-9 ü語]{1,12}(\/[a-z]{1,5}){0,2}$/), content, { minKeys: 1, maxKeys: 8 }),
      fc.constantFrom(0, 6),
      fc.nat(2_000),
      fc.nat(2_000),
      async (files, level, offset, length) => {
        const bytes = new Uint8Array(zipSync(files, { level }))
        const entries = await entriesOf(bytes)
        expect(entries.map(({ path }) => path).sort()).toEqual(
          Object.keys(unzipSync(bytes))
            .map((path) => path.normalize('NFC'))
            .sort(),
        )
        for (const entry of entries) {
          const expected = files[entry.path]
          if (expected === undefined) continue
          expect(await contentOf(bytes, entry)).toEqual(expected)
          const range = await openEntry(memoryBytes(bytes), entry).read(offset, length)
          expect(range).toEqual(expected.slice(offset, offset + length))
        }
      },
    ),
    { numRuns: 60 },
  )
})

test('the checksum is that of the standard, in one piece or many', () => {
  expect(crc32(text('123456789'))).toBe(0xcbf43926)
  fc.assert(
    fc.property(fc.uint8Array(), fc.nat(50), (bytes, at) => {
      expect(crc32(bytes.subarray(at), crc32(bytes.subarray(0, at)))).toBe(crc32(bytes))
    }),
  )
})

test('data descriptors, zip64 sizes, a zip64 end and a comment are understood', async () => {
  const bytes = writeZip(
    [
      { path: 'late.txt', data: 'sizes come later', descriptor: true },
      { path: 'large.txt', data: 'sizes stand aside', zip64: true },
    ],
    { zip64: true, comment: 'made on a Tuesday' },
  )
  const entries = await entriesOf(bytes)
  expect(
    await Promise.all(entries.map(async (entry) => new TextDecoder().decode(await contentOf(bytes, entry)))),
  ).toEqual(['sizes come later', 'sizes stand aside'])
})

test('names are UTF-8 with or without the flag, code page 437, or from the Unicode field', async () => {
  const rawName = Uint8Array.of(0x4d, 0x81, 0x6c, 0x6c)
  const unicode = text('資料.txt')
  const extra = new Uint8Array(9 + unicode.length)
  new DataView(extra.buffer).setUint16(0, 0x7075, true)
  new DataView(extra.buffer).setUint16(2, 5 + unicode.length, true)
  new DataView(extra.buffer).setUint8(4, 1)
  new DataView(extra.buffer).setUint32(5, crc32(text('______.txt')), true)
  extra.set(unicode, 9)
  const entries = await entriesOf(
    writeZip([
      { path: 'flagged/日本.txt' },
      { path: 'plain/สวัสดี.txt', flags: 0 },
      { path: '', rawName, flags: 0 },
      { path: '______.txt', flags: 0, extra },
      { path: 'u\u0308ber.txt' },
    ]),
  )
  expect(entries.map(({ path }) => path)).toEqual([
    'flagged/日本.txt',
    'plain/สวัสดี.txt',
    'Müll',
    '資料.txt',
    'über.txt',
  ])
})

test('directories and what file managers leave behind are no files', async () => {
  const entries = await entriesOf(
    writeZip([
      { path: 'notes/' },
      { path: 'notes/one.txt', data: 'one' },
      { path: '__MACOSX/notes/._one.txt', data: 'x' },
      { path: 'notes/.DS_Store', data: 'x' },
      { path: 'Thumbs.db', data: 'x' },
    ]),
  )
  expect(entries.map(({ path }) => path)).toEqual(['notes/one.txt'])
})

test.each([
  '/etc/passwd',
  '../outside.txt',
  'a/../../b.txt',
  'a/..',
  '..\\outside.txt',
  'C:/windows.txt',
  'c:evil',
  'a//b.txt',
  './a.txt',
  'a\u0000.txt',
  'a\nb.txt',
  '../',
  '',
  'x'.repeat(401),
])('an archive with the path %j is refused whole', async (path) => {
  expect(await codeOfFiles({ path: 'good.txt', data: 'good' }, { path, data: 'bad' })).toBe('unsafe_path')
})

test('links and devices are refused like unsafe paths', async () => {
  expect(await codeOfFiles({ path: 'link', data: '/etc/passwd', mode: 0o120777 })).toBe('unsafe_path')
  expect(await codeOfFiles({ path: 'tty', mode: 0o020666 })).toBe('unsafe_path')
  expect(await codeOfFiles({ path: 'plain', data: 'x', mode: 0o100644 })).toBe('nothing')
})

test('each lie and damage has its own code', async () => {
  const data = 'some text that is long enough '.repeat(20)
  expect(await codeOfFiles({ path: 'a', data, flags: 0x801 })).toBe('encrypted_file')
  expect(await codeOfFiles({ path: 'a', data, method: 99 })).toBe('encrypted_file')
  expect(await codeOfFiles({ path: 'a', data, method: 12 })).toBe('unsupported_format')
  expect(await codeOfFiles({ path: 'a', data, size: 10 })).toBe('expansion_limit')
  expect(await codeOfFiles({ path: 'a', data, size: 5_000 })).toBe('malformed_file')
  expect(await codeOfFiles({ path: 'a', data, size: 5_000_000 })).toBe('malformed_file')
  expect(await codeOfFiles({ path: 'a', data, deflated: false, size: 7 })).toBe('malformed_file')
  expect(await codeOfFiles({ path: 'a', data, crc: 1 })).toBe('malformed_file')
  expect(await codeOfFiles({ path: 'a', packed: text('not deflated at all'), size: 50 })).toBe('malformed_file')
  expect(await codeOfFiles({ path: 'a', data, offset: 3 })).toBe('malformed_file')
  expect(await codeOfFiles({ path: 'a', data, compressedSize: 100_000 })).toBe('malformed_file')
  expect(await codeOfFiles({ path: 'a', data }, { path: 'a', data })).toBe('malformed_file')
  expect(await codeOfFiles({ path: 'a', rawName: Uint8Array.of(0x81, 0x82), data })).toBe('malformed_file')
  expect(await codeOfFiles()).toBe('empty_file')
  expect(await codeOfFiles({ path: 'folder/' })).toBe('empty_file')
})

test('an archive cut off anywhere is malformed, or lists what it listed before', async () => {
  const bytes = writeZip([
    { path: 'a.txt', data: 'first file' },
    { path: 'b.txt', data: 'second file' },
  ])
  for (let length = 0; length < bytes.length; length++) {
    expect(await codeOf(entriesOf(bytes.slice(0, length)))).toBe('malformed_file')
  }
})

test('a flipped byte is noticed or changes nothing that is read', async () => {
  const bytes = writeZip([{ path: 'a.txt', data: 'content that matters, and more of it '.repeat(3) }])
  const [expected] = await Promise.all((await entriesOf(bytes)).map((entry) => contentOf(bytes, entry)))
  for (let at = 0; at < bytes.length; at++) {
    const broken = bytes.slice()
    broken[at] = (broken[at] ?? 0) ^ 0xff
    const content = await entriesOf(broken)
      .then(([entry]) => (entry === undefined ? undefined : contentOf(broken, entry)))
      .catch((error: unknown) => {
        expect((error as Error).name).toBe('FileFault')
      })
    if (content !== undefined) expect(content).toEqual(expected)
  }
})

test('a bomb of zeros, flat or in many entries, is refused before any of it is inflated', async () => {
  const zeros = new Uint8Array(20_000_000)
  const packed = deflateSync(zeros, { level: 9 })
  const crc = crc32(zeros)
  const flat = [{ path: 'zeros.bin', packed, crc, size: zeros.length }]
  expect(await codeOfFiles(...flat)).toBe('expansion_limit')
  const many = Array.from({ length: 60 }, (_, index) => ({
    path: `${String(index)}.bin`,
    packed,
    crc,
    size: zeros.length,
  }))
  expect(await codeOfFiles(...many)).toBe('expansion_limit')
})

test('entries that share their bytes are refused', async () => {
  const packed = deflateSync(text('kernel '.repeat(1_000)))
  const file = { path: 'a', packed, size: 7_000, crc: crc32(text('kernel '.repeat(1_000))) }
  expect(await codeOfFiles(file, { ...file, path: 'b', offset: 0, headerOnly: true })).toBe('expansion_limit')
})

test('more than 10,000 files are refused', async () => {
  const files = Array.from({ length: 10_001 }, (_, index) => ({
    path: `f${String(index)}`,
    data: 'x',
    deflated: false,
  }))
  expect(await codeOfFiles(...files)).toBe('too_many_files')
  expect(await codeOfFiles(...files.slice(1))).toBe('nothing')
})

test('a source that fails is not the fault of the file', async () => {
  const bytes = writeZip([{ path: 'a.txt', data: new Uint8Array(3_000_000).map((_, index) => (index * 7919) % 251) }])
  const [entry] = await entriesOf(bytes)
  const failing: FileBytes = {
    ...memoryBytes(bytes),
    read: async (offset, length) => {
      if (length > 100) throw new Error('storage is away')
      return bytes.subarray(offset, offset + length)
    },
  }
  await expect(openEntry(failing, entry!).read(0, 10)).rejects.toThrow('storage is away')
  await expect(new Response(openEntry(failing, entry!).stream()).arrayBuffer()).rejects.toThrow('storage is away')
})

test('inflating stops when its count is refused', async () => {
  const bytes = writeZip([{ path: 'a.txt', data: 'x'.repeat(1_000_000) }])
  const [entry] = await entriesOf(bytes)
  let counted = 0
  const file = openEntry(memoryBytes(bytes), entry!, (count) => {
    counted += count
    if (counted > 200_000) throw new Error('enough')
  })
  await expect(file.read(0, 900_000)).rejects.toThrow('enough')
})

test('the formats that are zip files inside are told from archives', async () => {
  const kind = (...paths: string[]): Promise<unknown> => {
    const bytes = writeZip(paths.map((path) => ({ path, data: path === 'mimetype' ? 'application/epub+zip' : 'x' })))
    return codeOf(
      formatOfZip(memoryBytes(bytes)).then((format) => Promise.reject(Object.assign(new Error(), { code: format }))),
    )
  }
  expect(await kind('[Content_Types].xml', 'word/document.xml')).toBe('docx')
  expect(await kind('[Content_Types].xml', 'ppt/presentation.xml')).toBe('pptx')
  expect(await kind('[Content_Types].xml', 'xl/workbook.xml')).toBe('xlsx')
  expect(await kind('[Content_Types].xml', 'xl/workbook.bin')).toBe('unsupported_format')
  expect(await kind('mimetype', 'META-INF/container.xml')).toBe('epub')
  expect(await kind('mimetype', 'OEBPS/content.opf')).toBe('epub')
  expect(await kind('word/document.txt')).toBe('zip')
  const odt = writeZip([{ path: 'mimetype', data: 'application/vnd.oasis.opendocument.text' }])
  expect(await codeOf(formatOfZip(memoryBytes(odt)))).toBe('unsupported_format')
})
