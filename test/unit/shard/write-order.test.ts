import { describe, expect, it } from 'vitest'
import type { Filter } from '../../../src/metadata/filter.ts'
import { LOG_RETENTION_MS, TOMBSTONE_RETENTION_MS } from '../../../src/core/limits.ts'
import { TICKET_TTL_MS } from '../../../src/shard/tickets.ts'
import { NodeShard } from '../../support/node-shard.ts'
import { CONTEXT, makeChunks, makeSource } from '../../support/shard-documents.ts'

const equals = (field: string, value: string): Filter => ({
  kind: 'compare',
  path: [field],
  operator: '$eq',
  operand: value,
})

describe('versions', () => {
  it('start at 1, rise with each replacement and stay when nothing changed', async () => {
    const shard = new NodeShard()
    expect(await shard.put({ id: 'x', text: 'one' })).toMatchObject({ status: 'created', version: 1, chunks: 1 })
    expect(await shard.put({ id: 'x', text: 'two' })).toMatchObject({ status: 'replaced', version: 2 })
    expect(await shard.put({ id: 'x', text: 'two' })).toEqual({ status: 'unchanged', version: 2, chunks: 1 })
  })

  it('A, B, A ends as A in version 3', async () => {
    const shard = new NodeShard()
    for (const text of ['A', 'B']) await shard.put({ id: 'x', text })
    expect(await shard.put({ id: 'x', text: 'A' })).toMatchObject({ status: 'replaced', version: 3 })
    expect(shard.text('x')).toBe('A')
    expect(shard.find('a')).toEqual(['x'])
    expect(shard.find('b')).toEqual([])
  })

  it('go on after add, delete, add', async () => {
    const shard = new NodeShard()
    await shard.put({ id: 'x', text: 'A' })
    expect(await shard.delete('x')).toBe(1)
    expect(await shard.delete('x')).toBe(0)
    expect(shard.text('x')).toBeUndefined()
    expect(shard.find('a')).toEqual([])
    expect(await shard.put({ id: 'x', text: 'A' })).toMatchObject({ status: 'created', version: 2 })
    expect(shard.find('a')).toEqual(['x'])
  })

  it('go on after a restart between delete and add', async () => {
    const shard = new NodeShard()
    await shard.put({ id: 'x', text: 'A' })
    await shard.delete('x')
    shard.restart()
    expect(await shard.put({ id: 'x', text: 'B' })).toMatchObject({ status: 'created', version: 2 })
  })

  it('may begin again once the tombstone is pruned', async () => {
    const shard = new NodeShard()
    await shard.put({ id: 'x', text: 'A' })
    await shard.delete('x')
    shard.nowMs += TOMBSTONE_RETENTION_MS + LOG_RETENTION_MS
    await shard.alarm.run()
    expect(await shard.put({ id: 'x', text: 'B' })).toMatchObject({ status: 'created', version: 1 })
  })

  it('have no gap where a synchronous write was given up', async () => {
    const shard = new NodeShard()
    const ticket = shard.ticket(await makeSource({ id: 'x', text: 'A' }))
    shard.writes.release([ticket])
    expect(await shard.put({ id: 'x', text: 'B' })).toMatchObject({ version: 1 })
  })
})

describe('two concurrent synchronous writes', () => {
  it('get their own versions, and the later sequence wins when it commits last', async () => {
    const shard = new NodeShard()
    const [a, b] = [await makeSource({ id: 'x', text: 'A' }), await makeSource({ id: 'x', text: 'B' })]
    const [first, second] = [shard.ticket(a), shard.ticket(b)]
    expect(shard.commit(a, first)).toMatchObject({ status: 'created', version: 1 })
    expect(shard.commit(b, second)).toMatchObject({ status: 'replaced', version: 2 })
    expect(shard.text('x')).toBe('B')
  })

  it('get their own versions, and the later sequence wins when it commits first', async () => {
    const shard = new NodeShard()
    const [a, b] = [await makeSource({ id: 'x', text: 'A' }), await makeSource({ id: 'x', text: 'B' })]
    const [first, second] = [shard.ticket(a), shard.ticket(b)]
    expect(shard.commit(b, second)).toMatchObject({ status: 'created', version: 2 })
    expect(shard.commit(a, first)).toMatchObject({ status: 'superseded', version: 1 })
    expect(shard.text('x')).toBe('B')
    expect(await shard.put({ id: 'x', text: 'C' })).toMatchObject({ version: 3 })
  })

  it('a write of the current content beside an unfinished other one is not unchanged', async () => {
    const shard = new NodeShard()
    await shard.put({ id: 'x', text: 'A' })
    const b = await makeSource({ id: 'x', text: 'B' })
    const ticket = shard.ticket(b)
    expect(await shard.put({ id: 'x', text: 'A' })).toMatchObject({ status: 'replaced', version: 3 })
    expect(shard.commit(b, ticket)).toMatchObject({ status: 'superseded', version: 2 })
    expect(shard.text('x')).toBe('A')
  })

  it('a deletion in between is later than a write that began before it', async () => {
    const shard = new NodeShard()
    await shard.put({ id: 'x', text: 'A' })
    const b = await makeSource({ id: 'x', text: 'B' })
    const ticket = shard.ticket(b)
    expect(await shard.delete('x')).toBe(1)
    expect(shard.commit(b, ticket)).toMatchObject({ status: 'superseded', version: 2 })
    expect(shard.text('x')).toBeUndefined()
    expect(await shard.put({ id: 'x', text: 'C' })).toMatchObject({ status: 'created', version: 3 })
  })
})

describe('a write that is sent again while it is under way', () => {
  it('has the version of the first one, whichever commits first, and both are answered alike', async () => {
    for (const order of [
      [0, 1],
      [1, 0],
    ] as const) {
      const shard = new NodeShard()
      const source = await makeSource({ id: 'x', text: 'A' })
      const tickets = [shard.ticket(source), shard.ticket(source)]
      for (const index of order) {
        expect(shard.commit(source, tickets[index]!)).toMatchObject({ status: 'created', version: 1, chunks: 1 })
      }
      expect(shard.state.position).toBe(1)
      expect(shard.begin(source)).toMatchObject({ status: 'unchanged', version: 1 })
    }
  })

  it('is unchanged once the first one is done, though the first holds on to other tickets', async () => {
    const shard = new NodeShard()
    const source = await makeSource({ id: 'x', text: 'A' })
    const [first, second] = [shard.ticket(source), shard.ticket(source)]
    shard.commit(source, first)
    expect(shard.begin(source)).toMatchObject({ status: 'unchanged', version: 1 })
    expect(shard.commit(source, second)).toMatchObject({ status: 'created', version: 1 })
  })

  it('takes over a staged one, or settles as unchanged after it', async () => {
    const shard = new NodeShard()
    await shard.stage('job_1', [{ id: 'x', text: 'A' }])
    expect(await shard.put({ id: 'x', text: 'A' })).toMatchObject({ status: 'created', version: 1 })
    expect(shard.state.jobs.find('job_1', 'x')).toBe('superseded')
    await shard.stage('job_2', [{ id: 'x', text: 'B' }])
    await shard.stage('job_3', [{ id: 'x', text: 'B' }])
    await shard.alarm.run()
    expect(shard.reads.document('x', { include: [] })).toMatchObject({ version: 2 })
    expect(shard.state.jobs.find('job_2', 'x')).toBe('indexed')
    expect(shard.state.jobs.find('job_3', 'x')).toBe('unchanged')
  })

  it('has a version of its own when another write or a deletion was accepted in between', async () => {
    const shard = new NodeShard()
    const [a, b] = [await makeSource({ id: 'x', text: 'A' }), await makeSource({ id: 'x', text: 'B' })]
    const versions = [a, b, a].map((source) => shard.ticket(source).version)
    expect(versions).toEqual([1, 2, 3])
    const other = new NodeShard()
    await other.put({ id: 'x', text: 'B' })
    const early = other.ticket(a)
    await other.delete('x')
    const late = other.ticket(a)
    expect([early.version, late.version]).toEqual([2, 3])
    expect(other.commit(a, late)).toMatchObject({ status: 'created', version: 3 })
    expect(other.commit(a, early)).toMatchObject({ status: 'superseded', version: 2 })
  })
})

describe('staged writes', () => {
  it('an old 202 job after a newer 200 ends superseded', async () => {
    const shard = new NodeShard()
    await shard.stage('job_1', [{ id: 'x', text: 'old' }])
    expect(await shard.put({ id: 'x', text: 'new' })).toMatchObject({ status: 'created', version: 2 })
    await shard.alarm.run()
    expect(shard.text('x')).toBe('new')
    expect(shard.state.jobs.find('job_1', 'x')).toBe('superseded')
    expect(shard.state.jobs.counts('job_1')).toMatchObject({ queued: 0, succeeded: 1, superseded: 1, failed: 0 })
  })

  it('are overtaken by a deletion', async () => {
    const shard = new NodeShard()
    await shard.stage('job_1', [{ id: 'x', text: 'old' }])
    expect(await shard.delete('x')).toBe(1)
    await shard.alarm.run()
    expect(shard.text('x')).toBeUndefined()
    expect(shard.state.jobs.find('job_1', 'x')).toBe('superseded')
  })

  it('of one document are applied in the order of acceptance', async () => {
    const shard = new NodeShard()
    await shard.stage('job_1', [{ id: 'x', text: 'A' }])
    await shard.stage('job_2', [{ id: 'x', text: 'B' }])
    await shard.alarm.run()
    expect(shard.reads.document('x', { include: ['text'] })).toMatchObject({ text: 'B', version: 2 })
    expect(['job_1', 'job_2'].map((job) => shard.state.jobs.find(job, 'x'))).toEqual(['indexed', 'indexed'])
  })

  it('make an equal later write not unchanged while they wait', async () => {
    const shard = new NodeShard()
    await shard.put({ id: 'x', text: 'A' })
    await shard.stage('job_1', [{ id: 'x', text: 'B' }])
    expect(await shard.put({ id: 'x', text: 'A' })).toMatchObject({ status: 'replaced', version: 3 })
    await shard.alarm.run()
    expect(shard.text('x')).toBe('A')
  })

  it('survive a restart, tickets of synchronous writes do not', async () => {
    const shard = new NodeShard()
    const source = await makeSource({ id: 'y', text: 'sync' })
    await shard.stage('job_1', [{ id: 'x', text: 'staged' }])
    const ticket = shard.ticket(source)
    shard.restart()
    expect(shard.commit(source, ticket)).toEqual({ status: 'retry' })
    expect(shard.reads.statistics()).toMatchObject({ documents: 0, pending: 1 })
    await shard.alarm.run()
    expect(shard.text('x')).toBe('staged')
    expect(shard.reads.statistics()).toMatchObject({ documents: 1, pending: 0 })
  })

  it('that are cancelled are never applied', async () => {
    const shard = new NodeShard()
    await shard.stage('job_1', [
      { id: 'x', text: 'A' },
      { id: 'y', text: 'B' },
    ])
    shard.whileEmbedding = () => shard.writes.cancelJob('job_1')
    await shard.alarm.run()
    expect(shard.state.jobs.counts('job_1')).toMatchObject({ queued: 0, succeeded: 0, cancelled: 2 })
    expect(shard.reads.statistics()).toMatchObject({ documents: 0, pending: 0 })
  })

  it('may be staged again when the reply was lost, without being doubled', async () => {
    const shard = new NodeShard()
    const source = await makeSource({ id: 'x', text: 'A' })
    const ticket = shard.ticket(source)
    const documents = [{ source, chunks: makeChunks(source, () => false), ticket, reserved: {} }]
    for (const _ of [1, 2]) {
      expect(shard.writes.stage({ jobId: 'job_1', documents, settled: [] }, CONTEXT)).toEqual({ status: 'staged' })
    }
    expect(shard.reads.statistics().pending).toBe(1)
  })

  it('show as pending until they are applied', async () => {
    const shard = new NodeShard()
    await shard.stage('job_1', [{ id: 'x', text: 'A', metadata: { team: 'a' } }])
    expect(shard.reads.document('x', { include: ['text'] })).toMatchObject({ status: 'pending', version: 1, text: 'A' })
    expect(shard.reads.document('x', { include: [], visibility: equals('team', 'b') })).toBeUndefined()
    expect(shard.reads.list({ limit: 10 })).toEqual([])
    expect(shard.reads.latestSource('x')?.source.text).toBe('A')
    await shard.alarm.run()
    expect(shard.reads.document('x', { include: [] })).toMatchObject({ status: 'indexed', version: 1 })
  })
})

describe('commits', () => {
  it('with a ticket that is unknown, of another document or expired begin again', async () => {
    const shard = new NodeShard()
    const [x, y] = [await makeSource({ id: 'x', text: 'A' }), await makeSource({ id: 'y', text: 'A' })]
    const ticket = shard.ticket(x)
    expect(shard.commit(y, ticket)).toEqual({ status: 'retry' })
    expect(shard.commit(x, { ...ticket, epoch: 'another' })).toEqual({ status: 'retry' })
    expect(shard.commit(x, { ...ticket, sequence: 99 })).toEqual({ status: 'retry' })
    shard.nowMs += TICKET_TTL_MS
    expect(shard.commit(x, ticket)).toEqual({ status: 'retry' })
    expect(shard.reads.statistics().documents).toBe(0)
  })

  it('repeated because the reply was lost answer the same', async () => {
    const shard = new NodeShard()
    const source = await makeSource({ id: 'x', text: 'A' })
    const ticket = shard.ticket(source)
    const first = shard.commit(source, ticket)
    expect(shard.commit(source, ticket)).toEqual(first)
  })

  it('reuse the vectors of the current version, and begin again when those are gone', async () => {
    const shard = new NodeShard()
    await shard.put({ id: 'x', text: 'one\ntwo' })
    const source = await makeSource({ id: 'x', text: 'two\nthree' })
    const begun = shard.begin(source)
    if (begun.status !== 'accepted') throw new Error('not accepted')
    expect(begun.knownVectorKeys).toEqual(['key of one', 'key of two'])
    const chunks = makeChunks(source, (key) => !begun.knownVectorKeys.includes(key))
    const before = shard.reads.document('x', { include: ['vectors'] })?.vectors?.[1]
    expect(shard.writes.commit({ source, chunks, ticket: begun.ticket }, CONTEXT)).toMatchObject({ status: 'replaced' })
    expect(shard.reads.document('x', { include: ['vectors'] })?.vectors?.[0]).toEqual(before)

    const again = await makeSource({ id: 'x', text: 'two\nfour' })
    const ticket = shard.ticket(again)
    await shard.put({ id: 'x', text: 'nothing of that' })
    const late = { source: again, chunks: makeChunks(again, (key) => key !== 'key of two'), ticket }
    expect(shard.writes.commit(late, CONTEXT)).toEqual({ status: 'retry' })
  })
})

describe('If-Match', () => {
  it('holds against the last accepted version, and again at the commit', async () => {
    const shard = new NodeShard()
    await shard.put({ id: 'x', text: 'A' })
    const etag = shard.reads.document('x', { include: [] })?.etag ?? ''
    expect(etag).toMatch(/^"1-[0-9a-f]{12}"$/)
    const [b, c] = [await makeSource({ id: 'x', text: 'B' }), await makeSource({ id: 'x', text: 'C' })]
    const refused = { status: 'refused', code: 'precondition_failed' }
    expect(shard.begin(b, { ifMatch: '"2-000000000000"' })).toEqual(refused)
    expect(shard.begin(b, { ifMatch: `W/${etag}` })).toEqual(refused)
    const [first, second] = [b, c].map((source) => shard.begin(source, { ifMatch: `"other", ${etag}` }))
    if (first?.status !== 'accepted' || second?.status !== 'accepted') throw new Error('not accepted')
    expect(shard.commit(b, first.ticket)).toMatchObject({ status: 'replaced', version: 2 })
    expect(shard.commit(c, second.ticket)).toEqual({ status: 'retry' })
    expect(shard.begin(c, { ifMatch: etag })).toEqual(refused)
    expect(shard.begin(c, { ifMatch: '*' })).toMatchObject({ status: 'accepted' })
  })

  it('refuses what does not exist, and looks at pending versions', async () => {
    const shard = new NodeShard()
    const source = await makeSource({ id: 'x', text: 'A' })
    expect(shard.begin(source, { ifMatch: '*' })).toEqual({ status: 'refused', code: 'precondition_failed' })
    await shard.stage('job_1', [{ id: 'x', text: 'B' }])
    const etag = shard.reads.latestSource('x')?.etag ?? ''
    expect(shard.begin(source, { ifMatch: etag })).toMatchObject({ status: 'accepted' })
  })

  it('guards deletions', async () => {
    const shard = new NodeShard()
    await shard.put({ id: 'x', text: 'A' })
    const pause = async (): Promise<void> => undefined
    const remove = async (ifMatch: string) => shard.writes.delete({ ids: ['x'] }, { ...CONTEXT, ifMatch }, pause)
    await expect(remove('"9-000000000000"')).rejects.toMatchObject({ code: 'precondition_failed' })
    expect(shard.text('x')).toBe('A')
    expect(await remove('*')).toMatchObject({ deleted: 1 })
    expect(await remove('*')).toMatchObject({ deleted: 0 })
  })
})

describe("a key's filter", () => {
  const context = { ...CONTEXT, filter: equals('team', 'a') }

  it('must match the new, the applied and the pending version of a write', async () => {
    const shard = new NodeShard()
    const refused = { status: 'refused', code: 'outside_filter' }
    const mine = await makeSource({ id: 'x', text: 'A', metadata: { team: 'a' } })
    const theirs = await makeSource({ id: 'x', text: 'B', metadata: { team: 'b' } })
    expect(shard.begin(theirs, { context })).toEqual(refused)
    expect(shard.begin(mine, { context })).toMatchObject({ status: 'accepted' })
    await shard.stage('job_1', [{ id: 'x', text: 'B', metadata: { team: 'b' } }])
    expect(shard.begin(mine, { context })).toEqual(refused)
    await shard.alarm.run()
    expect(shard.begin(mine, { context })).toEqual(refused)
  })

  it('holds at the commit too, when another write came in between', async () => {
    const shard = new NodeShard()
    const theirs = await makeSource({ id: 'x', text: 'B', metadata: { team: 'b' } })
    const mine = await makeSource({ id: 'x', text: 'A', metadata: { team: 'a' } })
    const earlier = shard.ticket(theirs)
    const begun = shard.begin(mine, { context })
    if (begun.status !== 'accepted') throw new Error('not accepted')
    shard.commit(theirs, earlier)
    expect(shard.commit(mine, begun.ticket, context)).toEqual({ status: 'retry' })
    expect(shard.begin(mine, { context })).toEqual({ status: 'refused', code: 'outside_filter' })
  })

  it('hides documents from deletion by id and by filter', async () => {
    const shard = new NodeShard()
    await shard.put({ id: 'mine', text: 'A', metadata: { team: 'a', old: 'yes' } })
    await shard.put({ id: 'theirs', text: 'B', metadata: { team: 'b', old: 'yes' } })
    const pause = async (): Promise<void> => undefined
    expect(await shard.writes.delete({ ids: ['theirs', 'never'] }, context, pause)).toMatchObject({ deleted: 0 })
    expect(await shard.writes.delete({ filter: equals('old', 'yes') }, context, pause)).toMatchObject({ deleted: 1 })
    expect(shard.reads.list({ limit: 10 }).map(({ id }) => id)).toEqual(['theirs'])
  })
})

describe('deletion by filter', () => {
  it('looks at the last accepted version', async () => {
    const shard = new NodeShard()
    await shard.put({ id: 'was', text: 'A', metadata: { team: 'a' } })
    await shard.put({ id: 'becomes', text: 'B', metadata: { team: 'b' } })
    await shard.stage('job_1', [
      { id: 'was', text: 'A', metadata: { team: 'b' } },
      { id: 'becomes', text: 'B', metadata: { team: 'a' } },
      { id: 'new', text: 'C', metadata: { team: 'a' } },
    ])
    const pause = async (): Promise<void> => undefined
    expect(await shard.writes.delete({ filter: equals('team', 'a') }, CONTEXT, pause)).toMatchObject({ deleted: 2 })
    await shard.alarm.run()
    expect(shard.reads.list({ limit: 10 }).map(({ id }) => id)).toEqual(['was'])
  })

  it('takes every document of many slices', async () => {
    const shard = new NodeShard()
    for (let i = 0; i < 450; i++) await shard.put({ id: `d${i}`, text: 'same words', metadata: { team: 'a' } })
    const filter = equals('team', 'a')
    let pauses = 0
    const pause = async (): Promise<void> => void pauses++
    expect(await shard.writes.delete({ filter }, CONTEXT, pause)).toMatchObject({ deleted: 450 })
    expect(pauses).toBe(2)
    expect(shard.reads.statistics()).toMatchObject({ documents: 0, chunks: 0, bytes: 0 })
  })
})
