/**
 * The grammar of keys: `nf_(sk|pk|rk)_` + 16 base62 (id) + `_` + 43 base62 (256 random bits) + 6 base62 (CRC-32, IEEE
 * 802.3, of all before). The checksum refuses typing errors without any I/O; it proves nothing. Pure, no storage.
 */
import { BASE62, hex, randomBase62, sha256, utf8 } from '../core/bytes.ts'

export type KeyKind = 'secret' | 'public' | 'root'

export interface ParsedKey {
  readonly kind: KeyKind
  /** The 16 characters that name the key everywhere. */
  readonly id: string
  /** The whole key. A secret: never logged, never stored. */
  readonly text: string
}

const MARKS = { secret: 'sk', public: 'pk', root: 'rk' } as const satisfies Record<KeyKind, string>
const KINDS: Readonly<Record<string, KeyKind>> = { sk: 'secret', pk: 'public', rk: 'root' }

const GRAMMAR = /^nf_(sk|pk|rk)_([0-9A-Za-z]{16})_[0-9A-Za-z]{49}$/
const CHECKSUM_LENGTH = 6
const SECRET_LENGTH = 43
const SIGNING_KEY_LABEL = 'nearfield-token-v1'

/** What secret scanners search for. */
export const KEY_SCANNER = /\bnf_(sk|pk|rk)_[0-9A-Za-z]{16}_[0-9A-Za-z]{49}\b/

/** Reads a key; `undefined` where the grammar or the checksum fails. */
export function parseKey(text: string): ParsedKey | undefined {
  const match = GRAMMAR.exec(text)
  const kind = KINDS[match?.[1] ?? '']
  const id = match?.[2]
  if (kind === undefined || id === undefined) return undefined
  const body = text.slice(0, -CHECKSUM_LENGTH)
  return text.slice(-CHECKSUM_LENGTH) === checksum(body) ? { kind, id, text } : undefined
}

/** Draws a new key. `id` is given where a repeated operation must make the same key id again. */
export function newKey(kind: KeyKind, id: string = randomBase62(16)): ParsedKey {
  const body = `nf_${MARKS[kind]}_${id}_${encodeSecret(crypto.getRandomValues(new Uint8Array(32)))}`
  return { kind, id, text: body + checksum(body) }
}

/** SHA-256 of the full key string: all that D1 keeps of a key. 256 random bits need no salt and no stretching. */
export const keyDigest = (key: ParsedKey): Promise<Uint8Array<ArrayBuffer>> => sha256(utf8(key.text))

/** Hex of `keyDigest`, as stored and as in `NEARFIELD_ROOT_KEY_HASH`. */
export const keyHash = async (key: ParsedKey): Promise<string> => hex(await keyDigest(key))

/** HMAC-SHA-256(key: the full key string, message: `nearfield-token-v1`): signs the tokens of a secret key. 32 bytes. */
export async function tokenSigningKey(key: ParsedKey): Promise<Uint8Array<ArrayBuffer>> {
  const hmac = await crypto.subtle.importKey('raw', utf8(key.text), { name: 'HMAC', hash: 'SHA-256' }, false, ['sign'])
  return new Uint8Array(await crypto.subtle.sign('HMAC', hmac, utf8(SIGNING_KEY_LABEL)))
}

/** 32 bytes, big-endian, as 43 base62 digits: 62^43 is just above 2^256. */
export function encodeSecret(bytes: Uint8Array): string {
  return base62(BigInt(`0x${hex(bytes)}`), SECRET_LENGTH)
}

const checksum = (text: string): string => base62(BigInt(crc32(utf8(text))), CHECKSUM_LENGTH)

function base62(value: bigint, length: number): string {
  let text = ''
  for (let rest = value; text.length < length; rest /= 62n) text = BASE62.charAt(Number(rest % 62n)) + text
  return text
}

/** CRC-32 as in IEEE 802.3, gzip and PNG: reflected polynomial 0xEDB88320; unsigned result. */
export function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (0xedb88320 & -(crc & 1))
  }
  return (crc ^ 0xffffffff) >>> 0
}
