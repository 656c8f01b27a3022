/** Whether a parser reads an entry of the fixture library as it is meant to be read. */
import { expect } from 'vitest'
import { FileFault } from '../../../src/parsing/file-fault.ts'
import type { FileParser } from '../../../src/parsing/parsed-document.ts'
import type { FileFormat } from '../../../src/parsing/file-format.ts'
import type { LibraryEntry } from './library-entry.ts'
import { allDocuments, fileToParse } from './parse-entry.ts'

/** Text, order, titles, locations and faults of `entry`, read by `parse`. */
export async function expectEntry(entry: LibraryEntry, parse: FileParser, format: FileFormat): Promise<void> {
  const documents = allDocuments(parse, fileToParse(entry.name, format, await entry.bytes()))
  if ('code' in entry.expect) {
    const error = await documents.then(
      (read) => `read as ${JSON.stringify(read).slice(0, 200)}`,
      (error: unknown) => error,
    )
    expect(error).toBeInstanceOf(FileFault)
    expect(error).toMatchObject({ code: entry.expect.code })
    return
  }
  const read = await documents
  if (entry.expect.count !== undefined) expect(read).toHaveLength(entry.expect.count)
  if (entry.expect.pages !== undefined) expect(read[0]?.pages).toBe(entry.expect.pages)
  for (const [
    i,
    { contains, lacks = [], locations = [], metadata = {}, ...fields },
  ] of entry.expect.documents.entries()) {
    const document = read[i]
    expect(document).toMatchObject(fields)
    expect(document?.metadata ?? {}).toMatchObject(metadata)
    const text = document?.text ?? ''
    expect(text.isWellFormed() && !text.includes('\0') && !text.includes('\r')).toBe(true)
    let at = 0
    for (const part of contains) {
      expect(text.slice(at)).toContain(part)
      at = text.indexOf(part, at) + part.length
    }
    for (const part of lacks) expect(text).not.toContain(part)
    for (const { text: part, location } of locations) {
      const start = text.indexOf(part)
      const blocks = document?.outline?.filter((block) => block.start < start + part.length && block.end > start) ?? []
      expect(blocks.length).toBeGreaterThan(0)
      for (const block of blocks) expect(block).toMatchObject(location)
    }
    let end = 0
    for (const block of document?.outline ?? []) {
      expect(block.start).toBeGreaterThanOrEqual(end)
      expect(block.end).toBeGreaterThan(block.start)
      end = block.end
    }
    expect(end).toBeLessThanOrEqual(text.length)
  }
}
