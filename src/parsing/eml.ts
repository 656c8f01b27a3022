/** One mail in a file of its own. */
import { FileFault } from './file-fault.ts'
import { readMessage } from './mail-message.ts'
import type { FileToParse, ParsedDocument } from './parsed-document.ts'

/** One document. @throws FileFault */
export async function* parseEml({ bytes, budget }: FileToParse): AsyncGenerator<ParsedDocument> {
  const document = await readMessage(await bytes.read(0, bytes.size), '', budget)
  if (document === undefined) throw new FileFault('no_text')
  yield document
}
