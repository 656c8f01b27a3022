/** Sends the adversary's requests to the application itself, inside workerd and without a network. */
import type { Send } from '../../adversary/wire.ts'
import { ORIGIN } from '../http/http-harness.ts'
import type { World } from '../http/http-harness.ts'

export function appWire({ fetch }: World): Send {
  return async ({ method, path, headers, body, isChunked = false }) => {
    const sent = isChunked && body !== undefined ? new Blob([body]).stream() : body
    const request = new Request(ORIGIN + path, { method, headers, ...(sent === undefined ? {} : { body: sent }) })
    const response = await fetch(request)
    const text = new TextDecoder().decode(await response.arrayBuffer())
    return { status: response.status, headers: Object.fromEntries(response.headers), text }
  }
}
