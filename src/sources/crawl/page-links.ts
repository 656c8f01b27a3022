/** What a crawler reads of a page: where it links to, under which address it wants to be known, and what it forbids. */
import { Tokenizer } from 'htmlparser2'
import { pageAddress } from './page-address.ts'

/** Links of one page that are followed; more are not looked at. */
export const MAX_LINKS_PER_PAGE = 2_000
/** Of a page's links, repeated ones included, so many are resolved. */
const MAX_RESOLVED_LINKS = 20_000

export interface PageLinks {
  /** Each once, resolved, of the public web. */
  readonly links: readonly string[]
  readonly canonical?: string
  readonly noindex: boolean
  readonly nofollow: boolean
}

/** Directives of `<meta name="robots">` and of the header `X-Robots-Tag`, lower case. */
export function robotsDirectives(text: string): Pick<PageLinks, 'noindex' | 'nofollow'> {
  const words = new Set(text.split(/[\s,:;]+/))
  return { noindex: words.has('noindex') || words.has('none'), nofollow: words.has('nofollow') || words.has('none') }
}

/** Never throws; broken markup is read as far as it makes sense. `address` is where the page was fetched. */
export function readPageLinks(bytes: Uint8Array<ArrayBuffer>, address: string): PageLinks {
  const found = new Found(address)
  readTags(textOf(bytes), (name, attributes) => found.tag(name, attributes))
  return found.finish()
}

type Attributes = Partial<Record<string, string>>

/** Works on tokens with no tree, so that it takes time in proportion to the length, whatever is unclosed or nested. */
function readTags(source: string, tag: (name: string, attributes: Attributes) => void): void {
  const nothing = (): void => undefined
  let name = ''
  let attributes: Attributes = {}
  let attribute = ''
  let value = ''
  const end = (): void => {
    if (READ.has(name)) tag(name, attributes)
  }
  const tokenizer = new Tokenizer(
    { xmlMode: false, decodeEntities: true },
    {
      onopentagname: (start, stop) => {
        name = source.slice(start, stop).toLowerCase()
        attributes = {}
      },
      onattribname: (start, stop) => {
        attribute = source.slice(start, stop).toLowerCase()
        value = ''
      },
      onattribdata: (start, stop) => (value += source.slice(start, stop)),
      onattribentity: (codePoint) => (value += String.fromCodePoint(codePoint)),
      onattribend: () => {
        if (READ_ATTRIBUTES.has(attribute)) attributes[attribute] ??= value
      },
      onopentagend: end,
      onselfclosingtag: end,
      onclosetag: nothing,
      ontext: nothing,
      ontextentity: nothing,
      oncdata: nothing,
      oncomment: nothing,
      ondeclaration: nothing,
      onprocessinginstruction: nothing,
      onend: nothing,
    },
  )
  tokenizer.write(source)
  tokenizer.end()
}

const READ = new Set(['a', 'area', 'base', 'link', 'meta'])
const READ_ATTRIBUTES = new Set(['href', 'rel', 'name', 'content'])

class Found {
  readonly #address: string
  readonly #links = new Set<string>()
  #base: string | undefined
  #canonical: string | undefined
  #noindex = false
  #nofollow = false
  #resolved = 0

  constructor(address: string) {
    this.#address = address
  }

  tag(name: string, { href = '', rel = '', name: named = '', content = '' }: Attributes): void {
    const relations = rel.toLowerCase().split(/\s+/)
    const base = this.#base ?? this.#address
    if (name === 'base') {
      // Each link is resolved against it, so a base that is longer than any address would cost its length each time.
      if (href !== '') this.#base ??= pageAddress(href, this.#address)
    } else if (name === 'link') {
      if (relations.includes('canonical')) this.#canonical ??= pageAddress(href, base)
    } else if (name === 'meta') {
      if (!/^(robots|nearfield-crawler)$/i.test(named)) return
      const { noindex, nofollow } = robotsDirectives(content.toLowerCase())
      this.#noindex ||= noindex
      this.#nofollow ||= nofollow
    } else if (href !== '' && !relations.includes('nofollow') && this.#hasRoom) {
      this.#resolved++
      const link = pageAddress(href, base)
      if (link !== undefined && link !== this.#address) this.#links.add(link)
    }
  }

  get #hasRoom(): boolean {
    return this.#links.size < MAX_LINKS_PER_PAGE && this.#resolved < MAX_RESOLVED_LINKS
  }

  finish(): PageLinks {
    const links = [...this.#links]
    const canonical = this.#canonical === undefined ? {} : { canonical: this.#canonical }
    return { links, ...canonical, noindex: this.#noindex, nofollow: this.#nofollow }
  }
}

/** Addresses are ASCII in every encoding of the web but these. */
function textOf(bytes: Uint8Array<ArrayBuffer>): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return new TextDecoder('utf-16le').decode(bytes)
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return new TextDecoder('utf-16be').decode(bytes)
  return new TextDecoder().decode(bytes)
}
