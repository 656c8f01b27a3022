/** What forgers of tokens work with: whole keys, signatures of their own, and randomness that the seed decides. */
import { base64url, utf8 } from '../../src/core/bytes.ts'

/** Whole keys, as their holders have them. */
export interface ForgersWorld {
  /** A secret key with the scope `search`: its tokens are forged, and the controls are signed with it. */
  readonly victim: string
  /** A secret key of another tenant. */
  readonly foreign: string
  readonly publicKey: string
  /** A secret key that was revoked. */
  readonly revoked: string
  /** The victim's secret before its rotation, whose grace is over. */
  readonly rotatedOut: string
  /** Unix milliseconds, as the server sees them. */
  readonly clock: () => number
}

export type Bytes = Uint8Array<ArrayBuffer>
export type Claims = Record<string, unknown>
/** Gives one forgery: what it is, and the credential after `Bearer `, or the whole header where it begins with `!`. */
export type Family = (forge: Forge) => Promise<readonly [what: string, credential: string]>

export const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
export const LABEL = 'nearfield-token-v1'

export const json = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))
export const encode = (value: unknown): string => base64url(utf8(json(value)))

export async function mac(key: Bytes, text: string, hash = 'SHA-256'): Promise<Bytes> {
  // An empty key is a key of zeros: HMAC pads it, Web Crypto refuses it.
  const bytes = key.length === 0 ? new Uint8Array(1) : key
  const hmac = await crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash }, false, ['sign'])
  return new Uint8Array(await crypto.subtle.sign('HMAC', hmac, utf8(text)))
}

export const idOf = (key: string): string => key.slice(6, 22)
export const signingKey = (key: string): Promise<Bytes> => mac(utf8(key), LABEL)

/** Draws, signs and spoils. */
export class Forge {
  readonly world: ForgersWorld
  readonly random: () => number

  constructor(world: ForgersWorld, random: () => number) {
    this.world = world
    this.random = random
  }

  /** A whole number from 0 to `below - 1`. */
  number(below: number): number {
    return Math.floor(this.random() * below)
  }

  pick<T>(items: readonly T[]): T {
    return items[this.number(items.length)]!
  }

  bytes(length: number): Bytes {
    return Uint8Array.from({ length }, () => this.number(256))
  }

  get now(): number {
    return Math.floor(this.world.clock() / 1000)
  }

  header(more: Claims = {}): Claims {
    return { alg: 'HS256', typ: 'JWT', kid: idOf(this.world.victim), ...more }
  }

  /** Claims that hold now. */
  claims(more: Claims = {}): Claims {
    const iat = this.now - this.number(3_600)
    return { iat, exp: this.now + 60 + this.number(3_600), scopes: ['search'], ...more }
  }

  /** A token with the signature that `key` makes over it. */
  async sign(header: unknown, claims: unknown, key?: Bytes, hash?: string): Promise<string> {
    const signed = `${encode(header)}.${encode(claims)}`
    return `${signed}.${base64url(await mac(key ?? (await signingKey(this.world.victim)), signed, hash))}`
  }

  genuine(more?: Claims): Promise<string> {
    return this.sign(this.header(), this.claims(more))
  }
}
