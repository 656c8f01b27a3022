/**
 * Patterns of `include` and `exclude`: `*` stands for any characters but a slash, `**` for any at all. One that begins with
 * a slash is compared with path and query, one that begins with a scheme also with the host. Matching takes time in
 * proportion to both lengths, whatever the pattern.
 */
import { siteOf } from './page-address.ts'

const ABSOLUTE = /^https?:\/\/([^/?#*]+)(\/.*)$/i

/** What is wrong with a pattern, as an error's detail. */
export function patternFault(pattern: string): string | undefined {
  if (pattern.startsWith('/') || ABSOLUTE.test(pattern)) return undefined
  return 'must begin with / or with https://, a host without * and /'
}

/** The site that a pattern names, which is thereby a part of the crawl. */
export function siteOfPattern(pattern: string): string | undefined {
  const host = ABSOLUTE.exec(pattern)?.[1]
  return host === undefined || !URL.canParse(`https://${host}/`) ? undefined : siteOf(`https://${host}/`)
}

export function matchesPattern(pattern: string, address: string): boolean {
  const { pathname, search } = new URL(address)
  const path = pathname + search
  const [, , rest = pattern] = ABSOLUTE.exec(pattern) ?? []
  const site = siteOfPattern(pattern)
  return (site === undefined || site === siteOf(address)) && matchesGlob(rest, path)
}

type Token = { readonly kind: 'one'; readonly character: string } | { readonly kind: 'star' | 'stars' }

/** Follows all places of the pattern at which a beginning of the text may end. */
function matchesGlob(pattern: string, text: string): boolean {
  const tokens = Array.from(pattern.match(/\*\*|[^]/g) ?? [], (part): Token =>
    part === '**' ? { kind: 'stars' } : part === '*' ? { kind: 'star' } : { kind: 'one', character: part },
  )
  let places = withSkips(new Set([0]), tokens)
  for (const character of text) {
    const next = new Set<number>()
    for (const place of places) {
      const token = tokens[place]
      if (token === undefined) continue
      if (token.kind === 'one') {
        if (token.character === character) next.add(place + 1)
      } else if (token.kind === 'stars' || character !== '/') next.add(place)
    }
    if (next.size === 0) return false
    places = withSkips(next, tokens)
  }
  return places.has(tokens.length)
}

/** A star may also stand for nothing. */
function withSkips(places: Set<number>, tokens: readonly Token[]): Set<number> {
  for (const place of places) {
    const token = tokens[place]
    if (token !== undefined && token.kind !== 'one') places.add(place + 1)
  }
  return places
}
