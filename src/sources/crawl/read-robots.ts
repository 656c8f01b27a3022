/** Fetches a site's `robots.txt`, as RFC 9309 says what its answers mean. */
import { PAGE_TIMEOUT_MS } from '../../egress/fetch-page.ts'
import type { SourcePorts } from '../source-ports.ts'
import { ROBOTS_TYPES } from './media-types.ts'
import { pageAddress } from './page-address.ts'
import { MAX_ROBOTS_BYTES, relevantRules } from './robots-rules.ts'

const MAX_HOPS = 5

/**
 * The rules that concern this crawler, `''` where the site has none; `undefined` where that could not be found out, so
 * that nothing of it may be read for now. `mayAsk` says of a redirect's target whether it belongs to the crawl.
 */
export async function readRobots(
  origin: string,
  fetchPage: SourcePorts['fetchPage'],
  mayAsk: (address: string) => boolean,
): Promise<string | undefined> {
  let address: string | undefined = `${origin}/robots.txt`
  for (let hops = 0; address !== undefined && mayAsk(address) && hops <= MAX_HOPS; hops++) {
    const outcome = await fetchPage({
      url: address,
      accept: ROBOTS_TYPES,
      maxBytes: MAX_ROBOTS_BYTES,
      mayCut: true,
      timeoutMs: PAGE_TIMEOUT_MS,
    })
    if ('redirect' in outcome) {
      address = pageAddress(outcome.redirect, address)
    } else if ('failure' in outcome) {
      return outcome.failure === 'wrong_type' ? '' : undefined
    } else {
      if (outcome.status === 429 || outcome.status >= 500) return undefined
      return outcome.status >= 200 && outcome.status < 300 ? relevantRules(new TextDecoder().decode(outcome.body)) : ''
    }
  }
  return undefined
}
