import { globSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { Location } from '../../../src/chunking/document-text.ts'
import { MAX_PART_BYTES } from '../../../src/core/limits.ts'
import { textFault } from '../../../src/core/canonical-json.ts'
import { utf8Length } from '../../../src/core/bytes.ts'
import { FILE_FAULTS, FileFault, type FileFaultCode } from '../../../src/parsing/file-fault.ts'
import { FILE_FORMATS } from '../../../src/parsing/file-format.ts'
import type { ParsedDocument } from '../../../src/parsing/parsed-document.ts'
import type { ExpectedDocument, LibraryEntry } from '../../support/library/library-entry.ts'
import { readEntry } from '../../support/library/read-entry.ts'

const areas: { area: string; entries: readonly LibraryEntry[] }[] = []
for (const file of globSync('*.ts', { cwd: 'test/support/library' }).sort()) {
  const module = (await import(`../../support/library/${file.slice(0, -3)}.ts`)) as {
    entries?: readonly LibraryEntry[]
  }
  if (module.entries !== undefined) areas.push({ area: file.slice(0, -3), entries: module.entries })
}
const all = areas.flatMap(({ entries }) => entries)

/** What no file of its own can show: it takes a conversion, a fetch, a clock, or a process that ends. */
const NOT_OF_FILES: ReadonlySet<FileFaultCode> = new Set([
  'parse_timeout',
  'parser_crashed',
  'converter_failed',
  'not_fetched',
])

describe.each(areas)('files of the library: $area', ({ entries }) => {
  it.each(entries.map((entry) => [entry.name, entry] as const))('%s', async (_name, entry) => {
    const outcome = await readEntry(entry).catch((error: unknown) => error)
    if ('code' in entry.expect) {
      expect(outcome).toBeInstanceOf(FileFault)
      expect((outcome as FileFault).code).toBe(entry.expect.code)
      expect((outcome as FileFault).message).not.toBe('')
      return
    }
    if (outcome instanceof Error) throw outcome
    const { format, documents } = outcome as Awaited<ReturnType<typeof readEntry>>
    expect(format).toBe(entry.expect.format)
    for (const document of documents) checkForm(document)
    expect(new Set(documents.map(({ key }) => key)).size).toBe(documents.length)
    for (const [i, expected] of entry.expect.documents.entries()) checkDocument(documents[i], expected)
    if (entry.expect.count !== undefined) expect(documents).toHaveLength(entry.expect.count)
    if (entry.expect.pages !== undefined) expect(documents[0]?.pages).toBe(entry.expect.pages)
  })
})

describe('the library', () => {
  it('has a file of every format', () => {
    const formats = new Set(all.flatMap(({ expect: expected }) => ('format' in expected ? [expected.format] : [])))
    expect(FILE_FORMATS.filter((format) => !formats.has(format))).toEqual([])
  })

  it('has a file for every fault that a file can have', () => {
    const codes = new Set(all.flatMap(({ expect: expected }) => ('code' in expected ? [expected.code] : [])))
    const faults = (Object.keys(FILE_FAULTS) as FileFaultCode[]).filter((code) => !NOT_OF_FILES.has(code))
    expect(faults.filter((code) => !codes.has(code))).toEqual([])
  })

  it('names each file once', () => {
    for (const { entries } of areas) expect(new Set(entries.map(({ name }) => name)).size).toBe(entries.length)
  })
})

/** What holds for every document of any file. */
function checkForm({ text, key, title, outline = [] }: ParsedDocument): void {
  expect(text.trim()).not.toBe('')
  expect(textFault(text)).toBeUndefined()
  expect(text.includes('\r')).toBe(false)
  expect(utf8Length(text)).toBeLessThanOrEqual(MAX_PART_BYTES)
  expect(textFault(key)).toBeUndefined()
  if (title !== undefined) expect(title.trim()).not.toBe('')
  let end = 0
  for (const block of outline) {
    expect(block.start).toBeGreaterThanOrEqual(end)
    expect(block.end).toBeGreaterThan(block.start)
    end = block.end
  }
  expect(end).toBeLessThanOrEqual(text.length)
}

function checkDocument(document: ParsedDocument | undefined, expected: ExpectedDocument): void {
  if (document === undefined) throw new Error('there are fewer documents')
  const { contains, lacks = [], locations = [], metadata } = expected
  for (const field of ['key', 'id', 'title', 'url', 'language'] as const) {
    if (expected[field] !== undefined) expect(document[field]).toBe(expected[field])
  }
  if (metadata !== undefined) expect(document.metadata).toMatchObject(metadata)
  let from = 0
  for (const text of contains) {
    const at = document.text.indexOf(text, from)
    if (at === -1) expect(document.text.slice(from, from + 3_000)).toContain(text)
    from = at + text.length
  }
  for (const text of lacks) expect(document.text).not.toContain(text)
  for (const { text, location } of locations) expect(locationOf(document, text)).toMatchObject(location)
}

function locationOf({ text, outline = [] }: ParsedDocument, quoted: string): Location {
  const start = text.indexOf(quoted)
  expect(start).not.toBe(-1)
  const block = outline.find((candidate) => candidate.end > start && candidate.start < start + quoted.length)
  if (block === undefined) throw new Error(`no block holds "${quoted}"`)
  return block
}
