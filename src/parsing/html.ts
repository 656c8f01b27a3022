/**
 * What does an HTML page say? Its text in reading order with an outline of headings, paragraphs, lists, tables and code.
 * Works on the tokens of htmlparser2 with counters instead of a tree: one pass, O(length), whatever is unclosed or nested.
 * A page's navigation and footer are dropped; where that leaves nothing, the page is read again with them.
 */
import { Tokenizer } from 'htmlparser2'
import type { OutlineBlock } from '../chunking/document-text.ts'
import { drained, TokenCount, tokenized, type InPieces } from './html/pieces.ts'
import { TextWriter } from './html/text-writer.ts'
import { normaliseNewlines } from './normalise.ts'

export interface ParsedHtml {
  /** Blocks parted by a blank line, list items by `- `, table cells by tabs. */
  readonly text: string
  /** In order, disjoint; covers all of `text` but white space. */
  readonly outline: OutlineBlock[]
  /** Of the `title` element. */
  readonly title?: string
}

/** Never text to read. */
const DROPPED = new Set(
  'script style template noscript svg canvas iframe object embed audio video map select datalist textarea button'.split(
    ' ',
  ),
)
/** Around the content rather than content. */
const CHROME = new Set(['nav', 'footer'])

interface Scope {
  readonly keepChrome: boolean
  /** Only what stands inside `main` counts. */
  readonly mainOnly: boolean
}

/** In UTF-16 units; whatever is longer is no title. */
const MAX_TITLE_LENGTH = 10_000

/** Extracts text, outline and title. Never throws; broken markup is read as far as it makes sense. */
export function parseHtml(html: string): ParsedHtml {
  return drained(parsingHtml(html, Number.POSITIVE_INFINITY))
}

/** The same in pieces. @throws FileFault too_complex above `maxTokens` */
export function* parsingHtml(html: string, maxTokens: number): InPieces<ParsedHtml> {
  const source = normaliseNewlines(html)
  const scopes: Scope[] = [
    { keepChrome: false, mainOnly: false },
    { keepChrome: true, mainOnly: false },
  ]
  if (/<main[\s>]/i.test(source)) scopes.unshift({ keepChrome: false, mainOnly: true })
  let parsed: ParsedHtml = { text: '', outline: [] }
  for (const scope of scopes) {
    const reader = new HtmlReader(source, scope, new TokenCount(maxTokens))
    parsed = yield* reader.read()
    if (parsed.text !== '') break
  }
  return parsed
}

/** Receives tokens and drives a `TextWriter`. Method names of the callbacks are the tokenizer's. */
class HtmlReader {
  readonly #source: string
  readonly #scope: Scope
  readonly #writer = new TextWriter()
  /** The dropped element that is open, and how many of its name. */
  #dropped = ''
  #droppedDepth = 0
  #mainDepth = 0
  #inTitle = false
  #title: string | undefined
  #tag = ''
  readonly #tokens: TokenCount

  constructor(source: string, scope: Scope, tokens: TokenCount) {
    this.#source = source
    this.#scope = scope
    this.#tokens = tokens
  }

  *read(): InPieces<ParsedHtml> {
    const nothing = (): void => undefined
    const tokenizer = new Tokenizer(
      { xmlMode: false, decodeEntities: true },
      {
        onopentagname: (start, end) => this.#open(this.#source.slice(start, end).toLowerCase()),
        onopentagend: nothing,
        onselfclosingtag: () => this.#selfClose(),
        onclosetag: (start, end) => this.#close(this.#source.slice(start, end).toLowerCase()),
        ontext: (start, end) => this.#text(this.#source.slice(start, end)),
        ontextentity: (codePoint) => this.#text(String.fromCodePoint(codePoint)),
        oncdata: nothing,
        oncomment: nothing,
        ondeclaration: nothing,
        onprocessinginstruction: nothing,
        onattribname: nothing,
        onattribdata: nothing,
        onattribentity: nothing,
        onattribend: nothing,
        onend: nothing,
      },
    )
    yield* tokenized(this.#source, tokenizer)
    const { text, outline } = this.#writer.finish()
    const title = this.#title?.replace(/\s+/g, ' ').trim()
    return { text, outline, ...(title === undefined || title === '' ? {} : { title }) }
  }

  #text(text: string): void {
    this.#tokens.add()
    if (this.#dropped !== '') return
    if (this.#inTitle) {
      if ((this.#title?.length ?? 0) < MAX_TITLE_LENGTH) this.#title = (this.#title ?? '') + text
    } else if (!this.#scope.mainOnly || this.#mainDepth > 0) this.#writer.text(text)
  }

  #open(name: string): void {
    this.#tokens.add()
    this.#tag = name
    if (this.#dropped !== '') {
      if (name === this.#dropped) this.#droppedDepth++
      // An unclosed navigation does not swallow the page.
      if (!CHROME.has(this.#dropped) || (name !== 'main' && name !== 'article')) return
      this.#dropped = ''
    }
    if (name === 'title' && this.#title === undefined) this.#inTitle = true
    else if (name === 'title' || DROPPED.has(name) || (!this.#scope.keepChrome && CHROME.has(name))) {
      this.#dropped = name
      this.#droppedDepth = 1
      this.#writer.separate(name)
    } else {
      if (name === 'main') this.#mainDepth++
      this.#writer.open(name)
    }
  }

  #selfClose(): void {
    // Only foreign elements close themselves; `<div/>` is an open tag to HTML.
    if (this.#tag === 'svg') this.#close('svg')
  }

  #close(name: string): void {
    this.#tokens.add()
    if (this.#dropped !== '') {
      if (name === this.#dropped) this.#droppedDepth--
      if (this.#droppedDepth === 0 || name === 'body' || name === 'html') this.#dropped = ''
      return
    }
    if (name === 'title') this.#inTitle = false
    else {
      if (name === 'main') this.#mainDepth = Math.max(0, this.#mainDepth - 1)
      this.#writer.close(name)
    }
  }
}
