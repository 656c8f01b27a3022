/** Sends one delivery and says how it went. It never throws, follows no redirect and keeps nothing of the answer. */
import type { DeliveryOutcome, DeliveryRequest } from './egress-api.ts'
import { publicUrlFault } from './public-url.ts'

/** A receiver has this long. */
export const EGRESS_TIMEOUT_MS = 10_000
/** Enough for a receiver to finish a short answer; the rest is cut off. */
const MAX_READ_BYTES = 1_024
const PASSED_HEADERS = ['webhook-id', 'webhook-timestamp', 'webhook-signature']

export async function deliver(request: DeliveryRequest, fetcher: typeof fetch): Promise<DeliveryOutcome> {
  if (publicUrlFault(request.url) !== undefined) return { failure: 'refused' }
  const timeLimit = AbortSignal.timeout(Math.min(request.timeoutMs, EGRESS_TIMEOUT_MS))
  let response: Response
  try {
    response = await fetcher(request.url, {
      method: 'POST',
      headers: headersOf(request),
      body: request.body,
      redirect: 'manual',
      signal: timeLimit,
    })
  } catch {
    return { failure: timeLimit.aborted ? 'timeout' : 'network' }
  }
  await readAtMost(response, MAX_READ_BYTES)
  // A response of status 0 is how a redirect that was not followed shows in browsers.
  const isRedirect = response.status === 0 || (response.status >= 300 && response.status < 400)
  return isRedirect ? { failure: 'redirect' } : { status: response.status }
}

function headersOf({ headers }: DeliveryRequest): Record<string, string> {
  const passed = PASSED_HEADERS.flatMap((name): [string, string][] => {
    const value = headers[name]
    return value === undefined ? [] : [[name, value]]
  })
  return { ...Object.fromEntries(passed), 'content-type': 'application/json', 'user-agent': 'Nearfield-Webhooks' }
}

/** The status is known, so whatever goes wrong from here on changes nothing. */
async function readAtMost({ body }: Response, bytes: number): Promise<void> {
  const reader = body?.getReader()
  try {
    for (let read = 0; read < bytes;) {
      const chunk = await reader?.read()
      if (chunk === undefined || chunk.done) return
      read += chunk.value.byteLength
    }
    await reader?.cancel()
  } catch {
    // The receiver broke off, or took too long over its body.
  }
}
