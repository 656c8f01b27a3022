/**
 * Secrets at rest: AES-256-GCM (NIST SP 800-38D) under the Worker secret `NEARFIELD_SEALING_KEY`, and keys derived from it by
 * HKDF-SHA-256 (RFC 5869). D1 alone opens nothing.
 *
 * A sealed value is: version byte 1 ‖ 12 random bytes (nonce) ‖ ciphertext ‖ 16 bytes (tag). The context is authenticated,
 * not stored: a value copied to another place does not open there.
 */
import { fromHex, utf8 } from '../core/bytes.ts'

type Bytes = Uint8Array<ArrayBuffer>

const VERSION = 1
const NONCE_BYTES = 12
const HEADER_BYTES = 1 + NONCE_BYTES

/** Seals and opens bytes, and derives further keys. Stateless after construction. */
export class Sealer {
  readonly #master: Bytes
  #aes: Promise<CryptoKey> | undefined

  /** @param key 32 bytes as 64 hex digits, the form of `NEARFIELD_SEALING_KEY`. */
  constructor(key: string | Bytes) {
    if (typeof key === 'string' && !/^[0-9a-f]{64}$/i.test(key)) {
      throw new Error('NEARFIELD_SEALING_KEY must be 64 hex digits')
    }
    this.#master = typeof key === 'string' ? fromHex(key.toLowerCase()) : key
  }

  /** `context` says what the value is and whose, such as `key/<id>/signing`; it must be given again to open it. */
  async seal(plain: Bytes, context: string): Promise<Bytes> {
    const nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES))
    const box = await crypto.subtle.encrypt(gcm(nonce, context), await this.#key(), plain)
    const sealed = new Uint8Array(HEADER_BYTES + box.byteLength)
    sealed[0] = VERSION
    sealed.set(nonce, 1)
    sealed.set(new Uint8Array(box), HEADER_BYTES)
    return sealed
  }

  /** `undefined` where the bytes were altered, belong to another context, or were sealed under another key. */
  async open(sealed: Bytes, context: string): Promise<Bytes | undefined> {
    if (sealed[0] !== VERSION || sealed.length < HEADER_BYTES) return undefined
    const nonce = sealed.slice(1, HEADER_BYTES)
    try {
      const box = sealed.subarray(HEADER_BYTES)
      return new Uint8Array(await crypto.subtle.decrypt(gcm(nonce, context), await this.#key(), box))
    } catch {
      return undefined
    }
  }

  /** An HMAC-SHA-256 key for one purpose, such as signing cursors: `deriveKey('cursor')`. */
  async deriveKey(label: string): Promise<CryptoKey> {
    const bytes = await this.deriveBytes(label)
    return crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign', 'verify'])
  }

  /** A sealer under a key of its own; `salt` makes it one that only who knows the salt can derive again. */
  async derive(label: string, salt: Bytes = new Uint8Array()): Promise<Sealer> {
    return new Sealer(await this.deriveBytes(label, salt))
  }

  /** 32 bytes for one purpose, from which the key itself cannot be told. */
  async deriveBytes(label: string, salt: Bytes = new Uint8Array()): Promise<Bytes> {
    const master = await crypto.subtle.importKey('raw', this.#master, 'HKDF', false, ['deriveBits'])
    const info = utf8(`nearfield/${label}`)
    return new Uint8Array(await crypto.subtle.deriveBits({ name: 'HKDF', hash: 'SHA-256', salt, info }, master, 256))
  }

  #key(): Promise<CryptoKey> {
    this.#aes ??= crypto.subtle.importKey('raw', this.#master, 'AES-GCM', false, ['encrypt', 'decrypt'])
    return this.#aes
  }
}

const gcm = (iv: Bytes, context: string): { name: string; iv: Bytes; additionalData: Bytes } => ({
  name: 'AES-GCM',
  iv,
  additionalData: utf8(context),
})
