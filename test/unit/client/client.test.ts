import { createServer } from 'node:http'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { NearfieldClient, NearfieldError } from '../../../src/client/client.ts'

interface Answer {
  readonly status: number
  readonly body?: unknown
  readonly headers?: Record<string, string>
}

const servers: Server[] = []

afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

/** A server that gives these answers in turn and remembers what it was asked. */
async function serve(answers: Answer[]): Promise<{ url: string; seen: string[] }> {
  const seen: string[] = []
  const server = createServer((request, response) => {
    seen.push(`${request.method} ${request.url} ${request.headers.authorization ?? ''}`)
    const answer = answers.shift() ?? { status: 500 }
    response.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers })
    response.end(answer.body === undefined ? undefined : JSON.stringify(answer.body))
  })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen }
}

describe('the client', () => {
  it('sends the key and gives back the body', async () => {
    const { url, seen } = await serve([{ status: 200, body: { name: 'docs' } }])
    expect(await new NearfieldClient({ url: `${url}/`, key: 'k' }).collection('a b')).toEqual({ name: 'docs' })
    expect(seen).toEqual(['GET /v1/collections/a%20b Bearer k'])
  })

  it('throws the problem with its code, its fields and its request id', async () => {
    const body = {
      code: 'invalid_request',
      detail: 'the request is not valid',
      requestId: 'req_1',
      errors: [{ pointer: '/name', detail: 'is bad' }],
    }
    const { url } = await serve([{ status: 400, body }])
    const error = await new NearfieldClient({ url }).collections().catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(NearfieldError)
    expect(error).toMatchObject({ status: 400, code: 'invalid_request', requestId: 'req_1', message: '/name: is bad' })
  })

  it('repeats what may pass by itself, as often as it was told, and nothing else', async () => {
    const busy = { status: 503, headers: { 'retry-after': '0' } }
    const patient = await serve([busy, busy, { status: 204 }])
    await new NearfieldClient({ url: patient.url, retries: 2 }).request('DELETE', '/x')
    expect(patient.seen).toHaveLength(3)
    const impatient = await serve([busy, { status: 204 }])
    await expect(new NearfieldClient({ url: impatient.url }).request('DELETE', '/x')).rejects.toMatchObject({
      status: 503,
    })
    const wrong = await serve([{ status: 404 }, { status: 204 }])
    await expect(new NearfieldClient({ url: wrong.url, retries: 5 }).request('GET', '/x')).rejects.toMatchObject({
      status: 404,
    })
    expect(wrong.seen).toHaveLength(1)
  })

  it('waits for a job until it has ended, and shows every state', async () => {
    const job = (status: string, done: number) => ({
      status: 200,
      body: { id: 'j', status, progress: { done, total: 2 } },
    })
    const { url } = await serve([job('queued', 0), job('running', 1), job('succeeded', 2)])
    const states: string[] = []
    const last = await new NearfieldClient({ url }).waitForJob('j', ({ status }) => states.push(status))
    expect([last.status, states]).toEqual(['succeeded', ['queued', 'running', 'succeeded']])
  })
})
