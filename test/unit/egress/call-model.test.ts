/** What the egress Worker passes on of a model's call and of its answer, with a network that the test plays. */
import { describe, expect, it } from 'vitest'
import { callModel } from '../../../src/egress/call-model.ts'
import { refusedUrls } from '../../support/ssrf-corpus.ts'

const URL_OF_MODEL = 'https://models.example/v1/embeddings'

function network(answer: () => Response | Promise<Response>) {
  const heard: { url: string; init: RequestInit }[] = []
  const fetcher = (async (url: string, init: RequestInit) => {
    heard.push({ url, init })
    return answer()
  }) as unknown as typeof fetch
  return { heard, fetcher }
}

describe('a call of a model', () => {
  it('carries its body and no header but those of its protocol', async () => {
    const { heard, fetcher } = network(() => Response.json({ data: [] }))
    const headers = { authorization: 'Bearer k', accept: 'application/json', cookie: 'a=b', 'x-real-ip': '1.2.3.4' }
    const answer = await callModel(new Request(URL_OF_MODEL, { method: 'POST', headers, body: '{"a":1}' }), fetcher)
    expect(await answer.json()).toEqual({ data: [] })
    expect(heard).toMatchObject([{ url: URL_OF_MODEL, init: { method: 'POST', body: '{"a":1}', redirect: 'manual' } }])
    expect(heard[0]?.init.headers).toEqual({
      accept: 'application/json',
      authorization: 'Bearer k',
      'content-type': 'text/plain;charset=UTF-8',
      'user-agent': 'Nearfield',
    })
    await callModel(new Request(URL_OF_MODEL), fetcher)
    expect(heard[1]?.init).toMatchObject({ method: 'GET' })
    expect(heard[1]?.init).not.toHaveProperty('body')
  })

  it.each([307, 401, 429, 503])('tells the status %i with what is read of its headers', async (status) => {
    const headers = {
      'content-type': 'application/json',
      'retry-after': '3',
      'set-cookie': 'a=b',
      location: '/b',
      'nearfield-egress-failure': 'network',
    }
    const { fetcher } = network(() => new Response('{}', { status, headers }))
    const answer = await callModel(new Request(URL_OF_MODEL), fetcher)
    expect(answer.status).toBe(status)
    expect(Object.fromEntries(answer.headers)).toEqual({ 'content-type': 'application/json', 'retry-after': '3' })
  })

  it('to an address that is not public does not leave', async () => {
    const { heard, fetcher } = network(() => new Response('inner'))
    // Some of the corpus are no URLs at all, which no request can carry.
    const urls = refusedUrls(8_080).filter((url) => URL.canParse(url) && !new URL(url).username)
    const answers = await Promise.all(
      urls.flatMap((url) => {
        try {
          return [callModel(new Request(url), fetcher)]
        } catch {
          return []
        }
      }),
    )
    const passed = answers.filter(({ headers }) => headers.get('nearfield-egress-failure') !== 'refused')
    expect(answers.length).toBeGreaterThan(100)
    // What the URL parser repairs is public by then, such as a fragment that is cut off.
    for (const { status } of passed) expect(status).toBe(200)
    for (const { url } of heard) expect(new URL(url)).toMatchObject({ protocol: 'https:', username: '' })
    const deleting = await callModel(new Request(URL_OF_MODEL, { method: 'DELETE' }), fetcher)
    expect(deleting.headers.get('nearfield-egress-failure')).toBe('refused')
  })

  it('that gets nowhere says so without a word of why', async () => {
    const { fetcher } = network(() => Promise.reject(new Error('connect ECONNREFUSED 10.0.0.1')))
    const answer = await callModel(new Request(URL_OF_MODEL), fetcher)
    expect(answer.headers.get('nearfield-egress-failure')).toBe('network')
    expect(await answer.text()).toBe('')
  })
})
