/** What a crawler reads of a page: where it links to, under which address it wants to be known, and what it forbids. */
import { Parser } from 'htmlparser2'
import { pageAddress } from './page-address.ts'

/** Links of one page that are followed; more are not looked at. */
export const MAX_LINKS_PER_PAGE = 2_000

export interface PageLinks {
  /** Each once, resolved, of the public web. */
  readonly links: readonly string[]
  readonly canonical?: string
  readonly noindex: boolean
  readonly nofollow: boolean
}

const NOTHING: PageLinks = { links: [], noindex: false, nofollow: false }

/** Directives of `<meta name="robots">` and of the header `X-Robots-Tag`, lower case. */
export function robotsDirectives(text: string): Pick<PageLinks, 'noindex' | 'nofollow'> {
  const words = new Set(text.split(/[\s,:;]+/))
  return { noindex: words.has('noindex') || words.has('none'), nofollow: words.has('nofollow') || words.has('none') }
}

/** Never throws; broken markup is read as far as it makes sense. `address` is where the page was fetched. */
export function readPageLinks(bytes: Uint8Array<ArrayBuffer>, address: string): PageLinks {
  const found: { -readonly [Key in keyof PageLinks]: PageLinks[Key] } = { ...NOTHING }
  const links = new Set<string>()
  let base = address
  let hasBase = false
  const parser = new Parser({
    onopentag(name, attributes) {
      const { href = '', rel = '' } = attributes
      const relations = rel.toLowerCase().split(/\s+/)
      if (name === 'base' && href !== '' && !hasBase) {
        hasBase = true
        base = URL.parse(href, address)?.href ?? address
      } else if ((name === 'a' || name === 'area') && href !== '' && !relations.includes('nofollow')) {
        const link = links.size < MAX_LINKS_PER_PAGE ? pageAddress(href, base) : undefined
        if (link !== undefined) links.add(link)
      } else if (name === 'link' && relations.includes('canonical')) {
        const canonical = pageAddress(href, base)
        if (canonical !== undefined) found.canonical ??= canonical
      } else if (name === 'meta' && /^(robots|nearfield-crawler)$/i.test(attributes['name'] ?? '')) {
        const { noindex, nofollow } = robotsDirectives((attributes['content'] ?? '').toLowerCase())
        found.noindex ||= noindex
        found.nofollow ||= nofollow
      }
    },
  })
  parser.end(textOf(bytes))
  links.delete(address)
  return { ...found, links: [...links] }
}

/** Addresses are ASCII in every encoding of the web but these. */
function textOf(bytes: Uint8Array<ArrayBuffer>): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return new TextDecoder('utf-16le').decode(bytes)
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return new TextDecoder('utf-16be').decode(bytes)
  return new TextDecoder().decode(bytes)
}
