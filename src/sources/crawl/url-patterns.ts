/**
 * Patterns of `include` and `exclude`: `*` stands for any characters but a slash, `**` for any at all. One that begins with
 * a slash is compared with path and query, one that begins with a scheme also with the host. Matching takes time in
 * proportion to both lengths, whatever the pattern, and what all of it may take together is bounded.
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

/** What comparing may cost: characters of an address times the places of a pattern that each may stand at. */
export class MatchBudget {
  #left: number

  constructor(steps: number) {
    this.#left = steps
  }

  get isSpent(): boolean {
    return this.#left <= 0
  }

  take(steps: number): void {
    this.#left -= steps
  }
}

/** An address, taken apart once for all patterns. */
export interface MatchedAddress {
  readonly site: string
  /** With its query. */
  readonly path: string
}

export function matchedAddress(address: string): MatchedAddress {
  const { pathname, search } = new URL(address)
  return { site: siteOf(address), path: pathname + search }
}

const ONE_STAR = '*'
const TWO_STARS = '**'

export class UrlPattern {
  readonly #site: string | undefined
  readonly #tokens: readonly string[]

  constructor(pattern: string) {
    const [, , rest = pattern] = ABSOLUTE.exec(pattern) ?? []
    this.#site = siteOfPattern(pattern)
    // Stars in a row stand for what the longest of them stands for.
    this.#tokens = rest.match(/\*+|[^]/g)?.map((part) => (part.length > 1 ? TWO_STARS : part)) ?? []
  }

  /** False as well where the budget is spent. */
  matches({ site, path }: MatchedAddress, budget: MatchBudget): boolean {
    return (this.#site === undefined || this.#site === site) && this.#matchesGlob(path, budget)
  }

  /** Follows all places of the pattern at which a beginning of the text may end. */
  #matchesGlob(text: string, budget: MatchBudget): boolean {
    const tokens = this.#tokens
    /** For each place, the last turn in which it was found, so that each is followed once. */
    const found = new Int32Array(tokens.length + 1).fill(-1)
    let places: number[] = []
    const reach = (into: number[], place: number, turn: number): void => {
      if (found[place] === turn) return
      found[place] = turn
      into.push(place)
      // A star may also stand for nothing.
      if (tokens[place] === ONE_STAR || tokens[place] === TWO_STARS) reach(into, place + 1, turn)
    }
    reach(places, 0, 0)
    for (let at = 0; at < text.length; at++) {
      budget.take(places.length)
      if (budget.isSpent) return false
      const character = text[at]
      const next: number[] = []
      for (const place of places) {
        const token = tokens[place]
        if (token === undefined) continue
        if (token === TWO_STARS) {
          // Whatever follows is let in.
          if (place === tokens.length - 1) return true
          reach(next, place, at + 1)
        } else if (token === ONE_STAR) {
          if (character !== '/') reach(next, place, at + 1)
        } else if (token === character) reach(next, place + 1, at + 1)
      }
      if (next.length === 0) return false
      places = next
    }
    return places.includes(tokens.length)
  }
}
