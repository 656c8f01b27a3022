/** A tenant that stored something before anybody counted: its shards are asked before it is judged or told. */
import { env } from 'cloudflare:workers'
import { listDurableObjectIds, runInDurableObject } from 'cloudflare:test'
import { beforeAll, expect, it } from 'vitest'
import { makeWorld, type TestTenant, type World } from './http-harness.ts'

let world: World

beforeAll(async () => {
  world = await makeWorld()
})

/** A tenant without limits and three collections, whose shards no alarm wakes: they have told nothing. */
async function filled(): Promise<TestTenant> {
  const tenant = await world.makeTenant()
  for (const [name, shards] of [
    ['one', 1],
    ['three', 3],
    ['empty', 2],
  ] as const) {
    const made = await world.call('POST', '/v1/collections', { key: tenant.key, body: { name, shards } })
    expect(made.status).toBe(201)
    if (name === 'empty') continue
    const documents = Array.from({ length: 8 }, (_, i) => ({ id: `d${i}`, text: `heron number ${i}` }))
    const path = `/v1/collections/${name}/documents`
    expect((await world.call('PUT', path, { key: tenant.key, body: { documents } })).status).toBe(200)
  }
  for (const id of await listDurableObjectIds(env.SHARD))
    await runInDurableObject(env.SHARD.get(id), (_, state) => state.storage.deleteAlarm())
  return tenant
}

it('is told all that it stores, at once', async () => {
  const { key } = await filled()
  const { json } = await world.call('GET', '/v1/usage', { key })
  expect(json.stored).toMatchObject({ documents: 16, chunks: 16 })
})

it('is judged by all that it stores, by the first write after it got a quota', async () => {
  const { id, key } = await filled()
  const limits = { documents: 17 }
  await world.call('PATCH', `/v1/tenants/${id}`, { key: world.rootKey, body: { limits } })
  const documents = [
    { id: 'fits', text: 'otter' },
    { id: 'too many', text: 'weir' },
  ]
  const fresh = await world.makeKey({ id, key, keyId: '' }, { scopes: ['documents:write'] })
  const { json } = await world.call('PUT', '/v1/collections/one/documents', { key: fresh, body: { documents } })
  expect(json.results).toMatchObject([{ status: 'created' }, { status: 'failed', error: { code: 'quota_exceeded' } }])
})
