/** Standard Webhooks 1.0: who holds the secret can tell that a delivery is ours, whole and recent. */
import { base64, utf8 } from '../../core/bytes.ts'

type Bytes = Uint8Array<ArrayBuffer>

const SECRET_BYTES = 32

export const newSecret = (): Bytes => crypto.getRandomValues(new Uint8Array(SECRET_BYTES))

/** The form that the owner sees: `whsec_` and base64. */
export const secretText = (secret: Bytes): string => `whsec_${base64(secret)}`

export interface SignedMessage {
  readonly id: string
  /** Of this attempt. */
  readonly atMs: number
  readonly body: string
}

/** The three headers; one signature for each secret, so that a receiver needs to know only one of them. */
export async function signatureHeaders(
  secrets: readonly Bytes[],
  { id, atMs, body }: SignedMessage,
): Promise<Record<string, string>> {
  const timestamp = String(Math.floor(atMs / 1_000))
  const signed = utf8(`${id}.${timestamp}.${body}`)
  const signatures = await Promise.all(secrets.map(async (secret) => `v1,${base64(await hmac(secret, signed))}`))
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures.join(' ') }
}

async function hmac(secret: Bytes, message: Bytes): Promise<Uint8Array> {
  const key = await crypto.subtle.importKey('raw', secret, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign'])
  return new Uint8Array(await crypto.subtle.sign('HMAC', key, message))
}
