/** A shard that the release before tenancy filled, opened by this one. */
import { describe, expect, it } from 'vitest'
import type { ReportedChange } from '../../../src/core/usage.ts'
import { visibleTo } from '../../../src/tenancy/principal.ts'
import { formerShard } from '../../support/former-shard.ts'
import { NodeShard } from '../../support/node-shard.ts'
import { CONTEXT } from '../../support/shard-documents.ts'

const LONG = `heron\n${'weir '.repeat(8_000)}`

/** Live, long, replaced and deleted documents, one that comes back, and work that is still pending. */
async function filled(): Promise<NodeShard> {
  const shard = new NodeShard()
  await shard.put({ id: 'plain', text: 'heron', title: 'Title', metadata: { team: 'red' } })
  await shard.put({ id: 'long', text: LONG })
  await shard.put({ id: 'twice', text: 'first' })
  await shard.put({ id: 'twice', text: 'second\nversion' })
  await shard.put({ id: 'gone', text: 'otter' })
  await shard.put({ id: 'back', text: 'owl' })
  await shard.delete('gone', 'back')
  await shard.put({ id: 'back', text: 'owl again' })
  await shard.alarm.run()
  await shard.stage('job_1', [
    { id: 'later', text: 'meadow' },
    { id: 'plain', text: 'heron and meadow' },
  ])
  return shard
}

async function upgraded(): Promise<{ shard: NodeShard; before: NodeShard }> {
  const before = await filled()
  const shard = new NodeShard({ database: formerShard(before.database) })
  shard.nowMs = before.nowMs
  return { shard, before }
}

const everything = (shard: NodeShard) =>
  shard.reads.list({ limit: 100 }).map(({ id }) => shard.reads.document(id, { include: ['text', 'chunks', 'vectors'] }))

describe('a shard of the earlier release', () => {
  it('holds and finds what it held, visible to everyone', async () => {
    const { shard, before } = await upgraded()
    expect(everything(shard)).toEqual(everything(before))
    expect(everything(shard)).toHaveLength(4)
    expect(shard.text('long')).toBe(LONG)
    expect(shard.find('heron')).toEqual(['long', 'plain'])
    expect(await shard.transfer.stateHash()).toBe(await before.transfer.stateHash())
    expect(shard.reads.statistics(visibleTo([])).documents).toBe(4)
    expect(shard.reads.statistics()).toMatchObject({ documents: 4, pending: 2 })
  })

  it('goes on with its work, its versions and its order', async () => {
    const { shard } = await upgraded()
    await shard.alarm.run()
    expect(shard.state.jobs.counts('job_1')).toMatchObject({ queued: 0, succeeded: 2 })
    expect(shard.find('meadow')).toEqual(['later', 'plain'])
    expect(await shard.put({ id: 'gone', text: 'otter' })).toMatchObject({ status: 'created', version: 2 })
    expect(await shard.put({ id: 'twice', text: 'third' })).toMatchObject({ status: 'replaced', version: 3 })
    expect(await shard.delete('long', 'plain', 'back', 'later', 'gone', 'twice')).toBe(6)
    expect(shard.reads.statistics()).toMatchObject({ documents: 0, chunks: 0, bytes: 0 })
  })

  it('covers what pending work adds by what a new write of it reserves', async () => {
    const { shard } = await upgraded()
    // Its rows do not say how large they are, so that a write over them reserves all of its own size.
    const begun = shard.writes.begin([{ id: 'later', contentHash: 'other', metadata: {} }], CONTEXT)
    expect(begun).toMatchObject([{ status: 'accepted', current: { chunks: 0, bytes: 0 } }])
  })

  it('reports what it stores, and nothing as written that was written before', async () => {
    const { shard } = await upgraded()
    const changes: ReportedChange[] = []
    shard.receive = (report) => {
      changes.push(...report.changes)
      return report.changes.at(-1)?.position ?? report.after
    }
    const stored = () => {
      const sums = { documents: 0, chunks: 0, bytes: 0 }
      for (const { documents, chunks, bytes } of changes) {
        sums.documents += documents
        sums.chunks += chunks
        sums.bytes += bytes
      }
      return sums
    }
    await shard.alarm.flushChanges()
    expect(shard.reads.statistics()).toMatchObject(stored())
    expect(new Set(changes.map(({ kind }) => kind))).toEqual(new Set(['dropped']))
    expect(changes.every(({ code }) => code === undefined)).toBe(true)
    const old = changes.length
    await shard.alarm.run()
    await shard.delete('long')
    await shard.alarm.flushChanges()
    expect(shard.reads.statistics()).toMatchObject(stored())
    expect(changes.slice(old).map(({ kind }) => kind)).toEqual(['created', 'replaced', 'deleted'])
  })
})
