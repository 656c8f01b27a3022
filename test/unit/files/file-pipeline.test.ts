/** What becomes of files, step by step, over real shards and parsers. */
import { beforeEach, describe, expect, it } from 'vitest'
import { FAILED_FILE_RETENTION_MS } from '../../../src/core/limits.ts'
import { cancelJob, retryJob } from '../../../src/files/job-actions.ts'
import { applyReport } from '../../../src/files/log-reports.ts'
import { recordOf } from '../../../src/files/file-views.ts'
import { parseFilter } from '../../../src/metadata/parse-filter.ts'
import type { FileRow } from '../../../src/files/rows/file-row.ts'
import type { ChangeReport } from '../../../src/core/usage.ts'
import { FileWorld, TENANT } from '../../support/file-world.ts'
import { writeZip } from '../../support/zip-writer.ts'

let world: FileWorld

beforeEach(() => {
  world = new FileWorld()
})

const rows = (): FileRow[] => world.database.all<FileRow>('SELECT * FROM files ORDER BY id')
const statuses = (): string[] =>
  rows().map(({ name, status, code }) => [name, status, ...(code === null ? [] : [code])].join(' '))
const originals = (): number => world.originals.objects.size

describe('a file', () => {
  it('is queued, parsed, embedded and indexed, and its job says so', async () => {
    const jobId = (await world.upload({ 'a.txt': 'one two three' })) ?? ''
    expect(statuses()).toEqual(['a.txt queued'])
    await world.alarm()
    expect(statuses()).toEqual(['a.txt embedding'])
    await world.advance(1_000)
    await world.alarm()
    expect(statuses()).toEqual(['a.txt indexed'])
    await world.settle()
    expect(world.jobs.get(jobId)).toMatchObject({ total: 1, succeeded: 1, isClosed: true })
    const [file] = await world.parts.views.files(jobId, { limit: 10 })
    expect(file).toMatchObject({
      number: 1,
      documentId: 'a.txt',
      format: 'text',
      bytes: 13,
      documents: 1,
      chunks: 1,
      embeddedChunks: 1,
      tokens: 3,
      writtenChunks: 1,
    })
  })

  it('costs what shards wrote of it, which is nothing where it was called off or stands already', async () => {
    const jobId = (await world.upload({ 'a.txt': 'one two three' })) ?? ''
    await world.alarm()
    cancelJob(world.parts.store, jobId)
    await world.settle()
    expect(rows()[0]).toMatchObject({ status: 'cancelled', chunks: 1, written_chunks: 0, tokens: 0 })
    await world.upload({ 'b.jsonl': '{"text":"one"}\n{"text":"two"}' })
    await world.settle()
    await world.upload({ 'b.jsonl': '{"text":"one"}\n{"text":"three"}' })
    await world.settle()
    expect(rows().slice(1)).toMatchObject([
      { status: 'indexed', chunks: 2, written_chunks: 2 },
      { status: 'indexed', chunks: 2, written_chunks: 1 },
    ])
  })

  it('of the same name again takes the place of one that still waits', async () => {
    await world.upload({ 'a.txt': 'old' })
    await world.upload({ 'a.txt': 'new' })
    expect(statuses()).toEqual(['a.txt superseded', 'a.txt queued'])
    await world.settle()
    expect(world.documents()).toEqual({ 'a.txt': 'new' })
    expect(originals()).toBe(1)
  })

  it('of the same name by who may write less leaves what waits alone, and cannot change what it made', async () => {
    const owner = { keyId: 'key1', mayWriteAcl: true }
    const filtered = { keyId: 'key2', mayWriteAcl: true, filter: parseFilter({ team: 'sea' }) }
    await world.upload({ 'a.txt': 'the owner sent this' }, { writer: owner })
    await world.upload({ 'a.txt': 'and a guest this' }, { writer: filtered, options: { metadata: { team: 'sea' } } })
    await world.upload({ 'a.txt': 'or an end user' }, { writer: { keyId: 'key1', mayWriteAcl: false } })
    expect(statuses().slice(0, 2)).toEqual(['a.txt queued', 'a.txt queued'])
    await world.settle()
    expect(statuses().slice(0, 2)).toEqual(['a.txt indexed', 'a.txt failed outside_filter'])
  })

  it('of the same bytes is not read again, unless someone changed what it made', async () => {
    await world.upload({ 'a.txt': 'same' })
    await world.settle()
    await world.upload({ 'a.txt': 'same' })
    await world.settle()
    expect(statuses()).toEqual(['a.txt indexed', 'a.txt unchanged'])
    for (const shard of world.shards) await shard.delete('a.txt')
    await world.settle()
    await world.upload({ 'a.txt': 'same' })
    await world.settle()
    expect(statuses().at(-1)).toBe('a.txt indexed')
    expect(world.documents()).toEqual({ 'a.txt': 'same' })
    expect(originals()).toBe(1)
  })

  it('loses its original with its last document', async () => {
    await world.upload({ 'a.txt': 'short-lived' })
    await world.settle()
    expect(originals()).toBe(1)
    for (const shard of world.shards) await shard.delete('a.txt')
    await world.advance(1_000)
    await world.settle()
    expect(originals()).toBe(0)
  })

  it('that makes an id twice is told of the first only', async () => {
    const options = { documents: 'rows', mapping: { id: 'i', text: ['t'] } } as const
    const lines = [1, 2].map((n) => JSON.stringify({ i: 'same', t: `text ${n}` })).join('\n')
    await world.upload({ 'rows.jsonl': lines }, { options })
    await world.settle()
    expect(world.documents()).toEqual({ same: 'text 1' })
    expect(rows()[0]).toMatchObject({ documents: 1, repeated: 1, status: 'indexed' })
  })

  it('does not delete what someone else wrote under an id that it made before', async () => {
    const options = { documents: 'rows', mapping: { id: 'i', text: ['t'] } } as const
    const line = (i: string): string => JSON.stringify({ i, t: `from the file ${i}` })
    await world.upload({ 'rows.jsonl': `${line('x')}\n${line('y')}` }, { options })
    await world.settle()
    const owner = world.shards.find((node) => node.reads.document('x', { include: [] }) !== undefined)
    await owner?.put({ id: 'x', text: 'from someone else' })
    await world.upload({ 'rows.jsonl': line('y') }, { options })
    await world.settle()
    expect(world.documents()).toEqual({ x: 'from someone else', y: 'from the file y' })
  })
})

describe('a file that cannot be read', () => {
  const PICTURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 0, 0)

  it('fails with its code, and its original is kept for a week', async () => {
    await world.upload({ 'p.png': PICTURE, 'a.txt': 'fine' })
    await world.settle()
    expect(rows().map(({ status, code }) => [status, code])).toEqual([
      ['failed', 'unsupported_format'],
      ['indexed', null],
    ])
    expect(originals()).toBe(2)
    await world.advance(FAILED_FILE_RETENTION_MS)
    await world.settle()
    expect(originals()).toBe(1)
  })

  it('leaves alone what stood under its name', async () => {
    await world.upload({ 'a.txt': 'good' })
    await world.settle()
    await world.upload({ 'a.txt': PICTURE })
    await world.settle()
    expect(world.documents()).toEqual({ 'a.txt': 'good' })
  })

  it('can be tried again while its original is there', async () => {
    const jobId = (await world.upload({ 'a.txt': 'later' })) ?? ''
    const { parse } = world
    world.parse = () => {
      throw new TypeError('a parser has a bug')
    }
    await world.settle()
    expect(world.jobs.get(jobId)).toMatchObject({ failed: 1, isClosed: true })
    world.parse = parse
    expect(retryJob(world.parts.store, jobId)).toBe(1)
    expect(retryJob(world.parts.store, jobId)).toBe(0)
    await world.settle()
    expect(world.jobs.get(jobId)).toMatchObject({ failed: 0, succeeded: 1, isClosed: true })
    expect(world.documents()).toEqual({ 'a.txt': 'later' })
  })

  it('fails an archive as a whole when one path of it is unsafe', async () => {
    const archive = writeZip([
      { path: 'good.txt', data: 'good' },
      { path: '../evil.txt', data: 'evil' },
    ])
    await world.upload({ 'all.zip': archive })
    await world.settle()
    expect(rows().map(({ name, status, code }) => [name, status, code])).toEqual([['all.zip', 'failed', 'unsafe_path']])
    expect(world.documents()).toEqual({})
  })
})

describe('a file that ends the process', () => {
  it('is tried five times, alone, and keeps nobody else from being read', async () => {
    const { parse } = world
    let crashes = 0
    world.parse = (file) => {
      if (file.name !== 'poison.txt') return parse(file)
      crashes++
      throw world.kill()
    }
    await world.upload({ 'poison.txt': 'boom', 'a.txt': 'fine', 'b.txt': 'also fine' })
    await world.settle()
    expect(crashes).toBe(5)
    const ends = Object.fromEntries(rows().map(({ name, status, code }) => [name, `${status} ${code}`]))
    expect(ends).toEqual({
      'poison.txt': 'failed parser_crashed',
      'a.txt': 'indexed null',
      'b.txt': 'indexed null',
    })
  })
})

describe('a cancelled job', () => {
  it('ends what waits, keeps what is indexed, and leaves nothing in the shards', async () => {
    await world.upload({ 'a.txt': 'before' })
    await world.settle()
    for (const shard of world.shards) shard.embedderFault = new Error('down')
    const jobId = (await world.upload({ 'b.txt': 'staged', 'c.txt': 'staged, too' })) ?? ''
    await world.alarm()
    expect(world.shards.reduce((sum, shard) => sum + shard.state.pending.count, 0)).toBe(2)
    expect(cancelJob(world.parts.store, jobId)).toBe(true)
    await world.settle()
    expect(world.jobs.get(jobId)).toMatchObject({ total: 2, cancelled: 2, isCancelled: true, isClosed: true })
    expect(world.shards.reduce((sum, shard) => sum + shard.state.pending.count, 0)).toBe(0)
    expect(world.documents()).toEqual({ 'a.txt': 'before' })
    expect(originals()).toBe(1)
    expect(cancelJob(world.parts.store, 'job_of_nobody')).toBe(false)
  })
})

describe('a suspended tenant', () => {
  it('waits, and nothing is lost', async () => {
    world.isSuspended = true
    await world.upload({ 'a.txt': 'patient' })
    await world.alarm()
    await world.advance(1_000)
    await world.alarm()
    expect(statuses()).toEqual(['a.txt queued'])
    world.isSuspended = false
    await world.settle()
    expect(statuses()).toEqual(['a.txt indexed'])
  })
})

describe('what was read by an earlier release', () => {
  it('is read anew, and what the new one does not make goes', async () => {
    const { parse } = world
    const lines = (name: string, count: number) =>
      Array.from({ length: count }, (_, i) => `{"i":"${name}${i}","t":"${name} ${i}"}`).join('\n')
    const options = { documents: 'rows', mapping: { id: 'i', text: ['t'] } } as const
    await world.upload({ 'rows.jsonl': lines('old', 120) }, { options })
    world.parse = async function* (file) {
      let made = 0
      for await (const document of parse(file)) {
        if (made++ === 60) throw world.kill()
        yield document
      }
    }
    await world.alarm()
    expect(world.isDead).toBe(true)
    const isBegun = rows()[0]
    expect(isBegun?.status).toBe('parsing')
    expect(isBegun?.handled).toBeGreaterThan(0)
    world.release = '2.0.0'
    world.parse = async function* (file) {
      for await (const document of parse(file)) yield { ...document, id: document.id?.replace('old', 'new') ?? '' }
    }
    world.restart()
    await world.settle()
    const ids = Object.keys(world.documents())
    expect(ids).toHaveLength(120)
    expect(ids.every((id) => id.startsWith('new'))).toBe(true)
    expect(rows()[0]).toMatchObject({ pass: 2, documents: 120, status: 'indexed' })
  })
})

describe('reports of shards', () => {
  it('count once, whether repeated, overlapping or out of order', async () => {
    await world.upload({ 'a.txt': 'counted once' })
    await world.alarm()
    const reports: ChangeReport[] = []
    for (const shard of world.shards) {
      shard.receiveFiles = (report) => {
        reports.push(report)
        applyReport(world.parts.store, report)
        return applyReport(world.parts.store, report)
      }
    }
    await world.settle()
    const before = rows().map(recordOf)
    for (const report of reports.toReversed()) applyReport(world.parts.store, report)
    expect(rows().map(recordOf)).toEqual(before)
    expect(before[0]).toMatchObject({ tokens: 2, documents: 1 })
    const [last] = reports.slice(-1)
    const position = last?.changes.at(-1)?.position ?? 0
    const gap = { ...(last as ChangeReport), tenantUid: TENANT, after: position + 5, changes: [] }
    expect(applyReport(world.parts.store, gap)).toBe(position)
    expect(applyReport(world.parts.store, { ...gap, baseline: { documents: 0, chunks: 0, bytes: 0 } })).toBe(
      position + 5,
    )
  })

  it('are sent of shards with work of files only', async () => {
    const [shard] = world.shards
    const told: ChangeReport[] = []
    if (shard !== undefined) {
      shard.receiveFiles = (report) => {
        told.push(report)
        return report.after
      }
    }
    await shard?.put({ id: 'direct', text: 'not of a file' })
    await world.advance(2_000)
    expect(told).toEqual([])
  })
})
