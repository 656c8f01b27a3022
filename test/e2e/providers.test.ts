/**
 * A collection on a provider's model, over HTTP against the real commands: it is written and searched, its provider goes
 * down and comes back, its key is changed. The provider is played on loopback.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest'
import { copyState, startServer, until } from '../support/local-server.ts'
import type { LocalServer } from '../support/local-server.ts'
import { openAiRoutes } from '../support/played-provider-openai.ts'
import { PlayedProvider } from '../support/played-provider.ts'
import { makeTenant } from '../support/tenants.ts'
import type { TestTenant } from '../support/tenants.ts'

/** Found nowhere but in requests to the provider. */
const API_KEY = 'sk-kanarienvogel-4711'
const DOWN = { fault: 'status', status: 500 } as const

let server: LocalServer
let played: PlayedProvider
let tenant: TestTenant

interface Answer {
  readonly status: number
  readonly text: string
  readonly json: Record<string, unknown>
}

async function call(
  method: string,
  path: string,
  body?: object,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await fetch(`${server.credentials.url}/v1/${path}`, {
    method,
    headers: {
      authorization: `Bearer ${tenant.key}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  return { status: response.status, text, json: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>) }
}

const put = (id: string, text: string, headers: Record<string, string> = {}): Promise<Answer> =>
  call('PUT', 'collections/remote/documents', { documents: [{ id, text }] }, headers)

const search = (query: string, more: object = {}): Promise<Answer> =>
  call('POST', 'collections/remote/search', { query, ...more })

const idsOf = ({ json }: Answer): string[] =>
  (json['hits'] as readonly { documentId: string }[]).map(({ documentId }) => documentId)

beforeAll(async () => {
  played = await PlayedProvider.start({ routes: [openAiRoutes()], apiKey: API_KEY })
  server = await startServer(copyState(inject('preparedState')))
  tenant = await makeTenant(server)
  const model = {
    provider: 'openai-compatible',
    model: 'played',
    baseUrl: `${played.url}/v1`,
    dimensions: 64,
    apiKey: API_KEY,
  }
  const made = await call('POST', 'collections', { name: 'remote', model })
  expect(made.json['model']).toMatchObject({ provider: 'openai-compatible', dimensions: 64, hasApiKey: true })
  expect(made.text).not.toContain(API_KEY)
  expect((await put('ferry', 'The ferry sank in the storm.')).json['results']).toMatchObject([{ status: 'created' }])
  expect((await put('invoice', 'The invoice is due in thirty days.')).status).toBe(200)
})

beforeEach(() => played.reset())

afterAll(async () => {
  await server.stop()
  await played.stop()
})

describe('a collection on a model of a provider', () => {
  it('is searched by meaning', async () => {
    const found = await search('The ferry sank in a storm', { mode: 'vector' })
    expect(idsOf(found)[0]).toBe('ferry')
    expect(played.requests.length).toBeLessThanOrEqual(1)
  })

  it('answers by words while its provider is down, and says so', async () => {
    played.always(DOWN)
    const found = await search('invoice due when')
    expect(found).toMatchObject({ status: 200, json: { degraded: ['vector'] } })
    expect(idsOf(found)).toContain('invoice')
    expect([502, 503, 504]).toContain((await search('invoice due then', { mode: 'vector' })).status)
  })

  it('refuses writes meanwhile, and stores nothing of them', async () => {
    played.always(DOWN)
    const refused = await put('half', 'Half of a heron.')
    expect([502, 503, 504]).toContain(refused.status)
    expect(refused.text).not.toContain('confidential')
    expect((await call('GET', 'collections/remote/documents/half')).status).toBe(404)
    const { json } = await call('GET', 'collections/remote')
    expect(json['statistics']).toMatchObject({ documents: 2, pending: 0 })
  })

  it('indexes in the background what was accepted meanwhile, once its provider is back', async () => {
    played.always(DOWN)
    const accepted = await put('later', 'A heron waits for the tide.', { prefer: 'respond-async' })
    expect(accepted.status).toBe(202)
    const { id } = accepted.json['job'] as { id: string }
    await played.until(() => played.requests.length > 0)
    expect((await call('GET', `jobs/${id}`)).json['status']).not.toBe('failed')
    played.reset()
    await until('the job is done', async () => (await call('GET', `jobs/${id}`)).json['status'] === 'succeeded')
    await until('the provider is asked again', async () => {
      const found = await search(`A heron waits for the tide ${played.requests.length}`, { mode: 'vector' })
      return found.status === 200 && idsOf(found)[0] === 'later'
    })
  })

  it('is told by its own code that the provider refuses the key, until the key is changed', async () => {
    expect((await call('PATCH', 'collections/remote', { model: { apiKey: 'sk-wrong' } })).status).toBe(200)
    const refused = await put('refused', 'The key of the lighthouse is lost.')
    expect(refused).toMatchObject({ status: 502, json: { code: 'upstream_refused' } })
    expect(refused.text).not.toContain('sk-')
    expect((await search('the lost key of a lighthouse')).json['degraded']).toEqual(['vector'])
    expect((await call('PATCH', 'collections/remote', { model: { apiKey: API_KEY } })).status).toBe(200)
    expect((await put('refused', 'The key of the lighthouse is lost.')).status).toBe(200)
  })

  it('shows its key nowhere, and keeps it sealed', async () => {
    const shown = [
      await call('GET', 'collections/remote'),
      await call('GET', 'collections'),
      await call('GET', 'models'),
      await call('GET', 'audit'),
      await call('GET', 'collections/remote/documents'),
    ]
    for (const { status, text } of shown) {
      expect(status).toBe(200)
      expect(text).not.toContain(API_KEY)
    }
    const exported = await fetch(`${server.credentials.url}/v1/tenants/${tenant.id}/export`, {
      headers: { authorization: `Bearer ${server.credentials.rootKey}` },
    })
    expect(await exported.text()).not.toContain(API_KEY)
    const files = readdirSync(server.state, { recursive: true, withFileTypes: true }).filter((file) => file.isFile())
    expect(files.length).toBeGreaterThan(3)
    for (const file of files) {
      expect(readFileSync(join(file.parentPath, file.name)).includes(API_KEY), file.name).toBe(false)
    }
  })
})

describe('a named model of a provider', () => {
  it('lasts as long as a collection is built with it, and is a stranger’s to nobody', async () => {
    const made = await call('POST', 'models', {
      id: 'ours',
      provider: 'openai-compatible',
      model: 'played',
      baseUrl: `${played.url}/v1`,
      dimensions: 64,
      apiKey: API_KEY,
    })
    expect(made).toMatchObject({ status: 201, json: { id: 'ours', task: 'embed', hasApiKey: true } })
    const collection = await call('POST', 'collections', { name: 'named', model: 'ours' })
    expect(collection).toMatchObject({ status: 201, json: { model: 'ours' } })
    expect(await call('DELETE', 'models/ours')).toMatchObject({ status: 409, json: { code: 'model_in_use' } })
    const stranger = await makeTenant(server)
    const foreign = await fetch(`${server.credentials.url}/v1/models/ours`, {
      headers: { authorization: `Bearer ${stranger.key}` },
    })
    expect(foreign.status).toBe(404)
    expect((await call('DELETE', 'collections/named')).status).toBe(204)
    expect((await call('DELETE', 'models/ours')).status).toBe(204)
    expect((await call('GET', 'models/ours')).status).toBe(404)
  })
})
