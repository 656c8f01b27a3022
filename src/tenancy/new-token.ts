/**
 * A token that Nearfield mints for a secret key: the checks of a request for one, and its claims. What a back end mints
 * offline passes none of them, so that every limit is checked again where the token is used.
 */
import { rfc3339 } from '../core/clock.ts'
import { Faults, isJsonObject } from '../core/faults.ts'
import { MAX_TOKEN_BYTES, MAX_TOKEN_LIFETIME_SECONDS } from '../core/limits.ts'
import { invariant } from '../core/invariant.ts'
import { invalidField, Problem } from '../core/problem.ts'
import { parseKey, tokenSigningKey } from './key-format.ts'
import { isNarrowerOrEqual } from './principal.ts'
import type { Principal } from './principal.ts'
import { mintToken } from './token.ts'
import { checkRights, RIGHTS } from './token-claims.ts'
import type { TokenClaims, TokenRights } from './token-claims.ts'

/** What a token is asked to be. */
export interface TokenRequest extends TokenRights {
  readonly ttlSeconds: number
}

const FIELDS: ReadonlySet<string> = new Set(['ttlSeconds', ...RIGHTS])

/**
 * Checks an untrusted request.
 * @throws invalid_request with a pointer for each fault; forbidden when the token would be wider than its key, or the key
 * refuses all tokens that are made until a later time
 */
export function parseTokenRequest(body: unknown, principal: Principal, nowMs: number): TokenRequest {
  if (!isJsonObject(body)) throw invalidField('', 'must be an object')
  const faults = new Faults()
  faults.checkMembers(body, '', FIELDS)
  const ttl = body['ttlSeconds']
  if (!Number.isInteger(ttl) || (ttl as number) < 1 || (ttl as number) > MAX_TOKEN_LIFETIME_SECONDS) {
    faults.add('/ttlSeconds', `must be an integer from 1 to ${MAX_TOKEN_LIFETIME_SECONDS}`)
  }
  checkRights(body, faults)
  faults.throwIfAny()
  const request = body as unknown as TokenRequest
  const { scopes, collections = principal.collections } = request
  // Its filter is no matter: the key's stays beside it.
  if (!isNarrowerOrEqual({ ...principal, scopes, ...(collections && { collections }) }, principal)) {
    throw new Problem('forbidden', 'a token is never wider than its key')
  }
  const notBeforeMs = principal.key?.tokensNotBeforeMs ?? 0
  if (notBeforeMs <= nowMs) return request
  throw new Problem('forbidden', `the key refuses tokens that are made before ${rfc3339(notBeforeMs)}`)
}

/** What a token that may be made now says: it begins now, and ends no later than its key does. */
export function claimsOf(
  { ttlSeconds, ...rights }: TokenRequest,
  { key, expiresAtMs }: Principal,
  nowMs: number,
): TokenClaims {
  // The key may refuse what was issued before a time; a token made within that second belongs behind it.
  const iat = Math.max(Math.floor(nowMs / 1000), Math.ceil((key?.tokensNotBeforeMs ?? 0) / 1000))
  const exp = Math.min(iat + ttlSeconds, Math.floor((expiresAtMs ?? Infinity) / 1000))
  return { ...rights, iat, exp }
}

/**
 * Signs with the secret that was presented, as a back end would: tokens of a secret that is being rotated out end with it.
 * `headers` are those that authenticated the request. @throws invalid_request when the token would be too long
 */
export async function signToken(headers: Headers, claims: TokenClaims): Promise<string> {
  const key = parseKey((headers.get('authorization') ?? '').replace(/^bearer +/i, ''))
  invariant(key?.kind === 'secret', 'a secret key asks for tokens')
  const token = await mintToken(await tokenSigningKey(key), key.id, claims)
  if (token.length <= MAX_TOKEN_BYTES) return token
  throw invalidField('', `makes a token of more than ${MAX_TOKEN_BYTES} bytes: shorten the filter or the lists`)
}
