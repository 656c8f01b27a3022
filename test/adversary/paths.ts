/** Paths and headers that try to reach a route past the place where credentials are checked. */

/** Variants of the path of a route. Some are folded by URL parsers on the way; a raw socket sends them as they stand. */
export function trickPaths(path: string): string[] {
  const [, version = '', ...rest] = path.split('/')
  const tail = rest.join('/')
  return [
    path,
    `${path}/`,
    `${path}//`,
    `/${path}`,
    `//${version}//${tail}`,
    `/${version}/./${tail}`,
    `/x/../${version}/${tail}`,
    `/healthz/../${version}/${tail}`,
    `/healthz/..%2f${version}/${tail}`,
    `/${version}/healthz/..;/${tail}`,
    `/${version};x=1/${tail}`,
    `${path};jsessionid=1`,
    `${path}%00`,
    `${path}%20`,
    `${path}.json`,
    `${path}?/healthz`,
    `/%76%31/${tail}`,
    `/${version}%2f${tail}`,
    `/${version}/${tail.replaceAll('/', '%2f')}`,
    `/${version.toUpperCase()}/${tail}`,
    `/${version}\\${tail}`,
    `/problems/..%2f..%2f${version}%2f${tail}`,
    `/docs/${version}/${tail}`,
  ]
}

/** Headers that other servers and proxies take for the method, the path or the caller. */
export const TRICK_HEADERS: readonly Readonly<Record<string, string>>[] = [
  {},
  { 'x-http-method-override': 'DELETE' },
  { 'x-method-override': 'DELETE' },
  { 'x-original-url': '/healthz', 'x-rewrite-url': '/healthz' },
  { 'x-forwarded-for': '127.0.0.1', 'x-real-ip': '127.0.0.1', 'cf-connecting-ip': '127.0.0.1' },
  { 'x-forwarded-host': 'localhost', forwarded: 'for=127.0.0.1;host=localhost' },
  { cookie: 'session=admin; authorization=Bearer x' },
  { 'nearfield-tenant': 'acme' },
  { 'idempotency-key': 'x' },
  { origin: 'http://localhost:3000' },
  { upgrade: 'websocket', connection: 'upgrade' },
]

export const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'REPORT', 'PROPFIND']
