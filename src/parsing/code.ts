/** Source code: its text, which is cut along its blocks when it is chunked. */
import { readText } from './file-text.ts'
import type { FileToParse, ParsedDocument } from './parsed-document.ts'

/** The title is the file's own name, without its path. @throws FileFault */
export async function* parseCode(file: FileToParse): AsyncGenerator<ParsedDocument> {
  const text = await readText(file)
  if (text.trim() !== '') yield { key: '', title: lastSegment(file.name), format: 'code', text }
}

export const lastSegment = (name: string): string => name.slice(name.lastIndexOf('/') + 1)
