/** Markdown: the text is the source behind the front matter, which becomes metadata, title, address and language. */
import type { JsonObject } from '../core/canonical-json.ts'
import { languageTag, webAddress } from './document-fields.ts'
import { readText } from './file-text.ts'
import { readFrontMatter } from './front-matter.ts'
import type { FileToParse, ParsedDocument } from './parsed-document.ts'

/** Front matter fields that become the document's own, first match first, and are no metadata then. */
const TITLE = ['title']
const URL_FIELDS = ['url', 'canonical', 'canonical_url', 'permalink']
const LANGUAGE = ['lang', 'language', 'locale']
/** In characters; a longer line is no title. */
const MAX_HEADING_LENGTH = 600

/** @throws FileFault */
export async function* parseMarkdown(file: FileToParse): AsyncGenerator<ParsedDocument> {
  const source = await readText(file)
  const frontMatter = readFrontMatter(source)
  const text = source.slice(firstLine(source, frontMatter?.end ?? 0))
  if (text.trim() === '') return
  const fields = { ...frontMatter?.fields }
  const title = taken(fields, TITLE, titleOf) ?? firstHeading(text)
  const url = taken(fields, URL_FIELDS, webAddress)
  const language = taken(fields, LANGUAGE, languageTag)
  yield {
    key: '',
    ...(title === undefined ? {} : { title }),
    ...(url === undefined ? {} : { url }),
    ...(language === undefined ? {} : { language }),
    ...(Object.keys(fields).length === 0 ? {} : { metadata: fields }),
    format: 'markdown',
    text,
  }
}

/** Takes the first usable of the fields out of the others. */
function taken(
  fields: JsonObject,
  names: readonly string[],
  read: (value: unknown) => string | undefined,
): string | undefined {
  for (const name of names) {
    const value = Object.hasOwn(fields, name) ? read(fields[name]) : undefined
    if (value === undefined) continue
    delete fields[name]
    return value
  }
  return undefined
}

const titleOf = (value: unknown): string | undefined =>
  typeof value === 'string' && value.trim() !== ''
    ? value.trim()
    : typeof value === 'number'
      ? String(value)
      : undefined

/** Where the first line that is not empty begins, from `start` on. */
function firstLine(text: string, start: number): number {
  let line = start
  for (let at = start; at < text.length; at++) {
    if (text[at] === '\n') line = at + 1
    else if (text[at] !== ' ' && text[at] !== '\t') break
  }
  return line
}

/** Of the highest level, where it opens the text. */
function firstHeading(text: string): string | undefined {
  // Patterns that try again and again are kept to a title's length.
  const head = text.slice(0, MAX_HEADING_LENGTH)
  const heading = /^# +([^\n]{1,300}?)[ #]*(?:\n|$)/.exec(head) ?? /^([^\n]{1,300})\n=+[ \t]*(?:\n|$)/.exec(head)
  const title = heading?.[1]
    ?.replace(/[*_`]/g, '')
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
    .trim()
  return title === undefined || title === '' ? undefined : title
}
