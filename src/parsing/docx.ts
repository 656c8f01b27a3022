/**
 * What does a Word document say? Its paragraphs, headings, lists, tables, text boxes and notes, in reading order. Comments,
 * tracked deletions, hidden text, field codes, tables of contents, headers and footers are left out.
 *
 * Read as a stream rather than with `mammoth`, which builds two trees of the document at one stretch: measured, 5 MB of XML
 * (a book) took it 360 MB and 2.4 s in which nothing else of the isolate runs.
 */
import { Container } from './container.ts'
import { readProperties } from './container/office-properties.ts'
import { TextWriter } from './html/text-writer.ts'
import { BodyReader, NoteNumbers } from './docx/body-reader.ts'
import { readStyles } from './docx/styles.ts'
import { FileFault } from './file-fault.ts'
import type { FileToParse, ParsedDocument } from './parsed-document.ts'

/** Yields one document. @throws FileFault */
export async function* parseDocx({ bytes, budget }: FileToParse): AsyncGenerator<ParsedDocument> {
  const container = await Container.open(bytes, budget)
  const main = await container.mainPart('word/document.xml')
  const relations = await container.relations(main)
  const partOf = (type: string): string | undefined =>
    relations.find((relation) => relation.type === type && container.has(relation.path))?.path
  const stylesPart = partOf('styles')
  const styles = stylesPart === undefined ? new Map<string, never>() : await readStyles(container, stylesPart)
  const writer = new TextWriter()
  const notes = new NoteNumbers()
  const body = new BodyReader(writer, styles, budget, notes)
  await container.read(main, body)
  if (!body.isDocument) throw new FileFault('malformed_file', 'the main part of the file is no document')
  for (const kind of ['footnotes', 'endnotes'] as const) {
    const part = partOf(kind)
    if (part !== undefined) await container.read(part, new BodyReader(writer, styles, budget, notes, kind))
  }
  container.close()
  const { title, ...properties } = await readProperties(container)
  const { text, outline } = writer.finish()
  if (text === '') throw new FileFault('no_text')
  const name = title ?? body.title
  yield {
    key: '',
    ...(name === undefined ? {} : { title: name }),
    ...properties,
    format: 'extracted',
    text,
    outline,
  }
}
