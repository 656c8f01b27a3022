/**
 * What Nearfield signs for outsiders: compact JWS (RFC 7515) with Ed25519 (RFC 8037). The key is derived from the Worker
 * secret `NEARFIELD_SEALING_KEY`, so that every isolate and object signs with the same one and none is stored; its public
 * half is at `/.well-known/jwks.json`. Who holds another sealing key verifies nothing that was signed before.
 */
import { base64url, fromBase64url, sha256, utf8 } from '../core/bytes.ts'
import { canonicalJson } from '../core/canonical-json.ts'
import type { JsonObject } from '../core/canonical-json.ts'
import type { Sealer } from './sealing.ts'

/** The public half as RFC 7517 writes it. */
export interface PublicJwk {
  readonly kty: 'OKP'
  readonly crv: 'Ed25519'
  /** 32 bytes, base64url. */
  readonly x: string
  /** RFC 7638 thumbprint, by SHA-256. */
  readonly kid: string
  readonly use: 'sig'
  readonly alg: 'EdDSA'
}

interface KeyPair {
  readonly privateKey: CryptoKey
  readonly publicKey: CryptoKey
  readonly jwk: PublicJwk
}

/** RFC 8410: a PKCS #8 document that holds an Ed25519 seed is these 16 bytes and then the 32 of the seed. */
const PKCS8_HEAD = Uint8Array.of(0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20)

/** Signs and verifies. Stateless but for the key, which is derived once. */
export class Signer {
  readonly #sealer: Sealer
  #pair: Promise<KeyPair> | undefined

  constructor(sealer: Sealer) {
    this.#sealer = sealer
  }

  /** `header.payload.signature`; `typ` says what it is, such as `nearfield-audit-head+jws`, so that one never passes for another. */
  async sign(payload: object, typ: string): Promise<string> {
    const { privateKey, jwk } = await this.#keys()
    const signed = `${encoded({ alg: 'EdDSA', typ, kid: jwk.kid })}.${encoded(payload)}`
    const signature = await crypto.subtle.sign('Ed25519', privateKey, utf8(signed))
    return `${signed}.${base64url(new Uint8Array(signature))}`
  }

  /** The payload of what `sign` made with this key and this `typ`; `undefined` for everything else. */
  async verify(text: string, typ: string): Promise<JsonObject | undefined> {
    const { publicKey, jwk } = await this.#keys()
    // One spelling of the header is ever written, so the header needs no parser.
    const start = `${encoded({ alg: 'EdDSA', typ, kid: jwk.kid })}.`
    if (!text.startsWith(start)) return undefined
    const end = text.lastIndexOf('.')
    const payload = fromBase64url(text.slice(start.length, end))
    const signature = fromBase64url(text.slice(end + 1))
    if (payload === undefined || signature === undefined) return undefined
    const isOurs = await crypto.subtle.verify('Ed25519', publicKey, signature, utf8(text.slice(0, end)))
    return isOurs ? (JSON.parse(new TextDecoder().decode(payload)) as JsonObject) : undefined
  }

  /** The key set as it is published. */
  async jwks(): Promise<{ readonly keys: readonly PublicJwk[] }> {
    return { keys: [(await this.#keys()).jwk] }
  }

  #keys(): Promise<KeyPair> {
    this.#pair ??= keyPair(this.#sealer)
    return this.#pair
  }
}

const encoded = (value: object): string => base64url(utf8(canonicalJson(value)))

async function keyPair(sealer: Sealer): Promise<KeyPair> {
  const document = new Uint8Array([...PKCS8_HEAD, ...(await sealer.deriveBytes('signing/ed25519'))])
  const privateKey = await crypto.subtle.importKey('pkcs8', document, 'Ed25519', true, ['sign'])
  // The runtime works the public half out of the private one.
  const { x } = (await crypto.subtle.exportKey('jwk', privateKey)) as { readonly x: string }
  const members = { crv: 'Ed25519', kty: 'OKP', x } as const
  const publicKey = await crypto.subtle.importKey('jwk', members, 'Ed25519', true, ['verify'])
  const kid = base64url(await sha256(utf8(canonicalJson(members))))
  return { privateKey, publicKey, jwk: { ...members, kid, use: 'sig', alg: 'EdDSA' } }
}
