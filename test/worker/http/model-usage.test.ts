/** What models read, over HTTP: in the usage report by model and key, and in the way of who has spent their limits. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { costOfTokens, dollars } from '../../../src/tenancy/prices.ts'
import { makeWorld, problemOf } from './http-harness.ts'
import type { Answer, TestTenant, World } from './http-harness.ts'

const RERANKER = '@cf/baai/bge-reranker-base'
/** Noon, so that no window ends while a test runs. */
const START_MS = Math.floor(Date.now() / 86_400_000) * 86_400_000 + 43_200_000

let world: World
let tenant: TestTenant

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: START_MS })
  world = await makeWorld()
  tenant = await world.makeTenant()
  await post('/v1/collections', { name: 'birds' })
})

afterEach(() => {
  vi.useRealTimers()
})

const post = (path: string, body: object, key = tenant.key): Promise<Answer> => world.call('POST', path, { key, body })

async function put(): Promise<void> {
  const documents = [{ id: 'a', text: 'The grey heron stands in shallow water.' }]
  const written = await world.call('PUT', '/v1/collections/birds/documents', { key: tenant.key, body: { documents } })
  expect(written.status).toBe(200)
}

const usage = async (groupBy = 'day') =>
  (await world.call('GET', `/v1/usage?groupBy=${groupBy}`, { key: tenant.key })).json

async function limit(limits: object): Promise<void> {
  const patched = await world.call('PATCH', `/v1/tenants/${tenant.id}`, { key: world.rootKey, body: { limits } })
  expect(patched.status).toBe(200)
  vi.setSystemTime(Date.now() + 10_000)
}

const costOf = (tokens: number): number => dollars(costOfTokens({ id: 'edge-en', pricePerMillionTokens: 0 }, tokens))

describe('usage by model', () => {
  it('counts passages, queries, and what is embedded and ranked for the caller', async () => {
    await put()
    const written = (await usage()).models
    expect(written).toMatchObject([{ model: 'edge-en', requests: 1 }])
    const other = await world.makeKey(tenant, { scopes: ['search'] })
    await post('/v1/collections/birds/search', { query: 'grey heron' })
    await post('/v1/collections/birds/search', { query: 'heron', rerank: { model: RERANKER } })
    await post('/v1/embeddings', { model: 'edge-en', input: ['one two', 'three'] }, other)
    await post('/v1/rerank', { model: RERANKER, query: 'heron', documents: ['a', 'b', 'c'] }, other)
    const { models, totals } = await usage()
    const [reranker, edge] = models
    const tokens = written[0].tokens + 2 + 1 + 3
    expect(edge).toEqual({ model: 'edge-en', requests: 4, tokens, cost: costOf(tokens) })
    expect(reranker).toMatchObject({ model: 'bge-reranker-base', requests: 2 })
    expect(totals.embeddingTokens).toBe(written[0].tokens)
    const byKey = (await usage('key')).data
    expect(byKey.find(({ key }: { key: string }) => key !== tenant.keyId).models).toMatchObject([
      { model: 'bge-reranker-base', requests: 1, tokens: 1 },
      { model: 'edge-en', requests: 1, tokens: 3 },
    ])
    const rows = (await usage('collection')).data
    expect(rows.map((row: object) => 'collection' in row).sort()).toEqual([false, true])
    expect(rows.find((row: object) => !('collection' in row)).models).toHaveLength(2)
  })
})

describe('who has spent the tokens of the month', () => {
  it('has nothing embedded or ranked any more, and still searches', async () => {
    await put()
    const { tokens } = (await usage()).models[0]
    await limit({ embeddingTokensPerMonth: tokens + 5 })
    expect((await post('/v1/embeddings', { model: 'edge-en', input: 'one two three' })).status).toBe(200)
    const refused = [
      await post('/v1/embeddings', { model: 'edge-en', input: 'one two three' }),
      await post('/v1/rerank', { model: RERANKER, query: 'heron', documents: ['a', 'b', 'c'] }),
      await post('/v1/collections/birds/search', {
        query: 'heron in water',
        rerank: { model: RERANKER },
      }),
    ]
    for (const answer of refused) {
      expect(problemOf(answer)).toEqual({ status: 429, code: 'monthly_quota_exceeded', pointers: [] })
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
      expect(answer.headers.get('ratelimit-policy')).toBe(`"embeddingTokens";q=${tokens + 5};w=2592000`)
    }
    expect((await post('/v1/embeddings', { model: 'edge-en', input: 'x', dimensions: 7 })).status).toBe(400)
    expect((await post('/v1/embeddings', { model: 'edge-en', input: 'one two' })).status).toBe(200)
    expect((await post('/v1/collections/birds/search', { query: 'heron' })).status).toBe(200)
    const { limits } = await usage()
    expect(limits).toMatchObject([{ meter: 'embeddingTokens', used: tokens + 5, reserved: 0, remaining: 0 }])
  })
})

describe('a spent budget', () => {
  it('is in the way of whoever has much ranked, and not of what it still affords', async () => {
    await put()
    await limit({ dailyBudget: { usd: 1, whenSpent: 'reject' } })
    const { used } = (await usage()).limits[0]
    await limit({ dailyBudget: { usd: Math.ceil(used * 1e6 + 1) / 1e6, whenSpent: 'reject' } })
    const documents = Array.from({ length: 100 }, () => 'heron')
    const refused = await post('/v1/rerank', { model: RERANKER, query: 'heron '.repeat(200), documents })
    expect(problemOf(refused).code).toBe('budget_exceeded')
    expect(refused.headers.get('ratelimit-policy')).toMatch(/^"budget";q=\d+;w=86400$/)
    expect((await post('/v1/rerank', { model: RERANKER, query: 'heron', documents: ['a'] })).status).toBe(200)
  })
})
