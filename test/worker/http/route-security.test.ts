/**
 * Every route of the OpenAPI document, automatically: who is let in, in which order refusals come, and that another
 * tenant's things are as absent as things that never were. A new route is tested by being there.
 */
import { beforeAll, describe, expect, it } from 'vitest'
import { newKey } from '../../../src/tenancy/key-format.ts'
import { MAX_BODY_BYTES } from '../../../src/core/limits.ts'
import { ROUTES } from '../../../src/http/routes.ts'
import { makeWorld, ORIGIN, problemOf } from './http-harness.ts'
import type { TestTenant, World } from './http-harness.ts'

let world: World
let owner: TestTenant
let stranger: TestTenant
/** Fills the parameters of every path with things that exist and belong to `owner`. */
let real: Record<string, string>

beforeAll(async () => {
  world = await makeWorld()
  owner = await world.makeTenant('owner')
  stranger = await world.makeTenant('stranger')
  const { key } = owner
  await world.call('POST', '/v1/collections', { key, body: { name: 'owned' } })
  const documents = [{ id: 'doc', text: 'The heron nests by the weir.' }]
  const put = await world.call('PUT', '/v1/collections/owned/documents', { key, body: { documents } })
  expect(put.status).toBe(200)
  const later = await world.call('PUT', '/v1/collections/owned/documents', {
    key,
    headers: { prefer: 'respond-async' },
    body: { documents },
  })
  const hook = { url: 'https://hooks.example/', events: ['job.finished'] }
  const webhook = await world.call('POST', '/v1/webhooks', { key, body: hook })
  const delivery = await world.call('POST', `/v1/webhooks/${webhook.json.id}/test`, { key })
  const model = {
    id: 'owners',
    provider: 'openai-compatible',
    model: 'm',
    baseUrl: 'https://m.example/v1',
    dimensions: 8,
  }
  expect((await world.call('POST', '/v1/models', { key, body: model })).status).toBe(201)
  real = {
    'collections/collection': 'owned',
    'documents/id': 'doc',
    'deliveries/delivery': delivery.json.id,
    'jobs/id': later.json.job.id,
    'keys/id': owner.keyId,
    'models/id': 'owners',
    'tenants/id': owner.id,
    'webhooks/id': webhook.json.id,
  }
})

const fill = (path: string, values: Record<string, string>): string =>
  path.replaceAll(
    /([a-z]+)\/\{([^}]+)\}/g,
    (_, before: string, name: string) => `${before}/${values[`${before}/${name}`]}`,
  )

const cases = ROUTES.map((route) => ({ route, name: `${route.method.toUpperCase()} ${route.path}` }))

describe.each(cases)('$name', ({ route }) => {
  const method = route.method.toUpperCase()
  const body = route.body?.example
  /** A broken body, where the route takes one. */
  const broken = body === undefined && route.upload === undefined ? {} : { body: '{broken' }
  const path = (): string => fill(route.path, real)

  it('refuses a request without a credential before any binding is touched or the body read', async () => {
    const before = world.bindingCalls()
    const lie = 'x'.repeat(1_000)
    for (const authorization of [undefined, 'Bearer', 'Bearer x', `Basic ${lie}`, `Bearer ${owner.key.slice(0, -1)}`]) {
      const headers = authorization === undefined ? {} : { authorization }
      const answer = await world.call(method, path(), { headers, ...broken })
      expect(problemOf(answer)).toEqual({ status: 401, code: 'unauthorized', pointers: [] })
      expect(answer.headers.get('www-authenticate')).toBe('Bearer')
      expect(answer.headers.has('access-control-allow-origin')).toBe(false)
    }
    expect(world.bindingCalls()).toBe(before)
  })

  it('refuses a well-formed credential that nobody issued', async () => {
    for (const kind of ['secret', 'public', 'root'] as const) {
      const answer = await world.call(method, path(), { key: newKey(kind).text, body })
      expect(problemOf(answer).status).toBe(401)
    }
  })

  it('refuses a secret key from a page of another site', async () => {
    const { status, code } = problemOf(
      await world.call(method, path(), { key: owner.key, headers: { origin: 'https://shop.example' }, body }),
    )
    expect({ status, code }).toEqual({ status: 403, code: 'origin_forbidden' })
  })

  it('refuses a credential of the wrong kind or scope, whatever the body is', async () => {
    if (route.access.kind === 'root') {
      expect(problemOf(await world.call(method, path(), { key: owner.key, ...broken })).status).toBe(403)
      return
    }
    if (route.access.kind === 'key') {
      const headers = { 'nearfield-tenant': owner.id }
      expect(problemOf(await world.call(method, path(), { key: world.rootKey, headers, ...broken })).status).toBe(403)
      if (route.access.anyOf === undefined) return
    } else if (route.access.operator === undefined) {
      expect(problemOf(await world.call(method, path(), { key: world.rootKey, ...broken })).status).toBe(403)
    }
    const wanted: readonly string[] = route.access.kind === 'admin' ? ['admin'] : (route.access.anyOf ?? [])
    const others = ['search', 'answer', 'documents:read', 'documents:write', 'collections', 'admin'].filter(
      (scope) => !wanted.includes(scope),
    )
    const key = await world.makeKey(owner, { scopes: others })
    const { status, code } = problemOf(await world.call(method, path(), { key, ...broken }))
    expect({ status, code }).toEqual({ status: 403, code: 'scope_missing' })
  })

  it('refuses a body that is too large, of another type, broken, or not an object', async () => {
    if (route.body === undefined) return
    const key = route.access.kind === 'root' ? world.rootKey : owner.key
    const send = async (text: string, type = 'application/json'): Promise<ReturnType<typeof problemOf>> =>
      problemOf(await world.call(method, path(), { key, body: text, headers: { 'content-type': type } }))
    expect((await send(`"${'x'.repeat(route.body.maxBytes ?? MAX_BODY_BYTES)}"`)).status).toBe(413)
    expect((await send('a=b', 'application/x-www-form-urlencoded')).status).toBe(415)
    for (const text of ['', '{broken', '[]', '"text"', '7', 'null']) {
      const { status, pointers } = await send(text)
      expect({ text, status, pointers }).toEqual({ text, status: 400, pointers: [''] })
    }
    const unknown = await send(JSON.stringify({ ...route.body.example, colour: 'red' }))
    expect(unknown.status).toBe(400)
    expect(unknown.pointers).toContain('/colour')
  })

  it('refuses unknown query parameters by name', async () => {
    const key = route.access.kind === 'root' ? world.rootKey : owner.key
    const answer = await world.call(method, `${path()}?colour=red`, { key, body })
    expect(problemOf(answer)).toMatchObject({ status: 400, pointers: expect.arrayContaining(['/colour']) as unknown })
  })

  it("answers for another tenant's things exactly as for things that never were", async () => {
    if (!route.path.includes('{') || route.access.kind === 'root') return
    const ask = async (target: string): Promise<unknown> => {
      const answer = await world.call(method, target, { key: stranger.key, body })
      expect(problemOf(answer).status).toBe(404)
      return { ...answer.json, requestId: '', instance: '' }
    }
    const absent = Object.fromEntries(Object.keys(real).map((name) => [name, 'never-was']))
    expect(await ask(path())).toEqual(await ask(fill(route.path, absent)))
  })

  it('answers OPTIONS to anyone, without a credential or a binding call', async () => {
    const before = world.bindingCalls()
    const answer = await world.call('OPTIONS', path(), { headers: { origin: 'https://any.example' } })
    expect(answer.status).toBe(204)
    expect(answer.headers.get('access-control-allow-origin')).toBe('*')
    expect(answer.headers.get('access-control-max-age')).toBe('7200')
    expect(answer.headers.get('access-control-allow-headers')).toBe(
      'authorization, content-type, idempotency-key, prefer, last-event-id',
    )
    expect(world.bindingCalls()).toBe(before)
  })

  it('does not know other methods on its path, but says so to nobody without a credential', async () => {
    const answer = await world.call('REPORT', path(), { key: route.access.kind === 'root' ? world.rootKey : owner.key })
    expect(problemOf(answer)).toMatchObject({ status: 405, code: 'method_not_allowed' })
    expect(answer.headers.get('allow')).toContain(method)
    expect(problemOf(await world.call('REPORT', path())).status).toBe(401)
  })
})

it('paths that do not exist are 401 without a credential and 404 with one', async () => {
  for (const path of ['/v1', '/v1/', '/v1/nope', '/v1/collections/', '/v1/collections/owned/', '/v1/%63ollections']) {
    for (const method of ['GET', 'POST', 'DELETE', 'HEAD']) {
      expect((await world.call(method, path)).status).toBe(401)
      expect((await world.call(method, path, { key: owner.key })).status).toBe(404)
    }
  }
})

it('a document named by dots is never mistaken for its collection', async () => {
  // URL parsers fold the segment away before anybody can see it.
  const request = new Request(`${ORIGIN}/v1/collections/owned/documents/%2e%2e`, {
    method: 'DELETE',
    headers: { authorization: `Bearer ${owner.key}` },
  })
  expect(new URL(request.url).pathname).toBe('/v1/collections/owned/')
  expect((await world.fetch(request)).status).toBe(404)
  expect((await world.call('GET', '/v1/collections/owned', { key: owner.key })).status).toBe(200)
})
