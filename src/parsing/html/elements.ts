/** Walks through the tags of an HTML source in order, with the attributes that tell what an element is for. O(length). */
import { Tokenizer } from 'htmlparser2'
import { TokenCount, tokenized, type InPieces } from './pieces.ts'

const ATTRIBUTES = new Set(
  'aria-hidden class content hidden href id itemprop lang name property rel role style type'.split(' '),
)
/** In UTF-16 units; longer values are cut. */
const MAX_VALUE_LENGTH = 8_192

export interface OpenTag {
  readonly name: string
  readonly attributes: ReadonlyMap<string, string>
  /** Offsets of the tag itself, half-open. */
  readonly start: number
  readonly end: number
}

export interface Visitor {
  open(tag: OpenTag): void
  /** `end`: behind the tag. */
  close(name: string, end: number): void
  text(text: string): void
}

/** Tells `visitor` every tag and text outside of comments, scripts and styles included. @throws FileFault too_complex */
export function* visitElements(html: string, visitor: Visitor, maxTokens: number): InPieces<void> {
  const tokens = new TokenCount(maxTokens)
  let name = ''
  let start = 0
  let attributes = new Map<string, string>()
  let attribute = ''
  const nothing = (): void => undefined
  const append = (value: string): void => {
    if (!ATTRIBUTES.has(attribute)) return
    const held = attributes.get(attribute) ?? ''
    if (held.length < MAX_VALUE_LENGTH) attributes.set(attribute, held + value.slice(0, MAX_VALUE_LENGTH - held.length))
  }
  const opened = (end: number): void => visitor.open({ name, attributes, start, end: end + 1 })
  const tokenizer = new Tokenizer(
    { xmlMode: false, decodeEntities: true },
    {
      onopentagname(from, to) {
        tokens.add()
        name = html.slice(from, to).toLowerCase()
        start = from - 1
        attributes = new Map()
      },
      onattribname(from, to) {
        tokens.add()
        attribute = html.slice(from, to).toLowerCase()
        // The first of several counts, as in browsers.
        if (attributes.has(attribute)) attribute = ''
        else append('')
      },
      onattribdata: (from, to) => append(html.slice(from, to)),
      onattribentity(codePoint) {
        tokens.add()
        append(String.fromCodePoint(codePoint))
      },
      onattribend: nothing,
      onopentagend: opened,
      onselfclosingtag: opened,
      onclosetag(from, to) {
        tokens.add()
        const end = html.indexOf('>', to)
        visitor.close(html.slice(from, to).toLowerCase(), end < 0 ? html.length : end + 1)
      },
      ontext: (from, to) => visitor.text(html.slice(from, to)),
      ontextentity: (codePoint) => visitor.text(String.fromCodePoint(codePoint)),
      oncdata: nothing,
      oncomment: nothing,
      ondeclaration: nothing,
      onprocessinginstruction: nothing,
      onend: nothing,
    },
  )
  yield* tokenized(html, tokenizer)
}
