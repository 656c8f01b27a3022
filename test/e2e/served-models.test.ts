/**
 * Models served directly, as their users' own clients ask for them: the `openai` package against the running product, and
 * reranking by a provider that is played on loopback.
 */
import OpenAI, { APIError } from 'openai'
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest'
import type { SearchResult } from '../../src/client/client.ts'
import { copyState, startServer } from '../support/local-server.ts'
import type { LocalServer } from '../support/local-server.ts'
import { openAiRoutes } from '../support/played-provider-openai.ts'
import { PlayedProvider } from '../support/played-provider.ts'
import { makeTenant } from '../support/tenants.ts'
import type { TestTenant } from '../support/tenants.ts'

let server: LocalServer
let played: PlayedProvider
let tenant: TestTenant
let openai: OpenAI

const clientOf = ({ key }: TestTenant): OpenAI =>
  new OpenAI({ apiKey: key, baseURL: `${server.credentials.url}/v1`, maxRetries: 0 })

const modelsOf = (baseUrl: string) => [
  { id: 'ours', provider: 'openai-compatible', model: 'm', baseUrl, dimensions: 64, apiKey: 'sealed-key' },
  { id: 'judge', task: 'rerank', provider: 'openai-compatible', model: 'r', baseUrl, apiKey: 'sealed-key' },
]

async function tenantWithModels(): Promise<TestTenant> {
  const made = await makeTenant(server)
  for (const model of modelsOf(`${played.url}/v1`)) await made.client.request('POST', '/v1/models', model)
  return made
}

const post = (path: string, credential: string, body: object, headers: Record<string, string> = {}) =>
  fetch(`${server.credentials.url}/v1/${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${credential}`, 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })

beforeAll(async () => {
  played = await PlayedProvider.start({ routes: [openAiRoutes()], apiKey: 'sealed-key' })
  server = await startServer(copyState(inject('preparedState')))
  tenant = await tenantWithModels()
  openai = clientOf(tenant)
})

beforeEach(() => played.reset())

afterAll(async () => {
  await server.stop()
  await played.stop()
})

const TEXTS = ['The ferry sank in the storm.', 'A ship went down in bad weather.', 'The invoice is due in thirty days.']
const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0)
const pathsOf = (): string[] => played.requests.map(({ path }) => path)

describe('embeddings through the openai client', () => {
  it('are the same unit vectors as base64, which it asks for by itself, and as numbers', async () => {
    const plain = await openai.embeddings.create({ model: 'edge-en', input: TEXTS })
    const floats = await openai.embeddings.create({ model: 'edge-en', input: TEXTS, encoding_format: 'float' })
    const vectors = floats.data.map(({ embedding }) => embedding)
    expect(plain.data.map(({ embedding }) => Array.from(embedding))).toEqual(vectors)
    expect(floats.data.map(({ index, object }) => [index, object])).toEqual([0, 1, 2].map((i) => [i, 'embedding']))
    for (const vector of vectors) expect(Math.hypot(...vector)).toBeCloseTo(1, 5)
    expect(dot(vectors[0]!, vectors[1]!)).toBeGreaterThan(dot(vectors[0]!, vectors[2]!) + 0.2)
    expect(floats).toMatchObject({ object: 'list', model: 'edge-en' })
    expect(floats.usage.prompt_tokens).toBeGreaterThan(15)
    expect(floats.usage.total_tokens).toBe(floats.usage.prompt_tokens)
  })

  it('come as base64 of little-endian singles', async () => {
    const body = { model: 'edge-en', input: 'a heron by the weir' }
    const raw = await tenant.client.request<{ data: { embedding: string }[] }>('POST', '/v1/embeddings', {
      ...body,
      encoding_format: 'base64',
    })
    const bytes = Buffer.from(raw.data[0]?.embedding ?? '', 'base64')
    const [{ embedding } = { embedding: [] }] = (await openai.embeddings.create({ ...body, encoding_format: 'float' }))
      .data
    expect(embedding).toHaveLength(384)
    expect(embedding.map((_, i) => bytes.readFloatLE(4 * i))).toEqual(embedding)
  })

  it('come from a provider by the tenant’s own name for its model', async () => {
    const { data, model } = await openai.embeddings.create({ model: 'ours', input: TEXTS })
    expect([data.length, data[0]?.embedding.length, model]).toEqual([3, 64, 'ours'])
    expect(pathsOf()).toEqual(['/v1/embeddings'])
  })

  it.each([
    ['a model that nobody has', { model: 'nobody', input: 'x' }, '/model'],
    ['a model that reranks', { model: 'judge', input: 'x' }, '/model'],
    ['an empty text', { model: 'edge-en', input: '' }, '/input'],
    ['token ids', { model: 'edge-en', input: [[1_234]] }, '/input/0'],
    ['257 texts', { model: 'edge-en', input: Array.from({ length: 257 }, () => 'x') }, '/input'],
    ['a length that the model has not', { model: 'edge-en', input: 'x', dimensions: 100 }, '/dimensions'],
  ])('are refused for %s', async (_, request, pointer) => {
    const error = await openai.embeddings.create(request).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(APIError)
    expect(error).toMatchObject({ status: 400, message: expect.stringContaining(`400 ${pointer} `) })
    const answer = tenant.client.request('POST', '/v1/embeddings', request)
    await expect(answer).rejects.toMatchObject({ errors: [{ pointer }] })
  })

  it('are a problem of their own where the provider fails, and where it refuses its key', async () => {
    for (const [status, code] of [
      [500, 'upstream_failed'],
      [401, 'upstream_refused'],
    ] as const) {
      played.always({ fault: 'status', status })
      const answer = await post('embeddings', tenant.key, { model: 'ours', input: 'one' })
      expect([answer.status, await answer.json()]).toEqual([502, expect.objectContaining({ code })])
    }
  })
})

describe('queries that were embedded before', () => {
  const asked = (from: OpenAI, input: string) =>
    from.embeddings.create({ model: 'ours', input, input_type: 'query' } as OpenAI.EmbeddingCreateParams)

  it('are not sent to the provider again, but for another tenant', async () => {
    const other = clientOf(await tenantWithModels())
    const first = await asked(openai, 'where do herons nest')
    const again = await asked(openai, 'where do herons nest')
    expect([again.data, played.requests.length]).toEqual([first.data, 1])
    await asked(other, 'where do herons nest')
    await asked(other, 'where do herons nest')
    expect(played.requests).toHaveLength(2)
  })
})

describe('reranking by a provider', () => {
  const QUERY = 'which bird nests by the weir'
  const DOCUMENTS = ['Tax is due in March.', 'The bird that nests by the weir is a heron.', 'A bird of the weir.']

  it('ranks documents in the shape of Cohere and Jina', async () => {
    const result = await tenant.client.request<{
      results: { index: number; relevance_score: number; document?: { text: string } }[]
    }>('POST', '/v1/rerank', { model: 'judge', query: QUERY, documents: DOCUMENTS, top_n: 2, return_documents: true })
    expect(result).toMatchObject({ model: 'judge', usage: { total_tokens: expect.any(Number) } })
    expect(result.results.map(({ index, document }) => [index, document?.text])).toEqual([
      [1, DOCUMENTS[1]],
      [2, DOCUMENTS[2]],
    ])
    for (const { relevance_score: score } of result.results) expect(score > 0 && score <= 1).toBe(true)
    const objects = { model: 'judge', query: QUERY, documents: DOCUMENTS.map((text) => ({ text })) }
    const all = await tenant.client.request<typeof result>('POST', '/v1/rerank', objects)
    expect(all.results.map(({ index }) => index)).toEqual([1, 2, 0])
    expect(all.results[0]).not.toHaveProperty('document')
  })

  it('reorders a search, and leaves it as it was when the provider is down', async () => {
    await tenant.client.createCollection({ name: 'notes' })
    await tenant.client.put(
      'notes',
      DOCUMENTS.map((text, i) => ({ id: `d${i}`, text })),
    )
    const find = (rest: object = {}): Promise<SearchResult> =>
      tenant.client.search('notes', { query: 'heron', ...rest })
    const fused = await find()
    const reranked = await find({ query: QUERY, rerank: { model: 'judge', depth: 3 }, explain: true })
    expect(reranked.hits.map(({ documentId }) => documentId)).toEqual(['d1', 'd2', 'd0'])
    expect(reranked.nextCursor).toBeNull()
    for (const { score, explain } of reranked.hits as readonly { score: number; explain?: { value: number } }[]) {
      expect(score).toBe(explain?.value)
    }
    played.always({ fault: 'status', status: 500 })
    const plain = await find({ rerank: { model: 'judge' } })
    expect(plain).toMatchObject({ degraded: ['rerank'] })
    expect(plain.hits).toEqual(fused.hits)
  })
})

it('is not for public keys and tokens', async () => {
  const { secret } = await tenant.client.request<{ secret: string }>('POST', '/v1/keys', {
    name: 'site',
    kind: 'public',
    scopes: ['search'],
    origins: ['https://shop.example'],
  })
  const { token } = await tenant.client.request<{ token: string }>('POST', '/v1/tokens', {
    ttlSeconds: 60,
    scopes: ['search'],
  })
  for (const [path, body] of [
    ['embeddings', { model: 'edge-en', input: 'x' }],
    ['rerank', { model: 'judge', query: 'x', documents: ['y'] }],
  ] as const) {
    for (const credential of [secret, token]) {
      const headers: Record<string, string> = credential === secret ? { origin: 'https://shop.example' } : {}
      const answer = await post(path, credential, body, headers)
      expect([answer.status, played.requests.length]).toEqual([403, 0])
    }
  }
})
