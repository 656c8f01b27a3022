/**
 * What a reader is told of a version of a document: its content hash and entity tag. Both are made from everything that the
 * document holds, its `acl` too, which tokens must not learn: whoever has all the rest could try out who else is let in. So
 * tokens see another name of each instead, under a key of the server's: equal for equal ones, and nothing can be tried out.
 */
import { hex, utf8 } from '../core/bytes.ts'
import { isRestricted } from '../tenancy/principal.ts'

/** What makes the key; `tenancy/sealing.ts` does. */
export interface NamingKeys {
  deriveKey(label: string): Promise<CryptoKey>
}

export interface Version {
  readonly contentHash: string
  readonly etag: string
}

/** Adds or replaces nothing but the two members. `acl` is the document's, absent where it has none. */
export async function shownVersion<T extends Version & { readonly acl?: readonly string[] }>(
  keys: NamingKeys,
  reader: { readonly kind: string },
  version: T,
): Promise<T> {
  if (version.acl === undefined || !isRestricted(reader)) return version
  const key = await keys.deriveKey('shown-version')
  const named = async (text: string): Promise<string> =>
    hex(new Uint8Array(await crypto.subtle.sign('HMAC', key, utf8(text))))
  const [contentHash, tag] = await Promise.all([named(version.contentHash), named(version.etag)])
  return { ...version, contentHash, etag: `"${tag.slice(0, 24)}"` }
}
