/**
 * The egress Worker in the real runtime, with the options of `npm start`, against a canary that listens on loopback. A
 * second Worker with the same network but no check of its own shows that the network alone holds.
 */
import { createServer } from 'node:net'
import type { AddressInfo, Server } from 'node:net'
import { hostname } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { Miniflare } from 'miniflare'
import type { WorkerOptions } from 'miniflare'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { egressBundle } from '../../../scripts/build.ts'
import { egressOptions } from '../../../scripts/start/bindings.ts'
import type { DeliveryOutcome } from '../../../src/egress/egress-api.ts'
import { lyingUrls, refusedUrls } from '../../support/ssrf-corpus.ts'

const ROOT = join(import.meta.dirname, '../../..')

const FRONT = `export default { async fetch(request, env) {
  const { to, url } = await request.json()
  const delivery = { url, headers: {}, body: '{}', timeoutMs: 10_000 }
  const page = { url, accept: ['text/html'], maxBytes: 1000, timeoutMs: 10_000 }
  if (to === 'model') {
    try {
      const call = new Request(url, { method: 'POST', body: '{}', redirect: 'manual' })
      const { headers } = await env.EGRESS.fetch(call)
      return Response.json({ failure: headers.get('nearfield-egress-failure') })
    } catch {
      return Response.json({ failure: 'no request' })
    }
  }
  if (to === 'page') return Response.json(await env.EGRESS.fetchPage(page))
  return Response.json(to === 'egress' ? await env.EGRESS.deliver(delivery) : await env[to].reach(url))
} }`

const BARE = `import { WorkerEntrypoint } from 'cloudflare:workers'
export class Bare extends WorkerEntrypoint {
  reach(url) { return fetch(url).then(({ status }) => ({ status }), () => ({ failure: 'network' })) }
}
export default { fetch: () => new Response(null, { status: 404 }) }`

/** How calls of models end; what is no URL never becomes a request. */
const REFUSALS: readonly string[] = ['refused', 'network', 'no request']

let canary: Server
let port: number
let connections = 0
let miniflare: Miniflare

beforeAll(async () => {
  canary = createServer((socket) => {
    connections++
    socket.destroy()
  })
  // Every interface, IPv4 and IPv6, so that whatever gets out of the runtime arrives.
  await new Promise<void>((resolve) => canary.listen(0, '::', resolve))
  port = (canary.address() as AddressInfo).port
  const { rootPath: _, scriptPath: _path, ...egress } = egressOptions(ROOT)
  const compatibilityDate = egress.compatibilityDate ?? ''
  const common = { modules: true as const, compatibilityDate }
  const drain = (stream: Readable): unknown => stream.resume()
  miniflare = new Miniflare({
    // The runtime reports each refused connection with a stack.
    handleRuntimeStdio: (stdout: Readable, stderr: Readable) => [stdout, stderr].forEach(drain),
    workers: [
      {
        ...common,
        name: 'front',
        script: FRONT,
        serviceBindings: {
          EGRESS: { name: egress.name ?? '', entrypoint: 'Egress' },
          bare: { name: 'bare', entrypoint: 'Bare' },
          open: { name: 'open', entrypoint: 'Bare' },
        },
      },
      { ...egress, script: await egressBundle(ROOT) },
      { ...common, name: 'bare', script: BARE, outboundService: egress.outboundService },
      { ...common, name: 'open', script: BARE },
    ] as WorkerOptions[],
  } as ConstructorParameters<typeof Miniflare>[0])
  await miniflare.ready
})

afterAll(async () => {
  await miniflare.dispose()
  await new Promise((resolve) => canary.close(resolve))
})

async function ask(to: 'egress' | 'page' | 'model' | 'bare' | 'open', url: string): Promise<DeliveryOutcome> {
  const body = JSON.stringify({ to, url })
  const answer = await miniflare.dispatchFetch('http://front/', { method: 'POST', body })
  return (await answer.json()) as DeliveryOutcome
}

describe('the egress Worker', () => {
  it('would be heard by the canary if its network were open', async () => {
    await ask('open', `http://localhost:${port}/`)
    expect(connections).toBe(1)
    connections = 0
  })

  it('refuses the whole corpus before it asks the network', async () => {
    const urls = refusedUrls(port)
    const outcomes = await Promise.all(urls.map((url) => ask('egress', url)))
    expect(urls.filter((_, index) => JSON.stringify(outcomes[index]) !== '{"failure":"refused"}')).toEqual([])
    expect(connections).toBe(0)
  })

  it('refuses the whole corpus as pages of a crawl, too', async () => {
    const urls = refusedUrls(port)
    const outcomes = await Promise.all(urls.map((url) => ask('page', url)))
    expect(urls.filter((_, index) => JSON.stringify(outcomes[index]) !== '{"failure":"refused"}')).toEqual([])
    for (const url of lyingUrls(port)) {
      expect(await ask('page', new URL('/', url).href.replace(/:\d+\//, '/'))).toEqual({ failure: 'network' })
    }
    expect(connections).toBe(0)
  })

  it('refuses the whole corpus as endpoints of models, too', async () => {
    // The runtime answers a `data:` URL itself, before anybody is asked.
    const urls = [...refusedUrls(port), ...lyingUrls(port)].filter((url) => !url.startsWith('data:'))
    const outcomes = await Promise.all(urls.map((url) => ask('model', url)))
    const passed = urls.filter((_, index) => !REFUSALS.includes(String(Object.values(outcomes[index] ?? {})[0])))
    expect(passed).toEqual([])
    expect(connections).toBe(0)
  })

  it('gets nowhere with names that lie about where they lead', async () => {
    for (const url of lyingUrls(port)) expect(await ask('egress', url)).toEqual({ failure: 'network' })
    expect(connections).toBe(0)
  })

  it('has a network that does not reach this machine, even without its own check', async () => {
    const hosts = ['localhost', hostname(), '127.0.0.1', '[::1]', '0.0.0.0', '2130706433', '[::ffff:127.0.0.1]']
    for (const host of hosts) {
      for (const scheme of ['http', 'https']) {
        expect(await ask('bare', `${scheme}://${host}:${port}/`)).toEqual({ failure: 'network' })
      }
    }
    expect(connections).toBe(0)
  })
})
