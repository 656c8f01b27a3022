/** One file of each office format, a book and an archive, read inside of workerd: its decompressor is not Node's. */
import { expect, test } from 'vitest'
import { FileFault } from '../../../src/parsing/file-fault.ts'
import { memoryBytes } from '../../../src/parsing/memory-bytes.ts'
import { ParseBudget } from '../../../src/parsing/parse-budget.ts'
import type { FileBytes, ParsedDocument } from '../../../src/parsing/parsed-document.ts'
import { parseFile } from '../../../src/parsing/parse-file.ts'
import { recogniseFile } from '../../../src/parsing/recognise-file.ts'
import { openEntry, readArchive } from '../../../src/parsing/zip-archive.ts'
import { plainRow, wordParagraph, writeDocx, writeEpub, writePptx, writeXlsx } from '../../support/office-writer.ts'
import { writeZip, type ZipFile } from '../../support/zip-writer.ts'

async function read(bytes: FileBytes): Promise<ParsedDocument | undefined> {
  const budget = new ParseBudget({ size: bytes.size, clock: () => Date.now() })
  const detected = await recogniseFile(bytes, 'a file', budget)
  for await (const document of parseFile({
    name: 'a file',
    ...detected,
    bytes,
    options: {},
    budget,
    readCMap: async () => undefined,
  })) {
    return document
  }
  return undefined
}

const docx = writeDocx(wordParagraph('Übersicht', 'berschrift1') + wordParagraph('รายงาน 報告 '.repeat(20_000)))

test.each([
  ['docx', docx, 'Übersicht\n\nรายงาน 報告'],
  ['pptx', writePptx([{ title: 'First', body: ['alpha', 'beta'] }]), 'First\n\n- alpha\n- beta'],
  ['xlsx', writeXlsx({ 表: plainRow(['名前', '価格']) + plainRow(['茶', 5]) }), '表\n名前: 茶; 価格: 5'],
  ['epub', writeEpub([{ file: 'a.xhtml', title: 'Anfang', body: '<p>Ein Satz.</p>' }]), 'Anfang\n\nEin Satz.'],
])('%s', async (_format, bytes, text) => {
  expect((await read(memoryBytes(bytes)))?.text.slice(0, text.length)).toBe(text)
})

test('an entry of an archive is read as a file of its own', async () => {
  const bytes = memoryBytes(
    writeZip([
      { path: 'a.txt', data: 'first' },
      { path: 'b.docx', data: docx, descriptor: true },
    ]),
  )
  const entries = await readArchive(bytes, new ParseBudget({ size: bytes.size, clock: () => Date.now() }))
  const [, entry] = entries
  expect((await read(openEntry(bytes, entry!)))?.text.slice(0, 9)).toBe('Übersicht')
})

test('what is wrong with an entry is told, and an entry may be left in its middle', async () => {
  const data = 'some words of a file '.repeat(200_000)
  const outcome = async (file: Partial<ZipFile>, length = data.length): Promise<unknown> => {
    const bytes = memoryBytes(writeZip([{ path: 'a.txt', data, ...file }]))
    try {
      const [entry] = await readArchive(bytes, new ParseBudget({ size: bytes.size, clock: () => Date.now() }))
      return (await openEntry(bytes, entry!).read(0, length)).length
    } catch (error) {
      return error instanceof FileFault ? error.code : error
    }
  }
  expect(await outcome({})).toBe(data.length)
  expect(await outcome({}, 10)).toBe(10)
  expect(await outcome({ size: 100 })).toBe('expansion_limit')
  expect(await outcome({ size: data.length + 1 }, data.length + 1)).toBe('malformed_file')
  expect(await outcome({ crc: 5 })).toBe('malformed_file')
  expect(await outcome({ packed: new Uint8Array(5_000).fill(0x77), size: 5_001 }, 5_001)).toBe('malformed_file')
})
