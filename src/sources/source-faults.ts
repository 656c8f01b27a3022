/** What is wrong with what a caller says of a source, as an error's detail; `undefined` where nothing is. */
import { utf8Length } from '../core/bytes.ts'
import { MAX_INBOX_PREFIX_BYTES } from '../core/limits.ts'
import { publicUrlFault } from '../egress/public-url.ts'
import { pageAddress } from './crawl/page-address.ts'

export { patternFault } from './crawl/url-patterns.ts'
export { scheduleFault } from './schedule.ts'

export const crawlUrlFault = (text: string): string | undefined => publicUrlFault(text, 'crawl')

/** The one spelling of an address without a fault. */
export const normalisedAddress = (text: string): string => pageAddress(text) ?? text

export function prefixFault(prefix: string): string | undefined {
  if (utf8Length(prefix) > MAX_INBOX_PREFIX_BYTES) return `must have at most ${MAX_INBOX_PREFIX_BYTES} bytes`
  if (/\p{Cc}|\p{Cs}/u.test(prefix)) return 'must not contain control characters or lone surrogates'
  if (prefix !== '' && (!prefix.endsWith('/') || prefix.startsWith('/'))) {
    return 'must be empty, or end with a slash and not begin with one'
  }
  return undefined
}
