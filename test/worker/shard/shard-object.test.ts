import { env, evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { describe, expect, it } from 'vitest'
import { Catalog } from '../../../src/catalog/catalog.ts'
import { DEFAULT_CHUNKING } from '../../../src/chunking/chunk.ts'
import { Problem } from '../../../src/core/problem.ts'
import { residentMemory } from '../../../src/core/resident-memory.ts'
import { applyMigrations } from '../../../src/shard/apply-migrations.ts'
import { DurableSqlDatabase } from '../../../src/shard/durable-sql-database.ts'
import { MIGRATIONS } from '../../../src/shard/migrations.ts'
import { objectName, Placement, type PlacedCollection } from '../../../src/shard/placement.ts'
import { ShardAlarm } from '../../../src/shard/shard-alarm.ts'
import type { PreparedDocument, ShardApi, SourceDocument } from '../../../src/shard/shard-api.ts'
import { ShardState } from '../../../src/shard/shard-state.ts'
import { ShardWrites } from '../../../src/shard/shard-writes.ts'
import { CONTEXT, makeChunks, makeSource, toyVector, type DraftDocument } from '../../support/shard-documents.ts'
import type { EmbeddingModel } from '../../../src/models/model.ts'
import { productModel } from '../../../src/models/product-models.ts'

let collections = 0

/** A collection of its own for every test: storage is shared within a file. */
function newCollection(shards = 1): PlacedCollection {
  return {
    tenantUid: 'ten_worker',
    id: `col_${collections++}`,
    placementEpoch: 0,
    generation: {
      id: 'gen_x',
      model: { source: { provider: 'bring-your-own' } },
      profileId: 'bring-your-own',
      dimensions: 8,
      precision: 'f32',
      shards,
    },
  }
}

interface OneShard {
  readonly placement: Placement
  readonly collection: PlacedCollection
  readonly shard: ShardApi
  readonly stub: DurableObjectStub
}

async function newShard(): Promise<OneShard> {
  const placement = new Placement(env.SHARD)
  const collection = newCollection()
  await placement.initialise(collection)
  const name = await objectName([collection.tenantUid, collection.id, '0', '0'])
  return { placement, collection, shard: placement.forWrite(collection, 0), stub: env.SHARD.getByName(name) }
}

async function begun(shard: ShardApi, source: SourceDocument): Promise<PreparedDocument> {
  const { id, contentHash, metadata } = source
  const [result] = await shard.begin([{ id, contentHash, metadata }], CONTEXT)
  if (result?.status !== 'accepted') throw new Error('not accepted')
  return { source, chunks: makeChunks(source), ticket: result.ticket }
}

async function put(shard: ShardApi, draft: DraftDocument) {
  return shard.commit(await begun(shard, await makeSource(draft)), CONTEXT)
}

async function stage(shard: ShardApi, jobId: string, draft: DraftDocument) {
  return shard.stage(
    { jobId, documents: [{ ...(await begun(shard, await makeSource(draft))), reserved: {} }], settled: [] },
    CONTEXT,
  )
}

async function find(shard: ShardApi, word: string): Promise<readonly string[]> {
  const { candidates } = await shard.search({
    keyword: { words: [word], bm25: { k1: 0.9, b: 0.4 } },
    vectors: { default: toyVector(word) },
    candidates: Infinity,
    exact: false,
    profileLanguages: [],
  })
  const hits = candidates.documents.filter((_, slot) => (candidates.scores['keyword']?.[slot] ?? 0) > 0)
  return [...new Set([...hits].map((document) => candidates.documentIds[document] ?? ''))].sort()
}

const alarmOf = async (stub: DurableObjectStub): Promise<number | null> =>
  runInDurableObject(stub, async (_instance, state) => state.storage.getAlarm())

describe('a shard object', () => {
  it('reads what it wrote, over RPC', async () => {
    const { shard } = await newShard()
    expect(await put(shard, { id: 'x', text: 'heron\nweir', metadata: { a: [1] } })).toMatchObject({
      status: 'created',
    })
    expect(await find(shard, 'heron')).toEqual(['x'])
    const { candidates } = await shard.search({
      vectors: { default: toyVector('heron') },
      candidates: Infinity,
      exact: true,
      profileLanguages: [],
    })
    const [hit] = await shard.fetch({
      chunks: [candidates.chunks[0] ?? 0],
      highlightWords: ['heron'],
      withVectors: true,
    })
    expect(hit).toMatchObject({
      documentId: 'x',
      text: 'heron',
      metadata: { a: [1] },
      highlights: [{ start: 0, end: 5 }],
    })
    expect(hit?.vector).toHaveLength(8)
    expect(await shard.document('x', { include: ['text'] })).toMatchObject({ text: 'heron\nweir', version: 1 })
    expect(await shard.statistics()).toMatchObject({ documents: 1, chunks: 2, pending: 0 })
  })

  it('keeps everything over an eviction, but no tickets', async () => {
    const { shard, stub } = await newShard()
    await put(shard, { id: 'x', text: 'heron' })
    const held = await begun(shard, await makeSource({ id: 'y', text: 'otter' }))
    await evictDurableObject(stub)
    expect(await find(shard, 'heron')).toEqual(['x'])
    expect(await shard.commit(held, CONTEXT)).toEqual({ status: 'retry' })
    expect(await put(shard, { id: 'x', text: 'badger' })).toMatchObject({ status: 'replaced', version: 2 })
    await evictDurableObject(stub)
    expect([await find(shard, 'heron'), await find(shard, 'badger')]).toEqual([[], ['x']])
  })

  it('sets an alarm with what is staged, indexes it, and tells how the job fares', async () => {
    const { shard, stub } = await newShard()
    expect(await alarmOf(stub)).toBeNull()
    await runInDurableObject(stub, async (_instance, state) => {
      // Keeps the real alarm from firing in the middle of the test.
      state.storage.setAlarm = async () => undefined
    })
    expect(await stage(shard, 'job_1', { id: 'x', text: 'heron' })).toEqual({ status: 'staged' })
    expect(await shard.jobCounts(['job_1'])).toMatchObject({ job_1: { queued: 1, succeeded: 0 } })
    expect(await shard.document('x', { include: [] })).toMatchObject({ status: 'pending' })
    await evictDurableObject(stub)
    // The new start finds pending rows and sees to an alarm by itself.
    await shard.statistics()
    await until(async () => (await shard.statistics()).pending === 0)
    expect(await shard.jobCounts(['job_1'])).toMatchObject({ job_1: { queued: 0, succeeded: 1 } })
    expect(await find(shard, 'heron')).toEqual(['x'])
  })

  it('runs its alarm to the end', async () => {
    const { shard, stub } = await newShard()
    await stage(shard, 'job_1', { id: 'x', text: 'heron' })
    await runDurableObjectAlarm(stub)
    await until(async () => (await shard.statistics()).pending === 0)
    expect(await find(shard, 'heron')).toEqual(['x'])
  })

  it('cancels what is still pending', async () => {
    const { shard, stub } = await newShard()
    await runInDurableObject(stub, async (_instance, state) => {
      state.storage.setAlarm = async () => undefined
    })
    await stage(shard, 'job_1', { id: 'x', text: 'heron' })
    await shard.cancelJob('job_1')
    expect(await shard.jobCounts(['job_1'])).toMatchObject({ job_1: { queued: 0, cancelled: 1 } })
    expect(await shard.document('x', { include: [] })).toBeUndefined()
  })

  it('brings the catalogue up to date by itself, and puts no content there', async () => {
    const catalog = new Catalog(env.DB, Date.now)
    const tenant = await catalog.tenants.create({ name: 'catalogued' })
    const { generation } = newCollection()
    const collection = await catalog.collections.create({
      tenantUid: tenant.uid,
      name: 'docs',
      language: 'auto',
      settings: {},
      generation: {
        ...generation,
        model: productModel('bring-your-own', 8) as EmbeddingModel,
        chunking: DEFAULT_CHUNKING,
      },
    })
    const placement = new Placement(env.SHARD)
    await placement.initialise(collection)
    const shard = placement.forWrite(collection, 0)
    await put(shard, { id: 'x', text: 'canary words', title: 'canary', metadata: { canary: 1 } })
    await put(shard, { id: 'y', text: 'canary words' })
    const listed = async () => (await catalog.documents.list(tenant.uid, collection.id, { limit: 9 })).data
    await until(async () => (await listed()).length === 2)
    await shard.deleteDocuments({ ids: ['y'] }, CONTEXT)
    await until(async () => (await listed()).length === 1)
    expect(await listed()).toMatchObject([{ id: 'x', status: 'indexed', bytes: 12, chunks: 1, version: 1 }])
    const rows = await env.DB.prepare('SELECT * FROM documents').all()
    expect(JSON.stringify(rows.results)).not.toContain('canary')
  })

  it('answers collection_gone before it is initialised and after it was erased, for good', async () => {
    const placement = new Placement(env.SHARD)
    const collection = newCollection(2)
    const gone = { name: 'Problem', code: 'collection_gone' }
    await expect(placement.forRead(collection, 0).statistics()).rejects.toMatchObject(gone)
    await placement.initialise(collection)
    await placement.initialise(collection)
    const shard = placement.forWrite(collection, 1)
    await put(shard, { id: 'x', text: 'heron' })
    await placement.erase(collection)
    await placement.erase(collection)
    const calls: (() => Promise<unknown>)[] = [
      async () => put(shard, { id: 'x', text: 'heron' }),
      async () => find(shard, 'heron'),
      async () => shard.document('x', { include: [] }),
      async () => shard.listDocuments({ limit: 1 }),
      async () => shard.deleteDocuments({ ids: ['x'] }, CONTEXT),
      async () => shard.jobCounts(['job_1']),
      async () => shard.initialise({ ...setupOf(collection), shard: 1 }),
    ]
    for (const call of calls) await expect(call()).rejects.toBeInstanceOf(Problem)
    const stub = env.SHARD.getByName(await objectName([collection.tenantUid, collection.id, '0', '1']))
    await runInDurableObject(stub, async (_instance, state) => {
      expect(await state.storage.getAlarm()).toBeNull()
      expect([...(await state.storage.list()).keys()]).toEqual([])
      expect(state.storage.sql.exec(`SELECT name FROM sqlite_master WHERE name = 'documents'`).toArray()).toEqual([])
    })
    await evictDurableObject(stub)
    await expect(shard.statistics()).rejects.toMatchObject(gone)
  })

  it('drops what it held in memory when it is erased', async () => {
    const { placement, collection, shard } = await newShard()
    const before = residentMemory.heldBytes
    await put(shard, { id: 'x', text: 'heron' })
    await find(shard, 'heron')
    expect(residentMemory.heldBytes).toBeGreaterThan(before)
    await placement.erase(collection)
    expect(residentMemory.heldBytes).toBeLessThanOrEqual(before)
  })

  it('sends problems over RPC with their fields, and hides nothing behind a bug', async () => {
    const { shard } = await newShard()
    await put(shard, { id: 'x', text: 'heron' })
    const error: unknown = await shard
      .deleteDocuments({ ids: ['x'] }, { ...CONTEXT, ifMatch: '"9-000000000000"' })
      .catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(Problem)
    expect(error).toMatchObject({ code: 'precondition_failed' })
    const behind = { candidates: 1, exact: false, profileLanguages: [], atLeastSequence: 99 }
    await expect(shard.search(behind)).rejects.toMatchObject({ code: 'overloaded', retryAfterSeconds: 1 })
  })

  it('gives documents to another shard as they are, and tells how far its log is known', async () => {
    const [from, to] = [await newShard(), await newShard()]
    await put(from.shard, { id: 'x', text: 'heron\nweir', title: 'Rivers', metadata: { n: 1 }, acl: ['staff'] })
    await put(from.shard, { id: 'y', text: 'otter' })
    const documents = await from.shard.exportDocuments({ limit: 9, maxBytes: 1_000_000 })
    expect(documents.map(({ source }) => source.id)).toEqual(['x', 'y'])
    for (const _ of [1, 2]) await to.shard.importDocuments(documents, { keyId: 'root' })
    expect(await to.shard.stateHash()).toBe(await from.shard.stateHash())
    expect(await find(to.shard, 'heron')).toEqual(['x'])
    const include = ['text', 'chunks', 'vectors'] as const
    expect(await to.shard.document('x', { include })).toEqual(await from.shard.document('x', { include }))
    expect(await to.shard.flushChanges()).toBe(2)
  })

  it('spreads documents over shards that know nothing of each other', async () => {
    const placement = new Placement(env.SHARD)
    const collection = newCollection(3)
    await placement.initialise(collection)
    for (const [number, shard] of placement.all(collection).entries())
      await put(shard, { id: `d${number}`, text: 'heron' })
    expect(await Promise.all(placement.all(collection).map(async (shard) => find(shard, 'heron')))).toEqual([
      ['d0'],
      ['d1'],
      ['d2'],
    ])
  })
})

describe('the cost of a write', () => {
  it('is at most 6 rows a chunk, all in, even for documents of one chunk and for staged ones', async () => {
    await runInDurableObject(env.SHARD.get(env.SHARD.newUniqueId()), async (_instance, { storage }) => {
      const database = new DurableSqlDatabase(storage)
      applyMigrations(database, MIGRATIONS)
      const state = new ShardState(
        database,
        { ...setupOf(newCollection()), shard: 0 },
        { key: 'cost', clock: Date.now },
      )
      const writes = new ShardWrites(state)
      const work = new ShardAlarm(state, {
        embedPassages: async (_setup, texts) => texts.map(toyVector),
        project: async () => undefined,
        reportFileChanges: async ({ after }) => after,
        reportChanges: async ({ changes }) => changes.at(-1)?.position ?? 0,
        report: (what, error) => expect.unreachable(`${what}: ${String(error)}`),
        clock: Date.now,
        pause: async () => undefined,
      })
      const prepared = async (id: string, word: string, isStaged = false): Promise<PreparedDocument> => {
        const source = await makeSource({ id, text: Array.from({ length: 10 }, (_, i) => `${word} ${i}`).join('\n') })
        const { contentHash, metadata } = source
        const [begun] = writes.begin([{ id, contentHash, metadata }], CONTEXT)
        if (begun?.status !== 'accepted') throw new Error('not accepted')
        return { source, chunks: makeChunks(source, () => !isStaged), ticket: begun.ticket }
      }
      const rows = async (write: () => Promise<unknown>): Promise<number> => {
        const before = database.rowsWritten
        await write()
        return database.rowsWritten - before
      }
      const created = await rows(async () => writes.commit(await prepared('x', 'heron'), CONTEXT))
      const replaced = await rows(async () => writes.commit(await prepared('x', 'otter'), CONTEXT))
      const staged = await rows(async () => {
        writes.stage(
          { jobId: 'job_1', documents: [{ ...(await prepared('y', 'lynx', true)), reserved: {} }], settled: [] },
          CONTEXT,
        )
        await work.run()
      })
      const small = await rows(async () => {
        const document = await prepared('z', 'hare')
        writes.commit({ ...document, chunks: document.chunks.slice(0, 1) }, CONTEXT)
      })
      expect({ created, staged, small }).toEqual({ created: 35, staged: 45, small: 6 })
      // What is replaced is overwritten and deleted as well.
      expect(replaced).toBe(85)
    })
  })
})

function setupOf({ tenantUid, id, placementEpoch, generation }: PlacedCollection) {
  const { profileId, dimensions, precision } = generation
  return { tenantUid, collectionId: id, placementEpoch, generation: generation.id, profileId, dimensions, precision }
}

/** Waits for what an alarm does. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 200; i++) {
    if (await holds()) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error('it did not come true')
}
