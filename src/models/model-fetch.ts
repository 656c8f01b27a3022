/**
 * How requests to providers leave: straight from here where the operator allows private endpoints, else through the egress
 * Worker, whose network reaches public addresses only. Neither follows redirects.
 */
import { EGRESS_FAILURE_HEADER, PASSED_HEADERS } from '../egress/call-model.ts'
import { endpointUrlFault } from './endpoint-url.ts'
import type { ModelFetch, ModelRequest } from './providers/provider-adapter.ts'
import { ProviderFault } from './providers/provider-fault.ts'

type Fetcher = (request: Request) => Promise<Response>

export function directModelFetch(fetcher: Fetcher): ModelFetch {
  return (request) => sent(request, true, fetcher)
}

export function egressModelFetch(egress: { fetch: Fetcher }): ModelFetch {
  return async (request) => {
    const response = await sent(request, false, (made) => egress.fetch(made))
    const failure = response.headers.get(EGRESS_FAILURE_HEADER)
    if (failure === null) return response
    if (failure === 'refused') throw refused()
    throw unreachable()
  }
}

async function sent(request: ModelRequest, allowsPrivate: boolean, fetcher: Fetcher): Promise<Response> {
  if (endpointUrlFault(request.url, allowsPrivate) !== undefined) throw refused()
  const { url, method = 'POST', body, signal } = request
  const headers = PASSED_HEADERS.flatMap((name): [string, string][] => {
    const value = request.headers[name]
    return value === undefined ? [] : [[name, value]]
  })
  headers.push(['user-agent', 'Nearfield'])
  try {
    return await fetcher(
      new Request(url, { method, headers, redirect: 'manual', signal, ...(body === undefined ? {} : { body }) }),
    )
  } catch (error) {
    if (signal.aborted) throw error
    throw unreachable()
  }
}

const refused = (): ProviderFault => new ProviderFault('refused', "the provider's address may not be called")
const unreachable = (): ProviderFault => new ProviderFault('unreachable', 'the provider could not be reached')
