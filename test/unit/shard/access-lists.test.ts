import { describe, expect, it } from 'vitest'
import type { Filter } from '../../../src/metadata/filter.ts'
import type { WriteContext } from '../../../src/shard/shard-api.ts'
import { NodeShard } from '../../support/node-shard.ts'
import { CONTEXT, makeChunks, makeSource } from '../../support/shard-documents.ts'

const mask = (...principals: string[]): Filter => ({ kind: 'acl', principals })
/** A token: it sees what its principals may see and cannot send an acl. */
const token = (...principals: string[]): WriteContext => ({
  ...CONTEXT,
  filter: mask(...principals),
  mayWriteAcl: false,
})
const PAUSE = async (): Promise<void> => undefined

const search = (shard: NodeShard, filter: Filter): readonly string[] =>
  shard.searcher.search({
    filter,
    keyword: { words: ['heron'], bm25: { k1: 0.9, b: 0.4 } },
    candidates: Infinity,
    exact: false,
    profileLanguages: [],
  }).candidates.documentIds

describe('access lists in a shard', () => {
  it('decide who sees a document: in searches, lists, single reads and figures', async () => {
    const shard = new NodeShard()
    await shard.put({ id: 'open', text: 'heron' })
    expect(search(shard, mask())).toEqual(['open'])
    await shard.put({ id: 'own', text: 'heron', acl: ['user:ada', 'staff'] })
    await shard.put({ id: 'nobody', text: 'heron', acl: ['nobody'] })
    const visibility = mask('staff', 'guests')
    expect([...search(shard, visibility)].sort()).toEqual(['open', 'own'])
    expect(search(shard, mask())).toEqual(['open'])
    expect(shard.reads.list({ limit: 9, visibility }).map(({ id }) => id)).toEqual(['open', 'own'])
    expect(shard.reads.document('nobody', { include: [], visibility })).toBeUndefined()
    expect(shard.reads.document('own', { include: [], visibility })?.acl).toEqual(['user:ada', 'staff'])
    expect(shard.reads.latestSource('own')?.source.acl).toEqual(['user:ada', 'staff'])
    expect(shard.reads.latestSource('nobody', visibility)).toBeUndefined()
    expect(shard.reads.statistics(visibility)).toMatchObject({ documents: 2, chunks: 2 })
  })

  it('are kept by a restart, and taken off again by a version without one', async () => {
    const shard = new NodeShard()
    await shard.put({ id: 'x', text: 'heron', acl: ['staff'] })
    shard.restart()
    expect([search(shard, mask()), search(shard, mask('staff'))]).toEqual([[], ['x']])
    await shard.put({ id: 'x', text: 'heron' })
    expect(search(shard, mask())).toEqual(['x'])
    expect(shard.reads.document('x', { include: [] })).not.toHaveProperty('acl')
  })

  it('travel with pending work, which only those see whom they name', async () => {
    const shard = new NodeShard()
    await shard.stage('job_1', [{ id: 'x', text: 'heron', acl: ['staff'] }])
    expect(shard.reads.document('x', { include: [], visibility: mask() })).toBeUndefined()
    expect(shard.reads.document('x', { include: [], visibility: mask('staff') })).toMatchObject({
      status: 'pending',
      acl: ['staff'],
    })
    expect(shard.reads.statistics(mask()).pending).toBe(0)
    await shard.alarm.run()
    expect([search(shard, mask()), search(shard, mask('staff'))]).toEqual([[], ['x']])
  })

  it('hide what exists from a writer and a deleter that they do not name', async () => {
    const shard = new NodeShard()
    await shard.put({ id: 'x', text: 'heron', acl: ['staff'] })
    const source = await makeSource({ id: 'x', text: 'otter', acl: ['guests'] })
    const context = { ...token('guests'), mayWriteAcl: true }
    expect(shard.begin(source, { context })).toEqual({ status: 'refused', code: 'outside_filter' })
    expect(await shard.writes.delete({ ids: ['x'] }, token('guests'), PAUSE)).toMatchObject({ deleted: 0 })
    expect(await shard.writes.delete({ filter: mask('guests') }, token('guests'), PAUSE)).toMatchObject({ deleted: 0 })
    expect(await shard.writes.delete({ ids: ['x'] }, token('staff'), PAUSE)).toMatchObject({ deleted: 1 })
  })

  it('are not dropped by a writer that cannot send them', async () => {
    const shard = new NodeShard()
    await shard.put({ id: 'x', text: 'heron', acl: ['staff'] })
    const context = token('staff')
    const refused = { status: 'refused', code: 'outside_filter' }
    expect(shard.begin(await makeSource({ id: 'x', text: 'otter' }), { context })).toEqual(refused)
    expect(shard.begin(await makeSource({ id: 'new', text: 'otter' }), { context }).status).toBe('accepted')
    await shard.stage('job_1', [{ id: 'waiting', text: 'heron', acl: ['staff'] }])
    expect(shard.begin(await makeSource({ id: 'waiting', text: 'otter' }), { context })).toEqual(refused)
  })

  it('are judged again when a write is committed, staged and applied', async () => {
    const shard = new NodeShard()
    const context = token('staff')
    const begin = async (id: string) => {
      const source = await makeSource({ id, text: 'otter' })
      const begun = shard.begin(source, { context })
      if (begun.status !== 'accepted') throw new Error('not accepted')
      return { source, ticket: begun.ticket, chunks: makeChunks(source), reserved: {} }
    }
    // An earlier write of the secret key, which is committed only when the token's write is pending.
    const early = await makeSource({ id: 'applied', text: 'heron', acl: ['staff'] })
    const earlyTicket = shard.ticket(early)
    const [committed, staged, applied] = [await begin('committed'), await begin('staged'), await begin('applied')]
    await shard.put({ id: 'committed', text: 'heron', acl: ['staff'] })
    await shard.put({ id: 'staged', text: 'heron', acl: ['staff'] })
    expect(shard.writes.commit(committed, context)).toEqual({ status: 'retry' })
    const request = { jobId: 'job_1', settled: [] }
    expect(shard.writes.stage({ ...request, documents: [staged] }, context)).toEqual({ status: 'retry' })
    expect(shard.writes.stage({ ...request, documents: [applied] }, context)).toEqual({ status: 'staged' })
    expect(shard.commit(early, earlyTicket)).toMatchObject({ status: 'created' })
    await shard.alarm.run()
    expect(shard.state.jobs.counts('job_1').failures).toEqual([{ documentId: 'applied', code: 'outside_filter' }])
    expect(shard.reads.document('applied', { include: [] })?.acl).toEqual(['staff'])
  })
})
