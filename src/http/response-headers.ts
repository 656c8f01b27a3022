/** Headers that stand on every answer: CORS, caching, and what browsers must not do with it. */

const EXPOSED_HEADERS =
  'ETag, Location, RateLimit, RateLimit-Policy, Retry-After, Idempotent-Replayed, Server-Timing, X-Request-Id'

/** The page runs its own scripts and styles and talks to its own server; nothing inline, no third party. */
const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ')

/** Anything else is data: it loads nothing and stands in no frame. */
const DATA_POLICY = "default-src 'none'; frame-ancestors 'none'"

/** The answer to every preflight; the real request is judged on its own. */
export function preflightHeaders(): Headers {
  return new Headers({
    'access-control-allow-origin': '*',
    'access-control-allow-methods': 'GET, HEAD, POST, PUT, PATCH, DELETE',
    'access-control-allow-headers': 'authorization, content-type, idempotency-key, prefer, last-event-id',
    'access-control-max-age': '7200',
  })
}

/** Names under which a browser reaches its own machine; a foreign name that points here is a rebinding attack. */
const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]'])

/** Whether the server is reached as one's own machine. The scheme says nothing: others are reached over http, too. */
export const isLoopback = (url: URL): boolean => LOOPBACK.has(url.hostname)

/** Adds what every answer carries. `allowedOrigin` is the exact origin that the credential allows, if it does. */
export function addCommonHeaders(
  headers: Headers,
  context: { readonly url: URL; readonly isApi: boolean; readonly requestId: string; readonly allowedOrigin?: string },
): void {
  headers.append('vary', 'Origin')
  headers.set('x-request-id', context.requestId)
  headers.set('x-content-type-options', 'nosniff')
  headers.set('x-frame-options', 'DENY')
  headers.set('referrer-policy', 'same-origin')
  headers.set('cross-origin-opener-policy', 'same-origin')
  const isPage = headers.get('content-type')?.startsWith('text/html') ?? false
  headers.set('content-security-policy', isPage ? PAGE_POLICY : DATA_POLICY)
  // Plain http may not carry it (RFC 6797, 7.2); on the own machine it would shut out other servers there.
  if (context.url.protocol === 'https:' && !isLoopback(context.url))
    headers.set('strict-transport-security', 'max-age=31536000')
  if (context.isApi) headers.set('cache-control', 'no-store')
  if (context.allowedOrigin !== undefined) {
    headers.set('access-control-allow-origin', context.allowedOrigin)
    headers.set('access-control-expose-headers', EXPOSED_HEADERS)
  }
}
