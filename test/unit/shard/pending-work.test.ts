import { describe, expect, it } from 'vitest'
import {
  LOG_RETENTION_MS,
  MAX_CHUNKS_PER_SHARD,
  MAX_PASSAGES_PER_CALL,
  TOMBSTONE_RETENTION_MS,
} from '../../../src/core/limits.ts'
import { Problem } from '../../../src/core/problem.ts'
import { MAX_ATTEMPTS } from '../../../src/shard/pending-work.ts'
import { NodeShard } from '../../support/node-shard.ts'
import { CONTEXT, makeChunks, makeSource } from '../../support/shard-documents.ts'

const lines = (count: number, word = 'line'): string =>
  Array.from({ length: count }, (_, index) => `${word} ${index}`).join('\n')

describe('pending work', () => {
  it('gathers the passages of small documents into full calls', async () => {
    const shard = new NodeShard()
    const drafts = Array.from({ length: 50 }, (_, index) => ({ id: `d${index}`, text: `document ${index}` }))
    await shard.stage('job_1', drafts)
    await shard.alarm.run()
    expect(shard.embedded.map((texts) => texts.length)).toEqual([MAX_PASSAGES_PER_CALL, 50 - MAX_PASSAGES_PER_CALL])
    expect(shard.reads.statistics()).toMatchObject({ documents: 50, pending: 0 })
    expect(shard.alarm.nextRunMs()).toBeGreaterThan(shard.nowMs)
  })

  it('lets short documents in between the calls of a long one, and both versions of one in their order', async () => {
    const shard = new NodeShard()
    await shard.stage('job_1', [{ id: 'long', text: lines(200) }])
    await shard.stage('job_2', [{ id: 'short', text: 'one\ntwo' }])
    await shard.stage('job_3', [{ id: 'short', text: 'three' }])
    await shard.alarm.run()
    expect(shard.embedded.map((texts) => texts.length)).toEqual([2, 32, 1, 32, 32, 32, 32, 32, 8])
    expect(shard.embedded.flat().filter((text) => !text.startsWith('line'))).toEqual(['one', 'two', 'three'])
    expect(shard.reads.statistics()).toMatchObject({ documents: 2, chunks: 201, pending: 0 })
  })

  it('embeds the prefix with the text of a chunk', async () => {
    const shard = new NodeShard()
    const source = await makeSource({ id: 'x', text: 'the text' })
    const chunks = makeChunks(source, () => false).map((chunk) => ({ ...chunk, prefix: 'The title' }))
    const documents = [{ source, chunks, ticket: shard.ticket(source), reserved: {} }]
    shard.writes.stage({ jobId: 'job_1', documents, settled: [] }, CONTEXT)
    await shard.alarm.run()
    expect(shard.embedded).toEqual([['The title\nthe text']])
    expect(shard.find('title')).toEqual(['x'])
  })

  it('keeps the vectors of a long document over a kill', async () => {
    const shard = new NodeShard()
    await shard.stage('job_1', [{ id: 'long', text: lines(100) }])
    let calls = 0
    shard.whileEmbedding = () => {
      if (++calls === 3) throw new Error('killed')
    }
    await shard.alarm.run()
    expect(shard.reads.statistics()).toMatchObject({ documents: 0, pending: 1 })
    shard.restart()
    shard.nowMs += 60_000
    shard.whileEmbedding = () => undefined
    await shard.alarm.run()
    expect(shard.embedded.flat()).toEqual(lines(100).split('\n'))
    expect(shard.reads.statistics()).toMatchObject({ documents: 1, chunks: 100, pending: 0 })
  })

  it('embeds only what the current version has no vector for', async () => {
    const shard = new NodeShard()
    await shard.put({ id: 'x', text: 'one\ntwo' })
    await shard.stage('job_1', [{ id: 'x', text: 'one\ntwo\nthree' }])
    await shard.alarm.run()
    expect(shard.embedded).toEqual([['three']])
  })

  it('applies documents that need no embedding, with the vectors that came with them', async () => {
    const shard = new NodeShard()
    const source = await makeSource({ id: 'x', text: 'one\ntwo' })
    const chunks = makeChunks(source).map((chunk, index) => {
      const { vector: _, ...without } = chunk
      return index === 0 ? chunk : { ...without, withoutVector: true }
    })
    shard.writes.stage(
      { jobId: 'job_1', documents: [{ source, chunks, ticket: shard.ticket(source), reserved: {} }], settled: [] },
      CONTEXT,
    )
    await shard.alarm.run()
    expect(shard.embedded).toEqual([])
    const [first, second] = shard.reads.document('x', { include: ['vectors'] })?.vectors ?? []
    expect([first?.length, second]).toEqual([8, undefined])
  })

  it('waits longer after each failure and gives up after the last attempt', async () => {
    const shard = new NodeShard()
    await shard.stage('job_1', [{ id: 'x', text: 'A' }])
    shard.embedderFault = new Problem('upstream_failed')
    const waits: number[] = []
    for (let attempt = 1; attempt < MAX_ATTEMPTS; attempt++) {
      await shard.alarm.run()
      const dueMs = shard.state.pending.nextDueMs() ?? 0
      waits.push(dueMs - shard.nowMs)
      shard.nowMs = dueMs
    }
    const rising = [2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 128_000, 256_000]
    expect(waits).toEqual([...rising, ...Array.from({ length: 11 }, () => 300_000)])
    expect(waits.reduce((sum, wait) => sum + wait, 0)).toBeGreaterThan(60 * 60_000)
    await shard.alarm.run()
    expect(shard.state.jobs.counts('job_1')).toMatchObject({
      queued: 0,
      failed: 1,
      failures: [{ documentId: 'x', code: 'embedding_failed' }],
    })
    expect(shard.reads.statistics()).toMatchObject({ documents: 0, pending: 0 })
  })

  it('waits as long as an overloaded provider says', async () => {
    const shard = new NodeShard()
    await shard.stage('job_1', [{ id: 'x', text: 'A' }])
    shard.embedderFault = new Problem('overloaded', undefined, { retryAfterSeconds: 30 })
    await shard.alarm.run()
    expect(shard.state.pending.nextDueMs()).toBe(shard.nowMs + 30_000)
  })

  it('waits no longer than an hour, whatever a provider says', async () => {
    const shard = new NodeShard()
    await shard.stage('job_1', [{ id: 'x', text: 'A' }])
    shard.embedderFault = new Problem('overloaded', undefined, { retryAfterSeconds: 1e9 })
    await shard.alarm.run()
    expect(shard.state.pending.nextDueMs()).toBe(shard.nowMs + 3_600_000)
  })

  it('gives a document up at once where its provider refuses the key', async () => {
    const shard = new NodeShard()
    await shard.stage('job_1', [{ id: 'x', text: 'A' }])
    shard.embedderFault = new Problem('upstream_refused')
    await shard.alarm.run()
    expect(shard.state.jobs.counts('job_1')).toMatchObject({
      failed: 1,
      failures: [{ documentId: 'x', code: 'upstream_refused' }],
    })
  })

  it('counts failures anew after every call that brought a long document further', async () => {
    const shard = new NodeShard()
    await shard.stage('job_1', [{ id: 'long', text: lines(MAX_PASSAGES_PER_CALL * (MAX_ATTEMPTS + 2)) }])
    let calls = 0
    shard.whileEmbedding = () => {
      if (++calls % 2 === 1) throw new Problem('upstream_timeout')
    }
    for (let run = 0; run < 2 * MAX_ATTEMPTS && shard.reads.statistics().pending > 0; run++) {
      await shard.alarm.run()
      shard.nowMs += 60_000
    }
    expect(shard.reads.statistics()).toMatchObject({ documents: 1, pending: 0 })
  })

  it('fails only the poisoned document of a call', async () => {
    const shard = new NodeShard()
    await shard.stage('job_1', [
      { id: 'good', text: 'fine' },
      { id: 'bad', text: 'poison' },
      { id: 'better', text: 'finer' },
    ])
    shard.refuse = (texts) => (texts.includes('poison') ? new Problem('invalid_request') : undefined)
    await shard.alarm.run()
    expect(shard.reads.list({ limit: 9 }).map(({ id }) => id)).toEqual(['better', 'good'])
    expect(shard.state.jobs.counts('job_1')).toMatchObject({
      succeeded: 2,
      failures: [{ documentId: 'bad', code: 'invalid_request' }],
    })
  })

  it('lets a newer synchronous write through while it embeds, and is superseded by it', async () => {
    const shard = new NodeShard()
    await shard.stage('job_1', [{ id: 'x', text: 'old' }])
    shard.whileEmbedding = async () => void (await shard.put({ id: 'x', text: 'new' }))
    await shard.alarm.run()
    expect(shard.text('x')).toBe('new')
    expect(shard.state.jobs.find('job_1', 'x')).toBe('superseded')
  })

  it('fails what no longer fits without a call of the embedder', async () => {
    const shard = new NodeShard()
    await shard.stage('job_1', [{ id: 'long', text: lines(20_000) }])
    await shard.put({ id: 'a', text: lines(20_000, 'other') })
    await shard.put({ id: 'b', text: lines(20_000, 'third') })
    const source = await makeSource({ id: 'c', text: 'c' })
    expect(shard.begin(source)).toMatchObject({ status: 'accepted', room: MAX_CHUNKS_PER_SHARD - 40_000 })
    await shard.alarm.run()
    expect(shard.embedded).toEqual([])
    expect(shard.state.jobs.counts('job_1')).toMatchObject({
      queued: 0,
      failures: [{ documentId: 'long', code: 'shard_full' }],
    })
  })

  it('wakes to forget the items of old jobs, once the catalogue has heard of them', async () => {
    const shard = new NodeShard()
    await shard.stage('job_1', [{ id: 'x', text: 'A' }])
    await shard.alarm.run()
    const endedMs = shard.nowMs
    // The day after, what is left to do is to forget the job.
    shard.nowMs += LOG_RETENTION_MS + 3_600_000
    await shard.alarm.run()
    expect(shard.alarm.nextRunMs()).toBe(endedMs + TOMBSTONE_RETENTION_MS)
    shard.nowMs = endedMs + TOMBSTONE_RETENTION_MS + 1
    shard.database.run('DELETE FROM readers')
    shard.projectFault = new Error('down')
    await shard.alarm.run()
    expect(shard.state.jobs.find('job_1', 'x')).toBe('indexed')
    shard.projectFault = undefined
    shard.nowMs += 3_600_000
    await shard.alarm.run()
    expect(shard.state.jobs.find('job_1', 'x')).toBeUndefined()
    expect(shard.alarm.nextRunMs()).toBeUndefined()
  })

  it('stops for good when the shard is erased', async () => {
    const shard = new NodeShard()
    await shard.stage('job_1', [{ id: 'x', text: lines(100) }])
    shard.whileEmbedding = () => shard.alarm.stop()
    await shard.alarm.run()
    expect(shard.embedded).toHaveLength(1)
    expect(shard.reads.statistics()).toMatchObject({ documents: 0, pending: 1 })
  })

  it('tries a document that cannot be applied again later and goes on with the others', async () => {
    const shard = new NodeShard()
    await shard.stage('job_1', [{ id: 'x', text: 'one' }])
    await shard.stage('job_2', [{ id: 'y', text: 'two' }])
    shard.database.run(
      `CREATE TRIGGER broken BEFORE INSERT ON documents WHEN NEW.id = 'x' BEGIN SELECT raise(FAIL, 'no'); END`,
    )
    await shard.alarm.run()
    expect(shard.reads.list({ limit: 9 }).map(({ id }) => id)).toEqual(['y'])
    expect(shard.reports).toHaveLength(1)
    shard.database.run('DROP TRIGGER broken')
    shard.nowMs += 10_000
    await shard.alarm.run()
    expect(shard.find('one')).toEqual(['x'])
  })

  it('reports items that were settled when they were staged', async () => {
    const shard = new NodeShard()
    const settled = [
      { id: 'same', status: 'unchanged' as const },
      { id: 'full', status: 'failed' as const, code: 'outside_filter' },
    ]
    shard.writes.stage({ jobId: 'job_1', documents: [], settled }, CONTEXT)
    expect(shard.state.jobs.counts('job_1')).toEqual({
      queued: 0,
      succeeded: 1,
      superseded: 0,
      failed: 1,
      cancelled: 0,
      updatedAtMs: shard.nowMs,
      failures: [{ documentId: 'full', code: 'outside_filter' }],
    })
  })
})
