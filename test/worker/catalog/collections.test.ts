/** Collections and jobs on D1 inside workerd: names, generations, pages, counts that only move forward. */
import { env } from 'cloudflare:workers'
import { beforeEach, describe, expect, it } from 'vitest'
import { Catalog } from '../../../src/catalog/catalog.ts'
import type { CollectionRecord, TenantRecord } from '../../../src/catalog/records.ts'
import type { JobId } from '../../../src/core/ids.ts'
import { newJobId } from '../../../src/core/ids.ts'
import { asProblem } from '../../../src/core/problem.ts'
import { EDGE_EN_MODEL } from '../../../src/models/product-models.ts'

const GENERATION = {
  model: EDGE_EN_MODEL,
  profileId: 'edge-en',
  dimensions: 384,
  chunking: { strategy: 'recursive', size: 200, overlap: 20 },
  shards: 2,
  precision: 'int8',
} as const

let nowMs = 1_800_000_000_000
const catalog = new Catalog(env.DB, () => nowMs)
let tenant: TenantRecord
let serial = 0

beforeEach(async () => {
  nowMs += 1_000
  tenant = await catalog.tenants.create({ name: `tenant ${++serial}` })
})

const codeOf = async (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'fine',
    (error: unknown) => asProblem(error)?.code ?? String(error),
  )

const newCollection = (name: string, tenantUid = tenant.uid): Promise<CollectionRecord> =>
  catalog.collections.create({ tenantUid, name, language: 'auto', settings: {}, generation: GENERATION })

describe('collections', () => {
  it('come back by name and by id, with their generation', async () => {
    const made = await catalog.collections.create({
      tenantUid: tenant.uid,
      name: 'docs',
      language: 'de',
      settings: { bm25: { k1: 1.2, b: 0.75 } },
      generation: GENERATION,
    })
    expect(made).toEqual({
      id: made.id,
      tenantUid: tenant.uid,
      name: 'docs',
      placementEpoch: 1,
      language: 'de',
      settings: { bm25: { k1: 1.2, b: 0.75 } },
      generation: { ...GENERATION, id: made.generation.id },
      createdAtMs: nowMs,
      updatedAtMs: nowMs,
    })
    expect(made.id).toMatch(/^col_/)
    expect(made.generation.id).toMatch(/^gen_/)
    expect(await catalog.collections.find(tenant.uid, 'docs')).toEqual(made)
    expect(await catalog.collections.find(tenant.uid, made.id)).toEqual(made)
  })

  it('of another tenant are not there, by name or by id', async () => {
    const other = await catalog.tenants.create({ name: 'other' })
    const theirs = await newCollection('docs', other.uid)
    expect(await catalog.collections.find(tenant.uid, 'docs')).toBeUndefined()
    expect(await catalog.collections.find(tenant.uid, theirs.id)).toBeUndefined()
    expect(await catalog.collections.update(tenant.uid, theirs.id, { name: 'x' })).toBeUndefined()
    expect(await catalog.collections.markDeleted(tenant.uid, theirs.id)).toBe(false)
    const ours = await newCollection('docs')
    expect(ours.id).not.toBe(theirs.id)
  })

  it('share no name, and free it when they are deleted', async () => {
    const first = await newCollection('docs')
    expect(await codeOf(newCollection('docs'))).toBe('conflict')
    expect(await catalog.collections.markDeleted(tenant.uid, first.id)).toBe(true)
    expect(await catalog.collections.find(tenant.uid, first.id)).toBeUndefined()
    expect(await catalog.collections.markDeleted(tenant.uid, first.id)).toBe(false)
    const second = await newCollection('docs')
    expect(second.id).not.toBe(first.id)
    expect((await catalog.collections.unfinishedDeletions(tenant.uid)).map(({ id }) => id)).toEqual([first.id])
    await catalog.collections.purge(tenant.uid, first.id)
    await catalog.collections.purge(tenant.uid, first.id)
    await catalog.collections.purge(tenant.uid, second.id)
    expect(await catalog.collections.unfinishedDeletions(tenant.uid)).toEqual([])
    expect(await catalog.collections.find(tenant.uid, 'docs')).toEqual(second)
  })

  it('are created once by a repeated operation, and by no other', async () => {
    const made = { tenantUid: tenant.uid, name: 'docs', language: 'auto', settings: {}, generation: GENERATION }
    const first = await catalog.collections.create({ ...made, operationId: `operation${1e6 + serial}` })
    expect(await catalog.collections.create({ ...made, operationId: `operation${1e6 + serial}` })).toEqual(first)
    expect(await codeOf(catalog.collections.create({ ...made, operationId: `operation${2e6 + serial}` }))).toBe(
      'conflict',
    )
    const row = await env.DB.prepare('SELECT count(*) AS n FROM generations WHERE collection_id = ?')
      .bind(first.id)
      .first()
    expect(row).toEqual({ n: 1 })
  })

  it('are renamed, but not to a name in use', async () => {
    const docs = await newCollection('docs')
    await newCollection('blog')
    expect(await codeOf(catalog.collections.update(tenant.uid, docs.id, { name: 'blog' }))).toBe('conflict')
    const renamed = await catalog.collections.update(tenant.uid, docs.id, { name: 'manual', settings: {} })
    expect(renamed).toMatchObject({ id: docs.id, name: 'manual' })
    expect(await catalog.collections.find(tenant.uid, 'docs')).toBeUndefined()
  })

  it('are listed by name, in full pages of what a key reaches', async () => {
    const made = new Map<string, string>()
    for (const name of ['blog', 'docs', 'docs-de', 'docs-en', 'zoo']) made.set(name, (await newCollection(name)).id)
    const list = async (...only: string[]): Promise<string[]> =>
      (await catalog.collections.list(tenant.uid, { limit: 10, only: [only] })).data.map(({ name }) => name)
    expect(await list('docs')).toEqual(['docs'])
    expect(await list('docs*')).toEqual(['docs', 'docs-de', 'docs-en'])
    expect(await list('*')).toEqual(['blog', 'docs', 'docs-de', 'docs-en', 'zoo'])
    expect(await list('docs-*', made.get('zoo')!)).toEqual(['docs-de', 'docs-en', 'zoo'])
    expect(await list('%', '_', 'doc', 'col_*')).toEqual([])
    expect(await list()).toEqual([])
    const both = await catalog.collections.list(tenant.uid, {
      limit: 10,
      only: [
        ['docs*', 'zoo'],
        ['docs-de', 'zoo', 'blog'],
      ],
    })
    expect(both.data.map(({ name }) => name)).toEqual(['docs-de', 'zoo'])
    const page = await catalog.collections.list(tenant.uid, { limit: 2, only: [['docs*']] })
    expect([page.data.map(({ name }) => name), page.nextAfter]).toEqual([['docs', 'docs-de'], 'docs-de'])
    const rest = await catalog.collections.list(tenant.uid, { limit: 2, only: [['docs*']], after: 'docs-de' })
    expect([rest.data.map(({ name }) => name), rest.nextAfter]).toEqual([['docs-en'], undefined])
  })
})

describe('jobs', () => {
  const newJob = async (total = 3) => {
    const collection = await newCollection(`c${++serial}`)
    return catalog.jobs.create({ tenantUid: tenant.uid, collectionId: collection.id, total, keyId: 'k' })
  }

  it('begin queued, run with the first report and count over all shards', async () => {
    const job = await newJob()
    expect(job).toMatchObject({ status: 'queued', total: 3, succeeded: 0, failed: 0, cancelled: 0 })
    await catalog.jobs.reportProgress(tenant.uid, job.id, 0, { succeeded: 1, failed: 0, cancelled: 0 })
    await catalog.jobs.reportProgress(tenant.uid, job.id, 1, { succeeded: 0, failed: 1, cancelled: 0 })
    expect(await catalog.jobs.find(tenant.uid, job.id)).toMatchObject({ status: 'running', succeeded: 1, failed: 1 })
  })

  it('count absolutely: a repeated or late report changes nothing', async () => {
    const job = await newJob()
    const counts = { succeeded: 2, failed: 1, cancelled: 0 }
    for (let i = 0; i < 3; i++) await catalog.jobs.reportProgress(tenant.uid, job.id, 0, counts)
    await catalog.jobs.reportProgress(tenant.uid, job.id, 0, { succeeded: 1, failed: 0, cancelled: 0 })
    expect(await catalog.jobs.find(tenant.uid, job.id)).toMatchObject(counts)
  })

  it('settle once, and stay so', async () => {
    const job = await newJob()
    nowMs += 7
    expect(await catalog.jobs.settle(tenant.uid, job.id, 'succeeded')).toBe(true)
    expect(await catalog.jobs.settle(tenant.uid, job.id, 'cancelled')).toBe(false)
    await catalog.jobs.reportProgress(tenant.uid, job.id, 0, { succeeded: 3, failed: 0, cancelled: 0 })
    expect(await catalog.jobs.find(tenant.uid, job.id)).toMatchObject({
      status: 'succeeded',
      succeeded: 0,
      finishedAtMs: nowMs,
    })
  })

  it('end with the report that completes them, at the time of their last item, though nobody asks', async () => {
    const job = await newJob(5)
    const [firstMs, lastMs] = [nowMs + 40, nowMs + 20]
    nowMs += 90_000
    await catalog.jobs.reportProgress(tenant.uid, job.id, 0, { succeeded: 2, failed: 0, cancelled: 0 }, firstMs - 40)
    await catalog.jobs.reportProgress(tenant.uid, job.id, 0, { succeeded: 3, failed: 0, cancelled: 0 }, firstMs)
    expect(await catalog.jobs.find(tenant.uid, job.id)).toMatchObject({ status: 'running' })
    await catalog.jobs.reportProgress(tenant.uid, job.id, 1, { succeeded: 0, failed: 2, cancelled: 0 }, lastMs)
    expect(await catalog.jobs.find(tenant.uid, job.id)).toMatchObject({ status: 'succeeded', finishedAtMs: firstMs })
  })

  it.each([
    [{ succeeded: 0, failed: 3, cancelled: 0 }, 'failed'],
    [{ succeeded: 2, failed: 0, cancelled: 1 }, 'cancelled'],
  ])('that end with %j are %s', async (counts, status) => {
    const job = await newJob(3)
    await catalog.jobs.reportProgress(tenant.uid, job.id, 0, counts)
    expect((await catalog.jobs.find(tenant.uid, job.id))?.status).toBe(status)
  })

  it('of another tenant are not there', async () => {
    const job = await newJob()
    const { uid } = await catalog.tenants.create({ name: 'other' })
    await catalog.jobs.reportProgress(uid, job.id, 0, { succeeded: 3, failed: 0, cancelled: 0 })
    expect(await catalog.jobs.find(uid, job.id)).toBeUndefined()
    expect(await catalog.jobs.settle(uid, job.id, 'cancelled')).toBe(false)
    await catalog.jobs.remove(uid, job.id)
    expect(await catalog.jobs.find(tenant.uid, job.id)).toEqual(job)
  })

  it('are created once under a given id, and can be taken back', async () => {
    const made = await newJob()
    const again = await catalog.jobs.create({ ...made, total: 99 })
    expect(again).toEqual(made)
    await catalog.jobs.remove(tenant.uid, made.id)
    expect(await catalog.jobs.find(tenant.uid, made.id)).toBeUndefined()
  })

  it('are listed newest first, in pages, also those of one millisecond', async () => {
    const ids: JobId[] = []
    for (let i = 0; i < 7; i++) {
      if (i % 3 === 0) nowMs++
      ids.push((await newJob()).id)
    }
    const seen: string[] = []
    let after: string | undefined
    do {
      const page = await catalog.jobs.list(tenant.uid, { limit: 2, ...(after === undefined ? {} : { after }) })
      seen.push(...page.data.map(({ createdAtMs, id }) => `${createdAtMs} ${id}`))
      after = page.nextAfter
    } while (after !== undefined)
    expect(seen).toHaveLength(7)
    expect(seen).toEqual([...seen].sort().reverse())
    expect(new Set(seen.map((line) => line.split(' ')[1]))).toEqual(new Set(ids))
    expect((await catalog.jobs.list(tenant.uid, { limit: 9, after: 'nonsense' })).data).toEqual([])
  })

  it('are listed for some collections', async () => {
    const [one, two] = [await newJob(), await newJob()]
    const page = await catalog.jobs.list(tenant.uid, { limit: 9, collectionIds: [two.collectionId] })
    expect(page.data).toEqual([two])
    expect((await catalog.jobs.list(tenant.uid, { limit: 9, collectionIds: [] })).data).toEqual([])
    expect((await catalog.jobs.list(tenant.uid, { limit: 9 })).data).toEqual(
      [two, one].sort((a, b) => (a.id < b.id ? 1 : -1)),
    )
  })

  it('outlive their collection as ended, and none is made for it any more', async () => {
    const job = await newJob()
    const done = await catalog.jobs.create({ ...job, id: newJobId(), total: 1 })
    await catalog.jobs.reportProgress(tenant.uid, done.id, 0, { succeeded: 1, failed: 0, cancelled: 0 })
    const ended = await catalog.jobs.find(tenant.uid, done.id)
    await catalog.jobs.reportProgress(tenant.uid, job.id, 0, { succeeded: 1, failed: 0, cancelled: 0 })
    await catalog.collections.markDeleted(tenant.uid, job.collectionId)
    const late = catalog.jobs.create({ ...job, id: newJobId() })
    expect(await codeOf(late)).toBe('not_found')
    nowMs += 5
    for (let i = 0; i < 2; i++) await catalog.collections.purge(tenant.uid, job.collectionId)
    const cancelled = { status: 'cancelled', succeeded: 1, failed: 0, cancelled: 2, finishedAtMs: nowMs }
    expect(await catalog.jobs.find(tenant.uid, job.id)).toMatchObject(cancelled)
    await catalog.jobs.cancelRest(tenant.uid, job.id)
    await catalog.jobs.reportProgress(tenant.uid, job.id, 1, { succeeded: 2, failed: 0, cancelled: 0 })
    expect(await catalog.jobs.find(tenant.uid, job.id)).toMatchObject(cancelled)
    expect(await catalog.jobs.find(tenant.uid, done.id)).toEqual(ended)
  })

  it('are forgotten after 30 days', async () => {
    const old = await newJob()
    await catalog.jobs.reportProgress(tenant.uid, old.id, 0, { succeeded: 1, failed: 0, cancelled: 0 })
    nowMs += 29 * 86_400_000
    const { tenantUid, collectionId } = old
    const recent = await catalog.jobs.create({ tenantUid, collectionId, total: 1, keyId: 'k' })
    expect(await catalog.jobs.find(tenant.uid, old.id)).toBeDefined()
    nowMs += 2 * 86_400_000
    await catalog.jobs.create({ tenantUid, collectionId, total: 1, keyId: 'k' })
    expect(await catalog.jobs.find(tenant.uid, old.id)).toBeUndefined()
    expect(await catalog.jobs.find(tenant.uid, recent.id)).toEqual(recent)
    const progress = await env.DB.prepare('SELECT count(*) AS n FROM job_progress WHERE job_id = ?')
      .bind(old.id)
      .first()
    expect(progress).toEqual({ n: 0 })
  })
})
