/** One webhook at a time: the schedule, what disables it, redelivery, rotation, and what is kept. */
import { beforeEach, describe, expect, it } from 'vitest'
import {
  MAX_ENDED_DELIVERIES,
  MAX_WAITING_DELIVERIES,
  MAX_WEBHOOKS,
  WEBHOOK_RETENTION_MS,
} from '../../../../src/core/limits.ts'
import { keyRevoked } from '../../../../src/tenancy/webhook-events.ts'
import type { DeliveryRecord, WebhookWithSecret } from '../../../../src/tenancy/webhooks.ts'
import { START_MS, WebhookWorld } from '../../../support/webhook-world.ts'

const URL = 'https://hooks.example/nearfield'
const ID = 'wh_0123456789abcdef'
const HOUR = 3_600_000
const DAY = 24 * HOUR
let world: WebhookWorld

async function create(
  events: Parameters<WebhookWorld['webhooks']['create']>[1]['events'] = ['key.revoked'],
): Promise<WebhookWithSecret> {
  const made = await world.webhooks.create('0123456789abcdef', { url: URL, events })
  if (made === 'full') throw new Error('full')
  return made
}

const revoke = (number = 1): void => world.webhooks.emit(keyRevoked(`key${number}`, world.nowMs))

const latest = (): DeliveryRecord => {
  const [delivery] = world.webhooks.deliveries(ID, { limit: 1 }) ?? []
  if (delivery === undefined) throw new Error('no delivery')
  return delivery
}

const sentAt = (): number[] => world.requests.map(({ atMs }) => atMs - START_MS)
const count = (table: string): number =>
  world.database.get<{ count: number }>(`SELECT COUNT(*) AS count FROM ${table}`)?.count ?? -1

beforeEach(() => {
  world = new WebhookWorld()
})

describe('a delivery', () => {
  it('is sent at once, and once where the receiver takes it', async () => {
    await create()
    revoke()
    await world.pass(30 * DAY)
    expect(sentAt()).toEqual([0])
    expect(world.requests[0]).toMatchObject({ url: URL, timeoutMs: 10_000 })
    expect(JSON.parse(world.requests[0]?.body ?? '')).toEqual({
      type: 'key.revoked',
      timestamp: '2026-01-31T12:00:00.000Z',
      data: { keyId: 'key1' },
    })
  })

  it('is tried ten times over about three days, then given up', async () => {
    await create()
    world.behaviours.set(URL, { status: 500 })
    revoke()
    await world.pass(4 * DAY)
    const delays = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400].map((seconds) => seconds * 1_050)
    expect(sentAt()).toEqual(delays.reduce((times, delay) => [...times, (times.at(-1) ?? 0) + delay], [0]))
    expect(new Set(world.requests.map(({ headers }) => headers['webhook-id']))).toEqual(new Set(['evt_key1']))
    expect(latest()).toMatchObject({ status: 'failed', type: 'key.revoked', eventId: 'evt_key1' })
    expect(latest().attempts).toHaveLength(10)
    expect(latest().attempts[0]).toEqual({ atMs: START_MS, status: 500 })
    expect(latest().nextAttemptAtMs).toBeUndefined()
  })

  it.each([
    [{ status: 302 }, { status: 302 }],
    [{ failure: 'redirect' }, { failure: 'redirect' }],
    [{ failure: 'timeout' }, { failure: 'timeout' }],
    ['throws', { failure: 'network' }],
  ] as const)('takes %j for a failure', async (behaviour, noted) => {
    await create()
    world.behaviours.set(URL, behaviour)
    revoke()
    await world.settle()
    expect(latest()).toMatchObject({ status: 'waiting', attempts: [noted], nextAttemptAtMs: START_MS + 5_250 })
    world.behaviours.delete(URL)
    await world.pass(6_000)
    expect(latest()).toMatchObject({ status: 'succeeded' })
    expect(world.webhooks.find(ID)).toMatchObject({ waiting: 0 })
    expect(world.webhooks.find(ID)?.failingSinceMs).toBeUndefined()
  })

  it('is sent again after a kill, half a minute later, with the same id', async () => {
    await create()
    world.behaviours.set(URL, 'lost')
    revoke()
    void world.webhooks.run(world.nowMs)
    while (world.requests.length === 0) await new Promise<void>((resolve) => setImmediate(resolve))
    world.behaviours.delete(URL)
    world.restart()
    await world.pass(HOUR)
    expect(sentAt()).toEqual([0, 30_000])
    expect(latest()).toMatchObject({ status: 'succeeded', attempts: [{ status: 204 }] })
  })

  it.each([
    [1, 4],
    [2, 8],
    [3, 10],
  ])('to %i receivers is one of %i at a time, and of 500 in a run', async (receivers, atATime) => {
    for (let number = 0; number < receivers; number++) {
      const url = `https://hook${number}.example/`
      await world.webhooks.create(String(number).padStart(16, '0'), { url, events: ['key.revoked'] })
    }
    for (let number = 0; number < 501; number++) revoke(number)
    const { promise, resolve: open } = Promise.withResolvers<void>()
    world.gate = promise
    const run = world.webhooks.run(world.nowMs)
    // More would leave within these turns, because nothing else holds them up.
    for (let turn = 0; turn < 200 || world.requests.length < atATime; turn++) {
      await new Promise<void>((resolve) => setImmediate(resolve))
    }
    expect(world.requests).toHaveLength(atATime)
    open()
    await run
    expect(world.requests).toHaveLength(500)
  })

  it('waits for no receiver that is dead: those keep half of the places free, however much waits for them', async () => {
    const urls = Array.from({ length: 8 }, (_, number) => `https://hook${number}.example/`)
    for (const [number, url] of urls.entries()) {
      world.behaviours.set(url, { failure: 'timeout' })
      await world.webhooks.create(String(number).padStart(16, '0'), { url, events: ['key.revoked'] })
    }
    revoke(0)
    await world.settle()
    for (let number = 1; number < 50; number++) revoke(number)
    world.nowMs++
    await create(['document.indexed'])
    const id = 'evt_0123456789abcdef'
    world.webhooks.emit({ id, type: 'document.indexed', atMs: world.nowMs, data: {} })
    world.requests.length = 0
    // The dead ones hold their places to the end.
    for (const url of urls) world.behaviours.set(url, 'lost')
    void world.webhooks.run(world.nowMs)
    for (let turn = 0; turn < 200; turn++) await new Promise<void>((resolve) => setImmediate(resolve))
    const dead = world.requests.filter(({ url }) => url !== URL).map(({ url }) => url)
    expect([dead.length, new Set(dead).size, world.requests.length]).toEqual([5, 5, 6])
    expect(world.requests.find(({ url }) => url === URL)?.headers).toMatchObject({ 'webhook-id': id })
  })

  it('is not sent to an endpoint that was deleted while it was signed', async () => {
    await create()
    revoke()
    const run = world.webhooks.run(world.nowMs)
    world.webhooks.delete(ID)
    await run
    expect(world.requests).toEqual([])
  })

  it('is not sent when its tenant was erased while it was signed', async () => {
    await create()
    revoke()
    const run = world.webhooks.run(world.nowMs)
    for (const table of ['endpoints', 'events', 'deliveries']) world.database.run(`DROP TABLE webhook_${table}`)
    await expect(run).rejects.toThrow('no such table')
    expect(world.requests).toEqual([])
  })

  it('begins no later than five seconds into a run', async () => {
    await create()
    for (let number = 0; number < 40; number++) revoke(number)
    const run = world.webhooks.run(world.nowMs)
    world.nowMs += 5_000
    await run
    expect(world.requests.length).toBeLessThanOrEqual(4)
    await world.settle()
    expect(world.requests).toHaveLength(40)
  })

  it('cannot be signed where the sealing key was lost, and says so', async () => {
    await create()
    world.database.run('UPDATE webhook_endpoints SET sealed_secret = ?', new Uint8Array(61).fill(1))
    revoke()
    await world.settle()
    expect(world.requests).toEqual([])
    expect(latest().attempts).toEqual([{ atMs: START_MS, failure: 'unsigned' }])
  })
})

describe('a webhook', () => {
  it('is disabled by 410, at once', async () => {
    await create()
    world.behaviours.set(URL, { status: 410 })
    revoke()
    await world.pass(DAY)
    expect(sentAt()).toEqual([0])
    expect(latest()).toMatchObject({ status: 'failed' })
    expect(world.webhooks.find(ID)).toMatchObject({ enabled: false, disabled: { reason: 'gone', atMs: START_MS } })
    revoke(2)
    expect(count('webhook_events')).toBe(1)
    expect(world.webhooks.update(ID, { enabled: true })).toMatchObject({ enabled: true })
    expect(world.webhooks.find(ID)?.disabled).toBeUndefined()
  })

  it('is disabled after five days in which nothing arrived', async () => {
    await create()
    world.behaviours.set(URL, { failure: 'network' })
    for (let day = 0; day < 7; day++) {
      revoke(day)
      await world.pass(DAY)
    }
    const { disabled, enabled, failingSinceMs } = world.webhooks.find(ID) ?? {}
    expect({ enabled, failingSinceMs, reason: disabled?.reason }).toEqual({
      enabled: false,
      failingSinceMs: START_MS,
      reason: 'failing',
    })
    expect((disabled?.atMs ?? 0) - START_MS).toBeGreaterThanOrEqual(5 * DAY)
    expect((disabled?.atMs ?? 0) - START_MS).toBeLessThan(6 * DAY)
    expect(world.webhooks.nextDueMs()).toBeGreaterThan(world.nowMs)
  })

  it('gets what waited for it when it is enabled again, unless that is too old', async () => {
    await create()
    world.behaviours.set(URL, { status: 500 })
    revoke(1)
    await world.pass(HOUR)
    world.webhooks.update(ID, { enabled: false })
    expect(world.webhooks.find(ID)).toMatchObject({ enabled: false, waiting: 1 })
    const before = world.requests.length
    await world.pass(6 * DAY)
    expect(world.requests).toHaveLength(before)
    world.behaviours.delete(URL)
    world.webhooks.update(ID, { enabled: true })
    await world.settle()
    expect(world.requests).toHaveLength(before + 1)
    expect(latest().status).toBe('succeeded')
  })

  it('is disabled when more waits for it than is kept', async () => {
    await create()
    world.database.run('UPDATE webhook_endpoints SET waiting = ?', MAX_WAITING_DELIVERIES - 1)
    revoke()
    expect(world.webhooks.find(ID)).toMatchObject({ enabled: false, disabled: { reason: 'backlog' } })
  })

  it('is one of twenty at most, and a repeated operation makes no second', async () => {
    for (let number = 0; number < MAX_WEBHOOKS; number++) {
      const id = String(number).padStart(16, '0')
      expect(await world.webhooks.create(id, { url: URL, events: ['key.revoked'] })).not.toBe('full')
    }
    expect(await world.webhooks.create('f'.repeat(16), { url: URL, events: ['key.revoked'] })).toBe('full')
    const again = await world.webhooks.create('0'.repeat(16), { url: URL, events: ['key.revoked'] })
    expect(again).toMatchObject({ webhook: { id: `wh_${'0'.repeat(16)}` } })
    expect(world.webhooks.list({ limit: 100 })).toHaveLength(MAX_WEBHOOKS)
    expect(world.webhooks.list({ limit: 3, after: 'wh_0000000000000017' }).map(({ id }) => id)).toEqual([
      'wh_0000000000000018',
      'wh_0000000000000019',
    ])
  })

  it('can be changed in every part, and a new address is a new chance', async () => {
    await world.webhooks.create('0123456789abcdef', { url: URL, events: ['key.revoked'], description: 'old' })
    world.behaviours.set(URL, { status: 500 })
    revoke()
    await world.settle()
    expect(world.webhooks.find(ID)).toMatchObject({ description: 'old', failingSinceMs: START_MS })
    expect(world.webhooks.update(ID, { url: URL })?.failingSinceMs).toBe(START_MS)
    world.nowMs += 1
    const url = 'https://other.example/'
    const changed = world.webhooks.update(ID, { url, events: ['job.finished'], description: null })
    expect(changed).toEqual({
      id: ID,
      url,
      events: ['job.finished'],
      enabled: true,
      waiting: 1,
      createdAtMs: START_MS,
      updatedAtMs: START_MS + 1,
    })
    await world.pass(HOUR)
    expect(world.requests.map((request) => request.url)).toEqual([URL, url])
    expect(world.webhooks.update('wh_absent', { enabled: false })).toBeUndefined()
  })

  it('leaves nothing behind when it is deleted, but what others still wait for', async () => {
    await create()
    await world.webhooks.create('f'.repeat(16), { url: 'https://b.example/', events: ['key.revoked'] })
    revoke()
    world.webhooks.test(ID)
    expect(world.webhooks.delete(ID)).toBe(true)
    expect(world.webhooks.delete(ID)).toBe(false)
    expect([count('webhook_endpoints'), count('webhook_events'), count('webhook_deliveries')]).toEqual([1, 1, 1])
    expect(world.webhooks.deliveries(ID, { limit: 1 })).toBeUndefined()
    await world.settle()
    expect(world.requests.map(({ url }) => url)).toEqual(['https://b.example/'])
  })

  it('is left alone when it is deleted while it is being called', async () => {
    await create()
    revoke()
    const run = world.webhooks.run(world.nowMs)
    world.webhooks.delete(ID)
    await run
    expect(count('webhook_deliveries')).toBe(0)
  })
})

describe('a test and a redelivery', () => {
  it('are sent now; a test only once', async () => {
    await create()
    world.behaviours.set(URL, { status: 500 })
    expect(world.webhooks.test(ID)).toMatchObject({ type: 'webhook.test', status: 'waiting', attempts: [] })
    await world.pass(4 * DAY)
    expect(sentAt()).toEqual([0])
    expect(JSON.parse(world.requests[0]?.body ?? '')).toMatchObject({ type: 'webhook.test', data: { webhookId: ID } })
    expect(latest().status).toBe('failed')
  })

  it('send an event under its old id, whether its delivery has ended or waits', async () => {
    await create()
    revoke()
    await world.settle()
    const first = latest()
    world.nowMs += 6 * DAY
    const again = world.webhooks.redeliver(ID, first.id)
    expect(again).toMatchObject({ eventId: first.eventId, status: 'waiting' })
    world.behaviours.set(URL, { status: 500 })
    await world.settle()
    const waiting = latest()
    expect(waiting.id).not.toBe(first.id)
    expect(world.webhooks.redeliver(ID, waiting.id)).toMatchObject({ id: waiting.id, nextAttemptAtMs: world.nowMs })
    world.behaviours.delete(URL)
    await world.settle()
    expect(world.requests.map(({ headers }) => headers['webhook-id'])).toEqual(Array(3).fill('evt_key1'))
    // The event outlives its first seven days, because it was sent again.
    await world.pass(2 * DAY)
    expect(count('webhook_events')).toBe(1)
  })

  it('need a webhook that is there and enabled, and a delivery of its own', async () => {
    await create()
    await world.webhooks.create('f'.repeat(16), { url: URL, events: ['job.finished'] })
    revoke()
    const { id } = latest()
    expect(world.webhooks.test('wh_absent')).toBe('absent')
    expect(world.webhooks.redeliver('wh_absent', id)).toBe('absent')
    expect(world.webhooks.redeliver(ID, 'dlv_absent')).toBe('absent')
    expect(world.webhooks.redeliver(`wh_${'f'.repeat(16)}`, id)).toBe('absent')
    world.webhooks.update(ID, { enabled: false })
    expect(world.webhooks.test(ID)).toBe('disabled')
    expect(world.webhooks.redeliver(ID, id)).toBe('disabled')
  })
})

describe('the outbox', () => {
  it('stores nothing for a tenant that does not listen', async () => {
    revoke()
    await create(['job.finished'])
    revoke()
    expect([count('webhook_events'), count('webhook_deliveries')]).toEqual([0, 0])
    expect(world.webhooks.nextDueMs()).toBeUndefined()
  })

  it('forgets after seven days', async () => {
    await create()
    revoke()
    await world.settle()
    expect(world.webhooks.nextDueMs()).toBe(START_MS + WEBHOOK_RETENTION_MS)
    await world.pass(WEBHOOK_RETENTION_MS)
    expect([count('webhook_events'), count('webhook_deliveries')]).toEqual([0, 0])
    expect(world.webhooks.nextDueMs()).toBeUndefined()
  })

  it('keeps the newest of what has ended, as many as the limit says', async () => {
    await create()
    for (let number = 0; number < 3; number++) {
      revoke(number)
      world.nowMs += 1
    }
    await world.settle()
    // As if so many more had ended; what is there is the oldest.
    world.database.run('UPDATE webhook_endpoints SET ended = ? WHERE id = ?', MAX_ENDED_DELIVERIES + 2, ID)
    await world.webhooks.run(world.nowMs)
    const kept = world.webhooks.deliveries(ID, { limit: 10 })?.map(({ eventId }) => eventId)
    expect(kept).toEqual(['evt_key2'])
    expect(count('webhook_events')).toBe(1)
  })

  it('pages its deliveries, newest first', async () => {
    await create()
    for (let number = 0; number < 5; number++) revoke(number)
    const all = world.webhooks.deliveries(ID, { limit: 10 }) ?? []
    const [first, second] = all
    const rest = world.webhooks.deliveries(ID, {
      limit: 10,
      before: { createdAtMs: second?.createdAtMs ?? 0, id: second?.id ?? '' },
    })
    expect(all).toHaveLength(5)
    expect(first?.id.localeCompare(second?.id ?? '')).not.toBe(0)
    expect(rest).toEqual(all.slice(2))
  })
})
