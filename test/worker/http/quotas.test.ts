/** Quotas of searches and answers over HTTP: what is refused, what is left, and what failed requests cost. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { PRICES } from '../../../src/tenancy/prices.ts'
import { makeWorld, problemOf } from './http-harness.ts'
import type { Answer, TestTenant, World } from './http-harness.ts'

const SEARCH = '/v1/collections/birds/search'
const ANSWERS = '/v1/collections/birds/answers'
/** Noon, so that no window ends while a test runs. */
const START_MS = Math.floor(Date.now() / 86_400_000) * 86_400_000 + 43_200_000

let world: World
let tenant: TestTenant

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: START_MS })
  world = await makeWorld()
  tenant = await world.makeTenant()
  await world.call('POST', '/v1/collections', { key: tenant.key, body: { name: 'birds' } })
  const documents = [{ id: 'a', text: 'The grey heron stands in shallow water.' }]
  await world.call('PUT', '/v1/collections/birds/documents', { key: tenant.key, body: { documents } })
})

afterEach(() => {
  vi.useRealTimers()
})

const post = (path: string, body: object, headers = {}): Promise<Answer> =>
  world.call('POST', path, { key: tenant.key, body, headers })
const search = (more: object = {}): Promise<Answer> => post(SEARCH, { query: 'heron', ...more })

async function limit(limits: object): Promise<void> {
  const patched = await world.call('PATCH', `/v1/tenants/${tenant.id}`, { key: world.rootKey, body: { limits } })
  expect(patched.status).toBe(200)
  vi.setSystemTime(Date.now() + 10_000)
}

describe('a quota of searches', () => {
  it('is spent by searches that succeed, not by those that fail, and then refused until the month ends', async () => {
    await limit({ searchesPerMonth: 2 })
    expect((await search({ cursor: 'nonsense' })).status).toBe(400)
    expect((await post('/v1/collections/none/search', { query: 'heron' })).status).toBe(404)
    expect((await search()).status).toBe(200)
    expect((await post('/v1/search', { collections: ['birds'], query: 'heron' })).status).toBe(200)
    const refused = await search()
    expect(problemOf(refused)).toEqual({ status: 429, code: 'monthly_quota_exceeded', pointers: [] })
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(Number(refused.headers.get('retry-after'))).toBeLessThanOrEqual(86_400)
    expect(refused.headers.get('ratelimit-policy')).toBe('"searches";q=2;w=2592000')
    expect(refused.headers.get('ratelimit')).toMatch(/^"searches";r=0;t=\d+$/)
    expect((await post('/v1/search', { collections: ['none'], query: 'heron' })).status).toBe(404)
    expect((await post(ANSWERS, { question: 'Where does the heron stand?' })).status).toBe(200)
  })

  it('leaves no record for an idempotency key that it refused', async () => {
    await limit({ searchesPerMonth: 1 })
    expect((await search()).status).toBe(200)
    const headers = { 'idempotency-key': 'a' }
    expect((await post(SEARCH, { query: 'heron' }, headers)).status).toBe(429)
    await limit({ searchesPerMonth: 5 })
    expect((await post(SEARCH, { query: 'heron' }, headers)).status).toBe(200)
  })
})

describe('a quota of answers', () => {
  it('is apart from that of searches', async () => {
    await limit({ answersPerMonth: 1 })
    expect((await post(ANSWERS, { question: 'Where does the heron stand?' })).status).toBe(200)
    const refused = await post(ANSWERS, { question: 'Where does the heron stand?' })
    expect([refused.status, refused.json.code]).toEqual([429, 'monthly_quota_exceeded'])
    expect(refused.headers.get('ratelimit-policy')).toBe('"answers";q=1;w=2592000')
    expect((await search()).status).toBe(200)
  })
})

describe('a quota of embedded tokens', () => {
  it('is named by the refusal of a write that it has no room for', async () => {
    await limit({ embeddingTokensPerMonth: 2 })
    const path = '/v1/collections/birds/documents'
    const text = 'A heron stands for hours in the shallow water of the bay before it moves.'
    const put = await world.call('PUT', path, { key: tenant.key, body: { documents: [{ id: 'b', text }] } })
    const patch = await world.call('PATCH', `${path}/a`, { key: tenant.key, body: { title: text } })
    for (const refused of [put, patch]) {
      expect(problemOf(refused)).toEqual({ status: 429, code: 'monthly_quota_exceeded', pointers: [] })
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
      expect(refused.headers.get('ratelimit-policy')).toBe('"embeddingTokens";q=2;w=2592000')
      expect(refused.headers.get('ratelimit')).toMatch(/^"embeddingTokens";r=0;t=\d+$/)
    }
  })
})

describe('a spent budget', () => {
  /** In micro-dollars, the finest that a budget can say: enough for one search, not for two. */
  const usd = Math.ceil(PRICES.search / 1_000) / 1e6
  const spend = async (whenSpent: 'keyword' | 'reject'): Promise<void> => {
    await limit({ dailyBudget: { usd, whenSpent } })
    const first = await search()
    expect([first.status, first.json.degraded]).toEqual([200, undefined])
  }

  it('refuses reads where the tenant chose so', async () => {
    await spend('reject')
    for (const refused of [await search({ mode: 'keyword' }), await post(ANSWERS, { question: 'Where is it?' })]) {
      expect(problemOf(refused).code).toBe('budget_exceeded')
      expect(Number(refused.headers.get('retry-after'))).toBeLessThanOrEqual(43_200)
      expect(refused.headers.get('ratelimit-policy')).toBe(`"budget";q=${Math.round(usd * 1e6)};w=86400`)
    }
  })

  it('leaves searches by keyword where the tenant chose so', async () => {
    await spend('keyword')
    const hybrid = await search()
    expect([hybrid.status, hybrid.json.degraded, hybrid.json.hits.length]).toEqual([200, ['vector'], 1])
    const keyword = await search({ mode: 'keyword' })
    expect([keyword.status, keyword.json.degraded]).toEqual([200, undefined])
    const vector = Array.from({ length: 384 }, () => 0.05)
    for (const nothingLeft of [
      await search({ mode: 'vector' }),
      await post(SEARCH, { vector }),
      await post(ANSWERS, { question: 'Where is it?' }),
    ]) {
      expect([nothingLeft.status, nothingLeft.json.code]).toEqual([429, 'budget_exceeded'])
      expect(nothingLeft.headers.get('ratelimit')).toMatch(/^"budget";r=0;t=\d+$/)
    }
  })

  it('keeps the legs of a search over all its pages', async () => {
    const more = Array.from({ length: 4 }, (_, i) => ({ id: `b${i}`, text: `Heron number ${i}` }))
    await world.call('PUT', '/v1/collections/birds/documents', { key: tenant.key, body: { documents: more } })
    const vector = Array.from({ length: 384 }, (_, i) => Math.sin(i) / 14)
    await limit({ dailyBudget: { usd, whenSpent: 'keyword' } })
    const whole = await search({ vector, limit: 2 })
    const second = await search({ vector, limit: 2, cursor: whole.json.nextCursor })
    expect([second.status, second.json.degraded]).toEqual([200, undefined])
    const degraded = await search({ vector, limit: 2 })
    await limit({ dailyBudget: null })
    const next = await search({ vector, limit: 2, cursor: degraded.json.nextCursor })
    expect([degraded.json.degraded, next.json.degraded]).toEqual([['vector'], ['vector']])
  })
})
