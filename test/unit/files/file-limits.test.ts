/** How much is read at a time: slices, back-pressure, deletions while a file is read. */
import { beforeEach, describe, expect, it } from 'vitest'
import type { FileRow } from '../../../src/files/rows/file-row.ts'
import { FileWorld } from '../../support/file-world.ts'

const OPTIONS = { documents: 'rows', mapping: { id: 'i', text: ['t'] } } as const
const lines = (count: number): string =>
  Array.from({ length: count }, (_, i) => JSON.stringify({ i: `row${i}`, t: `row number ${i}` })).join('\n')

let world: FileWorld

beforeEach(() => {
  world = new FileWorld({ shards: 1 })
})

const file = (id = 1): FileRow | undefined => world.database.get<FileRow>('SELECT * FROM files WHERE id = ?', id)

describe('a long file', () => {
  it('is left when its slice of time is over, and gone on with where it stood', async () => {
    const { parse } = world
    let made = 0
    world.parse = async function* (read) {
      for await (const document of parse(read)) {
        made++
        world.nowMs += 100
        yield document
      }
    }
    await world.upload({ 'rows.jsonl': lines(130) }, { options: OPTIONS })
    await world.alarm()
    expect(file()).toMatchObject({ status: 'parsing', handled: 50, strikes: 0 })
    expect(made).toBe(50)
    await world.settle()
    expect(file()).toMatchObject({ status: 'indexed', documents: 130, pass: 1, repeated: 0 })
    expect(Object.keys(world.documents())).toHaveLength(130)
  })

  it('of records is read to its end before anything of it is handed over', async () => {
    const tooLong = JSON.stringify({ i: 'last', t: 'x'.repeat(1_100_000) })
    await world.upload({ 'rows.jsonl': `${lines(3_000)}\n${tooLong}` }, { options: OPTIONS })
    await world.settle()
    expect(file()).toMatchObject({ status: 'failed', code: 'record_too_large', documents: 0 })
    expect(world.documents()).toEqual({})
  })

  it('waits while its shards have too much to do, and large others with it', async () => {
    world = new FileWorld({ shards: 1, maxStaged: 200 })
    for (const shard of world.shards) shard.embedderFault = new Error('slow')
    await world.upload({ 'rows.jsonl': lines(420), 'a.txt': 'large '.repeat(11_000) }, { options: OPTIONS })
    for (let i = 0; i < 10; i++) await world.alarm()
    const staged = world.shards.reduce((sum, shard) => sum + shard.state.pending.count, 0)
    expect(staged).toBeGreaterThanOrEqual(200)
    expect(staged).toBeLessThan(260)
    expect(file()?.status).toBe('parsing')
    expect(file(2)?.status).toBe('queued')
    for (const shard of world.shards) shard.embedderFault = undefined
    await world.settle()
    expect(file()).toMatchObject({ status: 'indexed', documents: 420 })
    expect(file(2)?.status).toBe('indexed')
  })

  it('lets small ones of its tenant in, a quarter beyond what may wait in shards', async () => {
    world = new FileWorld({ shards: 1, maxStaged: 200 })
    for (const shard of world.shards) shard.embedderFault = new Error('slow')
    await world.upload({ 'rows.jsonl': lines(5_000) }, { options: OPTIONS })
    for (let i = 0; i < 10; i++) await world.alarm()
    expect(file()?.status).toBe('parsing')
    const names = Array.from({ length: 100 }, (_, i) => `small${i}.txt`)
    await world.upload(Object.fromEntries(names.map((name) => [name, name])))
    for (let i = 0; i < 40; i++) await world.alarm()
    const { small, staged } = world.database.get<{ small: number; staged: number }>(
      `SELECT count(*) FILTER (WHERE status = 'embedding') AS small, sum(waiting) AS staged FROM files`,
    ) ?? { small: 0, staged: 0 }
    expect(small).toBeGreaterThan(10)
    expect(staged).toBeLessThan(270)
    expect(file()?.status).toBe('parsing')
    for (const shard of world.shards) shard.embedderFault = undefined
    await world.settle()
    expect(Object.keys(world.documents())).toHaveLength(5_100)
  })

  it('is forgotten with its collection, whatever it is at', async () => {
    const { parse } = world
    world.parse = async function* (read) {
      let made = 0
      for await (const document of parse(read)) {
        if (made++ === 60) {
          world.isCollectionGone = true
          world.parts.store.removeCollection(world.collection.id)
        }
        yield document
      }
    }
    await world.upload({ 'rows.jsonl': lines(200) }, { options: OPTIONS })
    await world.alarm()
    expect(world.reports).toEqual([])
    for (const table of ['files', 'file_jobs', 'file_documents', 'file_logs']) {
      expect(world.database.all(`SELECT * FROM ${table}`), table).toEqual([])
    }
  })
})

describe('a job that an error of others delays', () => {
  it('is tried again, and ends well', async () => {
    const open = world.originals.open.bind(world.originals)
    let failures = 2
    world.originals.open = async (key) => {
      if (failures-- > 0) throw new Error('the bucket is not there')
      return open(key)
    }
    await world.upload({ 'a.txt': 'patience' })
    await world.settle()
    expect(file()).toMatchObject({ status: 'indexed', failures: 0, strikes: 0 })
    expect(world.reports).toHaveLength(2)
  })

  it('is told of to the control plane again', async () => {
    const jobId = (await world.upload({ 'a.txt': 'tell' })) ?? ''
    const set = world.jobs.set.bind(world.jobs)
    let failures = 3
    world.jobs.set = (id, progress) => {
      if (failures-- > 0) throw new Error('the database is not there')
      return set(id, progress)
    }
    await world.settle()
    expect(world.jobs.get(jobId)).toMatchObject({ succeeded: 1, isClosed: true })
  })
})

describe('a file that no parser reads', () => {
  const PICTURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 0, 0)

  it('is offered to the converter, where there is one', async () => {
    world.converter = {
      supports: (ending) => ending === 'png',
      convert: async (name) => ({ markdown: `# Text of ${name}` }),
    }
    world.restart()
    await world.upload({ 'sign.png': PICTURE, 'sign.gif': PICTURE })
    await world.settle()
    expect(world.documents()).toEqual({ 'sign.png': '# Text of sign.png' })
    expect(file()).toMatchObject({ status: 'indexed', documents: 1, code: null })
    expect(file(2)).toMatchObject({ status: 'failed', code: 'unsupported_format' })
  })
})
