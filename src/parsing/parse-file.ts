/** The one entrance to all parsers: a file and its format go in, its documents come out. Parsers are loaded when needed. */
import type { FileFormat } from './file-format.ts'
import { FileFault } from './file-fault.ts'
import type { FileParser, FileToParse, ParsedDocument } from './parsed-document.ts'

/** Heavy libraries hang on these imports, so that a Worker starts without them. `zip`: see `archive.ts`. */
const PARSERS: { readonly [Format in FileFormat]?: () => Promise<FileParser> } = {}

/** Reads a file; the documents come as they are read. @throws FileFault */
export async function* parseFile(file: FileToParse): AsyncGenerator<ParsedDocument> {
  if (file.bytes.size === 0) throw new FileFault('empty_file')
  const load = PARSERS[file.format]
  if (load === undefined) throw new FileFault('unsupported_format')
  const parse = await load()
  let documents = 0
  for await (const document of parse(file)) {
    documents++
    yield document
  }
  if (documents === 0) throw new FileFault('no_text')
}
