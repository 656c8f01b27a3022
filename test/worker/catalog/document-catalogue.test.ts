/** The document catalogue as a projection: repeated, reordered and late batches end in the same state. */
import { env } from 'cloudflare:workers'
import * as fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import { Catalog } from '../../../src/catalog/catalog.ts'
import type { CataloguedDocument, CollectionRecord } from '../../../src/catalog/records.ts'
import { EDGE_EN_MODEL } from '../../../src/models/product-models.ts'

const catalog = new Catalog(env.DB, Date.now)
let collection: CollectionRecord
let serial = 0

async function makeCollection(): Promise<CollectionRecord> {
  const { uid } = await catalog.tenants.create({ name: 'x' })
  const chunking = { strategy: 'recursive', size: 200, overlap: 20 } as const
  return catalog.collections.create({
    tenantUid: uid,
    name: `c${++serial}`,
    language: 'auto',
    settings: {},
    generation: { model: EDGE_EN_MODEL, profileId: 'edge-en', dimensions: 384, chunking, shards: 1, precision: 'int8' },
  })
}

beforeEach(async () => {
  collection = await makeCollection()
})

const entry = (
  id: string,
  sequence: number,
  status: CataloguedDocument['status'] = 'indexed',
  version = sequence,
): CataloguedDocument => ({
  id,
  status,
  bytes: 10 * sequence,
  chunks: sequence,
  version,
  sequence,
  updatedAtMs: sequence,
})

const project = (documents: readonly CataloguedDocument[], into = collection): Promise<void> =>
  catalog.documents.project({ tenantUid: into.tenantUid, collectionId: into.id, documents })

const listed = async (from = collection): Promise<readonly CataloguedDocument[]> =>
  (await catalog.documents.list(from.tenantUid, from.id, { limit: 5_000 })).data

describe('the document catalogue', () => {
  it('shows each document as its last write left it', async () => {
    await project([entry('a', 1), entry('b', 2), entry('ключ "x"', 3, 'failed')])
    await project([entry('a', 4), entry('b', 5, 'deleted')])
    expect(await listed()).toEqual([entry('a', 4), entry('ключ "x"', 3, 'failed')])
  })

  it('ends the same however often and in whatever order batches come', async () => {
    const log = fc.array(fc.record({ id: fc.constantFrom('a', 'b', 'c'), deleted: fc.boolean() }), {
      minLength: 1,
      maxLength: 12,
    })
    await fc.assert(
      fc.asyncProperty(log, fc.nat(3), async (writes, repeatFrom) => {
        const into = await makeCollection()
        const documents = writes.map(({ id, deleted }, i) => entry(id, i + 1, deleted ? 'deleted' : 'indexed'))
        const expected = new Map<string, CataloguedDocument>()
        for (const document of documents) {
          if (document.status === 'deleted') expected.delete(document.id)
          else expected.set(document.id, document)
        }
        const half = documents.length >> 1
        await project(documents.slice(0, half), into)
        await project(documents.slice(half), into)
        // A shard that crashed before it noted its position sends the tail of its log again.
        await project(documents.slice(Math.min(repeatFrom, documents.length)), into)
        expect(await listed(into)).toEqual([...expected.values()].sort((a, b) => (a.id < b.id ? -1 : 1)))
      }),
      { seed: 7, numRuns: 40 },
    )
  })

  it('takes a thousand documents with long ids at once, in statements that D1 accepts', async () => {
    const documents = Array.from({ length: 1_000 }, (_, i) => entry(`${i}-`.padEnd(512, '"'), i + 1))
    await project(documents)
    expect(await listed()).toHaveLength(1_000)
  })

  it('is listed in pages, for the owner only', async () => {
    await project([entry('a', 1), entry('b', 2), entry('c', 3)])
    const { tenantUid, id } = collection
    const first = await catalog.documents.list(tenantUid, id, { limit: 2 })
    expect([first.data.map((document) => document.id), first.nextAfter]).toEqual([['a', 'b'], 'b'])
    const second = await catalog.documents.list(tenantUid, id, { limit: 2, after: 'b' })
    expect([second.data.map((document) => document.id), second.nextAfter]).toEqual([['c'], undefined])
    const other = await makeCollection()
    expect((await catalog.documents.list(other.tenantUid, id, { limit: 2 })).data).toEqual([])
  })

  it('takes nothing for a collection that was deleted, or for another tenant', async () => {
    const other = await makeCollection()
    await project([entry('a', 1)], { ...collection, tenantUid: other.tenantUid })
    expect(await listed()).toEqual([])
    await catalog.collections.markDeleted(collection.tenantUid, collection.id)
    await project([entry('a', 1)])
    await catalog.collections.purge(collection.tenantUid, collection.id)
    await project([entry('a', 2)])
    expect(await listed()).toEqual([])
  })
})
