import { describe, expect, it } from 'vitest'
import { LOG_RETENTION_MS } from '../../../src/core/limits.ts'
import { NodeShard } from '../../support/node-shard.ts'

describe('the projection', () => {
  it('hands over present states and absolute counts, and then nothing more', async () => {
    const shard = new NodeShard()
    await shard.put({ id: 'x', text: 'A' })
    await shard.put({ id: 'x', text: 'B\nC' })
    await shard.put({ id: 'gone', text: 'A' })
    await shard.delete('gone')
    await shard.stage('job_1', [{ id: 'y', text: 'D' }])
    await shard.alarm.run()
    expect(shard.projections).toHaveLength(1)
    expect(shard.projections[0]).toMatchObject({ tenantUid: 'ten_test', collectionId: 'col_test', shard: 0 })
    const byId = new Map(shard.projections[0]?.documents.map((document) => [document.id, document]))
    expect(byId.get('x')).toMatchObject({ status: 'indexed', version: 2, chunks: 2, bytes: 3, sequence: 2 })
    expect(byId.get('gone')).toMatchObject({ status: 'deleted', version: 1, chunks: 0, bytes: 0, sequence: 4 })
    expect(byId.get('y')).toMatchObject({ status: 'indexed', version: 1 })
    expect(shard.projections[0]?.jobs).toEqual([
      {
        jobId: 'job_1',
        counts: {
          queued: 0,
          succeeded: 1,
          superseded: 0,
          failed: 0,
          cancelled: 0,
          updatedAtMs: shard.nowMs,
          failures: [],
        },
      },
    ])
    await shard.alarm.run()
    expect(shard.projections).toHaveLength(1)
  })

  it('goes in batches and holds no content', async () => {
    const shard = new NodeShard()
    for (let i = 0; i < 250; i++) {
      await shard.put({ id: `d${i}`, text: 'secret words', title: 'secret', metadata: { secret: 1 } })
    }
    await shard.alarm.run()
    expect(shard.projections.map(({ documents }) => documents.length)).toEqual([200, 50])
    expect(JSON.stringify(shard.projections)).not.toContain('secret')
  })

  it('keeps its position while the catalogue is down, waits longer each time, and loses nothing', async () => {
    const shard = new NodeShard()
    await shard.put({ id: 'x', text: 'A' })
    shard.projectFault = new Error('down')
    await shard.alarm.run()
    expect(shard.alarm.nextRunMs()).toBe(shard.nowMs + 2_000)
    await shard.alarm.run()
    expect(shard.reports).toHaveLength(1)
    shard.nowMs += 2_000
    await shard.alarm.run()
    expect(shard.alarm.nextRunMs()).toBe(shard.nowMs + 4_000)
    shard.projectFault = undefined
    shard.restart()
    await shard.alarm.run()
    expect(shard.projections.flatMap(({ documents }) => documents.map(({ id }) => id))).toEqual(['x'])
    expect(shard.alarm.nextRunMs()).toBeUndefined()
  })
})

describe('the change log', () => {
  it('keeps entries that a reader has not passed, and always the last one', async () => {
    const shard = new NodeShard()
    const count = () => shard.database.get<{ n: number }>('SELECT count(*) AS n FROM change_log')?.n
    for (let i = 0; i < 5; i++) await shard.put({ id: `d${i}`, text: 'A' })
    shard.projectFault = new Error('down')
    shard.nowMs += LOG_RETENTION_MS + 1
    await shard.alarm.run()
    expect(count()).toBe(5)
    shard.projectFault = undefined
    shard.nowMs += LOG_RETENTION_MS
    await shard.alarm.run()
    expect(count()).toBe(1)
    shard.restart()
    expect(shard.state.position).toBe(5)
    expect(await shard.put({ id: 'd0', text: 'B' })).toMatchObject({ version: 2, sequence: 6 })
  })

  it('adds up to the totals', async () => {
    const shard = new NodeShard()
    await shard.put({ id: 'x', text: 'one two\nthree' })
    await shard.put({ id: 'y', text: 'four' })
    await shard.put({ id: 'x', text: 'one' })
    await shard.delete('y')
    const sums = shard.database.get(
      'SELECT sum(bytes) AS bytes, sum(chunks) AS chunks, sum(tokens) AS tokens FROM change_log',
    )
    const { bytes, chunks } = shard.reads.statistics()
    expect(sums).toEqual({ bytes, chunks, tokens: 1 })
  })
})
