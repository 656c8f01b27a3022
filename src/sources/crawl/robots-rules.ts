/**
 * What a site's `robots.txt` says to this crawler. The text is cut down to the lines that concern it before it is parsed,
 * because a hostile one could otherwise grow to a multiple of its size.
 */
import robotsParser from 'robots-parser'
import { CRAWLER_NAME } from '../../egress/fetch-page.ts'

/** RFC 9309 asks that as much is read; the rest is ignored. */
export const MAX_ROBOTS_BYTES = 500_000
/** Characters of all rules that concern this crawler, and of one of them: each is compared with each address. */
const MAX_RULES_LENGTH = 100_000
const MAX_LINE_LENGTH = 2_048
/** Between two requests to a host; what a site asks for is heeded up to a minute. */
export const MIN_DELAY_MS = 250
export const MAX_DELAY_MS = 60_000

interface Robot {
  isAllowed(url: string, agent: string): boolean | undefined
  getCrawlDelay(agent: string): number | undefined
}

// The package is CommonJS, and its types promise a default export that only bundlers make.
const parse = robotsParser as unknown as (url: string, text: string) => Robot

export class RobotsRules {
  readonly #robot: Robot

  /** `origin`: of the site, such as `https://example.com`. `text`: what `relevantRules` left. */
  constructor(origin: string, text: string) {
    this.#robot = parse(`${origin}/robots.txt`, text)
  }

  mayFetch(address: string): boolean {
    return this.#robot.isAllowed(address, CRAWLER_NAME) ?? true
  }

  get delayMs(): number {
    const seconds = this.#robot.getCrawlDelay(CRAWLER_NAME) ?? 0
    return Math.min(MAX_DELAY_MS, Math.max(MIN_DELAY_MS, seconds * 1_000))
  }
}

/** Rules of other crawlers go, and a group names each crawler once. */
export function relevantRules(text: string): string {
  const kept: string[] = []
  let length = 0
  let agents = new Set<string>()
  let isNaming = false
  for (const line of text.replace(/^\uFEFF/, '').split(/\r\n|\r|\n/)) {
    const [, field = '', value = ''] =
      /^\s*([a-z-]+)\s*:\s*([^#]*?)\s*(?:#.*)?$/i.exec(line.slice(0, MAX_LINE_LENGTH)) ?? []
    const name = field.toLowerCase()
    if (name === 'user-agent') {
      if (!isNaming) agents = new Set()
      isNaming = true
      const agent = value.toLowerCase().split('/')[0]?.trim() ?? ''
      if (agents.has(agent)) continue
      // A group of another crawler still ends the one before it.
      const isOurs = agent === '*' || agent === CRAWLER_NAME.toLowerCase()
      if (isOurs || agents.size === 0) kept.push(`user-agent: ${isOurs ? agent : 'another'}`)
      agents.add(isOurs ? agent : 'another')
      continue
    }
    if (!['allow', 'disallow', 'crawl-delay'].includes(name)) continue
    isNaming = false
    if (!agents.has('*') && !agents.has(CRAWLER_NAME.toLowerCase())) continue
    const rule = `${name}: ${value.replace(/\*{2,}/g, '*')}`
    length += rule.length
    if (length > MAX_RULES_LENGTH) break
    kept.push(rule)
  }
  return kept.join('\n')
}
