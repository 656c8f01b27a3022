/**
 * The HTTP front of Nearfield: the routes under `/v1`, and beside them health, documentation and the page at `/`. Every
 * answer leaves through `finish`, so that no path, known or not, lacks its headers or its log line.
 */
import { Hono } from 'hono'
import type { Context } from 'hono'
import { residentMemory } from '../core/resident-memory.ts'
import { Problem } from '../core/problem.ts'
import { addLimitHeaders } from './charge.ts'
import type { AppDependencies } from './dependencies.ts'
import { beginExchange } from './exchange.ts'
import type { Exchange } from './exchange.ts'
import { mountPages } from './pages.ts'
import { rawPath, routerPattern } from './paths.ts'
import { Pipeline } from './pipeline.ts'
import type { KeepAlive } from './pipeline.ts'
import { problemAnswer, toProblem } from './problem-response.ts'
import { addCommonHeaders, isLoopback, preflightHeaders } from './response-headers.ts'
import { ROUTES } from './routes.ts'
import type { Route } from './route.ts'

export interface AppEnvironment {
  readonly Variables: { exchange: Exchange }
}

export type App = Hono<AppEnvironment>

/** Builds the application of one isolate, which keeps the admission of large bodies and the shares of rates and quotas. */
export function createApp(dependencies: AppDependencies): App {
  const app: App = new Hono<AppEnvironment>({ getPath: (request) => rawPath(request.url) })
  const pipeline = new Pipeline(dependencies)

  app.use(async (context, next) => {
    const exchange = beginExchange(context.req.raw, dependencies.clock)
    context.set('exchange', exchange)
    try {
      // A preflight carries no credential and tells nothing; the real request is judged on its own.
      if (context.req.method === 'OPTIONS')
        context.res = new Response(null, { status: 204, headers: preflightHeaders() })
      else await next()
    } catch (error) {
      context.res = refusal(error, exchange)
    }
    dependencies.auditTrail.tellRefusal(exchange, keepAliveOf(context))
    finish(context, exchange, dependencies)
  })
  app.onError((error, context) => refusal(error, context.var.exchange))

  for (const route of ROUTES) {
    app.on(route.method.toUpperCase(), routerPattern(route.path), (context) => {
      const { exchange } = context.var
      exchange.route = route.path
      exchange.saysMessage = route.saysMessage === true
      return pipeline.run(route, context.req.raw, exchange, keepAliveOf(context))
    })
  }
  for (const [path, methods] of methodsByPath(ROUTES)) {
    app.all(routerPattern(path), async (context) => {
      const { exchange } = context.var
      exchange.route = path
      await pipeline.admit(context.req.raw, exchange, keepAliveOf(context))
      const response = refusal(new Problem('method_not_allowed'), exchange)
      response.headers.set('allow', methods.join(', '))
      return response
    })
  }
  mountPages(app, dependencies)
  app.notFound(async (context) => {
    const { exchange } = context.var
    if (exchange.isApi) await pipeline.admit(context.req.raw, exchange, keepAliveOf(context))
    throw new Problem('not_found')
  })
  return app
}

/** Turns whatever was thrown into the answer; what is not a problem is a bug and becomes a bare 500. */
function refusal(error: unknown, exchange: Exchange): Response {
  const problem = toProblem(error)
  exchange.code = problem.code
  if (problem.code === 'internal')
    exchange.stack = error instanceof Error ? (error.stack ?? error.message) : String(error)
  const { status, headers, body } = problemAnswer(problem, exchange)
  return new Response(body, { status, headers: { ...headers, 'cache-control': 'no-store' } })
}

function finish(context: Context<AppEnvironment>, exchange: Exchange, { log }: AppDependencies): void {
  const { res: response } = context
  const { requestId, url, isApi, timings, allowedOrigin, principal, limits = [], code, stack } = exchange
  if (isApi) response.headers.set('server-timing', timings.header(isLoopback(url)))
  addCommonHeaders(response.headers, {
    url,
    isApi,
    requestId,
    ...(allowedOrigin === undefined ? {} : { allowedOrigin }),
  })
  addLimitHeaders(response.headers, limits)
  log({
    level: response.status >= 500 ? 'error' : 'info',
    event: 'request',
    requestId,
    method: context.req.method,
    route: exchange.route,
    status: response.status,
    milliseconds: timings.elapsedMs,
    stages: timings.entries(),
    heldBytes: residentMemory.heldBytes,
    ...(code === undefined ? {} : { code }),
    ...(principal === undefined ? {} : { keyId: principal.keyId }),
    ...(principal?.tenant === undefined ? {} : { tenant: principal.tenant.id }),
    ...(stack === undefined ? {} : { stack }),
  })
}

/** `waitUntil` of the runtime; outside a Worker there is nothing to outlive. */
function keepAliveOf(context: Context<AppEnvironment>): KeepAlive {
  try {
    const { executionCtx } = context
    return (work) => executionCtx.waitUntil(work)
  } catch {
    return () => {}
  }
}

function methodsByPath(routes: readonly Route[]): Map<string, string[]> {
  const methods = new Map<string, string[]>()
  for (const { method, path } of routes) {
    const names = method === 'get' ? ['GET', 'HEAD'] : [method.toUpperCase()]
    methods.set(path, [...(methods.get(path) ?? []), ...names])
  }
  return methods
}
