/**
 * A page of a site: its main content, and what its head says: title, address, description, language. Documents that a caller
 * puts as html go through `html.ts` alone and keep everything; where a page links to, `sources/` reads.
 */
import type { OutlineBlock } from '../chunking/document-text.ts'
import { languageTag, webAddress } from './document-fields.ts'
import { FileFault } from './file-fault.ts'
import { readText } from './file-text.ts'
import { visitElements, type Visitor } from './html/elements.ts'
import { mainContent } from './html/main-content.ts'
import { drained, inTurns, MAX_HTML_TOKENS, type InPieces } from './html/pieces.ts'
import { parsingHtml } from './html.ts'
import { normaliseNewlines } from './normalise.ts'
import type { FileToParse, ParsedDocument } from './parsed-document.ts'

/** In UTF-16 units; a longer description is cut at a word. */
const MAX_DESCRIPTION_LENGTH = 1_000
/** Less than this share of a page's text is not its content but a mistake of the page. */
const MIN_CONTENT_SHARE = 0.1

export interface HtmlPage {
  readonly text: string
  readonly outline: OutlineBlock[]
  readonly title?: string
  /** What the page calls its own address; absolute, http or https. */
  readonly canonicalUrl?: string
  readonly description?: string
  readonly language?: string
}

interface Head {
  readonly fields: ReadonlyMap<string, string>
  readonly canonical?: string
  readonly language?: string
  readonly firstHeading?: string
  readonly base?: string
}

/** `url`: where the page was found, if that is known. Never throws. */
export function readPage(html: string, url?: string): HtmlPage {
  return drained(readingPage(html, Number.POSITIVE_INFINITY, url))
}

function* readingPage(html: string, maxTokens: number, url?: string): InPieces<HtmlPage> {
  const source = normaliseNewlines(html)
  const head = yield* readHead(source, maxTokens)
  const whole = yield* parsingHtml(source, maxTokens)
  const main = yield* parsingHtml(yield* mainContent(source, maxTokens), maxTokens)
  const { text, outline } = main.text.length < MIN_CONTENT_SHARE * whole.text.length ? whole : main
  const title = short(head.fields.get('og:title')) ?? whole.title ?? short(head.firstHeading)
  const base = resolve(head.base, url) ?? url
  const canonicalUrl = webAddress(resolve(head.canonical, base))
  const description = short(head.fields.get('description') ?? head.fields.get('og:description'))
  const language = languageTag(head.language)
  return {
    text,
    outline,
    ...(title === undefined ? {} : { title }),
    ...(canonicalUrl === undefined ? {} : { canonicalUrl }),
    ...(description === undefined ? {} : { description }),
    ...(language === undefined ? {} : { language }),
  }
}

/** One document. @throws FileFault no_text, too_complex */
export async function* parseHtmlPage(file: FileToParse): AsyncGenerator<ParsedDocument> {
  const html = await readText(file)
  // The content beside the whole.
  file.budget.hold(html.length)
  file.budget.step(html.length >> 3)
  const { text, outline, title, canonicalUrl, description, language } = await inTurns(
    readingPage(html, MAX_HTML_TOKENS),
    file.budget,
  )
  if (text === '') throw new FileFault('no_text')
  yield {
    key: '',
    ...(title === undefined ? {} : { title }),
    ...(canonicalUrl === undefined ? {} : { url: canonicalUrl }),
    ...(language === undefined ? {} : { language }),
    ...(description === undefined ? {} : { metadata: { description } }),
    format: 'html',
    text,
    outline,
  }
}

function short(value: string | undefined): string | undefined {
  const text = value?.replace(/\s+/g, ' ').trim()
  if (text === undefined || text === '') return undefined
  if (text.length <= MAX_DESCRIPTION_LENGTH) return text
  return `${text
    .slice(0, MAX_DESCRIPTION_LENGTH)
    .replace(/\s\S*$/, '')
    .toWellFormed()}…`
}

function resolve(reference: string | undefined, base: string | undefined): string | undefined {
  return reference !== undefined && URL.canParse(reference, base) ? new URL(reference, base).href : undefined
}

function* readHead(html: string, maxTokens: number): InPieces<Head> {
  const fields = new Map<string, string>()
  let canonical: string | undefined
  let language: string | undefined
  let base: string | undefined
  let firstHeading: string | undefined
  let isInHeading = false
  const visitor: Visitor = {
    open({ name, attributes }) {
      const href = attributes.get('href')?.trim()
      const relations = new Set(attributes.get('rel')?.toLowerCase().split(/\s+/))
      if (name === 'html') language ??= attributes.get('lang')
      else if (name === 'base') base ??= href
      else if (name === 'link' && relations.has('canonical')) canonical ??= href
      else if (name === 'h1' && firstHeading === undefined) {
        firstHeading = ''
        isInHeading = true
      } else if (name === 'meta') {
        const key = (attributes.get('name') ?? attributes.get('property') ?? '').toLowerCase()
        const content = attributes.get('content') ?? ''
        if (key !== '' && content.trim() !== '' && !fields.has(key)) fields.set(key, content)
      }
    },
    close(name) {
      if (name === 'h1') isInHeading = false
    },
    text(text) {
      if (isInHeading && firstHeading !== undefined && firstHeading.length < MAX_DESCRIPTION_LENGTH)
        firstHeading += text
    },
  }
  yield* visitElements(html, visitor, maxTokens)
  return {
    fields,
    ...(canonical === undefined ? {} : { canonical }),
    ...(language === undefined ? {} : { language }),
    ...(base === undefined ? {} : { base }),
    ...(firstHeading === undefined ? {} : { firstHeading }),
  }
}
