/** Facets over real shards: exact however many values there are, and refused where they are too many to send. */
import { beforeAll, describe, expect, it } from 'vitest'
import { makeWorld, problemOf } from './http-harness.ts'
import type { Answer, TestTenant, World } from './http-harness.ts'

const DOCUMENTS = 10
const OWN_VALUES = 2_100

let world: World
let tenant: TestTenant

beforeAll(async () => {
  world = await makeWorld()
  tenant = await world.makeTenant()
  await world.call('POST', '/v1/collections', { key: tenant.key, body: { name: 'many', shards: 2 } })
  const documents = Array.from({ length: DOCUMENTS }, (_, i) => ({
    id: `d${i}`,
    text: 'heron',
    // Every value is met before the common one.
    metadata: { i, n: [...Array.from({ length: OWN_VALUES }, (__, k) => 10_000 + i * OWN_VALUES + k), 7] },
  }))
  const put = await world.call('PUT', '/v1/collections/many/documents', { key: tenant.key, body: { documents } })
  expect(put.status).toBe(200)
})

const ask = (body: object): Promise<Answer> =>
  world.call('POST', '/v1/collections/many/search', { key: tenant.key, body: { query: 'heron', ...body } })

describe('facets', () => {
  it('keep the most frequent value, wherever it stands among many', async () => {
    const { status, json } = await ask({ facets: ['n'], filter: { i: { $lt: 9 } } })
    expect(status).toBe(200)
    expect(json.facets.n).toHaveLength(100)
    expect(json.facets.n[0]).toEqual({ value: 7, count: 9 })
  })

  it('of too many values are refused by name, whether the ranked set is whole or cut', async () => {
    for (const more of [{}, { minScore: 0.01 }]) {
      const refused = problemOf(await ask({ facets: ['i', 'n'], ...more }))
      expect(refused).toEqual({ status: 400, code: 'invalid_request', pointers: ['/facets'] })
    }
  })
})
