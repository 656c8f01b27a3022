import { describe, expect, it } from 'vitest'
import type { JobRecord } from '../../../src/catalog/records.ts'
import { jobStatusOf } from '../../../src/catalog/job-outcome.ts'
import { cancelJob, getJob, listJobs } from '../../../src/ingest/jobs.ts'
import type { Principal } from '../../../src/tenancy/principal.ts'
import { FakeIngest, collectionRecord, problemOf } from './fake-ingest.ts'

const KEY = {
  kind: 'secret',
  keyId: 'key1',
  tenant: { id: 't', uid: 'ten_1', suspended: false, limits: {} },
  scopes: new Set(['documents:read']),
} as unknown as Principal
const everywhere = (): boolean => true

async function withJob(total: number, shards = 2): Promise<{ fake: FakeIngest; job: JobRecord }> {
  const fake = new FakeIngest(collectionRecord(shards))
  const { tenantUid, id: collectionId } = fake.collection
  const job = await fake.deps.jobs.create({ id: 'job_1' as never, tenantUid, collectionId, total, keyId: 'key1' })
  return { fake, job }
}

const counts = (queued: number, succeeded: number, failed = 0, cancelled = 0, updatedAtMs = 1_000_500) => ({
  queued,
  succeeded,
  superseded: 0,
  failed,
  cancelled,
  updatedAtMs,
  failures: Array.from({ length: failed }, (_, i) => ({ documentId: `d${i}`, code: 'shard_full' })),
})

describe('a job', () => {
  it.each([
    [[0, 0, 0], 3, 'queued'],
    [[1, 0, 0], 3, 'running'],
    [[3, 0, 0], 3, 'succeeded'],
    [[1, 2, 0], 3, 'succeeded'],
    [[0, 3, 0], 3, 'failed'],
    [[2, 0, 1], 3, 'cancelled'],
  ] as const)('with %j of %i settled items is %s', ([succeeded, failed, cancelled], total, status) => {
    expect(jobStatusOf({ succeeded, failed, cancelled }, total)).toBe(status)
  })

  it('shows exact progress while the shards work, and is settled once they are done', async () => {
    const { fake } = await withJob(6)
    const [one, two] = fake.shards
    if (one === undefined || two === undefined) throw new Error('two shards')
    one.counts = counts(1, 2)
    two.counts = counts(3, 0)
    const running = await getJob(fake.deps, KEY, 'job_1', everywhere)
    expect(running).toMatchObject({ status: 'running', progress: { done: 2, total: 6 }, finishedAt: null })
    one.counts = counts(0, 3)
    two.counts = counts(0, 2, 1)
    fake.nowMs += 3_600_000
    const done = await getJob(fake.deps, KEY, 'job_1', everywhere)
    expect(done).toMatchObject({
      status: 'succeeded',
      progress: { done: 6, total: 6 },
      counts: { succeeded: 5, failed: 1 },
      failures: [{ documentId: 'd0', code: 'shard_full' }],
    })
    // When the last item was settled, however late someone asks.
    expect(done.finishedAt).toBe(new Date(1_000_500).toISOString())
    expect(fake.jobs.get('job_1')?.status).toBe('succeeded')
    const restricted = { ...KEY, filter: { kind: 'and', children: [] } } as Principal
    expect((await getJob(fake.deps, restricted, 'job_1', everywhere)).failures).toEqual([])
  })

  it('whose request was interrupted before every shard had its part ends as failed', async () => {
    const { fake } = await withJob(4)
    const [one] = fake.shards
    if (one !== undefined) one.counts = counts(0, 2)
    expect((await getJob(fake.deps, KEY, 'job_1', everywhere)).status).toBe('running')
    fake.nowMs += 60_001
    expect((await getJob(fake.deps, KEY, 'job_1', everywhere)).status).toBe('failed')
  })

  it('of a deleted collection ends as cancelled, with what was done until then', async () => {
    const { fake, job } = await withJob(3)
    fake.jobs.set('job_1', { ...job, succeeded: 1, collectionId: 'col_gone' as never })
    expect(await getJob(fake.deps, KEY, 'job_1', everywhere)).toMatchObject({
      status: 'cancelled',
      counts: { succeeded: 1, failed: 0, cancelled: 2 },
      progress: { done: 3, total: 3 },
    })
  })

  it('stays what it was when its shards have forgotten its items', async () => {
    const { fake } = await withJob(4)
    const { jobs } = fake.deps
    for (const shard of [0, 1]) await jobs.reportProgress('ten_1' as never, 'job_1' as never, shard, counts(0, 2))
    for (const shard of fake.shards) shard.counts = counts(0, 0, 0, 0, 0)
    fake.nowMs += 20 * 86_400_000
    const seen = await getJob(fake.deps, KEY, 'job_1', everywhere)
    expect(seen).toMatchObject({ status: 'succeeded', finishedAt: new Date(1_000_000).toISOString() })
  })

  it('is not taken for interrupted where its last items are known from reports alone', async () => {
    const { fake, job } = await withJob(4)
    fake.jobs.set('job_1', { ...job, status: 'running', succeeded: 4 })
    for (const shard of fake.shards) shard.counts = counts(0, 0, 0, 0, 0)
    fake.nowMs += 20 * 86_400_000
    expect((await getJob(fake.deps, KEY, 'job_1', everywhere)).status).toBe('succeeded')
  })

  it('is not there for keys that do not reach its collection', async () => {
    const { fake } = await withJob(1)
    expect((await problemOf(getJob(fake.deps, KEY, 'job_1', () => false))).code).toBe('not_found')
    expect((await problemOf(getJob(fake.deps, KEY, 'job_2', everywhere))).code).toBe('not_found')
    expect((await listJobs(fake.deps, KEY, {}, () => false)).data).toEqual([])
  })

  it('is cancelled in every shard, unless it is over', async () => {
    const { fake } = await withJob(2)
    for (const shard of fake.shards) {
      shard.counts = counts(1, 0)
      shard.cancelJob = () => {
        shard.counts = counts(0, 0, 0, 1)
        return Promise.resolve()
      }
    }
    expect(await cancelJob(fake.deps, KEY, 'job_1', everywhere)).toMatchObject({
      status: 'cancelled',
      counts: { cancelled: 2 },
    })
    expect((await cancelJob(fake.deps, KEY, 'job_1', everywhere)).status).toBe('cancelled')
  })

  it('lists page by page, newest first', async () => {
    const { fake } = await withJob(1)
    const { tenantUid, id: collectionId } = fake.collection
    for (const id of ['job_2', 'job_3']) {
      await fake.deps.jobs.create({ id: id as never, tenantUid, collectionId, total: 1, keyId: 'key1' })
    }
    const one = await listJobs(fake.deps, KEY, { limit: 2 }, everywhere)
    const two = await listJobs(fake.deps, KEY, { limit: 2, cursor: one.nextCursor ?? '' }, everywhere)
    expect([...one.data, ...two.data].map(({ id }) => id)).toEqual(['job_3', 'job_2', 'job_1'])
    expect(two.nextCursor).toBeNull()
  })

  it('of a deleted collection is still there for the key that asked for it, whatever that reaches', async () => {
    const { fake, job } = await withJob(1)
    fake.jobs.set('job_1', { ...job, collectionId: 'col_gone' as never })
    const key = { ...KEY, collections: ['docs'] } as Principal
    expect((await getJob(fake.deps, key, 'job_1', everywhere)).status).toBe('cancelled')
    expect((await problemOf(getJob(fake.deps, { ...key, keyId: 'key2' }, 'job_1', everywhere))).code).toBe('not_found')
  })

  it('is listed with the others of its collection in one call to each shard', async () => {
    const { fake } = await withJob(1)
    const { tenantUid, id: collectionId } = fake.collection
    for (let i = 2; i < 60; i++) {
      await fake.deps.jobs.create({ id: `job_${i}` as never, tenantUid, collectionId, total: 1, keyId: 'key1' })
    }
    await fake.deps.jobs.settle(tenantUid, 'job_5' as never, 'succeeded')
    const { data } = await listJobs(fake.deps, KEY, {}, everywhere)
    expect(data).toHaveLength(59)
    expect(fake.shards.map(({ counted }) => counted.map((ids) => ids.length))).toEqual([[58], [58]])
  })

  it('is not read for a key that does not reach its collection', async () => {
    const { fake } = await withJob(1)
    const other = { ...fake.collection, id: 'col_2' as never, name: 'other' }
    fake.collections.push(other)
    const { tenantUid } = fake.collection
    const job = { tenantUid, collectionId: other.id, total: 1, keyId: 'key1' }
    await fake.deps.jobs.create({ ...job, id: 'job_2' as never })
    const key = { ...KEY, collections: ['other'] } as Principal
    expect((await listJobs(fake.deps, key, { limit: 1 }, everywhere)).data.map(({ id }) => id)).toEqual(['job_2'])
    expect(fake.shards[0]?.counted).toEqual([['job_2']])
  })

  it('ends a page of the list early rather than have too many shards asked', async () => {
    const { fake } = await withJob(1, 32)
    const { tenantUid } = fake.collection
    for (let i = 2; i <= 9; i++) {
      const id = `col_${i}` as never
      fake.collections.push({ ...fake.collection, id })
      await fake.deps.jobs.create({ id: `job_${i}` as never, tenantUid, collectionId: id, total: 1, keyId: 'key1' })
    }
    const pages: string[][] = []
    let cursor: string | null = ''
    do {
      const page = await listJobs(fake.deps, KEY, cursor === '' ? {} : { cursor }, everywhere)
      pages.push(page.data.map(({ id }) => id))
      cursor = page.nextCursor
    } while (cursor !== null)
    expect(pages).toEqual([['job_9', 'job_8', 'job_7', 'job_6'], ['job_5', 'job_4', 'job_3', 'job_2'], ['job_1']])
  })
})
