/** Other readers of the same formats as oracles, and damage of every kind: a fault or a reading, never anything else. */
import { readFileSync } from 'node:fs'
import * as fc from 'fast-check'
import mammoth from 'mammoth'
import { unzipSync, zipSync } from 'fflate'
import readExcelFile from 'read-excel-file/universal'
import { expect, test } from 'vitest'
import type { FileFormat } from '../../../src/parsing/file-format.ts'
import { FileFault } from '../../../src/parsing/file-fault.ts'
import type { ParsedDocument } from '../../../src/parsing/parsed-document.ts'
import { parseFile } from '../../../src/parsing/parse-file.ts'
import { plainRow, writeEpub, writePptx, writeXlsx } from '../../support/office-writer.ts'
import { allDocuments, fileToParse } from '../../support/library/parse-entry.ts'

const fixture = (name: string): Uint8Array<ArrayBuffer> => new Uint8Array(readFileSync(`test/fixtures/files/${name}`))
const parse = (format: FileFormat, bytes: Uint8Array): Promise<ParsedDocument[]> =>
  allDocuments(parseFile, fileToParse(`a.${format}`, format, bytes))

test.each(['writer-german.docx', 'writer-arabic.docx', 'writer-thai.docx', 'writer-reviewed.docx'])(
  'the words of %s are those that mammoth reads, in the same order',
  async (name) => {
    const bytes = fixture(name)
    const [document] = await parse('docx', bytes)
    const { value } = await mammoth.extractRawText({ buffer: Buffer.from(bytes) })
    const words = (text: string): string[] => text.match(/[\p{L}\p{M}\p{N}]+/gu) ?? []
    // It reads hidden text and leaves out notes; marks of lists and notes are of our own.
    const own = words((document?.text ?? '').split('\n\n[1]')[0]?.replaceAll('[1]', '') ?? '')
    const theirs = words(value.replace('secret margin 30 percent', '').split('↑')[0] ?? '')
    expect(theirs.slice(0, own.length)).toEqual(own)
    expect(own.length).toBeGreaterThanOrEqual(3)
  },
)

const HEADER = ['First', 'Second', 'Third', 'Fourth', 'Fifth']

test('the cells of any table are those that read-excel-file reads', async () => {
  const cell = fc.oneof(fc.integer(), fc.stringMatching(/^[a-z表ü]{1,8}( [0-9a-z]{1,4})?$/))
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(cell, { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 12 }),
      async (rows) => {
        const table = [HEADER, ...rows]
        const numbered = table.map((row, y) =>
          plainRow(row)
            .replace('<row>', `<row r="${String(y + 1)}">`)
            .split('<c')
            .map((part, x) => (x === 0 ? part : `<c r="${'ABCDE'[x - 1] ?? ''}${String(y + 1)}"${part}`))
            .join(''),
        )
        const bytes = writeXlsx({ One: numbered.join('') })
        const [document] = await parse('xlsx', bytes)
        const [sheet] = await readExcelFile(bytes.buffer)
        const theirs = (sheet?.data ?? []).map((row) => row.filter((value) => value !== null).map(String))
        expect(theirs).toEqual(table.map((row) => row.map(String)))
        const lines = theirs.slice(1).map((row) => row.map((value, x) => `${HEADER[x] ?? ''}: ${value}`).join('; '))
        expect(document?.text).toBe(['One', ...lines].join('\n'))
        const places = document?.outline?.filter(({ kind }) => kind === 'row').map(({ row }) => row)
        expect(places).toEqual(rows.map((_, index) => index + 2))
      },
    ),
    { numRuns: 50 },
  )
})

const FILES: readonly (readonly [FileFormat, Uint8Array])[] = [
  ['docx', fixture('writer-german.docx')],
  ['pptx', writePptx([{ title: 'First', body: ['alpha', 'beta'], notes: 'note' }, { title: 'Second' }])],
  ['xlsx', fixture('calc-inventory.xlsx')],
  ['epub', writeEpub([{ file: 'a.xhtml', title: 'Anfang', body: '<p>Ein Satz.</p>' }])],
]

async function expectFaultOrReading(format: FileFormat, bytes: Uint8Array): Promise<void> {
  const outcome = await parse(format, bytes).catch((error: unknown) => error)
  if (outcome instanceof Error && !(outcome instanceof FileFault)) throw outcome
}

test.each(FILES)('a damaged %s file is refused or read', async (format, bytes) => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
      async (changes) => {
        const broken = bytes.slice()
        for (const [at, value] of changes) broken[at] = value
        await expectFaultOrReading(format, broken)
      },
    ),
    { numRuns: 100 },
  )
})

test.each(FILES)('a %s file whose parts are damaged inside is refused or read', async (format, bytes) => {
  const parts = unzipSync(bytes)
  const names = Object.keys(parts)
  const junk = fc.constantFrom(
    '<',
    '>',
    '"',
    '&',
    '</',
    '<x>',
    '9'.repeat(30),
    '-1',
    '\u0000',
    ']]>',
    '<!--',
    'NaN',
    '',
  )
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...names),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.nat(40),
      junk,
      async (name, share, length, text) => {
        const part = new TextDecoder('latin1').decode(parts[name])
        const at = Math.floor(share * part.length)
        const broken = Buffer.from(part.slice(0, at) + text + part.slice(at + length), 'latin1')
        await expectFaultOrReading(format, zipSync({ ...parts, [name]: new Uint8Array(broken) }, { level: 1 }))
      },
    ),
    { numRuns: 150 },
  )
})
