/**
 * Which addresses may be called on behalf of a tenant: those of the public internet. It judges by the text alone, when a
 * URL is stored and again before each use. Names that resolve to private addresses pass here; the network of the egress
 * Worker refuses them when it connects.
 */
import ipaddr from 'ipaddr.js'

/** A longer URL is not an address but a payload. In UTF-16 units. */
export const MAX_PUBLIC_URL_LENGTH = 2_048
const MAX_HOST_LENGTH = 253
/** One label of a name after IDN normalisation. */
const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/
/** Endings that never name a public host: reserved ones (RFC 6761, 6762, 8375, 9476) and those in private use. */
const PRIVATE_ENDINGS = new Set(
  'localhost local localdomain internal intranet private corp home lan arpa onion alt'.split(' '),
)
/** Above 1023, those that the fetch standard blocks because another protocol answers there. */
const BLOCKED_PORTS = new Set([
  1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10_080,
])

/** `call`: what is sent is ours, so https only. `crawl`: what is read is public, so http as well, on the schemes' ports. */
export type UrlPurpose = 'call' | 'crawl'

const BEGINNINGS = {
  call: { pattern: /^https:\/\/([^/?#]+)/i, fault: 'must begin with https:// and a host' },
  crawl: { pattern: /^https?:\/\/([^/?#]+)/i, fault: 'must begin with https:// or http:// and a host' },
} as const

/** Why a URL may not be called, as an error's detail; `undefined` where it may. */
export function publicUrlFault(text: string, purpose: UrlPurpose = 'call'): string | undefined {
  if (text.length > MAX_PUBLIC_URL_LENGTH) return `must have at most ${MAX_PUBLIC_URL_LENGTH} characters`
  // The URL parser drops or replaces these silently, so that two readers could see two addresses.
  if (/[\s\\]|\p{Cc}/u.test(text)) return 'must not contain white space, backslashes or control characters'
  // The parser repairs a missing or superfluous slash, and knows more than one spelling of no credentials.
  const { pattern, fault } = BEGINNINGS[purpose]
  const authority = pattern.exec(text)?.[1]
  if (authority === undefined) return fault
  if (authority.includes('@')) return 'must not contain credentials'
  if (authority.includes('%')) return 'must not percent-encode the host'
  const url = URL.parse(text)
  if (url === null) return 'must be a URL'
  if (url.hash !== '') return 'must not contain a fragment'
  return portFault(url.port, purpose) ?? hostFault(url.hostname)
}

/** `''` is the scheme's own port. */
function portFault(port: string, purpose: UrlPurpose): string | undefined {
  if (purpose === 'crawl') return port === '' ? undefined : 'must not name a port'
  const number = Number(port)
  const isOpen = port === '' || (number >= 1_024 && !BLOCKED_PORTS.has(number))
  return isOpen ? undefined : 'must use port 443, or one from 1024 that no other protocol owns'
}

/** `host` as the URL parser wrote it: numbers of every spelling are dotted decimals by now, IDN is ASCII. */
function hostFault(host: string): string | undefined {
  const address = host.startsWith('[') ? host.slice(1, -1) : host
  if (ipaddr.isValid(address)) {
    return isPublicAddress(ipaddr.parse(address)) ? undefined : 'must not name a private or reserved address'
  }
  const labels = host.split('.')
  const isName = host.length <= MAX_HOST_LENGTH && labels.every((label) => LABEL.test(label))
  if (!isName) return 'must name a host of the public internet'
  const isPrivate = labels.length < 2 || PRIVATE_ENDINGS.has(labels.at(-1) ?? '')
  return isPrivate ? 'must not name a private host' : undefined
}

/** IPv6 outside of 2000::/3 is not given out; within it `range` knows the tunnels and the documentation's own. */
function isPublicAddress(address: ipaddr.IPv4 | ipaddr.IPv6): boolean {
  if (address.range() !== 'unicast') return false
  return address instanceof ipaddr.IPv4 || (address.parts[0] ?? 0) >> 13 === 1
}
