/** Webhooks over HTTP on real bindings: their life, what is refused, and the events that reach the egress Worker. */
import { env } from 'cloudflare:workers'
import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import type { TenantUid } from '../../../src/core/ids.ts'
import { asProblem } from '../../../src/core/problem.ts'
import { TenantObjects } from '../../../src/tenancy/tenant-objects.ts'
import type { TenantObject } from '../../../src/tenancy/tenant-object.ts'
import { keyRevoked } from '../../../src/tenancy/webhook-events.ts'
import { refusedUrls } from '../../support/ssrf-corpus.ts'
import { makeWorld, problemOf } from './http-harness.ts'
import type { Answer, TestTenant, World } from './http-harness.ts'

const HOOK = { url: 'https://hooks.example/nearfield', events: ['document.indexed', 'job.finished', 'key.revoked'] }
let world: World
let tenant: TestTenant
let number = 0

beforeAll(async () => {
  world = await makeWorld()
})

const call = (method: string, path: string, body?: unknown, headers = {}): Promise<Answer> =>
  world.call(method, `/v1/webhooks${path}`, { key: tenant.key, headers, ...(body === undefined ? {} : { body }) })

async function newTenant(): Promise<void> {
  tenant = await world.makeTenant(`hooks${number++}`)
}

async function newWebhook(body: object = HOOK): Promise<{ id: string; secret: string }> {
  const made = await call('POST', '', body)
  expect(made.status, made.text).toBe(201)
  return made.json
}

async function objectOf(id: string): Promise<DurableObjectStub<TenantObject>> {
  const row = await env.DB.prepare('SELECT uid FROM tenants WHERE id = ?').bind(id).first<{ uid: TenantUid }>()
  if (row === null) throw new Error('no such tenant')
  return new TenantObjects(env.TENANT).of(row.uid)
}

/** All deliveries, once as many as expected have arrived: the object's own alarm sends them. */
const deliveries = (id: string, expected: number): Promise<Answer['json'][]> =>
  vi.waitFor(
    async () => {
      const { json } = await call('GET', `/${id}/deliveries`)
      const arrived = json.data.filter(({ status }: { status: string }) => status === 'succeeded')
      if (arrived.length < expected) throw new Error(`arrived: ${arrived.length}`)
      return json.data
    },
    { timeout: 50_000, interval: 50 },
  )

describe('a webhook', () => {
  it('is made, shown, listed, changed and deleted; its secret is shown once', async () => {
    await newTenant()
    const made = await call('POST', '', { ...HOOK, description: 'the shop' })
    expect(made.status).toBe(201)
    expect(made.headers.get('location')).toBe(`/v1/webhooks/${made.json.id}`)
    const { secret, ...view } = made.json
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/)
    expect(view).toMatchObject({
      ...HOOK,
      id: expect.stringMatching(/^wh_[0-9A-Za-z]{16}$/),
      description: 'the shop',
      enabled: true,
      disabled: null,
      failingSince: null,
      waiting: 0,
      previousSecretUntil: null,
    })
    expect((await call('GET', `/${view.id}`)).json).toEqual(view)
    expect((await call('GET', '')).json).toEqual({ data: [view], nextCursor: null })
    const changed = await call('PATCH', `/${view.id}`, { enabled: false, description: null, events: ['quota.warning'] })
    expect(changed.json).toMatchObject({ enabled: false, disabled: null, description: null, events: ['quota.warning'] })
    expect(problemOf(await call('POST', `/${view.id}/test`))).toMatchObject({ status: 409, code: 'webhook_disabled' })
    expect((await call('DELETE', `/${view.id}`)).status).toBe(204)
    for (const method of ['GET', 'DELETE']) expect((await call(method, `/${view.id}`)).status).toBe(404)
    expect((await call('PATCH', `/${view.id}`, { enabled: true })).status).toBe(404)
    for (const action of ['rotate', 'test', 'deliveries/dlv_0/redeliver']) {
      expect((await call('POST', `/${view.id}/${action}`)).status).toBe(404)
    }
    expect((await call('GET', `/${view.id}/deliveries`)).status).toBe(404)
  })

  it('is made once for one idempotency key, and a replay keeps the secret to itself', async () => {
    await newTenant()
    const headers = { 'idempotency-key': 'once' }
    const made = await call('POST', '', HOOK, headers)
    const { secret, ...view } = made.json
    const again = await call('POST', '', HOOK, headers)
    expect(again.headers.get('idempotent-replayed')).toBe('true')
    expect(again.json).toEqual({ ...view, secretShown: false })
    expect(again.text).not.toContain(secret)
    const rotated = await call('POST', `/${view.id}/rotate`, undefined, headers)
    const replayed = await call('POST', `/${view.id}/rotate`, undefined, headers)
    expect(rotated.status).toBe(201)
    expect(rotated.json.secret).not.toBe(secret)
    expect(Date.parse(rotated.json.previousSecretUntil)).toBeGreaterThan(Date.now() + 86_000_000)
    expect(replayed.json).toMatchObject({ id: view.id, secretShown: false })
    expect((await call('GET', '')).json.data).toHaveLength(1)
  })

  it('is one of twenty at most, in pages', async () => {
    await newTenant()
    for (let index = 0; index < 20; index++) await newWebhook()
    expect(problemOf(await call('POST', '', HOOK))).toMatchObject({ status: 403, code: 'quota_exceeded' })
    const first = await call('GET', '?limit=15')
    const second = await call('GET', `?limit=15&cursor=${first.json.nextCursor}`)
    const ids = [...first.json.data, ...second.json.data].map(({ id }: { id: string }) => id)
    expect(ids).toEqual([...new Set(ids)].sort())
    expect([ids.length, second.json.nextCursor]).toEqual([20, null])
  })

  it.each([
    [{ ...HOOK, events: [] }, '/events'],
    [{ ...HOOK, events: ['job.finished', 'job.finished'] }, '/events'],
    [{ ...HOOK, events: ['webhook.test'] }, '/events/0'],
    [{ ...HOOK, description: 'x'.repeat(201) }, '/description'],
    [{ events: HOOK.events }, '/url'],
    [{ ...HOOK, url: 7 }, '/url'],
  ])('is refused where it is not valid: %j', async (body, pointer) => {
    await newTenant()
    expect(problemOf(await call('POST', '', body))).toEqual({
      status: 400,
      code: 'invalid_request',
      pointers: [pointer],
    })
  })

  it('is refused at every address that can be told to be private, when it is made and when it is changed', async () => {
    await newTenant()
    const { id } = await newWebhook()
    const faults: string[] = []
    for (const [index, url] of refusedUrls(8443).entries()) {
      const answer = index % 2 === 0 ? await call('POST', '', { ...HOOK, url }) : await call('PATCH', `/${id}`, { url })
      const { status, pointers } = problemOf(answer)
      if (status !== 400 || pointers.join() !== '/url') faults.push(`${status} ${pointers.join()} ${url}`)
    }
    expect(faults).toEqual([])
    expect((await call('GET', '')).json.data).toMatchObject([{ id, url: HOOK.url }])
  })

  it('belongs to its tenant alone', async () => {
    await newTenant()
    const { id } = await newWebhook()
    await newTenant()
    expect((await call('GET', '')).json.data).toEqual([])
    expect((await call('GET', `/${id}`)).status).toBe(404)
  })
})

describe('events', () => {
  it('of documents, jobs and keys arrive through the egress Worker', async () => {
    await newTenant()
    const { id } = await newWebhook()
    const { key } = tenant
    await world.call('POST', '/v1/collections', { key, body: { name: 'docs' } })
    const documents = [{ id: 'doc 1', text: 'The heron nests by the weir.' }]
    await world.call('PUT', '/v1/collections/docs/documents', { key, body: { documents } })
    const accepted = await world.call('PUT', '/v1/collections/docs/documents', {
      key,
      headers: { prefer: 'respond-async' },
      body: { documents: [{ id: 'doc 2', text: 'The ferry waits.' }] },
    })
    const revoked = (await world.makeKey(tenant, { scopes: ['search'] })).slice(6, 22)
    expect((await world.call('DELETE', `/v1/keys/${revoked}`, { key })).status).toBe(204)
    const list = await deliveries(id, 4)
    const types = list.map(({ event }): string => event.type).toSorted((a, b) => (a < b ? -1 : 1))
    expect(types).toEqual(['document.indexed', 'document.indexed', 'job.finished', 'key.revoked'])
    expect(list.map(({ event }) => event.id)).toEqual(
      expect.arrayContaining([`evt_${revoked}`, `evt_${accepted.json.job.id.slice(4)}`]),
    )
    expect(list[0]).toMatchObject({ status: 'succeeded', attempts: [{ status: 204 }], nextAttemptAt: null })
  })

  it('of a revoked key are told by the alarm, where the Worker died before it told', async () => {
    await newTenant()
    const { id } = await newWebhook()
    const revoked = (await world.makeKey(tenant, { scopes: ['search'] })).slice(6, 22)
    const object = await objectOf(tenant.id)
    // Hides the method from callers.
    await runInDurableObject(object, (instance) => Object.assign(instance, { revocationFinished: 0 }))
    expect((await world.call('DELETE', `/v1/keys/${revoked}`, { key: tenant.key })).status).toBe(204)
    expect((await call('GET', `/${id}/deliveries`)).json.data).toEqual([])
    await runInDurableObject(object, (_, { storage }) => {
      storage.sql.exec('UPDATE planned_revocations SET due_ms = 1')
    })
    await runDurableObjectAlarm(object)
    const list = await deliveries(id, 1)
    expect(list.map(({ event }) => event)).toEqual([{ id: `evt_${revoked}`, type: 'key.revoked' }])
    const left = await runInDurableObject(object, (_, { storage }) =>
      storage.sql.exec('SELECT key_id FROM planned_revocations').toArray(),
    )
    expect(left).toEqual([])
  })

  it('can be tested and sent again, and are listed in pages', async () => {
    await newTenant()
    const { id } = await newWebhook()
    const test = await call('POST', `/${id}/test`)
    expect(test).toMatchObject({ status: 202, json: { status: 'waiting', event: { type: 'webhook.test' } } })
    await deliveries(id, 1)
    const again = await call('POST', `/${id}/deliveries/${test.json.id}/redeliver`)
    expect(again).toMatchObject({ status: 202, json: { status: 'waiting', event: test.json.event } })
    await deliveries(id, 2)
    const first = await call('GET', `/${id}/deliveries?limit=1`)
    const second = await call('GET', `/${id}/deliveries?limit=1&cursor=${first.json.nextCursor}`)
    expect([first, second].map(({ json }) => json.data[0].id)).toEqual([again.json.id, test.json.id])
    expect(second.json.nextCursor).toBeNull()
    expect((await call('POST', `/${id}/deliveries/dlv_absent/redeliver`)).status).toBe(404)
  })

  it('end with the tenant, endpoints and all: what waits is never sent, and nothing comes after it', async () => {
    await newTenant()
    const { id } = await newWebhook()
    const object = await objectOf(tenant.id)
    await call('POST', `/${id}/test`)
    await deliveries(id, 1)
    // One that is tried again in an hour.
    await runInDurableObject(object, async (_, { storage }) => {
      storage.sql.exec("UPDATE webhook_deliveries SET status = 'waiting', next_ms = ?", Date.now() + 3_600_000)
      await storage.setAlarm(Date.now() + 3_600_000)
    })
    const erased = await world.call('DELETE', `/v1/tenants/${tenant.id}`, { key: world.rootKey })
    expect(erased.status).toBeLessThan(300)
    const left = await runInDurableObject(object, (_, { storage }) =>
      storage.sql.exec("SELECT name FROM sqlite_schema WHERE name LIKE 'webhook%'").toArray(),
    )
    expect(left).toEqual([])
    const late = object.emitEvent(keyRevoked('0123456789abcdef', 0)).then(
      () => 'told',
      (error: unknown) => asProblem(error)?.code,
    )
    expect(await late).toBe('not_found')
    expect(await runInDurableObject(object, (_, { storage }) => storage.getAlarm())).toBeNull()
  })
})
