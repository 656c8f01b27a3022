/** Reads a file of the library as the pipeline would: tells its format, takes archives apart, parses. */
import { FileFault } from '../../../src/parsing/file-fault.ts'
import { memoryBytes } from '../../../src/parsing/memory-bytes.ts'
import { ParseBudget } from '../../../src/parsing/parse-budget.ts'
import type { FileBytes, ParsedDocument, ParseOptions } from '../../../src/parsing/parsed-document.ts'
import { parseFile } from '../../../src/parsing/parse-file.ts'
import { recogniseFile } from '../../../src/parsing/recognise-file.ts'
import { openEntry, readArchive } from '../../../src/parsing/zip-archive.ts'
import type { FileFormat } from '../../../src/parsing/file-format.ts'
import type { LibraryEntry } from './library-entry.ts'
import { readCMap } from './parse-entry.ts'

export interface ReadFile {
  readonly format: FileFormat
  readonly documents: readonly ParsedDocument[]
}

/** @throws FileFault */
export async function readEntry(entry: LibraryEntry): Promise<ReadFile> {
  const bytes = memoryBytes(new Uint8Array(await entry.bytes()))
  return await readBytes(entry.name, bytes, entry.options ?? {}, false)
}

async function readBytes(name: string, bytes: FileBytes, options: ParseOptions, isInside: boolean): Promise<ReadFile> {
  const budget = new ParseBudget({ size: bytes.size, clock: () => performance.now() })
  const detected = await recogniseFile(bytes, name, budget)
  if (detected.format === 'zip') {
    if (isInside) throw new FileFault('nested_archive')
    return { format: 'zip', documents: await documentsInside(bytes, options, budget) }
  }
  const documents: ParsedDocument[] = []
  for await (const document of parseFile({ name, ...detected, bytes, options, budget, readCMap }))
    documents.push(document)
  return { format: detected.format, documents }
}

/** A file of an archive fails by itself; where none can be read, the first one's fault is the answer. */
async function documentsInside(
  bytes: FileBytes,
  options: ParseOptions,
  budget: ParseBudget,
): Promise<ParsedDocument[]> {
  const documents: ParsedDocument[] = []
  let firstFault: FileFault | undefined
  for (const entry of await readArchive(bytes, budget)) {
    try {
      const inside = openEntry(bytes, entry, (count) => budget.expand(count))
      const read = await readBytes(entry.path, inside, options, true)
      for (const document of read.documents)
        documents.push({ ...document, key: document.key === '' ? entry.path : `${entry.path}/${document.key}` })
    } catch (error) {
      if (!(error instanceof FileFault)) throw error
      firstFault ??= error
    }
  }
  if (documents.length === 0 && firstFault !== undefined) throw firstFault
  return documents
}
