/** Leaves out of a page what stands around its content: navigation, asides, what is hidden, banners that ask for consent. */
import type { OpenTag, Visitor } from './elements.ts'
import { visitElements } from './elements.ts'
import type { InPieces } from './pieces.ts'

const DROPPED_NAMES = new Set(['nav', 'footer', 'aside'])
const DROPPED_ROLES = new Set(
  'alertdialog banner complementary contentinfo dialog menu menubar navigation search toolbar'.split(' '),
)
/** They hold the page, whatever they are called. */
const NEVER_DROPPED = new Set(['html', 'body', 'head', 'main', 'article', 'title', 'h1'])
const VOID = new Set('area base br col embed hr img input link meta source track wbr'.split(' '))
/** Names that banners for consent go by; a page about biscuits has other ones. */
const CONSENT =
  /(?:cookie|consent|gdpr)s?[-_]?(?:banner|bar|box|consent|container|dialog|disclaimer|info|law|layer|manager|message|modal|notice|notification|overlay|popup|prompt|wall|warning)|onetrust|cybotcookiebot|didomi-|usercentrics/i

function isAround({ name, attributes }: OpenTag): boolean {
  if (NEVER_DROPPED.has(name) || VOID.has(name)) return false
  if (DROPPED_NAMES.has(name)) return true
  if (attributes.has('hidden') && attributes.get('hidden') !== 'until-found') return true
  if (attributes.get('aria-hidden')?.toLowerCase() === 'true') return true
  if (DROPPED_ROLES.has(attributes.get('role')?.trim().toLowerCase() ?? '')) return true
  if (/display\s*:\s*none|visibility\s*:\s*hidden/i.test(attributes.get('style') ?? '')) return true
  return CONSENT.test(attributes.get('id') ?? '') || CONSENT.test(attributes.get('class') ?? '')
}

interface Span {
  readonly start: number
  end: number
}

/**
 * The source without these parts, and with nothing but its one article where it has no `main`. An element that is not closed,
 * or that holds the page's content after all, stays.
 */
export function* mainContent(html: string, maxTokens: number): InPieces<string> {
  const dropped: Span[] = []
  const articles: Span[] = []
  let hasMain = false
  let open: { name: string; depth: number; start: number } | undefined
  let article: { depth: number; start: number } | undefined
  const visitor: Visitor = {
    open(tag) {
      const { name, start } = tag
      hasMain ||= name === 'main' || tag.attributes.get('role') === 'main'
      if (name === 'article') {
        if (article === undefined) article = { depth: 1, start }
        else article.depth++
      }
      if (open !== undefined) {
        if (name === open.name) open.depth++
        // What holds the content is not around it.
        if (name === 'main' || name === 'article' || name === 'h1') open = undefined
      } else if (isAround(tag)) open = { name, depth: 1, start }
    },
    close(name, end) {
      if (name === 'article' && article !== undefined && --article.depth === 0) {
        articles.push({ start: article.start, end })
        article = undefined
      }
      if (open === undefined || name !== open.name || --open.depth > 0) return
      dropped.push({ start: open.start, end })
      open = undefined
    },
    text: () => undefined,
  }
  yield* visitElements(html, visitor, maxTokens)
  const [only] = articles
  const kept = !hasMain && articles.length === 1 && only !== undefined ? only : { start: 0, end: html.length }
  const parts: string[] = []
  let at = kept.start
  for (const { start, end } of dropped) {
    if (start < at || start >= kept.end) continue
    parts.push(html.slice(at, start))
    at = Math.max(at, end)
  }
  parts.push(html.slice(at, Math.max(at, kept.end)))
  return parts.join(' ')
}
