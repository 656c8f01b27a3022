/**
 * Passes one request on to a provider of models, whose address a tenant chose, and its answer back as it comes. Its network
 * reaches public addresses only; redirects come back unfollowed. Time and bytes are counted by the caller, who ends the request
 * by leaving it.
 */
import { publicUrlFault } from './public-url.ts'

/** Stands in an answer that is the egress Worker's own: `refused` before anything was sent, or `network`. */
export const EGRESS_FAILURE_HEADER = 'nearfield-egress-failure'

/** No other header of a request leaves: not one that a library adds, and none of a caller's. */
export const PASSED_HEADERS = ['accept', 'authorization', 'content-type']
/** What the caller reads of an answer. */
const RETURNED_HEADERS = ['content-type', 'date', 'retry-after', 'x-compute-tokens']

export async function callModel(request: Request, fetcher: typeof fetch): Promise<Response> {
  const { url, method, body, signal } = request
  if (publicUrlFault(url) !== undefined || (method !== 'GET' && method !== 'POST')) return failure('refused')
  const headers = { ...picked(request.headers, PASSED_HEADERS), 'user-agent': 'Nearfield' }
  try {
    const sent = body === null ? {} : { body: await request.text() }
    const response = await fetcher(url, { method, headers, redirect: 'manual', signal, ...sent })
    const { status } = response
    return new Response(response.body, { status, headers: picked(response.headers, RETURNED_HEADERS) })
  } catch {
    return failure('network')
  }
}

const failure = (kind: 'refused' | 'network'): Response =>
  new Response(null, { status: 502, headers: { [EGRESS_FAILURE_HEADER]: kind } })

function picked(headers: Headers, names: readonly string[]): Record<string, string> {
  const found = names.flatMap((name): [string, string][] => {
    const value = headers.get(name)
    return value === null ? [] : [[name, value]]
  })
  return Object.fromEntries(found)
}
