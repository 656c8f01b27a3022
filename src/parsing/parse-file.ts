/** The one entrance to all parsers: a file and its format go in, its documents come out. Parsers are loaded when needed. */
import { utf8Length } from '../core/bytes.ts'
import { MAX_DOCUMENTS_PER_FILE, MAX_FILE_BYTES, MAX_STREAMED_FILE_BYTES, MAX_TITLE_BYTES } from '../core/limits.ts'
import { STREAMED_FORMATS, type FileFormat } from './file-format.ts'
import { FileFault } from './file-fault.ts'
import type { FileParser, FileToParse, ParsedDocument } from './parsed-document.ts'
import { cutIntoParts, endOfPart } from './parts.ts'

/** Heavy libraries hang on these imports, so that a Worker starts without them. A `zip` is taken apart into files instead. */
const PARSERS: { readonly [Format in FileFormat]?: () => Promise<FileParser> } = {
  text: async () => (await import('./text.ts')).parseText,
  markdown: async () => (await import('./markdown.ts')).parseMarkdown,
  code: async () => (await import('./code.ts')).parseCode,
  csv: async () => (await import('./csv.ts')).parseCsv,
  tsv: async () => (await import('./csv.ts')).parseCsv,
  json: async () => (await import('./json.ts')).parseJson,
  jsonl: async () => (await import('./jsonl.ts')).parseJsonl,
  srt: async () => (await import('./subtitles.ts')).parseSubtitles,
  vtt: async () => (await import('./subtitles.ts')).parseSubtitles,
  docx: async () => (await import('./docx.ts')).parseDocx,
  pptx: async () => (await import('./pptx.ts')).parsePptx,
  xlsx: async () => (await import('./xlsx.ts')).parseXlsx,
  epub: async () => (await import('./epub.ts')).parseEpub,
  html: async () => (await import('./html-page.ts')).parseHtmlPage,
  eml: async () => (await import('./eml.ts')).parseEml,
  mbox: async () => (await import('./mbox.ts')).parseMbox,
  pdf: async () => (await import('./pdf.ts')).parsePdf,
}

/**
 * Reads a file; its documents come as they are read, each of at most `MAX_PART_BYTES`.
 * @throws FileFault and nothing else, unless the bytes cannot be read
 */
export async function* parseFile(file: FileToParse): AsyncGenerator<ParsedDocument> {
  const { format, bytes } = file
  if (bytes.size === 0) throw new FileFault('empty_file')
  if (bytes.size > (STREAMED_FORMATS.has(format) ? MAX_STREAMED_FILE_BYTES : MAX_FILE_BYTES))
    throw new FileFault('file_too_large')
  const load = PARSERS[format]
  if (load === undefined) throw new FileFault('unsupported_format')
  const parse = await load()
  let documents = 0
  for await (const document of parse(file)) {
    for (const part of cutIntoParts(withShortTitle(document))) {
      if (++documents > MAX_DOCUMENTS_PER_FILE) throw new FileFault('too_many_documents')
      yield part
    }
  }
  if (documents === 0) throw new FileFault('no_text')
}

/** White space collapsed, and cut where a title would not be accepted. */
function withShortTitle(document: ParsedDocument): ParsedDocument {
  if (document.title === undefined) return document
  const { title: given, ...rest } = document
  const line = given.replace(/\s+/g, ' ').trim()
  const title = utf8Length(line) <= MAX_TITLE_BYTES ? line : line.slice(0, endOfPart(line, 0, MAX_TITLE_BYTES)).trim()
  return title === '' ? rest : { ...rest, title }
}
