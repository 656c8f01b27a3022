/** What belongs to a crawl: pages of its sites that its patterns let in. */
import { siteOf } from './page-address.ts'
import { matchesPattern, siteOfPattern } from './url-patterns.ts'

export interface ScopeOptions {
  readonly start: string
  readonly include: readonly string[]
  readonly exclude: readonly string[]
}

export class CrawlScope {
  readonly #sites: ReadonlySet<string>
  readonly #options: ScopeOptions

  constructor(options: ScopeOptions) {
    this.#options = options
    const named = options.include.map(siteOfPattern).filter((site) => site !== undefined)
    this.#sites = new Set([siteOf(options.start), ...named])
  }

  /** Whether its host may be asked anything at all. */
  reaches(address: string): boolean {
    return this.#sites.has(siteOf(address))
  }

  /** Whether the page is wanted. */
  covers(address: string): boolean {
    const { include, exclude } = this.#options
    const matches = (pattern: string): boolean => matchesPattern(pattern, address)
    return this.reaches(address) && (include.length === 0 || include.some(matches)) && !exclude.some(matches)
  }
}
