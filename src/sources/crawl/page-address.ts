/** Addresses of pages: one spelling of each, and the name under which its document is kept. */
import { hex, sha256, utf8 } from '../../core/bytes.ts'
import { MAX_FILE_NAME_BYTES } from '../../core/limits.ts'
import { publicUrlFault } from '../../egress/public-url.ts'

const DIGEST_DIGITS = 32

/**
 * What a link, a redirect, a sitemap or a canonical link points to, resolved and without its fragment; `undefined` where
 * nothing of the public web is meant. The spelling is that of the URL standard, so everything in it is ASCII.
 */
export function pageAddress(text: string, base?: string): string | undefined {
  const url = base === undefined ? URL.parse(text) : URL.parse(text, base)
  if (url === null) return undefined
  url.hash = ''
  return publicUrlFault(url.href, 'crawl') === undefined ? url.href : undefined
}

/** The address itself, or its beginning and a digest of it where it is longer than a file's name may be. */
export async function pageName(address: string): Promise<string> {
  if (address.length <= MAX_FILE_NAME_BYTES) return address
  const digest = hex(await sha256(utf8(address))).slice(0, DIGEST_DIGITS)
  return `${address.slice(0, MAX_FILE_NAME_BYTES - DIGEST_DIGITS - 1)}~${digest}`
}

/** Whose site a host is: with and without `www.` are one. */
export const siteOf = (address: string): string => new URL(address).hostname.replace(/^www\./, '')
