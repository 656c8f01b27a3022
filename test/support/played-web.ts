/**
 * The public network of worker tests, outside of the runtime: every host below `site.example` is a site that a test sets
 * through the egress Worker itself; whatever else is called takes it with 204, as a receiver of webhooks would.
 */

interface PlayedAnswer {
  readonly status?: number
  readonly type?: string
  readonly body?: string
  readonly etag?: string
  readonly location?: string
}

interface Site {
  pages: Readonly<Record<string, PlayedAnswer>>
  readonly requests: { readonly path: string; readonly headers: Readonly<Record<string, string>> }[]
}

/** Where a test sets a site: a delivery to `https://control.site.example/<host>` brings its pages by path. */
export const CONTROL = 'control.site.example'

/** What miniflare hands over of a request. */
interface Sent {
  readonly url: string
  readonly method: string
  readonly headers: Iterable<[string, string]>
  text(): Promise<string>
}

export function playedWeb(): (request: Sent) => Promise<Response> {
  const sites = new Map<string, Site>()
  return async (request) => {
    const { hostname, pathname, search } = new URL(request.url)
    if (hostname === CONTROL) return control(sites, pathname.slice(1), request)
    const site = sites.get(hostname)
    if (site === undefined) return new Response(null, { status: hostname.endsWith('site.example') ? 404 : 204 })
    const headers = Object.fromEntries(request.headers)
    site.requests.push({ path: pathname + search, headers })
    const {
      status = 200,
      type = 'text/html',
      body = '',
      etag,
      location,
    } = site.pages[pathname + search] ?? { status: 404 }
    const answered = {
      'content-type': type,
      ...(etag === undefined ? {} : { etag }),
      ...(location === undefined ? {} : { location }),
    }
    if (etag !== undefined && headers['if-none-match'] === etag)
      return new Response(null, { status: 304, headers: answered })
    return new Response(body, { status, headers: answered })
  }
}

async function control(sites: Map<string, Site>, host: string, request: Sent): Promise<Response> {
  const site = sites.get(host)
  if (request.method === 'GET') return Response.json(site?.requests ?? [])
  sites.set(host, { requests: site?.requests ?? [], pages: JSON.parse(await request.text()) as Site['pages'] })
  return new Response(null, { status: 204 })
}
