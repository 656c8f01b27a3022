import { describe, expect, it } from 'vitest'
import { LOG_RETENTION_MS } from '../../../src/core/limits.ts'
import type { ChangeReport } from '../../../src/core/usage.ts'
import { applyMigrations } from '../../../src/shard/apply-migrations.ts'
import { MIGRATIONS } from '../../../src/shard/migrations.ts'
import { NodeSqlDatabase } from '../../../src/shard/node-sql-database.ts'
import { writeSetup } from '../../../src/shard/shard-setup.ts'
import { NodeShard, SETUP } from '../../support/node-shard.ts'
import { CONTEXT } from '../../support/shard-documents.ts'

/** A receiver as the ledger is one: it counts what it does not know, and says how far it got. */
class Receiver {
  position = 0
  documents = 0
  chunks = 0
  bytes = 0
  readonly seen: ChangeReport[] = []

  take(report: ChangeReport): number {
    this.seen.push(report)
    if (report.baseline !== undefined && report.after > this.position) {
      this.position = report.after
      Object.assign(this, report.baseline)
    }
    for (const change of report.changes) {
      if (change.position !== this.position + 1) continue
      this.position = change.position
      this.documents += change.documents
      this.chunks += change.chunks
      this.bytes += change.bytes
    }
    return this.position
  }
}

function heard(shard: NodeShard): Receiver {
  const receiver = new Receiver()
  shard.receive = (report) => receiver.take(report)
  return receiver
}

const totals = ({ documents, chunks, bytes }: { documents: number; chunks: number; bytes: number }) => ({
  documents,
  chunks,
  bytes,
})

describe("the report to the tenant's object", () => {
  it('tells each entry in full, once', async () => {
    const shard = new NodeShard()
    await shard.put({ id: 'x', text: 'one two\nthree' })
    await shard.stage('job_1', [{ id: 'y', text: 'A' }])
    shard.writes.stage(
      { jobId: 'job_2', documents: [], settled: [{ id: 'z', status: 'failed', code: 'document_too_large' }] },
      CONTEXT,
    )
    await shard.alarm.run()
    await shard.alarm.run()
    expect(shard.reportedChanges).toHaveLength(1)
    const [report] = shard.reportedChanges
    expect(report).toMatchObject({
      tenantUid: 'ten_test',
      collectionId: 'col_test',
      placementEpoch: 1,
      shard: 0,
      after: 0,
    })
    expect(report).not.toHaveProperty('baseline')
    expect(report?.changes.map(({ position, kind }) => [position, kind])).toEqual([
      [1, 'created'],
      [2, 'staged'],
      [3, 'dropped'],
      [4, 'created'],
    ])
    expect(report?.changes[0]).toEqual({
      position: 1,
      kind: 'created',
      atMs: shard.nowMs,
      keyId: 'key_test',
      documentId: 'x',
      version: 1,
      documents: 1,
      chunks: 2,
      bytes: 13,
      chunksWritten: 2,
      bytesWritten: 13,
      embeddingTokens: 3,
      held: {},
    })
    expect(report?.changes[2]).toMatchObject({
      documentId: 'z',
      jobId: 'job_2',
      code: 'document_too_large',
      documents: 0,
    })
    expect(report?.changes[3]).toMatchObject({ documentId: 'y', jobId: 'job_1', embeddingTokens: 1 })
  })

  it('is sent at once when asked for, and says how far the receiver got', async () => {
    const shard = new NodeShard()
    const receiver = heard(shard)
    expect(await shard.alarm.flushChanges()).toBe(0)
    await shard.put({ id: 'x', text: 'A' })
    await shard.put({ id: 'y', text: 'B' })
    expect(await Promise.all([shard.alarm.flushChanges(), shard.alarm.flushChanges()])).toEqual([2, 2])
    expect(receiver.seen).toHaveLength(1)
    expect(totals(receiver)).toEqual({ documents: 2, chunks: 2, bytes: 2 })
  })

  it('fails towards whom asked for it, and not at all once the shard is gone', async () => {
    const shard = new NodeShard()
    await shard.put({ id: 'x', text: 'A' })
    shard.reportFault = new Error('down')
    await expect(shard.alarm.flushChanges()).rejects.toThrow('down')
    shard.receive = () => {
      shard.alarm.stop()
      throw new Error('erased meanwhile')
    }
    shard.reportFault = undefined
    await expect(shard.alarm.flushChanges()).rejects.toMatchObject({ code: 'collection_gone' })
    expect(shard.reports).toEqual([])
  })

  it('does not wait for the catalogue, nor the catalogue for it', async () => {
    const shard = new NodeShard()
    const receiver = heard(shard)
    await shard.put({ id: 'x', text: 'A' })
    shard.projectFault = new Error('the catalogue is down')
    await shard.alarm.run()
    expect([receiver.position, shard.projections.length]).toEqual([1, 0])
    shard.projectFault = undefined
    shard.reportFault = new Error("the tenant's object is down")
    await shard.put({ id: 'y', text: 'B' })
    shard.nowMs += 2_000
    await shard.alarm.run()
    expect([receiver.position, shard.projections.length]).toEqual([1, 1])
    expect(shard.reports).toHaveLength(2)
    // Waits before it tries again, and then catches up.
    shard.reportFault = undefined
    await shard.alarm.run()
    expect(receiver.position).toBe(1)
    expect(shard.alarm.nextRunMs()).toBe(shard.nowMs + 2_000)
    shard.nowMs += 2_000
    await shard.alarm.run()
    expect(receiver.position).toBe(2)
  })

  it('follows a receiver that is ahead or behind', async () => {
    const shard = new NodeShard()
    const receiver = heard(shard)
    for (const id of ['a', 'b', 'c']) await shard.put({ id, text: id })
    await shard.alarm.flushChanges()
    receiver.position = 1
    await shard.put({ id: 'd', text: 'd' })
    expect(await shard.alarm.flushChanges()).toBe(4)
    expect(receiver.seen.map(({ after }) => after)).toEqual([0, 3, 1])
    shard.receive = () => 9
    await shard.put({ id: 'e', text: 'e' })
    expect(await shard.alarm.flushChanges()).toBe(9)
  })

  it('gives up for a while when the receiver takes nothing', async () => {
    const shard = new NodeShard()
    await shard.put({ id: 'x', text: 'A' })
    shard.receive = ({ after }) => after
    await expect(shard.alarm.flushChanges()).rejects.toMatchObject({ code: 'overloaded' })
    await shard.alarm.run()
    expect(shard.reports).toHaveLength(1)
    expect(shard.alarm.nextRunMs()).toBeGreaterThan(shard.nowMs)
  })

  it('comes in parts of 200 entries that end with a transaction, unless one is longer', async () => {
    const shard = new NodeShard()
    const receiver = heard(shard)
    for (let i = 0; i < 150; i++) await shard.put({ id: `d${i}`, text: 'A' })
    await shard.delete(...Array.from({ length: 100 }, (_, i) => `d${i}`))
    await shard.stage(
      'job_1',
      Array.from({ length: 450 }, (_, i) => ({ id: `s${i}`, text: 'A' })),
    )
    await shard.alarm.flushChanges()
    expect(receiver.seen.map(({ changes }) => changes.length)).toEqual([150, 100, 200, 200, 50])
    expect(totals(receiver)).toEqual({ documents: 50, chunks: 50, bytes: 50 })
  })

  it('keeps entries in the log until both readers have passed them', async () => {
    const shard = new NodeShard()
    const entries = () => shard.database.get<{ n: number }>('SELECT count(*) AS n FROM change_log')?.n
    for (const id of ['a', 'b', 'c']) await shard.put({ id, text: id })
    shard.reportFault = new Error('down')
    shard.nowMs += LOG_RETENTION_MS + 1
    await shard.alarm.run()
    expect([entries(), shard.projections.length]).toEqual([3, 1])
    shard.reportFault = undefined
    shard.nowMs += LOG_RETENTION_MS
    await shard.alarm.run()
    expect(entries()).toBe(1)
  })

  it('makes up for entries that are gone by what was stored after them', async () => {
    const shard = new NodeShard()
    heard(shard)
    for (const id of ['a', 'b', 'c']) await shard.put({ id, text: `${id}\n${id}` })
    await shard.delete('a')
    await shard.alarm.run()
    shard.nowMs += LOG_RETENTION_MS + 1
    await shard.alarm.run()
    await shard.put({ id: 'd', text: 'd' })
    const fresh = heard(shard)
    shard.database.run(`DELETE FROM readers WHERE name = 'tenant'`)
    await shard.alarm.flushChanges()
    expect(fresh.seen[0]).toMatchObject({ after: 3, baseline: { documents: 3, chunks: 6, bytes: 9 } })
    expect(totals(fresh)).toEqual({ documents: 3, chunks: 5, bytes: 7 })
  })

  it('counts what a shard of an earlier release holds', async () => {
    const database = new NodeSqlDatabase()
    applyMigrations(database, MIGRATIONS, 'shard/2 order, pending work and change log')
    writeSetup(database, SETUP)
    const insert = (id: string, chunks: number): void => {
      database.run(
        `INSERT INTO documents (id, document, version, sequence, position, content_hash, language, format, bytes, tokens,
           first_chunk, chunk_count, created_at, updated_at, metadata)
         VALUES (?1, ?2, 1, ?2, ?2, 'hash', 'en', 'text', 10, 4, 100 * ?2, ?2, 0, 0, '{}')`,
        id,
        chunks,
      )
      for (let ordinal = 0; ordinal < chunks; ordinal++) {
        database.run(
          `INSERT INTO chunks (document, ordinal, start_offset, end_offset, tokens, truncated, language, build, prefix, headings)
           VALUES (?, ?, 0, 1, 2, 0, 'en', 1, '', '[]')`,
          chunks,
          ordinal,
        )
      }
    }
    insert('x', 2)
    insert('y', 3)
    // The entry of one of them was pruned; the last one counted no documents.
    database.run(
      `INSERT INTO change_log (seq, kind, id, bytes, chunks, tokens, key_id, at, next_sequence, next_chunk)
       VALUES (7, 'created', 'y', 10, 3, 4, 'key', 0, 8, 6)`,
    )
    const shard = new NodeShard({ database })
    const receiver = heard(shard)
    await shard.alarm.flushChanges()
    expect(totals(receiver)).toEqual({ documents: 2, chunks: 5, bytes: 20 })
    expect(shard.state.tickets.nextSequence).toBe(8)
    expect(shard.state.nextChunk).toBe(6)
  })
})
