/** The queue's messages on the real objects: whatever comes, however often and in whatever order, the state ends the same. */
import { createExecutionContext, createMessageBatch, getQueueResult } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { beforeAll, expect, it, vi } from 'vitest'
import { DEAD_LETTER_QUEUE } from '../../../src/files/consume-messages.ts'
import worker from '../../../src/worker.ts'
import { makeWorld, ORIGIN, type TestTenant, type World } from '../http/http-harness.ts'

const QUEUE = 'nearfield-files'
const FILES = Array.from({ length: 30 }, (_, number) => `file-${number}.${number % 3 === 0 ? 'jsonl' : 'md'}`)

let world: World

beforeAll(async () => {
  world = await makeWorld()
})

/** Hands a batch to the Worker as the runtime does; answers what became of each message. */
async function deliver(queue: string, bodies: readonly unknown[], attempts = 1) {
  const messages = bodies.map((body, index) => ({ id: `message-${index}`, timestamp: new Date(0), attempts, body }))
  const batch = createMessageBatch(queue, messages)
  const context = createExecutionContext()
  await worker.queue(batch, env)
  return getQueueResult(batch, context)
}

async function newTenant(): Promise<TestTenant & { readonly uid: string }> {
  const tenant = await world.makeTenant()
  await world.call('POST', '/v1/collections', { key: tenant.key, body: { name: 'docs', shards: 2 } })
  const uid = await env.DB.prepare('SELECT uid FROM tenants WHERE id = ?').bind(tenant.id).first<string>('uid')
  return { ...tenant, uid: uid ?? '' }
}

async function upload(key: string): Promise<string> {
  const form = new FormData()
  for (const name of FILES) form.append('file', new Blob([`{"text":"The ${name}."}\n{"text":"And more."}`]), name)
  const request = new Request(`${ORIGIN}/v1/collections/docs/files`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}` },
    body: form,
  })
  const response = await world.fetch(request)
  expect(response.status).toBe(202)
  return (await response.json<{ job: { id: string } }>()).job.id
}

/** Everything of the tenant but its times and ids: its documents, and how the job ended. */
async function stateOf(key: string, job: string): Promise<unknown> {
  const { json } = await world.call('GET', `/v1/jobs/${job}`, { key })
  if (json.status === 'queued' || json.status === 'running') return undefined
  const list = await world.call('GET', '/v1/collections/docs/documents?limit=1000', { key })
  const documents = list.json.data.map((document: Record<string, unknown>) => {
    const { createdAt: _created, updatedAt: _updated, ...rest } = document
    return rest
  })
  return { status: json.status, progress: json.progress, counts: json.counts, documents }
}

it('ends in the same state without any message, and under a storm of doubled, mixed, dead and malformed ones', async () => {
  // What is dropped is logged each time.
  vi.spyOn(console, 'log').mockImplementation(() => {})
  const [calm, stormy] = [await newTenant(), await newTenant()]
  const calmJob = await upload(calm.key)
  const job = await upload(stormy.key)
  const wake = { kind: 'wake', tenantUid: stormy.uid }
  const notification = { action: 'PutObject', bucket: 'nearfield-inbox', object: { key: `${stormy.id}/a.pdf` } }
  const foreign = { kind: 'wake', tenantUid: 'ten_0000000000000000' }
  const bodies = [wake, notification, foreign, 'garbage', wake, { kind: 'wake' }, notification, wake]
  let state: unknown
  for (let round = 0; state === undefined; round++) {
    const turned = [...bodies.slice(round % bodies.length), ...bodies.slice(0, round % bodies.length)]
    const [live, dead] = await Promise.all([deliver(QUEUE, turned), deliver(DEAD_LETTER_QUEUE, turned, 2)])
    expect([live.explicitAcks.length, dead.explicitAcks.length]).toEqual([bodies.length, bodies.length])
    state = await stateOf(stormy.key, job)
    await scheduler.wait(50)
  }
  await expect.poll(() => stateOf(calm.key, calmJob), { timeout: 30_000 }).toEqual(state)
  expect(state).toMatchObject({ status: 'succeeded', progress: { done: 30, total: 30 } })
})
