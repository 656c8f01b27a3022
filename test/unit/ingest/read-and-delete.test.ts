import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compareUtf8 } from '../../../src/core/bytes.ts'
import { deleteDocument, deleteDocuments, parseDeleteRequest } from '../../../src/ingest/delete-documents.ts'
import { putDocuments } from '../../../src/ingest/put-documents.ts'
import { collectionStatistics, listDocuments, readDocument } from '../../../src/ingest/read-documents.ts'
import { parsePutRequest } from '../../../src/ingest/validate-document.ts'
import { parseFilter } from '../../../src/metadata/parse-filter.ts'
import type { Principal } from '../../../src/tenancy/principal.ts'
import { FakeIngest, collectionRecord, etagOf, problemOf } from './fake-ingest.ts'

const KEY: Pick<Principal, 'kind' | 'keyId' | 'filter'> = { kind: 'secret', keyId: 'key1' }

async function filled(ids: readonly string[], shards: number): Promise<FakeIngest> {
  const fake = new FakeIngest(collectionRecord(shards))
  const documents = ids.map((id, n) => ({ id, text: `text ${n}`, metadata: { even: n % 2 === 0 } }))
  if (documents.length === 0) return fake
  await putDocuments(fake.deps, fake.collection, KEY, parsePutRequest({ documents }), {
    prefer: { respondAsync: false },
  })
  return fake
}

async function listAll(
  fake: FakeIngest,
  limit: number,
  key: Parameters<typeof listDocuments>[2] = KEY,
): Promise<string[]> {
  const ids: string[] = []
  let cursor: string | null = null
  do {
    const page: Awaited<ReturnType<typeof listDocuments>> = await listDocuments(fake.deps, fake.collection, key, {
      limit,
      ...(cursor === null ? {} : { cursor }),
    })
    expect(page.data.length === limit || page.nextCursor === null).toBe(true)
    ids.push(...page.data.map(({ id }) => id))
    cursor = page.nextCursor
  } while (cursor !== null)
  return ids
}

describe('a list of documents', () => {
  it('shows every one once, in the order of UTF-8 bytes, over any number of shards', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.constantFrom('a', 'b', 'B', 'ä', '\u{1F600}', '\uFFFD', 'z', '10', '9'), { minLength: 1 }),
        fc.constantFrom(1, 4),
        fc.integer({ min: 1, max: 4 }),
        async (ids, shards, limit) => {
          const fake = await filled(ids, shards)
          expect(await listAll(fake, limit)).toEqual([...ids].sort(compareUtf8))
        },
      ),
      { seed: 20_261_122, numRuns: 40 },
    )
  })

  it('ends for public keys after 200 documents, whatever the size of its pages, and their cursors are their own', async () => {
    const ids = Array.from({ length: 210 }, (_, n) => `note:${String(n).padStart(3, '0')}`)
    const fake = await filled(ids, 2)
    const open = { ...KEY, kind: 'public' as const }
    for (const limit of [7, 50]) expect(await listAll(fake, limit, open)).toEqual(ids.slice(0, 200))
    const { nextCursor } = await listDocuments(fake.deps, fake.collection, open, { limit: 5 })
    const theirs = listDocuments(fake.deps, fake.collection, KEY, { limit: 5, cursor: nextCursor! })
    await expect(theirs).rejects.toMatchObject({ code: 'invalid_request' })
  })

  it('shows only what the key may see', async () => {
    const fake = await filled(['a', 'b', 'c', 'd'], 2)
    expect(await listAll(fake, 1, { ...KEY, filter: parseFilter({ even: true }) })).toEqual(['a', 'c'])
  })

  it('refuses cursors of other lists', async () => {
    const fake = await filled(['a', 'b', 'c'], 1)
    const { nextCursor } = await listDocuments(fake.deps, fake.collection, KEY, { limit: 1 })
    const other = { ...fake.collection, id: 'col_2' } as typeof fake.collection
    const foreign = listDocuments(fake.deps, other, KEY, { limit: 1, cursor: nextCursor ?? '' })
    expect(await problemOf(foreign)).toMatchObject({ code: 'invalid_request', errors: [{ pointer: '/cursor' }] })
    const made = listDocuments(fake.deps, fake.collection, KEY, { limit: 1, cursor: 'abc' })
    expect((await problemOf(made)).code).toBe('invalid_request')
  })
})

describe('one document', () => {
  it('is shown with times, nulls and its entity tag', async () => {
    const fake = await filled(['a'], 3)
    const { document, etag } = await readDocument(fake.deps, fake.collection, KEY, 'a', [])
    expect(etag).toBe(etagOf(1))
    expect(document).toMatchObject({
      id: 'a',
      title: null,
      url: null,
      status: 'indexed',
      createdAt: '1970-01-01T00:00:00.000Z',
    })
    const hidden = { ...KEY, filter: parseFilter({ even: false }) }
    expect((await problemOf(readDocument(fake.deps, fake.collection, hidden, 'a', []))).code).toBe('not_found')
  })

  it('is deleted once, only by who sees it, and only in the version that is named', async () => {
    const fake = await filled(['a'], 3)
    const hidden = { ...KEY, filter: parseFilter({ even: false }) }
    expect((await problemOf(deleteDocument(fake.deps, fake.collection, hidden, 'a'))).code).toBe('not_found')
    const stale = deleteDocument(fake.deps, fake.collection, KEY, 'a', { ifMatch: '"x"' })
    expect((await problemOf(stale)).code).toBe('precondition_failed')
    await deleteDocument(fake.deps, fake.collection, KEY, 'a', { ifMatch: etagOf(1) })
    expect((await problemOf(deleteDocument(fake.deps, fake.collection, KEY, 'a'))).code).toBe('not_found')
  })
})

describe('deleting many', () => {
  it('counts what was there, by ids and by filter', async () => {
    const fake = await filled(['a', 'b', 'c', 'd', 'e'], 3)
    const byIds = parseDeleteRequest({ ids: ['a', 'nope', 'a'] })
    expect(await deleteDocuments(fake.deps, fake.collection, KEY, byIds)).toEqual({ deleted: 1 })
    const byFilter = parseDeleteRequest({ filter: { even: true } })
    expect(await deleteDocuments(fake.deps, fake.collection, KEY, byFilter)).toEqual({ deleted: 2 })
    expect(await listAll(fake, 10)).toEqual(['b', 'd'])
  })
})

describe('statistics', () => {
  it('are sums over the shards', async () => {
    const fake = await filled(['a', 'b', 'c'], 3)
    expect(await collectionStatistics(fake.deps, fake.collection, KEY)).toEqual({
      documents: 3,
      chunks: 6,
      bytes: 9,
      pending: 3,
    })
  })

  it('count what the key may see', async () => {
    const fake = await filled(['a', 'b', 'c'], 3)
    const key = { ...KEY, filter: parseFilter({ even: true }) }
    expect(await collectionStatistics(fake.deps, fake.collection, key)).toMatchObject({ documents: 2, chunks: 4 })
  })
})
