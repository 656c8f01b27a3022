/**
 * Which web pages may use a credential. An `Origin` header proves nothing outside browsers; inside them it keeps a public
 * key on its own sites and a secret key off every site. Pure functions over strings, compared exactly as browsers send them.
 */
import { MAX_ORIGIN_LENGTH } from '../core/limits.ts'
import { Problem } from '../core/problem.ts'
import { isRestricted } from './principal.ts'
import type { Principal } from './principal.ts'

const LOCALHOST = 'http://localhost:*'
const LABEL = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/

/**
 * Whether a request with this `Origin` may use the credential. `own` is the server's own origin: the same site, open to
 * secret and root keys, and to public keys and tokens that list `self`. A token without a list may be used from anywhere.
 */
export function originAllowed(principal: Pick<Principal, 'kind' | 'origins'>, origin: string, own: string): boolean {
  if (principal.kind === 'secret' || principal.kind === 'root') return origin === own
  // A token's maker decides where it goes; a public key always says where.
  return principal.origins?.some((entry) => matchesOrigin(entry, origin, own)) ?? principal.kind === 'token'
}

/** Throws 403 `origin_forbidden` where the origin, or its absence where there is a list, does not fit the credential. */
export function requireOrigin(
  principal: Pick<Principal, 'kind' | 'origins'>,
  origin: string | null | undefined,
  own: string,
): void {
  if (origin === null || origin === undefined) {
    if (principal.kind !== 'public' && principal.origins === undefined) return
    throw new Problem('origin_forbidden', 'this credential needs an Origin header')
  }
  if (originAllowed(principal, origin, own)) return
  throw new Problem(
    'origin_forbidden',
    isRestricted(principal) ? undefined : 'secret keys do not belong into web pages; use a public key',
  )
}

/** Whether one entry of a key's list names the origin. */
export function matchesOrigin(entry: string, origin: string, own: string): boolean {
  if (entry === 'self') return origin === own
  if (entry === LOCALHOST) return /^http:\/\/localhost(?::[0-9]{1,5})?$/.test(origin)
  const star = entry.indexOf('://*.')
  if (star < 0) return entry === origin
  // `https://*.shop.example` stands for exactly one label in front of `.shop.example`, and never for the bare domain.
  const scheme = entry.slice(0, star + 3)
  const suffix = entry.slice(star + 4)
  if (!origin.startsWith(scheme) || !origin.endsWith(suffix)) return false
  return LABEL.test(origin.slice(scheme.length, origin.length - suffix.length))
}

/** Tells what is wrong with an entry of a key's origin list, or `undefined` for a good one. */
export function originFault(entry: string): string | undefined {
  if (entry === 'self' || entry === LOCALHOST) return undefined
  if (entry.length > MAX_ORIGIN_LENGTH) return `must have at most ${MAX_ORIGIN_LENGTH} characters`
  const match = /^([a-z][a-z0-9+.-]*):\/\/(\*\.)?([^/]+)$/.exec(entry)
  const [, scheme = '', star, rest = ''] = match ?? []
  if (match === null) return 'must be scheme://host[:port], self or http://localhost:*'
  if (rest.includes('*')) return 'may have one wildcard, as the leading label'
  if (/[^\u0021-\u007e]/.test(rest)) return 'must name the host in ASCII (punycode), as browsers send it'
  const host = rest.replace(/:[0-9]+$/, '')
  if (host.endsWith('.')) return 'must not end in a dot'
  if (
    star !== undefined &&
    !(/[a-z]/.test(host) && host.includes('.') && host.split('.').every((x) => LABEL.test(x)))
  ) {
    return 'needs a domain of at least two labels after the wildcard'
  }
  return scheme === 'http' || scheme === 'https' ? webOriginFault(`${scheme}://${rest}`) : appOriginFault(rest)
}

/** A web origin must be written as browsers send it: lower case, no default port, nothing behind the port. */
function webOriginFault(origin: string): string | undefined {
  if (!URL.canParse(origin)) return 'must name a host'
  const canonical = new URL(origin).origin
  return canonical === origin ? undefined : `must be written as browsers send it: ${canonical}`
}

/** Apps and extensions (`capacitor://localhost`, `chrome-extension://…`) have an opaque host, compared exactly. */
const appOriginFault = (host: string): string | undefined =>
  /^[a-z0-9._-]+(?::[0-9]{1,5})?$/.test(host) ? undefined : 'must name a host'
