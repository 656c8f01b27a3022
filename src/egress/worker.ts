/**
 * A Worker of its own for requests to addresses that tenants choose. It has no bindings and no secrets, and its network
 * reaches public addresses only, so that what slips past the check of the text still ends at the connection.
 */
import { WorkerEntrypoint } from 'cloudflare:workers'
import { callModel } from './call-model.ts'
import { deliver } from './deliver.ts'
import type { DeliveryOutcome, DeliveryRequest, EgressApi, PageOutcome, PageRequest } from './egress-api.ts'
import { fetchPage } from './fetch-page.ts'

export class Egress extends WorkerEntrypoint implements EgressApi {
  async deliver(request: DeliveryRequest): Promise<DeliveryOutcome> {
    return deliver(request, fetch)
  }

  /** A model's call, which is a request like any other so that it streams and ends with its caller. */
  override async fetch(request: Request): Promise<Response> {
    return callModel(request, fetch)
  }

  async fetchPage(request: PageRequest): Promise<PageOutcome> {
    return fetchPage(request, fetch)
  }
}

/** Nobody calls it over HTTP. */
export default { fetch: () => new Response(null, { status: 404 }) }
