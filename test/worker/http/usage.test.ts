/** Usage over HTTP: who asks sees their own searches at once, and nobody else's. */
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { makeWorld, problemOf } from './http-harness.ts'
import type { Answer, TestTenant, World } from './http-harness.ts'

let world: World
let tenant: TestTenant

beforeAll(async () => {
  world = await makeWorld()
})

beforeEach(async () => {
  tenant = await world.makeTenant()
  for (const name of ['notes', 'faq']) {
    const made = await world.call('POST', '/v1/collections', { key: tenant.key, body: { name } })
    expect(made.status).toBe(201)
  }
})

const search = (collection: string): Promise<Answer> =>
  world.call('POST', `/v1/collections/${collection}/search`, { key: tenant.key, body: { query: 'heron' } })

const usage = (query = '', key = tenant.key): Promise<Answer> => world.call('GET', `/v1/usage${query}`, { key })

describe('usage', () => {
  it('counts a search that was just answered, by day, collection and key', async () => {
    await search('notes')
    await search('notes')
    await search('faq')
    const { status, json } = await usage()
    expect([status, json.totals.searches, json.data.length]).toEqual([200, 3, 1])
    const byCollection = (await usage('?groupBy=collection')).json
    expect(byCollection.data.map(({ searches }: { searches: number }) => searches).sort()).toEqual([1, 2])
    const byKey = (await usage('?groupBy=key')).json
    expect(byKey.data).toMatchObject([{ key: tenant.keyId, searches: 3 }])
  })

  it("shows a tenant nothing of another's", async () => {
    await search('notes')
    const other = await world.makeTenant('b')
    expect((await usage('', other.key)).json).toMatchObject({ data: [], totals: { searches: 0 } })
  })

  it.each([
    ['?groupBy=tenant', 403, 'forbidden', []],
    ['?from=2026-02-01&to=2026-01-01', 400, 'invalid_request', ['/from']],
    ['?from=2020-01-01', 400, 'invalid_request', ['/from']],
    ['?groupBy=colour', 400, 'invalid_request', ['/groupBy']],
  ])('refuses %s with %i', async (query, status, code, pointers) => {
    expect(problemOf(await usage(query))).toEqual({ status, code, pointers })
  })

  it('is for the scope admin', async () => {
    const key = await world.makeKey(tenant, { scopes: ['search'] })
    expect(problemOf(await usage('', key))).toMatchObject({ status: 403, code: 'scope_missing' })
  })
})
