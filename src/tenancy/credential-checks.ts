/**
 * The costly steps of judging a credential, named so that tests can count them: an unknown id and a wrong secret must cost
 * exactly what a right one costs.
 */
import { keyDigest } from './key-format.ts'
import type { ParsedKey } from './key-format.ts'
import { openSigningKey } from './issue-key.ts'
import type { Sealer } from './sealing.ts'
import { hasValidSignature } from './token.ts'
import type { UnverifiedToken } from './token.ts'

type Bytes = Uint8Array<ArrayBuffer>

export interface CredentialChecks {
  /** SHA-256 of the whole key. */
  digest(key: ParsedKey): Promise<Bytes>
  /** In a time that does not depend on the contents. */
  isEqual(a: Uint8Array, b: Uint8Array): boolean
  /** Opens a signing key; `undefined` where it was altered or is another key's. */
  open(sealer: Sealer, keyId: string, sealed: Bytes): Promise<Bytes | undefined>
  /** Whether the signing key signed the token, in a time that does not depend on the contents. */
  hasSigned(token: UnverifiedToken, signingKey: Bytes): Promise<boolean>
}

export const CREDENTIAL_CHECKS: CredentialChecks = {
  digest: keyDigest,
  isEqual: equalDigests,
  open: openSigningKey,
  hasSigned: hasValidSignature,
}

/** Compares without a branch on the contents: the time says nothing about where two digests differ. */
export function equalDigests(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length
  for (const [index, byte] of a.entries()) difference |= byte ^ (b[index] ?? 0)
  return difference === 0
}
