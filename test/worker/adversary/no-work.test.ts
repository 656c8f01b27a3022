/**
 * Nothing is done for who shows no credential: the product's own entry point runs with every binding counted, and on no
 * route, path or method is a single one called. Paths and methods come from the served OpenAPI document.
 */
import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { newKey } from '../../../src/tenancy/key-format.ts'
import worker from '../../../src/worker.ts'
import { METHODS, TRICK_HEADERS, trickPaths } from '../../adversary/paths.ts'
import { filledPath, isForOperator, surfaceOf } from '../../adversary/surface.ts'
import type { Operation, Surface } from '../../adversary/surface.ts'
import type { WireAnswer, WireRequest } from '../../adversary/wire.ts'
import { ORIGIN } from '../http/http-harness.ts'

let calls: string[] = []

function counted<T extends object>(name: string, binding: T): T {
  return new Proxy(binding, {
    get(target, property) {
      const member: unknown = Reflect.get(target, property)
      if (typeof member !== 'function') return member
      return (...parameters: unknown[]): unknown => {
        calls.push(`${name}.${String(property)}`)
        return Reflect.apply(member, target, parameters)
      }
    },
  })
}

const bindings = Object.entries(env).filter(([, value]) => typeof value === 'object' && value !== null)
const countedEnv = {
  ...env,
  ...Object.fromEntries(bindings.map(([name, binding]) => [name, counted(name, binding as object)])),
} as typeof env

async function send({ method, path, headers, body }: WireRequest): Promise<WireAnswer> {
  const context = createExecutionContext()
  const request = new Request(ORIGIN + path, { method, headers, ...(body === undefined ? {} : { body }) })
  const response = await worker.fetch(request as Parameters<typeof worker.fetch>[0], countedEnv, context)
  const answer = { status: response.status, headers: Object.fromEntries(response.headers), text: await response.text() }
  await waitOnExecutionContext(context)
  return answer
}

let surface: Surface
/** What the Worker logs; kept out of the output of the tests. */
const logged: string[] = []
const key = newKey('secret').text
const MALFORMED: readonly Readonly<Record<string, string>>[] = [
  {},
  { authorization: '' },
  { authorization: 'Bearer' },
  { authorization: `Bearer ${key.slice(0, -1)}` },
  { authorization: `Bearer ${key}x` },
  { authorization: `Bearer ${key.slice(0, 30)}${key[30] === 'a' ? 'b' : 'a'}${key.slice(31)}` },
  { authorization: `Bearer ${key.toLowerCase()}` },
  { authorization: `Token ${key}` },
  { authorization: `Bearer ${key} ${key}` },
  { authorization: `Bearer ${'x'.repeat(5_000)}` },
  { authorization: 'Bearer a.b.c' },
  { authorization: `Bearer ${btoa('{"alg":"none","typ":"JWT"}')}.${btoa('{"scopes":["admin"]}')}.` },
]

const pathOf = ({ path, places }: Operation): string =>
  filledPath(
    path,
    places.map(() => 'x7Qm2LsV0aZp91Rt'),
  )

/** A body that would be refused later: what is wrong with it must never be told here. */
const bodyFor = (method: string): { body?: string } => (/^(POST|PUT|PATCH)$/.test(method) ? { body: '{broken' } : {})

beforeAll(async () => {
  vi.spyOn(console, 'log').mockImplementation((line: string) => void logged.push(line))
  surface = await surfaceOf(send)
  expect(bindings.length).toBeGreaterThanOrEqual(5)
})

describe('without a credential that could be one', () => {
  it('no route calls a binding, by any method', async () => {
    calls = []
    let attempts = 0
    for (const operation of surface.operations.filter(({ isPublic }) => !isPublic)) {
      for (const method of METHODS) {
        for (const headers of MALFORMED) {
          const answer = await send({ method, path: pathOf(operation), headers, ...bodyFor(method) })
          attempts++
          expect({ path: operation.path, method, headers, status: answer.status }).toMatchObject({ status: 401 })
          expect(answer.headers['www-authenticate']).toBe('Bearer')
        }
      }
    }
    expect(calls).toEqual([])
    expect(attempts).toBeGreaterThan(2_000)
  })

  it('no spelling of a path and no header gets around it', async () => {
    calls = []
    for (const operation of surface.operations.filter(({ isPublic }) => !isPublic)) {
      for (const path of trickPaths(pathOf(operation))) {
        const { status } = await send({ method: operation.method, path, headers: {}, ...bodyFor(operation.method) })
        expect([401, 404], `${operation.method} ${path}`).toContain(status)
      }
      for (const headers of TRICK_HEADERS) {
        for (const method of ['GET', 'POST', operation.method]) {
          const { status } = await send({ method, path: pathOf(operation), headers, ...bodyFor(method) })
          expect({ headers, method, status }).toMatchObject({ status: 401 })
        }
      }
    }
    expect(calls).toEqual([])
  })

  it('says the same of paths that do not exist', async () => {
    calls = []
    for (const path of ['/v1', '/v1/', '/v1/nope', '/v1/admin', '/v1/debug/vars', '/v1/collections/a/b/c/d']) {
      for (const method of METHODS) {
        for (const headers of MALFORMED) expect((await send({ method, path, headers })).status).toBe(401)
      }
    }
    expect(calls).toEqual([])
  })

  it('answers 404 or the public pages outside of /v1, and touches no store for them', async () => {
    calls = []
    const guessed = [
      '/metrics',
      '/debug',
      '/admin',
      '/.env',
      '/actuator/health',
      '/api/v1/keys',
      '/v2/keys',
      '/graphql',
    ]
    for (const path of guessed) {
      for (const method of METHODS) expect((await send({ method, path, headers: {} })).status).toBe(404)
    }
    for (const path of ['/', '/console', '/healthz', '/openapi.json', '/docs', '/demo.json', '/problems/not_found']) {
      expect([200, 404], path).toContain((await send({ method: 'GET', path, headers: {} })).status)
    }
    // Pages are files of the product.
    expect(calls.filter((call) => call !== 'ASSETS.fetch')).toEqual([])
  })
})

describe('the counting', () => {
  it('sees what a well-formed key and the root key cause', async () => {
    calls = []
    const path = '/v1/keys/self'
    expect((await send({ method: 'GET', path, headers: { authorization: `Bearer ${key}` } })).status).toBe(401)
    expect(calls.length).toBeGreaterThan(0)
    calls = []
    const authorization = `Bearer ${env.TEST_ROOT_KEY}`
    const tenants = surface.operations.find((operation) => operation.method === 'GET' && isForOperator(operation))
    expect((await send({ method: 'GET', path: tenants?.path ?? '', headers: { authorization } })).status).toBe(200)
    expect(calls.length).toBeGreaterThan(0)
  })
})

it('writes a line for each request, and in none of them a credential or a body', () => {
  const text = logged.join('\n')
  expect(logged.length).toBeGreaterThan(2_000)
  for (const secret of [key.slice(-49), key.slice(22, 40), env.TEST_ROOT_KEY.slice(-49), '{broken', 'jsessionid']) {
    expect(text).not.toContain(secret)
  }
})
