/**
 * Reads one page for a crawler: a plain GET without cookies, credentials or any header of a caller's. It follows no
 * redirect, reads no body that is not asked for, and counts what it reads. It never throws.
 */
import { MAX_PAGE_BYTES } from '../core/limits.ts'
import type { FetchedPage, PageOutcome, PageRequest } from './egress-api.ts'
import { publicUrlFault } from './public-url.ts'

/** How the crawler names itself, in requests and to `robots.txt`. */
export const CRAWLER_NAME = 'Nearfield-Crawler'
/** A page has this long, body included. */
export const PAGE_TIMEOUT_MS = 15_000
/** Validators and other header values beyond it are none. In UTF-16 units. */
const MAX_HEADER_LENGTH = 512
/** A redirect to a longer address leads nowhere that may be called. */
const MAX_LOCATION_LENGTH = 4_096

export async function fetchPage(request: PageRequest, fetcher: typeof fetch): Promise<PageOutcome> {
  if (publicUrlFault(request.url, 'crawl') !== undefined) return { failure: 'refused' }
  const timeLimit = AbortSignal.timeout(Math.min(request.timeoutMs, PAGE_TIMEOUT_MS))
  let response: Response | undefined
  try {
    response = await fetcher(request.url, { headers: headersOf(request), redirect: 'manual', signal: timeLimit })
    return await outcomeOf(request, response)
  } catch {
    return { failure: timeLimit.aborted ? 'timeout' : 'network' }
  } finally {
    await discard(response)
  }
}

function headersOf({ etag, lastModified, accept }: PageRequest): Record<string, string> {
  return {
    'user-agent': CRAWLER_NAME,
    accept: accept.map((type) => (type.endsWith('/') ? `${type}*` : type)).join(', '),
    ...(etag === undefined ? {} : { 'if-none-match': etag }),
    ...(lastModified === undefined ? {} : { 'if-modified-since': lastModified }),
  }
}

async function outcomeOf(request: PageRequest, response: Response): Promise<PageOutcome> {
  const { status, headers } = response
  const location = headers.get('location') ?? ''
  const isRedirect = [301, 302, 303, 307, 308].includes(status) && location.length <= MAX_LOCATION_LENGTH
  if (isRedirect && location !== '') return { redirect: location }
  const page = pageOf(response)
  if (status < 200 || status > 299) return page
  const { mediaType = '' } = page
  const isAccepted = request.accept.some(
    (type) => mediaType === type || (type.endsWith('/') && mediaType.startsWith(type)),
  )
  if (!isAccepted) return { failure: 'wrong_type' }
  const body = await readBody(response, Math.min(request.maxBytes, MAX_PAGE_BYTES), request.mayCut ?? false)
  return body === undefined ? { failure: 'too_large' } : { ...page, body }
}

function pageOf({ status, headers }: Response): FetchedPage {
  const value = (name: string): string | undefined => {
    const text = headers.get(name)
    return text === null || text.length > MAX_HEADER_LENGTH || !/^[\x20-\x7e]+$/.test(text) ? undefined : text
  }
  const named = {
    mediaType: value('content-type')?.split(';')[0]?.trim().toLowerCase(),
    etag: value('etag'),
    lastModified: value('last-modified'),
    robotsTag: value('x-robots-tag')?.toLowerCase(),
    retryAfter: value('retry-after'),
  }
  const given = Object.fromEntries(Object.entries(named).filter(([, text]) => text !== undefined))
  return { status, ...given, body: new Uint8Array(0) }
}

/** `undefined` when it is larger and may not be cut. What a header declares about its size is not asked. */
async function readBody(
  { body }: Response,
  maxBytes: number,
  mayCut: boolean,
): Promise<FetchedPage['body'] | undefined> {
  const parts: Uint8Array[] = []
  let bytes = 0
  const reader = body?.getReader()
  while (bytes <= maxBytes) {
    const part = await reader?.read()
    if (part === undefined || part.done) return joined(parts, bytes)
    parts.push(part.value)
    bytes += part.value.byteLength
  }
  await reader?.cancel()
  return mayCut ? joined(parts, maxBytes) : undefined
}

function joined(parts: readonly Uint8Array[], bytes: number): FetchedPage['body'] {
  const whole = new Uint8Array(bytes)
  let offset = 0
  for (const part of parts) {
    whole.set(part.subarray(0, bytes - offset), offset)
    offset += Math.min(part.byteLength, bytes - offset)
  }
  return whole
}

/** Whatever is left unread would keep the connection. */
async function discard(response: Response | undefined): Promise<void> {
  try {
    if (response?.bodyUsed === false) await response.body?.cancel()
  } catch {
    // The site broke off first.
  }
}
