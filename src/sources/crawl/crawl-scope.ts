/** What belongs to a crawl: pages of its sites that its patterns let in. */
import { siteOf } from './page-address.ts'
import { MatchBudget, matchedAddress, siteOfPattern, UrlPattern } from './url-patterns.ts'

export interface ScopeOptions {
  readonly start: string
  readonly include: readonly string[]
  readonly exclude: readonly string[]
}

/** Of comparisons with patterns, for all addresses of one page or sitemap: a second or less. */
const MAX_MATCH_STEPS = 100_000_000

/** For one step of a crawl. */
export class CrawlScope {
  readonly #sites: ReadonlySet<string>
  readonly #include: readonly UrlPattern[]
  readonly #exclude: readonly UrlPattern[]
  readonly #budget: MatchBudget

  constructor({ start, include, exclude }: ScopeOptions, maxSteps = MAX_MATCH_STEPS) {
    const named = include.map(siteOfPattern).filter((site) => site !== undefined)
    this.#sites = new Set([siteOf(start), ...named])
    this.#include = include.map((pattern) => new UrlPattern(pattern))
    this.#exclude = exclude.map((pattern) => new UrlPattern(pattern))
    this.#budget = new MatchBudget(maxSteps)
  }

  /** Too much was compared: nothing more is covered in this step. */
  get isSpent(): boolean {
    return this.#budget.isSpent
  }

  /** Whether its host may be asked anything at all. */
  reaches(address: string): boolean {
    return this.#sites.has(siteOf(address))
  }

  /** Whether the page is wanted. */
  covers(address: string): boolean {
    if (!this.reaches(address)) return false
    const matched = matchedAddress(address)
    const matches = (pattern: UrlPattern): boolean => pattern.matches(matched, this.#budget)
    const isIncluded = this.#include.length === 0 || this.#include.some(matches)
    return isIncluded && !this.#exclude.some(matches) && !this.isSpent
  }
}
