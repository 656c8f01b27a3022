/** What the egress Worker asks a site and what it reads of the answer, with a network that the test plays. */
import { gzipSync } from 'node:zlib'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, vi } from 'vitest'
import type { PageRequest } from '../../../src/egress/egress-api.ts'
import { fetchPage } from '../../../src/egress/fetch-page.ts'
import { refusedUrls } from '../../support/ssrf-corpus.ts'

const REQUEST: PageRequest = {
  url: 'https://site.example/a?b=c',
  accept: ['text/html', 'text/plain'],
  maxBytes: 1_000,
  timeoutMs: 10_000,
}

/** Hears one request and answers it. */
function network(answer: (url: string, init: RequestInit) => Promise<Response> | Response) {
  const heard: { url: string; init: RequestInit }[] = []
  const fetcher = (async (url: string, init: RequestInit) => {
    heard.push({ url, init })
    return answer(url, init)
  }) as unknown as typeof fetch
  return { heard, fetcher }
}

const html = (body: BodyInit, headers: Record<string, string> = {}): Response =>
  new Response(body, { headers: { 'content-type': 'text/html; charset=utf-8', ...headers } })

/** A body that never ends. */
function endless(onCancel: () => void): ReadableStream<Uint8Array> {
  return new ReadableStream({ pull: (stream) => stream.enqueue(new Uint8Array(400)), cancel: onCancel })
}

describe('a page', () => {
  it('is asked for with nothing but the name of the crawler and what it reads', async () => {
    const { heard, fetcher } = network(() => html('<p>x'))
    const request = { ...REQUEST, etag: '"1"', lastModified: 'yesterday', headers: { cookie: 'a=b' } }
    const page = await fetchPage(request, fetcher)
    expect(heard).toHaveLength(1)
    expect(heard[0]?.url).toBe(REQUEST.url)
    expect(heard[0]?.init).toMatchObject({ redirect: 'manual' })
    expect(heard[0]?.init).not.toHaveProperty('body')
    expect(heard[0]?.init.headers).toEqual({
      'user-agent': 'Nearfield-Crawler',
      accept: 'text/html, text/plain',
      'if-none-match': '"1"',
      'if-modified-since': 'yesterday',
    })
    expect(page).toEqual({ status: 200, mediaType: 'text/html', body: new TextEncoder().encode('<p>x') })
  })

  it('comes with its validators and what it says to robots, unless they are longer than that', async () => {
    const headers = {
      etag: '"2"',
      'last-modified': 'today',
      'x-robots-tag': 'NoIndex',
      'retry-after': '9',
      'set-cookie': 'a',
    }
    const { fetcher } = network(() => html('', headers))
    expect(await fetchPage(REQUEST, fetcher)).toEqual({
      status: 200,
      mediaType: 'text/html',
      etag: '"2"',
      lastModified: 'today',
      robotsTag: 'noindex',
      retryAfter: '9',
      body: new Uint8Array(0),
    })
    const { fetcher: long } = network(() => html('', { etag: 'x'.repeat(513), 'last-modified': 'caf\u00e9' }))
    expect(await fetchPage(REQUEST, long)).toEqual({ status: 200, mediaType: 'text/html', body: new Uint8Array(0) })
  })

  it.each([301, 302, 303, 307, 308])('that answers %i is not followed', async (status) => {
    const { heard, fetcher } = network(() => new Response(null, { status, headers: { location: '/b' } }))
    expect(await fetchPage(REQUEST, fetcher)).toEqual({ redirect: '/b' })
    expect(heard).toHaveLength(1)
  })

  it.each([
    ['300', 300, '/b'],
    ['a redirect to nowhere', 302, ''],
    ['a redirect to a very long address', 302, `/${'b'.repeat(4_096)}`],
    ['404', 404, ''],
    ['304', 304, ''],
  ])('that answers %s is told without its body', async (_, status, location) => {
    const { fetcher } = network(
      () => new Response(status === 304 ? null : 'words', { status, headers: location === '' ? {} : { location } }),
    )
    expect(await fetchPage(REQUEST, fetcher)).toMatchObject({ status, body: new Uint8Array(0) })
  })

  it('of another type is not read', async () => {
    const cancelled = vi.fn()
    const { fetcher } = network(() => new Response(endless(cancelled), { headers: { 'content-type': 'image/png' } }))
    expect(await fetchPage(REQUEST, fetcher)).toEqual({ failure: 'wrong_type' })
    expect(cancelled).toHaveBeenCalledOnce()
    const { fetcher: untyped } = network(() => new Response(new Uint8Array(1)))
    expect(await fetchPage(REQUEST, untyped)).toEqual({ failure: 'wrong_type' })
  })

  it('is read whatever begins as it is asked for', async () => {
    const { fetcher, heard } = network(() => new Response('x', { headers: { 'content-type': 'text/weird' } }))
    expect(await fetchPage({ ...REQUEST, accept: ['text/'] }, fetcher)).toMatchObject({ status: 200 })
    expect(heard[0]?.init.headers).toMatchObject({ accept: 'text/*' })
  })

  it('that is too large is not read to its end, whatever it says of its size', async () => {
    const cancelled = vi.fn()
    const { fetcher } = network(() => html(endless(cancelled), { 'content-length': '5' }))
    expect(await fetchPage(REQUEST, fetcher)).toEqual({ failure: 'too_large' })
    expect(cancelled).toHaveBeenCalledOnce()
  })

  it('of exactly the size that may be is read, and one that may be cut is cut', async () => {
    const { fetcher } = network(() => html('x'.repeat(1_000)))
    expect(await fetchPage(REQUEST, fetcher)).toMatchObject({ status: 200 })
    const { fetcher: longer } = network(() => html(endless(() => undefined)))
    const page = await fetchPage({ ...REQUEST, mayCut: true }, longer)
    expect('body' in page && page.body.byteLength).toBe(1_000)
  })

  it('is counted after it was decompressed', async () => {
    const server = createServer((_, response) => {
      response.writeHead(200, { 'content-type': 'text/html', 'content-encoding': 'gzip' })
      response.end(gzipSync(new Uint8Array(5_000_000)))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const port = (server.address() as AddressInfo).port
    const fetcher = ((_: string, init: RequestInit) => fetch(`http://127.0.0.1:${port}/`, init)) as typeof fetch
    expect(await fetchPage({ ...REQUEST, maxBytes: 1_000_000 }, fetcher)).toEqual({ failure: 'too_large' })
    server.close()
  })

  it('that does not come in time, or breaks off, is a failure', async () => {
    const never = (_: string, { signal }: RequestInit): Promise<Response> =>
      new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(signal.reason as Error)))
    expect(await fetchPage({ ...REQUEST, timeoutMs: 1 }, network(never).fetcher)).toEqual({ failure: 'timeout' })
    const torn = (): Response =>
      html(new ReadableStream({ pull: (stream) => stream.error(new Error('connection reset')) }))
    expect(await fetchPage(REQUEST, network(torn).fetcher)).toEqual({ failure: 'network' })
    const absent = (): Promise<Response> => Promise.reject(new Error('no such host'))
    expect(await fetchPage(REQUEST, network(absent).fetcher)).toEqual({ failure: 'network' })
  })

  it('is not asked for at an address that is not public', async () => {
    const { heard, fetcher } = network(() => html('secret'))
    const urls = refusedUrls(8443)
    expect(urls.length).toBeGreaterThan(200)
    for (const url of urls) expect(await fetchPage({ ...REQUEST, url }, fetcher), url).toEqual({ failure: 'refused' })
    // A port of their own gives the others away; this one is that of http.
    for (const url of urls.filter((text) => !text.includes(':80/')).map((text) => text.replace(/^https:/, 'http:'))) {
      expect(await fetchPage({ ...REQUEST, url }, fetcher), url).toEqual({ failure: 'refused' })
    }
    expect(heard).toEqual([])
  })
})
