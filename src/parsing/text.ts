/** Plain text, read as a stream: 100 MB of it are parts of 2 MB, one after another. */
import { MAX_PART_BYTES } from '../core/limits.ts'
import { decodeFile } from './file-text.ts'
import type { FileToParse, ParsedDocument } from './parsed-document.ts'
import { endOfPart, partKey } from './parts.ts'

/** @throws FileFault */
export async function* parseText(file: FileToParse): AsyncGenerator<ParsedDocument> {
  let rest = ''
  let number = 0
  const document = (text: string): ParsedDocument => ({ key: partKey('', ++number), format: 'text', text })
  for await (const piece of decodeFile(file)) {
    rest += piece
    // A part and the place to cut it are found in whatever encoding takes three bytes for each character.
    while (rest.length > MAX_PART_BYTES) {
      const end = endOfPart(rest, 0, MAX_PART_BYTES)
      const text = rest.slice(0, end)
      rest = rest.slice(end)
      if (text.trim() !== '') yield document(text)
    }
  }
  while (rest !== '') {
    const end = endOfPart(rest, 0, MAX_PART_BYTES)
    const text = rest.slice(0, end)
    rest = rest.slice(end)
    if (text.trim() !== '') yield document(text)
  }
}
