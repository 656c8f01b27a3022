/**
 * What does an EPUB book say? Its chapters in reading order, with the table of contents' titles as headings where a chapter
 * has none of its own (EPUB 3.3 and 2.0.1). Pictures and the pages of navigation are left out.
 */
import type { OutlineBlock } from '../chunking/document-text.ts'
import { Container } from './container.ts'
import { propertiesOf } from './container/office-properties.ts'
import { readNavigation } from './epub/navigation.ts'
import { readPackage, requireUnprotected } from './epub/package.ts'
import { FileFault } from './file-fault.ts'
import { cleanText } from './file-text.ts'
import { inTurns, MAX_HTML_TOKENS } from './html/pieces.ts'
import { parsingHtml } from './html.ts'
import type { FileToParse, ParsedDocument } from './parsed-document.ts'

/** One chapter is read at a stretch; whole books are smaller. */
const MAX_CHAPTER_BYTES = 5_000_000
/** What a block of the outline costs in memory. */
const BLOCK_BYTES = 100
/** What ends itself in XML and does not in HTML. */
const SELF_CLOSED = /<([a-zA-Z][\w:-]*)((?:\s[^<>]*)?)\/>/g
const VOID = new Set('area base br col embed hr img input link meta param source track wbr'.split(' '))

/** Yields one document. @throws FileFault */
export async function* parseEpub({ bytes, budget }: FileToParse): AsyncGenerator<ParsedDocument> {
  const container = await Container.open(bytes, budget)
  const book = await readPackage(container)
  await requireUnprotected(container, book)
  const titles = await readNavigation(container, book)
  const texts: string[] = []
  const outline: OutlineBlock[] = []
  let length = 0
  const append = (text: string, blocks: readonly OutlineBlock[]): void => {
    if (length > 0) {
      texts.push('\n\n')
      length += 2
    }
    for (const block of blocks) outline.push({ ...block, start: block.start + length, end: block.end + length })
    texts.push(text)
    length += text.length
  }
  for (const path of book.chapters) {
    const markup = await container.text(path, MAX_CHAPTER_BYTES)
    budget.hold(markup.length * 2)
    const chapter = await inTurns(parsingHtml(htmlOf(markup), MAX_HTML_TOKENS), budget)
    budget.release(markup.length * 2)
    budget.step(chapter.outline.length)
    const title = titles.get(path)
    const isTitled = chapter.outline.some(({ kind }, index) => kind === 'heading' && index < 3)
    if (chapter.text === '') continue
    budget.hold(chapter.text.length * 2 + chapter.outline.length * BLOCK_BYTES)
    const [first, ...others] = chapter.outline
    if (title === undefined || isTitled || first === undefined) append(chapter.text, chapter.outline)
    else if (chapter.text.slice(first.start, first.end) === title) {
      append(chapter.text, [{ ...first, kind: 'heading', level: 1 }, ...others])
    } else {
      append(title, [{ start: 0, end: title.length, kind: 'heading', level: 1 }])
      append(chapter.text, chapter.outline)
    }
  }
  container.close()
  if (length === 0) throw new FileFault('no_text')
  yield { key: '', ...propertiesOf(book.properties), format: 'extracted', text: texts.join(''), outline }
}

/** Furigana, which repeat what they stand above. */
const RUBY = /<(rt|rp)\b[^<>]*>[^<]*<\/\1\s*>/g

/** XHTML as HTML. @throws FileFault malformed_file when it declares entities */
function htmlOf(markup: string): string {
  // A document type stands at the beginning; the patterns look no further than one can be long, else they would not end.
  if (/<!ENTITY/i.test(markup) || /<!DOCTYPE[^>[]{0,1000}\[/i.test(markup)) {
    throw new FileFault('malformed_file', 'a chapter declares entities')
  }
  return withoutSections(cleanText(markup))
    .replace(RUBY, '')
    .replace(SELF_CLOSED, (tag, name: string, rest: string) => (VOID.has(name) ? tag : `<${name}${rest}></${name}>`))
}

/** Sections of characters as HTML writes them. O(length), also where none of them ends. */
function withoutSections(markup: string): string {
  const parts: string[] = []
  let at = 0
  for (let start = markup.indexOf('<![CDATA['); start >= 0; start = markup.indexOf('<![CDATA[', at)) {
    const end = markup.indexOf(']]>', start)
    if (end < 0) break
    const text = markup.slice(start + '<![CDATA['.length, end)
    parts.push(markup.slice(at, start), text.replaceAll('&', '&amp;').replaceAll('<', '&lt;'))
    at = end + ']]>'.length
  }
  return parts.join('') + markup.slice(at)
}
