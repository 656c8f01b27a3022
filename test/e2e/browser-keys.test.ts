/**
 * Keys of every kind in a web page of somebody else: what the server tells browsers, and, in Chromium where one is
 * installed, what it lets the page read. The real server with its real CORS answers.
 */
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { chromium } from 'playwright-core'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { CHROMIUM } from '../support/chromium.ts'
import { copyState, startServer } from '../support/local-server.ts'
import type { LocalServer } from '../support/local-server.ts'

/** What a page learns of a request: the status, or that the browser kept the answer from it. */
type Seen = number | 'kept from the page'

let server: LocalServer
let sites: Server
/** Two sites of the same machine: the one that the credentials name, and another. */
let shop: string
let other: string
let credentials: Readonly<Record<'secretKey' | 'rootKey' | 'publicKey' | 'token' | 'anywhere', string>>

async function make(path: string, body: object): Promise<Record<string, string>> {
  const { url, secretKey } = server.credentials
  const headers = { authorization: `Bearer ${secretKey}`, 'content-type': 'application/json' }
  const response = await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) })
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
  return response.json<Record<string, string>>()
}

beforeAll(async () => {
  server = await startServer(copyState(inject('preparedState')))
  sites = createServer((_, response) => response.setHeader('content-type', 'text/html').end('<!doctype html>'))
  await new Promise<void>((resolve) => sites.listen(0, '127.0.0.1', resolve))
  const { port } = sites.address() as AddressInfo
  shop = `http://127.0.0.1:${port}`
  other = `http://localhost:${port}`
  const { rootKey, secretKey } = server.credentials
  const made = { name: 'shop', kind: 'public', scopes: ['search'], origins: [shop] }
  const { secret: publicKey = '' } = await make('/v1/keys', made)
  const claims = { ttlSeconds: 600, scopes: ['search'] }
  const { token: anywhere = '' } = await make('/v1/tokens', claims)
  const { token = '' } = await make('/v1/tokens', { ...claims, origins: [shop] })
  credentials = { secretKey, rootKey, publicKey, token, anywhere }
})

afterAll(async () => {
  sites.close()
  await server.stop()
})

it('the server names a site to the browser only for the keys and tokens that it is for', async () => {
  const named: Record<string, (boolean | number)[]> = {}
  for (const [name, key] of Object.entries(credentials)) {
    for (const origin of [shop, other, 'null']) {
      const headers = { authorization: `Bearer ${key}`, origin }
      const { status, headers: answered } = await fetch(`${server.credentials.url}/v1/collections`, { headers })
      const allowed = answered.get('access-control-allow-origin')
      expect([null, origin]).toContain(allowed)
      expect(answered.get('access-control-allow-credentials')).toBeNull()
      named[name] = [...(named[name] ?? []), allowed === origin, status]
    }
  }
  expect(named).toEqual({
    secretKey: [false, 403, false, 403, false, 403],
    rootKey: [false, 403, false, 403, false, 403],
    publicKey: [true, 200, false, 403, false, 403],
    token: [true, 200, false, 403, false, 403],
    anywhere: [true, 200, true, 200, true, 200],
  })
})

/** Registered only where there is a browser. */
const inBrowser = (): void => {
  let browser: Browser

  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: CHROMIUM ?? '', args: ['--no-sandbox'] })
  })

  afterAll(() => browser.close())

  async function pageOf(site: string): Promise<Page> {
    const page = await browser.newPage()
    await page.goto(site)
    return page
  }

  /** Tries one request from a page, as its script would. */
  const attempt = (page: Page, key: string, method: string, path: string, body?: object): Promise<Seen> =>
    page.evaluate(
      async ([url, credential, verb, text]) => {
        try {
          const headers = { authorization: `Bearer ${credential}`, 'content-type': 'application/json' }
          const response = await fetch(url, { method: verb, headers, ...(text === '' ? {} : { body: text }) })
          await response.text()
          return response.status
        } catch {
          return 'kept from the page' as const
        }
      },
      [server.credentials.url + path, key, method, body === undefined ? '' : JSON.stringify(body)] as const,
    )

  const search = (page: Page, key: string): Promise<Seen> =>
    attempt(page, key, 'POST', '/v1/collections/docs/search', { query: 'cursor' })
  const write = (page: Page, key: string): Promise<Seen> =>
    attempt(page, key, 'PUT', '/v1/collections/docs/documents', { documents: [{ id: 'planted', text: 'planted' }] })

  it('only a public key and a token get through, each on its own site', async () => {
    const seen: Record<string, Seen[]> = {}
    for (const site of [shop, other]) {
      const page = await pageOf(site)
      for (const [name, key] of Object.entries(credentials)) {
        seen[name] = [...(seen[name] ?? []), await search(page, key), await write(page, key)]
      }
      await page.close()
    }
    // Each: search and write on the site that is named, search and write on another.
    const kept = 'kept from the page'
    expect(seen).toEqual({
      secretKey: [kept, kept, kept, kept],
      rootKey: [kept, kept, kept, kept],
      publicKey: [200, 403, kept, kept],
      token: [200, 403, kept, kept],
      anywhere: [200, 403, 200, 403],
    })
    const headers = { authorization: `Bearer ${credentials.secretKey}` }
    const planted = `${server.credentials.url}/v1/collections/docs/documents/planted`
    expect((await fetch(planted, { headers })).status).toBe(404)
  })

  it('the secret key works on the page of the server itself', async () => {
    const page = await pageOf(`${server.credentials.url}/`)
    expect(await search(page, server.credentials.secretKey)).toBe(200)
    await page.close()
  })
}

if (CHROMIUM !== undefined) describe('in a browser', inBrowser)
