/** The reader of a shard's log that tells of files: who has one, and what becomes of it. */
import { beforeEach, describe, expect, it } from 'vitest'
import { LOG_RETENTION_MS } from '../../../src/core/limits.ts'
import { Problem } from '../../../src/core/problem.ts'
import { embeddingProgress, FILES_READER, workItems } from '../../../src/shard/file-work.ts'
import { NodeShard } from '../../support/node-shard.ts'
import { CONTEXT } from '../../support/shard-documents.ts'

const WORK = 'job_a.1'

let shard: NodeShard

beforeEach(() => {
  shard = new NodeShard()
})

describe('a shard with work of files', () => {
  it('tells the files object of everything from there on, and of nothing before', async () => {
    await shard.put({ id: 'before', text: 'not of a file' })
    await shard.stage('job_b', [{ id: 'b', text: 'of documents' }])
    await shard.alarm.run()
    expect(shard.reportedFileChanges).toEqual([])
    await shard.stage(WORK, [{ id: 'a', text: 'of a file' }])
    await shard.alarm.run()
    const told = shard.reportedFileChanges.flatMap(({ changes }) => changes)
    expect(told.map(({ kind, documentId, jobId }) => [kind, documentId, jobId])).toEqual([
      ['staged', 'a', WORK],
      ['created', 'a', WORK],
    ])
    expect(workItems(shard.state, WORK, ['a', 'b'])).toEqual({ a: 'indexed' })
  })

  it('tells no control plane of the job id of one file', async () => {
    await shard.stage(WORK, [{ id: 'a', text: 'of a file' }])
    await shard.stage('job_b', [{ id: 'b', text: 'of documents' }])
    await shard.alarm.run()
    expect(shard.projections.flatMap(({ jobs }) => jobs.map(({ jobId }) => jobId))).toEqual(['job_b'])
  })

  it('forgets nothing that was not told, unless the files object is gone for good', async () => {
    await shard.stage(WORK, [{ id: 'a', text: 'of a file' }])
    let fault = new Problem('overloaded')
    shard.receiveFiles = () => {
      throw fault
    }
    await shard.alarm.run()
    const entries = (): number => shard.state.log.after(0, 100).length
    const all = entries()
    shard.nowMs += 2 * LOG_RETENTION_MS
    await shard.alarm.run()
    expect(entries()).toBe(all)
    fault = new Problem('not_found')
    shard.nowMs += 2 * LOG_RETENTION_MS
    await shard.alarm.run()
    expect(shard.state.log.hasReader(FILES_READER)).toBe(false)
    shard.nowMs += 2 * LOG_RETENTION_MS
    await shard.alarm.run()
    expect(entries()).toBe(1)
  })

  it('says how many chunks of what waits have their vectors', async () => {
    const text = Array.from({ length: 40 }, (_, i) => `line ${i}`).join('\n')
    await shard.stage(WORK, [{ id: 'long', text }])
    let calls = 0
    shard.whileEmbedding = () => {
      if (++calls === 2) shard.embedderFault = new Error('down')
    }
    await shard.alarm.run()
    expect(embeddingProgress(shard.state, [WORK, 'job_a.2'])).toEqual({ [WORK]: 32, 'job_a.2': 0 })
  })

  it('deletes documents in the version that is named only', async () => {
    await shard.put({ id: 'old', text: 'one' })
    await shard.put({ id: 'new', text: 'one' })
    await shard.put({ id: 'new', text: 'two' })
    const selection = { ids: ['old', 'new', 'absent'], versions: [1, 1, 1] }
    const { deleted } = await shard.writes.delete(selection, CONTEXT, async () => undefined)
    expect(deleted).toBe(1)
    expect([shard.text('old'), shard.text('new')]).toEqual([undefined, 'two'])
  })
})
