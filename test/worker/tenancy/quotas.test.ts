/** Quotas over the real shard and tenant's object: exact under concurrency, told per document, given back by deletion. */
import { env, runInDurableObject } from 'cloudflare:test'
import { beforeAll, describe, expect, it } from 'vitest'
import type { TenantUid } from '../../../src/core/ids.ts'
import { TenantObjects } from '../../../src/tenancy/tenant-objects.ts'
import { makeWorld, problemOf, type Answer, type TestTenant, type World } from '../http/http-harness.ts'

let world: World
beforeAll(async () => {
  world = await makeWorld()
})

/** Limits hold from the tenant's first key read on, so they are set before its key is used. */
async function limited(limits: Record<string, unknown>, shards = 1): Promise<TestTenant> {
  const tenant = await world.makeTenant('limited')
  const changed = await world.call('PATCH', `/v1/tenants/${tenant.id}`, { key: world.rootKey, body: { limits } })
  expect(changed.status).toBe(200)
  const made = await world.call('POST', '/v1/collections', { key: tenant.key, body: { name: 'notes', shards } })
  expect(made.status).toBe(201)
  return tenant
}

const put = (tenant: TestTenant, documents: unknown[], body: object = {}, headers = {}): Promise<Answer> =>
  world.call('PUT', '/v1/collections/notes/documents', { key: tenant.key, headers, body: { documents, ...body } })

const usage = async (tenant: TestTenant, query = '') =>
  (await world.call('GET', `/v1/usage${query}`, { key: tenant.key })).json

const note = (id: string) => ({ id, text: `An otter wrote note ${id}.` })

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await scheduler.wait(50)
}

describe('a quota of documents', () => {
  it.each([1, 7, 25, 50, 63, 64, 77, 99, 100, 127])(
    'of %i accepts exactly as many from 64 writers',
    async (documents) => {
      const tenant = await limited({ documents }, 2)
      const writers = Array.from({ length: 64 }, async (_, writer) => [
        await put(tenant, [note(`${writer}-a`)]),
        await put(tenant, [note(`${writer}-b`)]),
      ])
      const answers = (await Promise.all(writers)).flat()
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(documents)
      const refused = answers.filter(({ status }) => status !== 200)
      expect(refused).toHaveLength(128 - documents)
      for (const answer of refused) expect(problemOf(answer)).toMatchObject({ status: 403, code: 'quota_exceeded' })
      const { statistics } = (await world.call('GET', '/v1/collections/notes', { key: tenant.key })).json
      expect(statistics.documents).toBe(documents)
      await until(async () => (await usage(tenant)).stored.documents === documents)
      const [limit] = (await usage(tenant)).limits
      expect(limit).toMatchObject({ meter: 'documents', used: documents, reserved: 0, remaining: 0, warning: 100 })
    },
  )

  it('takes of one request what fits, in its order, and says of the rest why not', async () => {
    const tenant = await limited({ documents: 3 })
    const { status, json } = await put(tenant, ['a', 'b', 'c', 'd', 'e'].map(note))
    expect(status).toBe(200)
    expect(json.results.map((result: { status: string }) => result.status)).toEqual([
      'created',
      'created',
      'created',
      'failed',
      'failed',
    ])
    expect(json.results[4].error.code).toBe('quota_exceeded')
    // Replacing grows nothing; deleting needs no room and makes some.
    expect((await put(tenant, [{ id: 'a', text: 'An otter wrote this.' }])).json.results[0].status).toBe('replaced')
    expect((await put(tenant, [note('d')])).status).toBe(403)
    const path = '/v1/collections/notes/documents/b'
    expect((await world.call('DELETE', path, { key: tenant.key })).status).toBe(204)
    await until(async () => (await put(tenant, [note('d')])).status === 200)
  })

  it('counts what was accepted with 202 until it is indexed', async () => {
    const tenant = await limited({ documents: 2 })
    const accepted = await put(tenant, ['a', 'b'].map(note), {}, { prefer: 'respond-async' })
    expect(accepted.status).toBe(202)
    expect((await put(tenant, [note('c')])).status).toBe(403)
    await until(async () => (await usage(tenant)).stored.documents === 2)
    expect((await usage(tenant)).limits[0]).toMatchObject({ used: 2, reserved: 0 })
  })

  it('is free again when its collection is deleted', async () => {
    const tenant = await limited({ documents: 1 })
    expect((await put(tenant, [note('a')])).status).toBe(200)
    await until(async () => (await usage(tenant)).stored.documents === 1)
    expect((await world.call('DELETE', '/v1/collections/notes', { key: tenant.key })).status).toBe(204)
    await world.call('POST', '/v1/collections', { key: tenant.key, body: { name: 'notes' } })
    expect((await put(tenant, [note('a')])).status).toBe(200)
  })
})

describe('a quota of the month and a budget of the day', () => {
  it('refuse the whole request with the time to wait, and leave deletions and unchanged documents alone', async () => {
    const tenant = await limited({ embeddingTokensPerMonth: 7 })
    expect((await put(tenant, [note('a')])).status).toBe(200)
    const refused = await put(tenant, [note('b'), note('c')])
    expect(problemOf(refused)).toMatchObject({ status: 429, code: 'monthly_quota_exceeded' })
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
    expect((await put(tenant, [note('a')])).json.results[0].status).toBe('unchanged')
    const poor = await limited({ dailyBudget: { usd: 0.000001, whenSpent: 'reject' } })
    expect(problemOf(await put(poor, [note('a')]))).toMatchObject({ status: 429, code: 'budget_exceeded' })
  })
})

describe('a dry run', () => {
  it('stores nothing and says what would be used', async () => {
    const tenant = await limited({ documents: 1 })
    await put(tenant, [note('a')])
    const { status, json } = await put(tenant, [note('a'), note('b'), note('c')], { dryRun: true })
    expect(status).toBe(200)
    expect(json).toMatchObject({ dryRun: true, documents: 2, chunks: 2, unchanged: 1, failed: 0 })
    expect(json.embeddingTokens).toBeGreaterThan(0)
    expect(json.estimatedCost.amount).toBeGreaterThan(0)
    const { statistics } = (await world.call('GET', '/v1/collections/notes', { key: tenant.key })).json
    expect(statistics).toMatchObject({ documents: 1, pending: 0 })
    expect(problemOf(await put(tenant, [{ id: 'x' }], { dryRun: true }))).toMatchObject({ status: 400 })
    expect(problemOf(await put(tenant, [note('a')], { dryRun: 'yes' })).pointers).toEqual(['/dryRun'])
  })
})

describe('a change of limits', () => {
  it('is told to the ledger at once, so that no warning goes by limits that are gone', async () => {
    const tenant = await limited({ documents: 5 })
    const row = await env.DB.prepare('SELECT uid FROM tenants WHERE id = ?').bind(tenant.id).first<{ uid: TenantUid }>()
    if (row === null) throw new Error('no such tenant')
    const object = await new TenantObjects(env.TENANT).of(row.uid)
    const known = async (): Promise<unknown> =>
      runInDurableObject(object, (_, state) => {
        const { limits } = state.storage.sql.exec<{ limits: string }>('SELECT limits FROM ledger_state').one()
        return JSON.parse(limits)
      })
    expect(await known()).toEqual({ documents: 5 })
    const body = { limits: { documents: null } }
    expect((await world.call('PATCH', `/v1/tenants/${tenant.id}`, { key: world.rootKey, body })).status).toBe(200)
    expect(await known()).toEqual({})
  })
})

describe('GET /v1/usage', () => {
  it('counts what was written a moment before its collection was deleted', async () => {
    const tenant = await limited({ embeddingTokensPerMonth: 1_000 })
    expect((await put(tenant, [note('a'), note('b')])).status).toBe(200)
    expect((await world.call('DELETE', '/v1/collections/notes', { key: tenant.key })).status).toBe(204)
    const { totals, stored, limits } = await usage(tenant)
    expect(totals).toMatchObject({ documentsWritten: 2, chunksWritten: 2 })
    expect(totals.embeddingTokens).toBeGreaterThan(0)
    expect(stored.documents).toBe(0)
    expect(limits).toMatchObject([{ meter: 'embeddingTokens', used: totals.embeddingTokens, reserved: 0 }])
  })

  it('tells days, collections and keys apart, and all tenants to the operator only', async () => {
    const tenant = await limited({})
    await put(tenant, [note('a'), note('b')])
    await until(async () => (await usage(tenant)).totals.documentsWritten === 2)
    const day = new Date().toISOString().slice(0, 10)
    expect((await usage(tenant)).data).toMatchObject([{ day, documentsWritten: 2, chunksWritten: 2 }])
    expect((await usage(tenant, '?groupBy=collection')).data[0].collection).toMatch(/^col_/)
    expect((await usage(tenant, '?groupBy=key')).data[0].key).toBe(tenant.keyId)
    expect((await usage(tenant, '?from=2020-01-01&to=2020-12-31')).data).toEqual([])
    const ask = (query: string, key = world.rootKey) => world.call('GET', `/v1/usage${query}`, { key })
    expect(problemOf(await ask('?groupBy=tenant', tenant.key)).status).toBe(403)
    expect(problemOf(await ask('?groupBy=day')).status).toBe(403)
    for (const query of [
      '?from=2026-02-30',
      '?from=now',
      '?from=2026-02-02&to=2026-02-01',
      '?from=2024-01-01&to=2026-01-01',
    ]) {
      expect(problemOf(await ask(query, tenant.key)), query).toMatchObject({ status: 400, pointers: ['/from'] })
    }
    const all = await ask('')
    expect([all.status, all.json.groupBy]).toEqual([200, 'tenant'])
  })
})
