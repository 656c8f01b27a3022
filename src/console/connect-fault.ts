/** What the form that connects says when a key must not or cannot be used. */
import { NearfieldError } from '../client/client.ts'

/** Why a key must not be typed here, for kinds that no browser should hold; it is never sent then. */
export function refusalOf(key: string): string | undefined {
  return /^nf_(?:sk|rk)_/.test(key)
    ? 'This is not a public key. Keys that begin with nf_sk_ or nf_rk_ belong on servers, never in a page.'
    : undefined
}

/** What the form says about a connection that failed. */
export function connectFault(error: unknown): string {
  if (error instanceof TypeError) return 'The server did not answer. Is it running?'
  if (!(error instanceof NearfieldError)) return error instanceof Error ? error.message : 'That did not work.'
  if (error.code === 'unauthorized') return 'This key is unknown, expired or revoked.'
  if (error.code === 'origin_forbidden') return 'Add `self` to the key’s origins to use it here.'
  return error.message
}
