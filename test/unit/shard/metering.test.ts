import { describe, expect, it } from 'vitest'
import { BRING_YOUR_OWN } from '../../../src/models/profiles.ts'
import type { Amounts } from '../../../src/core/usage.ts'
import type { CommitResult, StageResult, WriteContext } from '../../../src/shard/shard-api.ts'
import { NodeShard, SETUP } from '../../support/node-shard.ts'
import { CONTEXT, type DraftDocument, makeChunks, makeSource } from '../../support/shard-documents.ts'

const PAUSE = async (): Promise<void> => undefined

const reserved = (shard: NodeShard, id = 'res_1'): WriteContext => ({
  ...CONTEXT,
  allowance: { kind: 'reserved', id, expiresAtMs: shard.nowMs + 60_000 },
})

async function begun(shard: NodeShard, draft: DraftDocument, isEmbedded = true) {
  const source = await makeSource(draft)
  const begin = shard.begin(source)
  if (begin.status !== 'accepted') throw new Error('not accepted')
  return { source, chunks: makeChunks(source, () => isEmbedded), ticket: begin.ticket }
}

async function commit(shard: NodeShard, draft: DraftDocument, amounts: Amounts): Promise<CommitResult> {
  return shard.writes.commit({ ...(await begun(shard, draft)), reserved: amounts }, reserved(shard))
}

async function stage(shard: NodeShard, job: string, draft: DraftDocument, amounts: Amounts): Promise<StageResult> {
  const document = { ...(await begun(shard, draft, false)), reserved: amounts }
  return shard.writes.stage({ jobId: job, documents: [document], settled: [] }, reserved(shard, job))
}

/** What the log says, entry by entry, without what is nothing. */
function logged(shard: NodeShard): Record<string, unknown>[] {
  const rows = shard.database.all<Record<string, unknown>>(
    `SELECT kind, id, documents, chunks, bytes, chunks_written, bytes_written, embedding_tokens, held, code, reservation
     FROM change_log ORDER BY seq`,
  )
  return rows.map((row) =>
    Object.fromEntries(
      Object.entries(row)
        .filter(([, value]) => value !== null && value !== 0)
        .map(([name, value]) => [name, name === 'held' ? (JSON.parse(value as string) as unknown) : value]),
    ),
  )
}

describe('begin', () => {
  it('tells what the write would replace: the pending version before the applied one', async () => {
    const shard = new NodeShard()
    const source = await makeSource({ id: 'x', text: 'another' })
    expect(shard.begin(source)).not.toHaveProperty('current')
    await shard.put({ id: 'x', text: 'one two\nthree' })
    expect(shard.begin(source)).toMatchObject({ current: { chunks: 2, bytes: 13, tokens: 3 } })
    await shard.stage('job_1', [{ id: 'x', text: 'größer' }])
    expect(shard.begin(source)).toMatchObject({ current: { chunks: 1, bytes: 8, tokens: 1 } })
  })
})

describe('the log of what writes store and make', () => {
  it('says differences, whole versions, and the tokens of new vectors alone', async () => {
    const shard = new NodeShard()
    await commit(shard, { id: 'x', text: 'a b\nc\na b' }, { documents: 1, chunks: 3, storedBytes: 9 })
    const source = await makeSource({ id: 'x', text: 'a b\nd e f' })
    const ticket = shard.ticket(source)
    // The first chunk keeps the vector that the version before had.
    const chunks = makeChunks(source, (key) => key !== 'key of a b')
    shard.writes.commit({ source, chunks, ticket }, CONTEXT)
    await shard.delete('x')
    expect(logged(shard)).toEqual([
      {
        kind: 'created',
        id: 'x',
        documents: 1,
        chunks: 3,
        bytes: 9,
        chunks_written: 3,
        bytes_written: 9,
        embedding_tokens: 3,
        reservation: 'res_1',
      },
      { kind: 'replaced', id: 'x', chunks: -1, chunks_written: 2, bytes_written: 9, embedding_tokens: 3 },
      { kind: 'deleted', id: 'x', documents: -1, chunks: -2, bytes: -9 },
    ])
  })

  it("counts no tokens for callers' own vectors", async () => {
    const shard = new NodeShard({ setup: { ...SETUP, profileId: BRING_YOUR_OWN } })
    await shard.put({ id: 'x', text: 'heron' })
    expect(logged(shard)[0]).not.toHaveProperty('embedding_tokens')
  })

  it('counts the tokens of a write that was overtaken', async () => {
    const shard = new NodeShard()
    const late = await begun(shard, { id: 'x', text: 'one two' })
    await shard.put({ id: 'x', text: 'three' })
    const result = shard.writes.commit({ ...late, reserved: {} }, reserved(shard))
    expect(result).toMatchObject({ status: 'superseded' })
    expect(logged(shard).at(-1)).toEqual({
      kind: 'dropped',
      id: 'x',
      embedding_tokens: 2,
      code: 'superseded',
      reservation: 'res_1',
    })
  })
})

describe('a reserved allowance', () => {
  it('cannot be spent after it has expired, by a commit or by staging', async () => {
    const shard = new NodeShard()
    const [first, second] = [await begun(shard, { id: 'x', text: 'A' }), await begun(shard, { id: 'y', text: 'B' })]
    const amounts = { documents: 1, chunks: 1, storedBytes: 1 }
    const context = reserved(shard)
    shard.nowMs += 60_001
    expect(shard.writes.commit({ ...first, reserved: amounts }, context)).toEqual({ status: 'retry' })
    const documents = [{ ...second, reserved: amounts }]
    expect(shard.writes.stage({ jobId: 'job_1', documents, settled: [] }, context)).toEqual({ status: 'retry' })
    expect(logged(shard)).toEqual([])
  })

  it('is good to its last millisecond, and after it for a write whose answer was lost', async () => {
    const shard = new NodeShard()
    const document = {
      ...(await begun(shard, { id: 'x', text: 'A' })),
      reserved: { documents: 1, chunks: 1, storedBytes: 1 },
    }
    const context = reserved(shard)
    shard.nowMs += 60_000
    expect(shard.writes.commit(document, context)).toMatchObject({ status: 'created' })
    shard.nowMs += 1
    expect(shard.writes.commit(document, context)).toMatchObject({ status: 'created', version: 1 })
    expect(logged(shard)).toHaveLength(1)
  })

  it('pays for no more than was reserved, where the version to be replaced has become smaller', async () => {
    const shard = new NodeShard()
    await shard.put({ id: 'x', text: 'A\nB\nC' })
    const other = await begun(shard, { id: 'x', text: 'A' })
    const document = { ...(await begun(shard, { id: 'x', text: 'A\nB\nD' })), reserved: {} }
    shard.writes.commit(other, CONTEXT)
    expect(shard.writes.commit(document, reserved(shard))).toEqual({ status: 'retry' })
    expect(await commit(shard, { id: 'x', text: 'A\nB\nD' }, { chunks: 1, storedBytes: 4 })).toEqual({
      status: 'retry',
    })
    const enough = { chunks: 2, storedBytes: 4 }
    expect(await commit(shard, { id: 'x', text: 'A\nB\nD' }, enough)).toMatchObject({ status: 'replaced' })
  })

  it('need not cover what was overtaken', async () => {
    const shard = new NodeShard()
    await shard.put({ id: 'x', text: 'A' })
    const document = { ...(await begun(shard, { id: 'x', text: 'A\nB' })), reserved: { chunks: 1, storedBytes: 2 } }
    await shard.delete('x')
    expect(shard.writes.commit(document, reserved(shard))).toMatchObject({ status: 'superseded' })
  })
})

describe('what staged work holds', () => {
  const amounts = { documents: 1, chunks: 2, storedBytes: 3, embeddingTokens: 2 }
  const negative = { documents: -1, chunks: -2, storedBytes: -3, embeddingTokens: -2 }

  it('is set free when it is applied', async () => {
    const shard = new NodeShard()
    await stage(shard, 'job_1', { id: 'x', text: 'A\nB' }, amounts)
    await shard.alarm.run()
    expect(logged(shard)).toEqual([
      { kind: 'staged', id: 'x', held: amounts, reservation: 'job_1' },
      {
        kind: 'created',
        id: 'x',
        documents: 1,
        chunks: 2,
        bytes: 3,
        chunks_written: 2,
        bytes_written: 3,
        embedding_tokens: 2,
        held: negative,
      },
    ])
  })

  it('is set free when it fails, is cancelled or superseded, with the reason', async () => {
    const shard = new NodeShard()
    for (const id of ['failed', 'cancelled', 'replaced', 'deleted'])
      await stage(shard, `job_${id}`, { id, text: 'A\nB' }, amounts)
    shard.writes.cancelJob('job_cancelled')
    await shard.put({ id: 'replaced', text: 'C' })
    await shard.delete('deleted')
    shard.refuse = () => new Error('poison')
    for (let i = 0; i < 20; i++) {
      shard.nowMs += 600_000
      await shard.alarm.run()
    }
    const dropped = logged(shard).filter(({ kind }) => kind === 'dropped')
    expect(dropped).toEqual([
      { kind: 'dropped', id: 'cancelled', held: negative, code: 'cancelled' },
      { kind: 'dropped', id: 'replaced', held: negative, code: 'superseded' },
      { kind: 'dropped', id: 'deleted', held: negative, code: 'superseded' },
      { kind: 'dropped', id: 'failed', held: negative, code: 'embedding_failed' },
    ])
  })

  it('goes over to the next pending write of the document, which reckoned with it', async () => {
    const shard = new NodeShard()
    await stage(shard, 'job_1', { id: 'x', text: 'A\nB' }, amounts)
    await stage(shard, 'job_2', { id: 'x', text: 'A\nB\nC' }, { chunks: 1, storedBytes: 2 })
    shard.writes.cancelJob('job_1')
    expect(logged(shard).at(-1)).toEqual({ kind: 'dropped', id: 'x', held: { embeddingTokens: -2 }, code: 'cancelled' })
    await shard.alarm.run()
    expect(logged(shard).at(-1)).toMatchObject({
      kind: 'created',
      held: { documents: -1, chunks: -3, storedBytes: -5 },
    })
  })

  it('grows when the version before it becomes smaller', async () => {
    const shard = new NodeShard()
    await shard.put({ id: 'x', text: 'A\nB\nC' })
    const early = await begun(shard, { id: 'x', text: 'D' })
    await stage(shard, 'job_1', { id: 'x', text: 'E\nF\nG' }, {})
    shard.writes.commit(early, CONTEXT)
    expect(logged(shard).at(-1)).toMatchObject({ kind: 'replaced', chunks: -2, held: { chunks: 2, storedBytes: 4 } })
    await shard.alarm.run()
    expect(logged(shard).at(-1)).toMatchObject({ chunks: 2, bytes: 4, held: { chunks: -2, storedBytes: -4 } })
  })

  it('is nothing for a tenant without limits', async () => {
    const shard = new NodeShard()
    await shard.stage('job_1', [{ id: 'x', text: 'A' }])
    await shard.stage('job_2', [{ id: 'x', text: 'B\nC' }])
    shard.writes.cancelJob('job_1')
    await shard.alarm.run()
    expect(logged(shard).filter((entry) => 'held' in entry)).toEqual([])
  })

  it('is logged once when the answer was lost and the work is staged again', async () => {
    const shard = new NodeShard()
    const document = { ...(await begun(shard, { id: 'x', text: 'A\nB' }, false)), reserved: amounts }
    const request = { jobId: 'job_1', documents: [document], settled: [] }
    for (const _ of [1, 2]) expect(shard.writes.stage(request, reserved(shard))).toEqual({ status: 'staged' })
    expect(logged(shard).map(({ kind }) => kind)).toEqual(['staged', 'job'])
  })

  it('is deleted with a filter as well', async () => {
    const shard = new NodeShard()
    await stage(shard, 'job_1', { id: 'x', text: 'A\nB', metadata: { n: 1 } }, amounts)
    const filter = { kind: 'compare', path: ['n'], operator: '$eq', operand: 1 } as const
    expect(await shard.writes.delete({ filter }, CONTEXT, PAUSE)).toMatchObject({ deleted: 1 })
    expect(logged(shard).slice(1)).toEqual([
      { kind: 'dropped', id: 'x', held: negative, code: 'superseded' },
      { kind: 'deleted', id: 'x' },
    ])
  })
})
