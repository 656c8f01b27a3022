/**
 * Everything outside `/v1`: health, the keys that verify what Nearfield signs, the OpenAPI document, the reference and
 * problem pages made from it, and the page at `/`. A fixed list of paths: whatever else lies in `assets/`, model weights included, is 404 from outside.
 */
import type { Context } from 'hono'
import { Problem, PROBLEMS } from '../core/problem.ts'
import type { ProblemCode } from '../core/problem.ts'
import type { App, AppEnvironment } from './app.ts'
import type { AppDependencies } from './dependencies.ts'
import { openApiDocument } from './openapi.ts'
import type { OpenApiDocument } from './openapi.ts'
import { problemPage, referencePage } from './reference-page.ts'
import { isLoopback } from './response-headers.ts'
import { ROUTES } from './routes.ts'

const HTML = 'text/html; charset=utf-8'

/** Public path → file of `assets/`, written by `scripts/build-console.ts`. */
const FILES: Readonly<Record<string, { readonly asset: string; readonly type: string }>> = {
  '/': { asset: 'console/page.htm', type: HTML },
  '/console': { asset: 'console/page.htm', type: HTML },
  '/page.js': { asset: 'console/page.js', type: 'text/javascript; charset=utf-8' },
  '/page.css': { asset: 'console/page.css', type: 'text/css; charset=utf-8' },
  '/favicon.svg': { asset: 'console/favicon.svg', type: 'image/svg+xml' },
}

export function mountPages(app: App, dependencies: AppDependencies): void {
  const { version, readAsset, demo, signer } = dependencies
  let document: OpenApiDocument | undefined
  const openApi = (): OpenApiDocument => (document ??= openApiDocument(ROUTES, version))

  const get = (path: string, answer: (context: Context<AppEnvironment>) => Response | Promise<Response>): void => {
    app.get(path, (context) => {
      context.var.exchange.route = path
      return answer(context)
    })
  }
  get('/healthz', () => json({ status: 'ok', version }, 'no-store'))
  get('/.well-known/jwks.json', async () => json(await signer.jwks(), 'public, max-age=300'))
  get('/openapi.json', () => json(openApi(), 'no-cache'))
  get('/docs', () => page(referencePage(openApi())))
  get('/problems/:code', (context) => {
    const code = context.req.param('code') ?? ''
    if (!Object.hasOwn(PROBLEMS, code)) throw new Problem('not_found')
    return page(problemPage(code as ProblemCode))
  })
  get('/demo.json', (context) => {
    return json((isLoopback(context.var.exchange.url) && demo) || { publicKey: null, collection: null }, 'no-store')
  })
  for (const [path, { asset, type }] of Object.entries(FILES)) {
    get(path, async () => {
      const bytes = await readAsset(asset)
      if (bytes === undefined) throw new Problem('not_found')
      return new Response(bytes, { headers: { 'content-type': type, 'cache-control': 'no-cache' } })
    })
  }
}

const json = (body: object, cacheControl: string): Response =>
  Response.json(body, { headers: { 'cache-control': cacheControl } })

const page = (html: string): Response =>
  new Response(html, { headers: { 'content-type': HTML, 'cache-control': 'no-cache' } })
