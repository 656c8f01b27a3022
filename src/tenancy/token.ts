/**
 * Signed tokens: JWTs (RFC 7519) of one shape, HS256 under a key that only the holder of a secret key and Nearfield can
 * derive. Reading one does no I/O and proves nothing; whoever uses it must check its time and its signature.
 */
import { base64url, fromBase64url, utf8 } from '../core/bytes.ts'
import { isJsonObject } from '../core/faults.ts'
import { MAX_TOKEN_BYTES, MAX_TOKEN_LIFETIME_SECONDS, TOKEN_LEEWAY_SECONDS } from '../core/limits.ts'
import { parseFilter } from '../metadata/parse-filter.ts'
import { visibleTo } from './principal.ts'
import type { Principal } from './principal.ts'
import { parseStrictJson } from './strict-json.ts'
import { readClaims } from './token-claims.ts'
import type { TokenClaims } from './token-claims.ts'

export type { TokenClaims } from './token-claims.ts'

type Bytes = Uint8Array<ArrayBuffer>

/** A well-formed token that nobody has vouched for. */
export interface UnverifiedToken {
  /** Of the secret key that is said to have signed it. */
  readonly keyId: string
  readonly claims: TokenClaims
  /** ASCII of `header.payload`. */
  readonly signed: Bytes
  /** 32 bytes. */
  readonly signature: Bytes
}

const SHAPE = /^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{43})$/
const KEY_ID = /^[0-9A-Za-z]{16}$/
const HMAC = { name: 'HMAC', hash: 'SHA-256' }

/** Reads a token; `undefined` where anything is not exactly as it must be. O(length), at most 8 KB; never throws. */
export function readToken(text: string): UnverifiedToken | undefined {
  const parts = text.length > MAX_TOKEN_BYTES ? null : SHAPE.exec(text)
  if (parts === null) return undefined
  const [, header = '', payload = '', mac = ''] = parts
  const keyId = keyIdOf(decode(header))
  const claims = readClaims(decode(payload))
  const signature = fromBase64url(mac)
  if (keyId === undefined || claims === undefined || signature === undefined) return undefined
  return { keyId, claims, signed: utf8(`${header}.${payload}`), signature }
}

/** The header is exactly `{alg: "HS256", typ: "JWT", kid: <key id>}`: no algorithm is ever taken from a token. */
function keyIdOf(header: unknown): string | undefined {
  if (!isJsonObject(header) || Object.keys(header).length !== 3) return undefined
  const { alg, typ, kid } = header
  return alg === 'HS256' && typ === 'JWT' && typeof kid === 'string' && KEY_ID.test(kid) ? kid : undefined
}

function decode(part: string): unknown {
  const bytes = fromBase64url(part)
  if (bytes === undefined) return undefined
  try {
    return parseStrictJson(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes))
  } catch {
    return undefined
  }
}

/**
 * Whether the token holds at this time: 60 s of leeway for clocks that differ on `iat` and `nbf`, none on `exp`, at most
 * 24 hours between `iat` and `exp`, and not older than the key allows.
 */
export function isTimely(
  { iat, exp, nbf = iat }: Pick<TokenClaims, 'iat' | 'exp' | 'nbf'>,
  nowMs: number,
  { tokensNotBeforeMs = 0 }: { readonly tokensNotBeforeMs?: number | undefined },
): boolean {
  const latestMs = nowMs + TOKEN_LEEWAY_SECONDS * 1000
  return (
    iat * 1000 >= tokensNotBeforeMs &&
    iat * 1000 <= latestMs &&
    nbf * 1000 <= latestMs &&
    nowMs < exp * 1000 &&
    exp - iat <= MAX_TOKEN_LIFETIME_SECONDS
  )
}

/** Whether the signing key made the signature, in a time that does not depend on where they differ. */
export async function hasValidSignature(
  { signed, signature }: Pick<UnverifiedToken, 'signed' | 'signature'>,
  signingKey: Bytes,
): Promise<boolean> {
  return crypto.subtle.verify('HMAC', await hmacKey(signingKey, 'verify'), signature, signed)
}

/** Signs claims that `readClaims` accepts. */
export async function mintToken(signingKey: Bytes, keyId: string, claims: TokenClaims): Promise<string> {
  const signed = [{ alg: 'HS256', typ: 'JWT', kid: keyId }, claims]
    .map((part) => base64url(utf8(JSON.stringify(part))))
    .join('.')
  const signature = await crypto.subtle.sign('HMAC', await hmacKey(signingKey, 'sign'), utf8(signed))
  return `${signed}.${base64url(new Uint8Array(signature))}`
}

const hmacKey = (bytes: Bytes, usage: 'sign' | 'verify'): Promise<CryptoKey> =>
  crypto.subtle.importKey('raw', bytes, HMAC, false, [usage])

/**
 * The bearer of a verified token: what its key may do now and the token allows, both. The filter is the conjunction of the
 * key's, the token's and the acl's as parsed trees, so no text of one can change the meaning of another.
 */
export function narrowPrincipal(key: Principal, claims: TokenClaims): Principal {
  const { scopes, collections, filter, principals = [], sub, origins, jti, exp } = claims
  const asked = new Set<string>(scopes)
  const { origins: _, ...rights } = key
  return {
    ...rights,
    kind: 'token',
    scopes: new Set([...key.scopes].filter((scope) => asked.has(scope))),
    ...(collections === undefined ? {} : { tokenCollections: collections }),
    ...(origins === undefined ? {} : { origins }),
    filter: visibleTo(principals, key.filter, filter === undefined ? undefined : parseFilter(filter)),
    expiresAtMs: Math.min(key.expiresAtMs ?? Infinity, exp * 1000),
    token: {
      principals,
      ...(sub === undefined ? {} : { sub }),
      ...(jti === undefined ? {} : { jti }),
    },
  }
}
