import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { packVectors } from '../../../src/core/packed-vectors.ts'
import type { PreparedChunk, ShardSetup, SourceDocument } from '../../../src/shard/shard-api.ts'
import { NodeSqlDatabase } from '../../../src/shard/node-sql-database.ts'
import { NodeShard, SETUP } from '../../support/node-shard.ts'
import { CONTEXT, DIMENSIONS, makeSource } from '../../support/shard-documents.ts'

const folders: string[] = []

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
})

interface StoredShard {
  readonly shard: NodeShard
  /** The database's file as it lies on the disk. */
  readonly bytes: () => Buffer
}

function storedShard(setup?: ShardSetup): StoredShard {
  const folder = mkdtempSync(join(tmpdir(), 'shard-'))
  folders.push(folder)
  const path = join(folder, 'shard.sqlite')
  const database = new NodeSqlDatabase(path)
  // As in a Durable Object; the log itself is another place that keeps what was there, until it begins anew.
  database.all('PRAGMA journal_mode = WAL')
  return {
    shard: new NodeShard({ database, ...(setup && { setup }) }),
    bytes: () => {
      database.all('PRAGMA wal_checkpoint(TRUNCATE)')
      return readFileSync(path)
    },
  }
}

/** Words that stand nowhere else, one for each place that holds content; not only ASCII, so that lengths matter. */
const CANARIES = ['title', 'url', 'metadata', 'acl', 'heading', 'prefix', 'sheet', 'body'].map(
  (place) => `zq${place}kanarienvögel😀`,
)
const VECTOR = Float32Array.from({ length: DIMENSIONS }, (_, i) => 0.123456 * (i + 1))
const [TITLE = '', URL = '', METADATA = '', ACL = '', HEADING = '', PREFIX = '', SHEET = '', BODY = ''] = CANARIES

/** A document with a canary everywhere; `length` in UTF-16 units, so that it lies in its row or in pieces. */
async function canaryDocument(id: string, length: number) {
  const base = await makeSource({ id, text: `${BODY} ${'x '.repeat(length / 2)}`, title: TITLE, acl: [ACL] })
  const source: SourceDocument = {
    ...base,
    url: URL,
    metadata: { note: METADATA },
  }
  const chunk: PreparedChunk = {
    start: 0,
    end: source.text.length,
    headings: [HEADING],
    prefix: PREFIX,
    language: 'en',
    tokens: 9,
    truncated: false,
    vectorKey: 'key',
    vector: VECTOR,
    location: { page: 3, sheet: SHEET },
  }
  return { source, chunks: [chunk] }
}

/** Which of the canaries the file holds. Terms are stored in pieces, so a word of the text alone is looked for as well. */
function foundIn(bytes: Buffer): string[] {
  const needles = [...CANARIES, 'zqbodykanarienv', 'zqbodykanarienvogel']
  const found = needles.filter((needle) => bytes.includes(needle))
  if (bytes.includes(Buffer.from(VECTOR.buffer))) found.push('vector')
  return found
}

const EVERYTHING = [...CANARIES, 'zqbodykanarienv', 'zqbodykanarienvogel', 'vector']

describe.each([
  ['short', 400],
  ['long', 60_000],
])('the content of a %s document', (_name, length) => {
  const put = async ({ shard }: StoredShard, id: string): Promise<void> => {
    const document = await canaryDocument(id, length)
    shard.writes.commit({ ...document, ticket: shard.ticket(document.source) }, CONTEXT)
  }

  it('is in no byte of the database once it is deleted', async () => {
    const stored = storedShard()
    await stored.shard.put({ id: 'other', text: 'heron' })
    await put(stored, 'x')
    expect(foundIn(stored.bytes())).toEqual(EVERYTHING)
    await stored.shard.delete('x')
    expect(foundIn(stored.bytes())).toEqual([])
    expect(stored.shard.find('heron')).toEqual(['other'])
  })

  it('is in no byte of the database once it is replaced by a shorter or a longer version', async () => {
    for (const words of ['heron', 'heron '.repeat(2_000)]) {
      const stored = storedShard()
      await put(stored, 'x')
      await stored.shard.put({ id: 'x', text: words })
      expect(foundIn(stored.bytes())).toEqual([])
      expect(stored.shard.find('heron')).toEqual(['x'])
    }
  })

  it('is in no byte of the database once its pending write is cancelled, or is applied and deleted', async () => {
    for (const isCancelled of [true, false]) {
      const stored = storedShard()
      const { shard } = stored
      const document = { ...(await canaryDocument('x', length)), reserved: {} }
      const documents = [{ ...document, ticket: shard.ticket(document.source) }]
      expect(shard.writes.stage({ jobId: 'job_1', documents, settled: [] }, CONTEXT)).toEqual({ status: 'staged' })
      expect(foundIn(stored.bytes())).toContain(BODY)
      if (isCancelled) shard.writes.cancelJob('job_1')
      else await shard.alarm.run()
      expect(shard.reads.statistics()).toMatchObject({ documents: isCancelled ? 0 : 1, pending: 0 })
      await shard.delete('x')
      expect(foundIn(stored.bytes())).toEqual([])
    }
  })
})

describe('named vectors', () => {
  const legs = [
    { name: 'one', dimensions: DIMENSIONS },
    { name: 'many', dimensions: DIMENSIONS / 2, multi: true },
  ] as const
  const many = VECTOR.map((value) => value + 1)
  const vectors = packVectors(
    legs,
    new Map([
      ['one', VECTOR],
      ['many', many],
    ]),
  )
  const holds = (bytes: Buffer): boolean[] => [VECTOR, many].map((vector) => bytes.includes(Buffer.from(vector.buffer)))

  it('are in no byte of the database once their document is replaced or deleted, or was pending', async () => {
    const stored = storedShard({ ...SETUP, vectors: legs })
    const { shard } = stored
    const draft = async (id: string) => {
      const { source, chunks } = await canaryDocument(id, 400)
      return { source, chunks: chunks.map((chunk) => ({ ...chunk, vector: vectors })), ticket: shard.ticket(source) }
    }
    shard.writes.commit(await draft('x'), CONTEXT)
    const documents = [{ ...(await draft('y')), reserved: {} }]
    shard.writes.stage({ jobId: 'job_1', documents, settled: [] }, CONTEXT)
    await shard.alarm.run()
    expect(holds(stored.bytes())).toEqual([true, true])
    const { source, chunks } = await canaryDocument('x', 400)
    const without = chunks.map(({ vector: _vector, ...chunk }) => ({ ...chunk, withoutVector: true }))
    const replacing = { ...source, contentHash: 'another' }
    const ticket = shard.ticket(replacing)
    expect(shard.writes.commit({ source: replacing, chunks: without, ticket }, CONTEXT).status).toBe('replaced')
    await shard.delete('y')
    expect(holds(stored.bytes())).toEqual([false, false])
  })
})
