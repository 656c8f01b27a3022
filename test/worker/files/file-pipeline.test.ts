/** Files on the real objects: from an upload to a search, through kills and erasures. Nothing is mocked but the query. */
import { abortAllDurableObjects, runDurableObjectAlarm } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { FileItem } from '../../../src/ingest/file-jobs.ts'
import { filesObjectName, FilesObjects } from '../../../src/files/files-objects.ts'
import { originalPrefix } from '../../../src/files/original-key.ts'
import type { CollectionId, TenantUid } from '../../../src/core/ids.ts'
import { writeZip } from '../../support/zip-writer.ts'
import { makeWorld, ORIGIN, type Answer, type TestTenant, type World } from '../http/http-harness.ts'

let world: World
let tenant: TestTenant

beforeAll(async () => {
  world = await makeWorld()
})

beforeEach(async () => {
  tenant = await world.makeTenant()
  await world.call('POST', '/v1/collections', { key: tenant.key, body: { name: 'docs' } })
})

async function upload(files: Readonly<Record<string, string | Uint8Array<ArrayBuffer>>>): Promise<string> {
  const form = new FormData()
  for (const [name, content] of Object.entries(files)) form.append('file', new Blob([content]), name)
  const headers = { authorization: `Bearer ${tenant.key}` }
  const response = await world.fetch(
    new Request(`${ORIGIN}/v1/collections/docs/files`, { method: 'POST', headers, body: form }),
  )
  expect(response.status, await response.clone().text()).toBe(202)
  return (await response.json<{ job: { id: string } }>()).job.id
}

const call = (method: string, path: string, body?: unknown): Promise<Answer> =>
  world.call(method, path, { key: tenant.key, ...(body === undefined ? {} : { body }) })

async function settled(jobId: string): Promise<Answer['json']> {
  for (;;) {
    const { json } = await call('GET', `/v1/jobs/${jobId}`)
    if (!['queued', 'running'].includes(json.status)) return json
    await scheduler.wait(50)
  }
}

async function find(query: string): Promise<string[]> {
  const { json } = await call('POST', '/v1/collections/docs/search', { query, mode: 'keyword', limit: 100 })
  return json.hits.map(({ documentId }: { documentId: string }) => documentId)
}

async function uids(): Promise<{ tenantUid: TenantUid; collectionId: CollectionId }> {
  const { json } = await call('GET', '/v1/collections/docs')
  const row = await env.DB.prepare('SELECT tenant_uid FROM collections WHERE id = ?')
    .bind(json.id)
    .first<string>('tenant_uid')
  return { tenantUid: row as TenantUid, collectionId: json.id as CollectionId }
}

const originals = async (): Promise<number> => {
  const { tenantUid } = await uids()
  return (await env.ORIGINALS.list({ prefix: await originalPrefix(tenantUid) })).objects.length
}

async function filesOf(jobId: string): Promise<FileItem[]> {
  const { tenantUid } = await uids()
  return (await new FilesObjects(env.FILES).of(tenantUid)).jobFiles(jobId, { limit: 100 })
}

const zip = (files: Readonly<Record<string, string>>): Uint8Array<ArrayBuffer> =>
  writeZip(Object.entries(files).map(([path, data]) => ({ path, data })))

describe('an upload', () => {
  it('becomes documents that a search finds, and a job that says so', async () => {
    const jobId = await upload({
      'notes/alpha.txt': 'Aardvarks sleep under warm granite.',
      'beta.md': '---\ntitle: Beta\n---\n# Badgers\n\nBadgers dig at night.',
      'broken.pdf': '%PDF-1.7 nothing follows',
    })
    const job = await settled(jobId)
    expect(job).toMatchObject({
      status: 'succeeded',
      progress: { done: 3, total: 3 },
      counts: { succeeded: 2, failed: 1 },
    })
    expect(await find('aardvarks')).toEqual(['notes/alpha.txt'])
    expect(await find('badgers')).toEqual(['beta.md'])
    const files = await filesOf(jobId)
    expect(files.map(({ name, status, code }) => [name, status, code])).toEqual([
      ['notes/alpha.txt', 'indexed', undefined],
      ['beta.md', 'indexed', undefined],
      ['broken.pdf', 'failed', 'malformed_file'],
    ])
    expect(files[0]).toMatchObject({ documents: 1, chunks: 1, embeddedChunks: 1, documentId: 'notes/alpha.txt' })
    expect(files[0]?.tokens).toBeGreaterThan(4)
  })

  it('opens archives, each entry a file', async () => {
    const jobId = await upload({ 'all.zip': zip({ 'a/one.txt': 'Caribou graze.', 'two.txt': 'Dingoes howl.' }) })
    expect(await settled(jobId)).toMatchObject({ status: 'succeeded', progress: { done: 3, total: 3 } })
    expect(await find('caribou')).toEqual(['all.zip/a/one.txt'])
    const again = await upload({ 'all.zip': zip({ 'two.txt': 'Dingoes howl.' }) })
    expect(await settled(again)).toMatchObject({ status: 'succeeded' })
    expect(await find('caribou')).toEqual([])
    expect(await find('dingoes')).toEqual(['all.zip/two.txt'])
    await expect.poll(originals).toBe(1)
  })

  it('choose the model of a collection that was made without one, by their language', async () => {
    const arabic = 'تغادر العبارة الميناء في الساعة التاسعة صباحا، وتعود الأخيرة عندما يحل الظلام على الماء.'
    const before = (await call('GET', '/v1/collections/docs')).json
    const job = await upload({ 'a.txt': arabic, 'b.md': `# ${arabic}`, 'c.jsonl': `{"text":"${arabic}"}` })
    expect(await settled(job)).toMatchObject({ status: 'succeeded', counts: { succeeded: 3 } })
    await settled(await upload({ 'd.txt': 'Jackals call to each other at night when the moon is up.' }))
    const after = (await call('GET', '/v1/collections/docs')).json
    expect([before.model, before.modelChoice]).toEqual(['edge-en', 'open'])
    expect([after.model, after.modelChoice]).toEqual(['edge-multilingual', 'by_language'])
    expect(after.statistics).toMatchObject({ documents: 4, pending: 0 })
    expect(await find('الميناء')).toHaveLength(3)
    expect(await find('jackals')).toEqual(['d.txt'])
  })

  it('of the same bytes changes nothing, of other ones replaces what was made of them', async () => {
    await settled(await upload({ 'zoo.jsonl': '{"text":"Emus run"}\n{"text":"Foxes hide"}' }))
    expect(await find('foxes')).toHaveLength(1)
    const same = await upload({ 'zoo.jsonl': '{"text":"Emus run"}\n{"text":"Foxes hide"}' })
    await settled(same)
    expect((await filesOf(same)).map(({ status }) => status)).toEqual(['unchanged'])
    await settled(await upload({ 'zoo.jsonl': '{"text":"Emus run"}' }))
    expect(await find('foxes')).toEqual([])
    expect(await find('emus')).toHaveLength(1)
    await expect.poll(originals).toBe(1)
  })
})

describe('a kill of every object', () => {
  it('loses and doubles nothing', async () => {
    const names = Array.from({ length: 12 }, (_, i) => `file-${i}.txt`)
    const jobId = await upload(Object.fromEntries(names.map((name, i) => [name, `Gazelle number${i} jumps.`])))
    for (let kill = 0; kill < 5; kill++) {
      await scheduler.wait(30)
      await abortAllDurableObjects()
    }
    const job = await settled(jobId)
    expect(job).toMatchObject({ status: 'succeeded', progress: { done: 12, total: 12 }, counts: { succeeded: 12 } })
    expect((await find('gazelle')).toSorted()).toEqual(names.toSorted())
    const { json } = await call('GET', '/v1/collections/docs')
    expect(json.statistics).toMatchObject({ documents: 12, pending: 0 })
  })
})

describe('an erasure', () => {
  it('of a collection takes files and originals with it', async () => {
    const { tenantUid } = await uids()
    const jobId = await upload({ 'a.txt': 'Hedgehogs roll.', 'b.txt': 'Ibexes climb.' })
    await settled(jobId)
    expect(await originals()).toBe(2)
    expect((await call('DELETE', '/v1/collections/docs')).status).toBe(204)
    expect((await env.ORIGINALS.list({ prefix: await originalPrefix(tenantUid) })).objects).toEqual([])
    expect(await (await new FilesObjects(env.FILES).of(tenantUid)).jobCounts(jobId)).toBeUndefined()
  })

  it('of a tenant counts the originals in its receipt', async () => {
    const { tenantUid } = await uids()
    await settled(await upload({ 'a.txt': 'Jackals bark.', 'b.txt': 'Koalas nap.', 'c.txt': 'Lemurs leap.' }))
    const erased = await world.call('DELETE', `/v1/tenants/${tenant.id}`, { key: world.rootKey })
    expect(erased.json.stores).toMatchObject({ originals: 3 })
    expect((await env.ORIGINALS.list({ prefix: await originalPrefix(tenantUid) })).objects).toEqual([])
  })

  it('of a tenant takes what an upload stores too late', async () => {
    const { tenantUid } = await uids()
    await settled(await upload({ 'a.txt': 'Meerkats stand.' }))
    await world.call('DELETE', `/v1/tenants/${tenant.id}`, { key: world.rootKey })
    const erasedMs = Date.now()
    const prefix = await originalPrefix(tenantUid)
    await env.ORIGINALS.put(`${prefix}late`, 'Narwhals dive.')
    const object = env.FILES.getByName(await filesObjectName(tenantUid))
    vi.useFakeTimers({ toFake: ['Date'], now: erasedMs + 61_000 })
    expect(await runDurableObjectAlarm(object)).toBe(true)
    vi.useRealTimers()
    expect((await env.ORIGINALS.list({ prefix })).objects).toEqual([])
    expect(await runDurableObjectAlarm(object)).toBe(false)
  })
})
