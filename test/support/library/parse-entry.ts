/** Reads an entry of the fixture library through one parser, outside of any store. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { FileFormat } from '../../../src/parsing/file-format.ts'
import { ParseBudget } from '../../../src/parsing/parse-budget.ts'
import type { FileParser, FileToParse, ParsedDocument } from '../../../src/parsing/parsed-document.ts'

const CMAPS = join(import.meta.dirname, '..', '..', '..', 'assets', 'cmaps')

/** One of Adobe's maps, as the assets binding gives it. */
export async function readCMap(name: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const path = join(CMAPS, `${name}.bcmap`)
  return existsSync(path) ? new Uint8Array(readFileSync(path)) : undefined
}

/** Bytes in memory as a file. */
export function fileToParse(name: string, format: FileFormat, content: Uint8Array, encoding?: string): FileToParse {
  const own = new Uint8Array(content)
  return {
    name,
    format,
    ...(encoding === undefined ? {} : { encoding }),
    bytes: {
      size: own.length,
      read: async (offset, length) => own.slice(offset, offset + length),
      stream: () => new Blob([own]).stream() as ReadableStream<Uint8Array<ArrayBuffer>>,
    },
    options: {},
    budget: new ParseBudget({ size: own.length, clock: Date.now }),
    readCMap,
  }
}

export async function allDocuments(parse: FileParser, file: FileToParse): Promise<ParsedDocument[]> {
  const documents: ParsedDocument[] = []
  for await (const document of parse(file)) documents.push(document)
  return documents
}
