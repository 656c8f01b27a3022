/**
 * Webhooks over the real wire: both Workers as built, on files, with the real model. Only the public network is played: what
 * the egress Worker sends to `hooks.example` arrives at receivers on this machine, one of which is the documentation's own.
 */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { IncomingHttpHeaders, Server } from 'node:http'
import { createServer as createTcpServer } from 'node:net'
import type { AddressInfo, Server as TcpServer } from 'node:net'
import { join } from 'node:path'
import { Response as PlayedResponse } from 'miniflare'
import type { Miniflare, Request as SentRequest } from 'miniflare'
import { Webhook } from 'standardwebhooks'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { build } from '../../scripts/build.ts'
import { children } from '../../scripts/start/processes.ts'
import { migrate, readState } from '../../scripts/start/state-folder.ts'
import { newKey } from '../../src/tenancy/key-format.ts'
import { playedResponse, startPlayedRuntime } from '../support/played-runtime.ts'
import { freePort, newFolder, ROOT, until } from '../support/local-server.ts'

interface Received {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

interface Delivery {
  readonly status: string
  readonly attempts: readonly object[]
}

/** Whatever of these members an answer has. */
interface Answered {
  readonly status: number
  readonly json: { readonly id?: string; readonly secret?: string; readonly data?: readonly Delivery[] }
}

const folder = newFolder()
const rootKey = newKey('root').text
const received: Received[] = []
/** Status by path; 204 unless told. */
const answers = new Map<string, number>()
let receiver: Server
let canary: TcpServer
let canaryHits = 0
let documented: ChildProcess | undefined
let documentedPort = 0
let documentedOutput = ''
let miniflare: Miniflare
let key = ''

const portOf = (server: TcpServer): number => (server.address() as AddressInfo).port
const listen = (server: TcpServer): Promise<void> => new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))

function startReceiver(): Promise<void> {
  receiver = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (part: string) => (body += part))
    request.on('end', () => {
      const path = request.url ?? ''
      received.push({ path, headers: request.headers, body })
      if (path === '/torn') {
        response.writeHead(200, { 'content-length': '1000' }).write('half of it')
        setImmediate(() => response.destroy())
        return
      }
      response.writeHead(answers.get(path) ?? 204, { location: `https://127.0.0.1:${portOf(canary)}/` }).end()
    })
  })
  return listen(receiver)
}

/** The public network: one host, reached without TLS, whose redirects come back as they are. */
async function publicNetwork(request: SentRequest): Promise<PlayedResponse> {
  const { hostname, pathname } = new URL(request.url)
  if (hostname !== 'hooks.example') return new PlayedResponse(null, { status: 502 })
  const port = pathname === '/documented' ? documentedPort : portOf(receiver)
  const headers = Object.fromEntries(request.headers)
  const answer = await fetch(`http://127.0.0.1:${port}${pathname}`, {
    method: request.method,
    headers,
    body: await request.text(),
    redirect: 'manual',
  })
  return playedResponse(answer)
}

async function call(method: string, path: string, body?: unknown, bearer = key): Promise<Answered> {
  const answer = await miniflare.dispatchFetch(`http://nearfield${path}`, {
    method,
    headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json', ...asTenant(bearer) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await answer.text()
  return { status: answer.status, json: (text === '' ? {} : JSON.parse(text)) as Answered['json'] }
}

const asTenant = (bearer: string): Record<string, string> => (bearer === rootKey ? { 'nearfield-tenant': 'hooks' } : {})

async function newWebhook(path: string, events: string[]): Promise<{ id: string; secret: string }> {
  const made = await call('POST', '/v1/webhooks', { url: `https://hooks.example${path}`, events })
  const { id, secret } = made.json
  if (id === undefined || secret === undefined) throw new Error(`no webhook: ${made.status}`)
  return { id, secret }
}

const at = (path: string): Received[] => received.filter((request) => request.path === path)

/** The newest delivery, once it was attempted. */
async function attemptedDelivery(id: string): Promise<Delivery | undefined> {
  let delivery: Delivery | undefined
  await until(`a delivery of ${id} is attempted`, async () => {
    delivery = (await call('GET', `/v1/webhooks/${id}/deliveries`)).json.data?.[0]
    return delivery !== undefined && delivery.attempts.length > 0
  })
  return delivery
}

beforeAll(async () => {
  await build(ROOT)
  canary = createTcpServer((socket) => {
    canaryHits++
    socket.destroy()
  })
  await listen(canary)
  await startReceiver()
  miniflare = await startPlayedRuntime(folder, rootKey, publicNetwork)
  await migrate(folder, readState(folder), join(ROOT, 'migrations'), async () =>
    miniflare.getD1Database('DB', 'nearfield'),
  )
  await call('POST', '/v1/tenants', { id: 'hooks', name: 'Hooks' }, rootKey).then(({ status }) =>
    expect(status).toBe(201),
  )
  const scopes = ['admin', 'collections', 'documents:write']
  key = (await call('POST', '/v1/keys', { name: 'k', kind: 'secret', scopes }, rootKey)).json.secret ?? ''
  await call('POST', '/v1/collections', { name: 'docs' })
})

afterAll(async () => {
  documented?.kill()
  await miniflare.dispose()
  receiver.close()
  canary.close()
  rmSync(folder, { recursive: true, force: true })
})

describe('webhooks', () => {
  it('tell of a document, signed so that the reference library and the documented receiver accept it', async () => {
    const own = await newWebhook('/ok', ['document.indexed'])
    const told = await newWebhook('/documented', ['document.indexed'])
    const snippet = /```js\n(.*?)```/s.exec(readFileSync(join(ROOT, 'docs/webhooks.md'), 'utf8'))?.[1] ?? ''
    documentedPort = await freePort()
    const script = join(mkdtempSync(join(ROOT, '.cache', 'receiver-')), 'receiver.mjs')
    writeFileSync(script, snippet.replace('8080', String(documentedPort)))
    documented = spawn(process.execPath, [script], { env: { ...process.env, WEBHOOK_SECRET: told.secret } })
    documented.stdout?.on('data', (part: Buffer) => (documentedOutput += part.toString('utf8')))
    await until('the receiver listens', () =>
      fetch(`http://127.0.0.1:${documentedPort}/`).then(
        () => true,
        () => false,
      ),
    )
    rmSync(join(script, '..'), { recursive: true })

    const documents = [{ id: 'heron', text: 'The heron nests by the weir.' }]
    expect((await call('PUT', '/v1/collections/docs/documents', { documents })).status).toBe(200)
    await until('the document is told of', () => at('/ok').length > 0 && documentedOutput !== '')
    const [request] = at('/ok')
    const event = new Webhook(own.secret).verify(request?.body ?? '', request?.headers as Record<string, string>)
    expect(event).toMatchObject({
      type: 'document.indexed',
      data: { documentId: 'heron', version: 1, change: 'created' },
    })
    expect(request?.body).not.toContain('weir')
    expect(documentedOutput).toContain('document.indexed {"collectionId":"col_')
    const names = Object.keys(request?.headers ?? {})
    expect(names).not.toContain('authorization')
    expect(names).not.toContain('nearfield-tenant')
    for (const { id } of [own, told]) expect((await attemptedDelivery(id))?.status).toBe('succeeded')
    for (const { id } of [own, told]) await call('DELETE', `/v1/webhooks/${id}`)
  })

  it('go on after the runtime was killed between two attempts, under the same id', async () => {
    answers.set('/flaky', 503)
    const { id, secret } = await newWebhook('/flaky', ['document.indexed'])
    const documents = [{ id: 'ferry', text: 'The ferry leaves at nine.' }]
    await call('PUT', '/v1/collections/docs/documents', { documents })
    expect(await attemptedDelivery(id)).toMatchObject({ status: 'waiting', attempts: [{ status: 503 }] })
    for (const pid of children('workerd')) process.kill(pid, 'SIGKILL')
    await miniflare.dispose().catch(() => undefined)
    answers.delete('/flaky')
    miniflare = await startPlayedRuntime(folder, rootKey, publicNetwork)
    await until('the delivery is tried again', () => at('/flaky').length > 1)
    const [first, second] = at('/flaky')
    expect(second?.headers['webhook-id']).toBe(first?.headers['webhook-id'])
    expect(second?.body).toBe(first?.body)
    new Webhook(secret).verify(second?.body ?? '', second?.headers as Record<string, string>)
    await until('it is written down', async () => (await attemptedDelivery(id))?.status === 'succeeded')
  })

  it('follow no redirect, and count a torn answer by its status', async () => {
    answers.set('/moved', 307)
    const moved = await newWebhook('/moved', ['job.finished'])
    const torn = await newWebhook('/torn', ['job.finished'])
    for (const { id } of [moved, torn]) expect((await call('POST', `/v1/webhooks/${id}/test`)).status).toBe(202)
    expect(await attemptedDelivery(moved.id)).toMatchObject({ status: 'failed', attempts: [{ failure: 'redirect' }] })
    expect(await attemptedDelivery(torn.id)).toMatchObject({ status: 'succeeded', attempts: [{ status: 200 }] })
    expect(at('/moved')).toHaveLength(1)
    expect(canaryHits).toBe(0)
  })
})
