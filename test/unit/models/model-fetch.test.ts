/** How requests to providers leave, and what of them does. */
import { describe, expect, it } from 'vitest'
import { directModelFetch, egressModelFetch } from '../../../src/models/model-fetch.ts'
import type { ModelRequest } from '../../../src/models/providers/provider-adapter.ts'

const REQUEST: ModelRequest = {
  url: 'https://models.example/v1/embeddings',
  headers: {
    authorization: 'Bearer k',
    'content-type': 'application/json',
    cookie: 'a=b',
    'x-forwarded-for': '1.2.3.4',
  },
  body: '{}',
  signal: new AbortController().signal,
}

function network(answer: () => Response | Promise<Response>) {
  const heard: Request[] = []
  const fetch = async (request: Request): Promise<Response> => {
    heard.push(request)
    return answer()
  }
  return { heard, fetch }
}

describe.each([
  ['straight', (fetch: (request: Request) => Promise<Response>) => directModelFetch(fetch)],
  ['through the egress Worker', (fetch: (request: Request) => Promise<Response>) => egressModelFetch({ fetch })],
] as const)('a request that leaves %s', (_, fetchBy) => {
  it('carries three headers of its own and follows no redirect', async () => {
    const { heard, fetch } = network(() => new Response(null, { status: 307, headers: { location: '/b' } }))
    const response = await fetchBy(fetch)(REQUEST)
    expect(response.status).toBe(307)
    expect(heard).toHaveLength(1)
    expect(heard[0]).toMatchObject({ method: 'POST', redirect: 'manual', url: REQUEST.url })
    expect(Object.fromEntries(heard[0]!.headers)).toEqual({
      authorization: 'Bearer k',
      'content-type': 'application/json',
      'user-agent': 'Nearfield',
    })
    expect(await heard[0]!.text()).toBe('{}')
  })

  it('fails as unreachable, and as aborted where it was', async () => {
    const { fetch } = network(() => Promise.reject(new TypeError('fetch failed: secret')))
    await expect(fetchBy(fetch)(REQUEST)).rejects.toMatchObject({ kind: 'unreachable', message: /^(?!.*secret)/ })
    const { body: _body, ...get } = REQUEST
    const given = { ...get, method: 'GET' as const, signal: AbortSignal.abort(new Error('too late')) }
    await expect(fetchBy(network(() => Promise.reject(given.signal.reason)).fetch)(given)).rejects.toThrow('too late')
  })

  it('does not leave for an address that may not be called', async () => {
    const { heard, fetch } = network(() => new Response())
    const refused = fetchBy(fetch)({ ...REQUEST, url: 'http://169.254.169.254/' })
    await expect(refused).rejects.toMatchObject({ kind: 'refused' })
    expect(heard).toEqual([])
  })
})

describe('the egress Worker', () => {
  it('is asked for public addresses only', async () => {
    const { heard, fetch } = network(() => new Response())
    const call = egressModelFetch({ fetch })
    await expect(call({ ...REQUEST, url: 'http://localhost:1/' })).rejects.toMatchObject({ kind: 'refused' })
    expect(heard).toEqual([])
    await directModelFetch(fetch)({ ...REQUEST, url: 'http://localhost:1/' })
    expect(heard).toHaveLength(1)
  })

  it.each([
    ['refused', 'refused'],
    ['network', 'unreachable'],
  ])('says %s in a header, which is a fault', async (failure, kind) => {
    const { fetch } = network(() => new Response(null, { headers: { 'nearfield-egress-failure': failure } }))
    await expect(egressModelFetch({ fetch })(REQUEST)).rejects.toMatchObject({ kind })
  })
})
