/** Models at `/v1/models` and in collections: what is kept of them, what is shown to whom, and what may change. */
import { env } from 'cloudflare:workers'
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { MAX_MODELS } from '../../../src/core/limits.ts'
import { makeWorld, problemOf } from './http-harness.ts'
import type { Answer, TestTenant, World } from './http-harness.ts'

const KEY = 'sk-canary-0815'
const OURS = {
  provider: 'openai-compatible',
  model: 'tiny',
  baseUrl: 'https://models.example/v1',
  dimensions: 8,
  apiKey: KEY,
}

let world: World
let tenant: TestTenant

beforeAll(async () => {
  world = await makeWorld()
})

beforeEach(async () => {
  tenant = await world.makeTenant()
})

const api = (method: string, path: string, body?: object, key: string = tenant.key): Promise<Answer> =>
  world.call(method, path, { key, ...(body === undefined ? {} : { body }) })

/** The sources of all models in D1, as they lie there. */
async function stored(): Promise<string[]> {
  const { results } = await env.DB.prepare('SELECT source FROM models').all<{ source: string }>()
  return results.map(({ source }) => source)
}

describe('models', () => {
  it('are listed after those of the product, page by page', async () => {
    for (const id of ['b', 'a']) expect((await api('POST', '/v1/models', { id, ...OURS })).status).toBe(201)
    const whole = await api('GET', '/v1/models')
    expect(whole.json).toMatchObject({ object: 'list', nextCursor: null })
    const ids = whole.json.data.map(({ id }: { id: string }) => id)
    expect(ids.slice(-2)).toEqual(['a', 'b'])
    expect(ids[0]).toBe('edge-en')
    const paged: string[] = []
    for (let cursor: string | null = ''; cursor !== null;) {
      const { json } = await api('GET', `/v1/models?limit=1${cursor === '' ? '' : `&cursor=${cursor}`}`)
      paged.push(...json.data.map(({ id }: { id: string }) => id))
      cursor = json.nextCursor
    }
    expect(paged).toEqual(ids)
  })

  it('keep their keys sealed and show them to nobody', async () => {
    const fallbacks = [{ provider: 'huggingface', model: 'BAAI/bge-m3', apiKey: `hf_${KEY}-2` }]
    const made = await api('POST', '/v1/models', {
      id: 'm3',
      provider: 'openai-compatible',
      model: 'bge-m3',
      baseUrl: 'https://models.example/v1',
      apiKey: KEY,
      fallbacks,
    })
    expect(made.json).toMatchObject({ id: 'm3', dimensions: 1_024, profile: 'bge-m3', hasApiKey: true })
    expect(made.json.fallbacks).toEqual([{ provider: 'huggingface', model: 'BAAI/bge-m3', hasApiKey: true }])
    for (const { text } of [made, await api('GET', '/v1/models/m3'), await api('GET', '/v1/models')]) {
      expect(text).not.toContain(KEY)
    }
    expect((await stored()).join('')).not.toContain(KEY)
    expect(JSON.stringify(world.lines)).not.toContain(KEY)
  })

  it('show where they run to administrators only', async () => {
    await api('POST', '/v1/models', { id: 'ours', ...OURS })
    // Nothing but its host names this one.
    const nameless = { provider: 'huggingface', endpointUrl: 'https://models.example', dimensions: 8 }
    expect((await api('POST', '/v1/models', { id: 'nameless', ...nameless })).json.profile).toBe('models.example')
    await api('POST', '/v1/collections', { name: 'remote', model: OURS })
    const searcher = await world.makeKey(tenant, { scopes: ['search'] })
    for (const path of [
      '/v1/models',
      '/v1/models/ours',
      '/v1/models/nameless',
      '/v1/collections',
      '/v1/collections/remote',
    ]) {
      expect((await api('GET', path)).text).toContain('models.example')
      const shown = await api('GET', path, undefined, searcher)
      expect([shown.status, shown.text.includes('models.example')]).toEqual([200, false])
    }
  })

  it('name what is wrong with a description', async () => {
    const faults: [object, string, string][] = [
      [{ ...OURS, id: 'edge-own' }, 'invalid_request', '/id'],
      [{ ...OURS, id: 'mdl_x' }, 'invalid_request', '/id'],
      [{ ...OURS, dimensions: undefined }, 'invalid_request', '/dimensions'],
      [{ ...OURS, model: 'edge-en' }, 'invalid_request', '/model'],
      [{ ...OURS, model: 'bge-m3' }, 'invalid_request', '/dimensions'],
      [{ ...OURS, baseUrl: 'ftp://x.example/' }, 'invalid_request', '/baseUrl'],
      [{ ...OURS, baseUrl: 'http://169.254.169.254/v1' }, 'invalid_request', '/baseUrl'],
      [{ ...OURS, apiKey: 'two words' }, 'invalid_request', '/apiKey'],
      [{ ...OURS, endpointUrl: 'https://x.example' }, 'invalid_request', '/endpointUrl'],
      [{ ...OURS, task: 'rerank' }, 'invalid_request', '/dimensions'],
      [{ provider: 'huggingface', apiKey: KEY }, 'invalid_request', '/model'],
      [{ provider: 'huggingface', model: 'BAAI/bge-m3', apiKey: KEY }, 'invalid_request', '/apiKey'],
      [{ provider: 'workers-ai', model: '@cf/baai/bge-m3' }, 'not_supported', '/provider'],
      [{ provider: 'workers-ai', model: '@cf/baai/bge-m3', accountId: 'ab'.repeat(16) }, 'invalid_request', '/apiKey'],
      [
        { ...OURS, fallbacks: [{ ...OURS, model: 'other', dimensions: undefined }] },
        'invalid_request',
        '/fallbacks/0/model',
      ],
    ]
    for (const [described, code, pointer] of faults) {
      const answer = await api('POST', '/v1/models', { id: 'm', ...described })
      expect(problemOf(answer), JSON.stringify(described)).toEqual({ status: 400, code, pointers: [pointer] })
      expect(answer.text).not.toContain(KEY)
    }
    const { json } = await api('GET', '/v1/models')
    expect(json.data.filter(({ provider }: { provider: string }) => provider !== 'edge')).toEqual([])
  })

  it('have a name each, and are at most so many', async () => {
    await api('POST', '/v1/models', { id: 'ours', ...OURS })
    expect(problemOf(await api('POST', '/v1/models', { id: 'ours', ...OURS })).code).toBe('conflict')
    const made = Array.from({ length: MAX_MODELS - 1 }, (_, i) => api('POST', '/v1/models', { id: `m${i}`, ...OURS }))
    expect(new Set((await Promise.all(made)).map(({ status }) => status))).toEqual(new Set([201]))
    expect(problemOf(await api('POST', '/v1/models', { id: 'more', ...OURS }))).toMatchObject({
      status: 403,
      code: 'quota_exceeded',
    })
  })

  it('take another key, and another address only together with the key', async () => {
    await api('POST', '/v1/models', { id: 'ours', ...OURS })
    const before = await stored()
    const moved = { baseUrl: 'https://elsewhere.example/v1' }
    expect(problemOf(await api('PATCH', '/v1/models/ours', moved)).pointers).toEqual(['/apiKey'])
    expect(await stored()).toEqual(before)
    const changed = await api('PATCH', '/v1/models/ours', { ...moved, apiKey: `${KEY}-3` })
    expect(changed.json).toMatchObject({ baseUrl: moved.baseUrl, hasApiKey: true })
    const other = { fallbacks: [{ ...OURS, model: 'other', dimensions: undefined }] }
    expect(problemOf(await api('PATCH', '/v1/models/ours', other)).pointers).toEqual(['/fallbacks/0/model'])
    expect(problemOf(await api('PATCH', '/v1/models/ours', { dimensions: 9 })).pointers).toEqual(['/dimensions'])
    expect((await api('PATCH', '/v1/models/edge-en', { apiKey: KEY })).status).toBe(404)
    expect((await stored()).join('')).not.toContain(KEY)
  })

  it('stay as long as a collection is built with them', async () => {
    await api('POST', '/v1/models', { id: 'ours', ...OURS })
    await api('POST', '/v1/models', { id: 'judge', ...OURS, dimensions: undefined, task: 'rerank' })
    const wrong = await api('POST', '/v1/collections', { name: 'x', model: 'judge' })
    expect(problemOf(wrong)).toEqual({ status: 400, code: 'invalid_request', pointers: ['/model'] })
    expect((await api('POST', '/v1/collections', { name: 'x', model: 'ours' })).json.model).toBe('ours')
    expect(problemOf(await api('DELETE', '/v1/models/ours'))).toMatchObject({ status: 409, code: 'model_in_use' })
    expect((await api('DELETE', '/v1/collections/x')).status).toBe(204)
    expect((await api('DELETE', '/v1/models/ours')).status).toBe(204)
    expect((await api('DELETE', '/v1/models/ours')).status).toBe(404)
  })

  it('that read little make small chunks of a collection that does not say how large', async () => {
    const sizeOf = async (name: string, maxTokens: number, chunking?: object) => {
      const model = { ...OURS, maxTokens }
      return api('POST', '/v1/collections', { name, model, ...(chunking === undefined ? {} : { chunking }) })
    }
    const usual = { strategy: 'recursive', size: 200, overlap: 20 }
    expect((await sizeOf('long', 240)).json.chunking).toEqual(usual)
    expect((await sizeOf('short', 239)).json.chunking).toEqual({ ...usual, size: 199 })
    expect((await sizeOf('shorter', 56)).json.chunking).toEqual({ ...usual, size: 16, overlap: 15 })
    expect(problemOf(await sizeOf('none', 55)).pointers).toEqual(['/chunking/size'])
    expect(problemOf(await sizeOf('told', 239, { size: 200 })).pointers).toEqual(['/chunking/size'])
  })

  it('of a collection go with it, and take another key through it', async () => {
    const before = (await stored()).length
    const made = await api('POST', '/v1/collections', { name: 'x', model: OURS })
    expect(made.json.model).toMatchObject({ provider: 'openai-compatible', hasApiKey: true, dimensions: 8 })
    const [sealed] = (await stored()).slice(before)
    expect((await api('PATCH', '/v1/collections/x', { model: { apiKey: `${KEY}-4` } })).status).toBe(200)
    expect((await stored()).slice(before)).not.toEqual([sealed])
    expect((await api('GET', '/v1/models')).text).not.toContain('tiny')
    await api('POST', '/v1/collections', { name: 'edge' })
    const none = await api('PATCH', '/v1/collections/edge', { model: { apiKey: KEY } })
    expect(problemOf(none)).toMatchObject({ status: 400, pointers: ['/model/apiKey'] })
    await api('DELETE', '/v1/collections/x')
    expect(await stored()).toHaveLength(before)
  })

  it('are written into the audit log by their own ids', async () => {
    await api('POST', '/v1/models', { id: 'ours', ...OURS })
    await api('PATCH', '/v1/models/ours', { apiKey: `${KEY}-5` })
    await api('DELETE', '/v1/models/ours')
    const { json, text } = await api('GET', '/v1/audit')
    const lines = json.data.filter(({ action }: { action: string }) => action.startsWith('model.'))
    expect(lines.map(({ action }: { action: string }) => action).sort()).toEqual([
      'model.create',
      'model.delete',
      'model.update',
    ])
    const ids = lines.map(({ subject }: { subject: { id: string } }) => subject.id)
    expect(new Set(ids).size).toBe(1)
    expect(ids[0]).toMatch(/^mdl_[0-9A-Za-z]{16}$/)
    expect(text).not.toContain(KEY)
  })

  it('move with their collections, without their keys', async () => {
    await api('POST', '/v1/models', { id: 'ours', ...OURS })
    await api('POST', '/v1/collections', { name: 'inline', model: OURS })
    await api('POST', '/v1/collections', { name: 'named', model: 'ours' })
    const root = (method: string, path: string, body?: object) => api(method, path, body, world.rootKey)
    const archive = await root('GET', `/v1/tenants/${tenant.id}/export`)
    expect(archive.text).not.toContain(KEY)
    const collections = archive.text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
      .filter(({ type }) => type === 'collection')
      .map((line) => ({ ...line, type: undefined }))
    expect(collections).toHaveLength(2)
    const other = await world.makeTenant()
    const target = `/v1/tenants/${other.id}/import`
    const missing = await root('POST', target, { collections })
    expect(problemOf(missing)).toMatchObject({ status: 400, pointers: ['/collections/1/model/name'] })
    expect((await api('POST', '/v1/models', { id: 'ours', ...OURS, dimensions: 16 }, other.key)).status).toBe(201)
    expect((await root('POST', target, { collections })).status).toBe(400)
    await api('DELETE', '/v1/models/ours', undefined, other.key)
    expect((await api('POST', '/v1/models', { id: 'ours', ...OURS }, other.key)).status).toBe(201)
    for (let twice = 0; twice < 2; twice++) expect((await root('POST', target, { collections })).status).toBe(200)
    const { json } = await api('GET', '/v1/collections/inline', undefined, other.key)
    expect(json.model).toMatchObject({ provider: 'openai-compatible', model: 'tiny', hasApiKey: false, dimensions: 8 })
    expect((await api('GET', '/v1/collections/named', undefined, other.key)).json.model).toBe('ours')
  })
})
