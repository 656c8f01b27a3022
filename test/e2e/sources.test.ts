/**
 * A crawl over the real wire: both Workers as built, on files, with the real model. Only the public network is played: what
 * the egress Worker asks of `site.example` is answered by a site on this machine.
 */
import { rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import { createServer as createTcpServer } from 'node:net'
import type { AddressInfo, Server as TcpServer } from 'node:net'
import { join } from 'node:path'
import { Response as PlayedResponse } from 'miniflare'
import type { Miniflare, Request as SentRequest } from 'miniflare'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { build } from '../../scripts/build.ts'
import { migrate, readState } from '../../scripts/start/state-folder.ts'
import { newKey } from '../../src/tenancy/key-format.ts'
import { newFolder, ROOT, until } from '../support/local-server.ts'
import { playedResponse, startPlayedRuntime } from '../support/played-runtime.ts'

const folder = newFolder()
const rootKey = newKey('root').text
const pages = new Map<string, string>()
let site: Server
let canary: TcpServer
let canaryHits = 0
let miniflare: Miniflare
let key = ''

const portOf = (server: TcpServer): number => (server.address() as AddressInfo).port
const listen = (server: TcpServer): Promise<void> => new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))

/** The public network: one host, whose redirects come back as they are. */
async function publicNetwork(request: SentRequest): Promise<PlayedResponse> {
  const { hostname, pathname } = new URL(request.url)
  if (hostname !== 'site.example') return new PlayedResponse(null, { status: 502 })
  const answer = await fetch(`http://127.0.0.1:${portOf(site)}${pathname}`, { redirect: 'manual' })
  return playedResponse(answer)
}

async function call(method: string, path: string, body?: unknown, bearer = key) {
  const answer = await miniflare.dispatchFetch(`http://nearfield${path}`, {
    method,
    headers: {
      authorization: `Bearer ${bearer}`,
      'content-type': 'application/json',
      ...(bearer === rootKey ? { 'nearfield-tenant': 'sites' } : {}),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await answer.text()
  return { status: answer.status, text, json: (text === '' ? {} : JSON.parse(text)) as Answered }
}

interface Answered {
  readonly secret?: string
  readonly job?: { readonly id: string }
  readonly source?: { readonly id: string }
  readonly status?: string
  readonly counts?: object
  readonly data?: readonly { readonly id?: string; readonly name?: string; readonly detail?: string }[]
  readonly hits?: readonly { readonly documentId: string; readonly url?: string; readonly title?: string }[]
}

async function finished(job: string): Promise<Answered> {
  let found: Answered = {}
  await until(`the job ${job} ends`, async () => {
    found = (await call('GET', `/v1/jobs/${job}`)).json
    return !['queued', 'running'].includes(found.status ?? '')
  })
  return found
}

beforeAll(async () => {
  await build(ROOT)
  canary = createTcpServer((socket) => {
    canaryHits++
    socket.destroy()
  })
  await listen(canary)
  site = createServer((request, response) => {
    const path = request.url ?? ''
    const page = pages.get(path)
    if (path === '/out') response.writeHead(302, { location: `http://127.0.0.1:${portOf(canary)}/` }).end()
    else if (page === undefined) response.writeHead(404).end()
    else response.writeHead(200, { 'content-type': 'text/html' }).end(page)
  })
  await listen(site)
  miniflare = await startPlayedRuntime(folder, rootKey, publicNetwork)
  await migrate(folder, readState(folder), join(ROOT, 'migrations'), async () =>
    miniflare.getD1Database('DB', 'nearfield'),
  )
  expect((await call('POST', '/v1/tenants', { id: 'sites', name: 'Sites' }, rootKey)).status).toBe(201)
  const scopes = ['collections', 'documents:read', 'documents:write', 'search']
  key = (await call('POST', '/v1/keys', { name: 'k', kind: 'secret', scopes }, rootKey)).json.secret ?? ''
  await call('POST', '/v1/collections', { name: 'docs' })
})

afterAll(async () => {
  await miniflare.dispose()
  site.close()
  canary.close()
  rmSync(folder, { recursive: true, force: true })
})

describe('a crawl', () => {
  it('is searched by meaning, survives a restart of the runtime, and never reaches this machine', async () => {
    pages.set(
      '/',
      '<!doctype html><title>Harbour</title><main><p>Where ships lie.</p><a href="/ferry">ferry</a><a href="/out">out</a></main>',
    )
    pages.set(
      '/ferry',
      '<!doctype html><title>Ferry</title><main><p>The Osprey carries 214 passengers across the bay.</p></main>',
    )
    const started = await call('POST', '/v1/collections/docs/crawl', { url: 'https://site.example/' })
    expect(started.status, started.text).toBe(202)
    await miniflare.dispose()
    miniflare = await startPlayedRuntime(folder, rootKey, publicNetwork)
    const job = await finished(started.json.job?.id ?? '')
    expect(job).toMatchObject({ status: 'succeeded', counts: { succeeded: 2, failed: 1 } })
    const { json } = await call('POST', '/v1/collections/docs/search', { query: 'how many people fit on the boat' })
    expect(json.hits?.[0]).toMatchObject({ documentId: 'https://site.example/ferry', title: 'Ferry' })
    const failed = await call('GET', `/v1/jobs/${started.json.job?.id ?? ''}/files?status=failed`)
    expect(failed.json.data).toMatchObject([
      { name: 'https://site.example/out', detail: 'it redirects to an address that is not one of the public web' },
    ])

    pages.set('/', '<!doctype html><title>Harbour</title><main><p>Where ships lie.</p></main>')
    const again = await call('POST', '/v1/collections/docs/crawl', { url: 'https://site.example/' })
    expect(again.json.source).toEqual(started.json.source)
    await finished(again.json.job?.id ?? '')
    await until('the page that vanished is removed', async () => {
      const { data = [] } = (await call('GET', '/v1/collections/docs/documents')).json
      return data.length === 1 && data[0]?.id === 'https://site.example/'
    })
    expect(canaryHits).toBe(0)
  })
})
