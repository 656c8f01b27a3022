/** What shards, jobs, keys and quotas tell, and what they keep to themselves. */
import { beforeEach, describe, expect, it } from 'vitest'
import type { ChangeReport, ReportedChange } from '../../../../src/core/usage.ts'
import { jobFinished, quotaWarning } from '../../../../src/tenancy/webhook-events.ts'
import type { WebhookEventType } from '../../../../src/tenancy/webhook-events.ts'
import { START_MS, WebhookWorld } from '../../../support/webhook-world.ts'

let world: WebhookWorld

const create = (events: readonly WebhookEventType[]): Promise<unknown> =>
  world.webhooks.create('0123456789abcdef', { url: 'https://hooks.example/', events })

const count = (table: string): number =>
  world.database.get<{ count: number }>(`SELECT COUNT(*) AS count FROM ${table}`)?.count ?? -1

beforeEach(() => {
  world = new WebhookWorld()
})

describe('what is told', () => {
  const change = (fields: Partial<ReportedChange>): ReportedChange => ({
    position: 1,
    kind: 'created',
    atMs: START_MS,
    keyId: 'k',
    documentId: 'doc',
    version: 3,
    documents: 0,
    chunks: 0,
    bytes: 0,
    chunksWritten: 0,
    bytesWritten: 0,
    embeddingTokens: 0,
    held: {},
    ...fields,
  })
  const report = { collectionId: 'col_1' } as ChangeReport

  it('of a shard’s log: what was indexed and what failed, nothing else', async () => {
    await create(['document.indexed', 'document.failed'])
    const { documentId: _, ...nameless } = change({ kind: 'dropped', code: 'embedding_failed' })
    const { version: _version, ...unnumbered } = change({ kind: 'replaced' })
    world.webhooks.changed(report, [
      change({}),
      unnumbered,
      change({ kind: 'replaced', jobId: 'job_1' }),
      change({ kind: 'dropped', code: 'shard_full', jobId: 'job_1.7' }),
      change({ kind: 'dropped', code: 'superseded' }),
      change({ kind: 'dropped', code: 'unchanged' }),
      change({ kind: 'dropped', code: 'cancelled' }),
      change({ kind: 'dropped' }),
      change({ kind: 'deleted' }),
      change({ kind: 'staged' }),
      nameless,
    ])
    await world.settle()
    const told = world.requests.map(({ body }) => JSON.parse(body) as { type: string; data: object })
    const about = { collectionId: 'col_1', documentId: 'doc' }
    expect(told.map(({ type, data }) => ({ type, data }))).toEqual(
      expect.arrayContaining([
        { type: 'document.indexed', data: { ...about, version: 3, change: 'created' } },
        { type: 'document.indexed', data: { ...about, version: 0, change: 'replaced' } },
        { type: 'document.indexed', data: { ...about, version: 3, change: 'replaced', jobId: 'job_1' } },
        { type: 'document.failed', data: { ...about, code: 'shard_full', jobId: 'job_1' } },
      ]),
    )
    expect(told).toHaveLength(4)
  })

  it('of a shard’s log: nothing where nobody listens', () => {
    world.webhooks.changed(report, [change({})])
    expect(count('webhook_events')).toBe(0)
  })

  it('of jobs, keys and quotas', async () => {
    await create(['job.finished', 'key.revoked', 'quota.warning'])
    const counts = { total: 3, succeeded: 2, failed: 1, cancelled: 0 }
    const job = {
      id: 'job_0123456789abcdef',
      collectionId: 'col_1',
      status: 'succeeded',
      updatedAtMs: START_MS,
      ...counts,
    }
    world.webhooks.emit(jobFinished(job))
    world.webhooks.emit(jobFinished(job))
    const quota = { meter: 'chunks', percent: 80, limit: 10, used: 8, window: 'stored', atMs: START_MS } as const
    world.webhooks.emit(quotaWarning(quota))
    await world.settle()
    expect(world.requests.map(({ body }) => JSON.parse(body) as object)).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          type: 'job.finished',
          data: { jobId: job.id, collectionId: 'col_1', status: 'succeeded', ...counts },
        }),
        expect.objectContaining({
          type: 'quota.warning',
          data: { meter: 'chunks', percent: 80, limit: 10, used: 8, window: 'stored' },
        }),
      ]),
    )
    expect(world.requests).toHaveLength(2)
  })
})
