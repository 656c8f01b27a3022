/** What the egress Worker sends and how it judges the answer, with a network that the test plays. */
import { describe, expect, it, vi } from 'vitest'
import { deliver } from '../../../src/egress/deliver.ts'

const REQUEST = {
  url: 'https://hooks.example/a?b=c',
  headers: { 'webhook-id': 'evt_1', 'webhook-timestamp': '1', 'webhook-signature': 'v1,x' },
  body: '{"type":"webhook.test"}',
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

const never = (_: string, { signal }: RequestInit): Promise<Response> =>
  new Promise((_resolve, reject) => {
    if (signal?.aborted) reject(signal.reason as Error)
    signal?.addEventListener('abort', () => reject(signal.reason as Error))
  })

describe('a delivery', () => {
  it('is one POST with the signature, and no other header of the caller', async () => {
    const { heard, fetcher } = network(() => new Response('ok', { status: 201 }))
    const headers = {
      ...REQUEST.headers,
      authorization: 'Bearer x',
      cookie: 'a=b',
      host: '127.0.0.1',
      'Webhook-Id': 'y',
    }
    expect(await deliver({ ...REQUEST, headers }, fetcher)).toEqual({ status: 201 })
    expect(heard).toHaveLength(1)
    expect(heard[0]).toMatchObject({
      url: REQUEST.url,
      init: { method: 'POST', body: REQUEST.body, redirect: 'manual' },
    })
    expect(heard[0]?.init.headers).toEqual({
      ...REQUEST.headers,
      'content-type': 'application/json',
      'user-agent': 'Nearfield-Webhooks',
    })
  })

  it('leaves out a header that was not given', async () => {
    const { heard, fetcher } = network(() => new Response(null, { status: 204 }))
    await deliver({ ...REQUEST, headers: {} }, fetcher)
    expect(Object.keys(heard[0]?.init.headers ?? {})).toEqual(['content-type', 'user-agent'])
  })

  it.each(['http://hooks.example/', 'https://127.0.0.1/', 'https://localhost/', 'nonsense', ''])(
    'never leaves for an address that is not public: %s',
    async (url) => {
      const { heard, fetcher } = network(() => new Response())
      expect(await deliver({ ...REQUEST, url }, fetcher)).toEqual({ failure: 'refused' })
      expect(heard).toEqual([])
    },
  )

  it.each([301, 302, 303, 307, 308, 300, 304])('ends at a redirect: %i', async (status) => {
    const location = { location: 'https://127.0.0.1/' }
    const { heard, fetcher } = network(() => new Response(null, { status, headers: location }))
    expect(await deliver(REQUEST, fetcher)).toEqual({ failure: 'redirect' })
    expect(heard).toHaveLength(1)
  })

  it.each([200, 204, 400, 410, 429, 500, 503])('tells the status: %i', async (status) => {
    const { fetcher } = network(() => new Response(null, { status }))
    expect(await deliver(REQUEST, fetcher)).toEqual({ status })
  })

  it('tells a broken connection from a slow receiver', async () => {
    const broken = network(() => Promise.reject(new TypeError('connection reset')))
    expect(await deliver(REQUEST, broken.fetcher)).toEqual({ failure: 'network' })
    const slow = network(never)
    expect(await deliver({ ...REQUEST, timeoutMs: 1 }, slow.fetcher)).toEqual({ failure: 'timeout' })
  })

  it('waits no longer than the limit, whatever it was asked', async () => {
    const timeout = vi.spyOn(AbortSignal, 'timeout').mockReturnValue(AbortSignal.abort())
    await deliver({ ...REQUEST, timeoutMs: 3_600_000 }, network(never).fetcher)
    expect(timeout).toHaveBeenCalledWith(10_000)
    timeout.mockRestore()
  })

  it('reads a little of the answer and cuts off the rest', async () => {
    let sent = 0
    let cut = false
    const endless = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          sent += 512
          controller.enqueue(new Uint8Array(512))
        },
        cancel() {
          cut = true
        },
      },
      { highWaterMark: 0 },
    )
    expect(await deliver(REQUEST, network(() => new Response(endless)).fetcher)).toEqual({ status: 200 })
    expect({ sent, cut }).toEqual({ sent: 1_024, cut: true })
  })

  it('counts by its status even where the body breaks off', async () => {
    const torn = new ReadableStream({
      pull(controller) {
        controller.error(new Error('reset'))
      },
    })
    expect(await deliver(REQUEST, network(() => new Response(torn)).fetcher)).toEqual({ status: 200 })
  })
})
