/** Makes a key: what its owner sees once, and what is kept of it. */
import type { ParsedKey } from './key-format.ts'
import { keyHash, newKey, tokenSigningKey } from './key-format.ts'
import type { Sealer } from './sealing.ts'

export interface IssuedKey {
  /** `key.text` is shown this once. */
  readonly key: ParsedKey
  /** Hex SHA-256 of the full key string. */
  readonly secretHash: string
  /** Secret keys only: what verifies the tokens that they sign. */
  readonly sealedSigningKey?: Uint8Array<ArrayBuffer>
}

/** `id` is the operation id of an idempotent request, so that repeating it issues the same key id. */
export async function issueKey(sealer: Sealer, kind: 'secret' | 'public', id?: string): Promise<IssuedKey> {
  const key = newKey(kind, id)
  const secretHash = await keyHash(key)
  if (kind === 'public') return { key, secretHash }
  return { key, secretHash, sealedSigningKey: await sealer.seal(await tokenSigningKey(key), signingContext(key.id)) }
}

/** Opens what `issueKey` sealed; `undefined` where it was altered or belongs to another key. */
export const openSigningKey = (
  sealer: Sealer,
  keyId: string,
  sealed: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array<ArrayBuffer> | undefined> => sealer.open(sealed, signingContext(keyId))

const signingContext = (keyId: string): string => `key/${keyId}/signing`
