import { describe, expect, it } from 'vitest'
import type { CollectionRecord } from '../../../src/catalog/records.ts'
import { Problem } from '../../../src/core/problem.ts'
import { parseFilter } from '../../../src/metadata/parse-filter.ts'
import { search } from '../../../src/search/search.ts'
import type { SearchRequest } from '../../../src/search/search-request.ts'
import {
  BRINGS_VECTORS,
  FakeCollections,
  SECRET,
  collectionRecord,
  embedWords,
  type FakeDocument,
  type FakeShard,
} from './fake-shards.ts'

const PUBLIC = { kind: 'public' } as const

const note = (id: string, words: string, metadata: FakeDocument['metadata'] = {}, language = 'en'): FakeDocument => ({
  id,
  metadata,
  chunks: [{ words: words.split(' '), language, vector: [...embedWords(words)] }],
})

async function birds(shards = 1): Promise<{ fake: FakeCollections; collection: CollectionRecord }> {
  const fake = new FakeCollections()
  const collection = collectionRecord('birds', shards)
  for (let i = 0; i < 30; i++) {
    await fake.put(collection, note(`n${i}`, `${i % 2 ? 'heron' : 'otter'} mill`, { even: i % 2 === 0, n: i }))
  }
  return { fake, collection }
}

async function problemOf(work: Promise<unknown>): Promise<Problem> {
  try {
    await work
  } catch (error) {
    if (error instanceof Problem) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

describe('cursors', () => {
  const first: SearchRequest = { query: 'heron mill', limit: 3 }

  async function firstPage() {
    const { fake, collection } = await birds(2)
    const page = await search(fake.deps, [collection], SECRET, first)
    return { fake, collection, cursor: page.nextCursor ?? '' }
  }

  it('are refused with another body, but pages may differ in size', async () => {
    const { fake, collection, cursor } = await firstPage()
    const other = await problemOf(search(fake.deps, [collection], SECRET, { query: 'otter', limit: 3, cursor }))
    expect(other).toMatchObject({ code: 'cursor_mismatch', errors: [{ pointer: '/cursor' }] })
    const page = await search(fake.deps, [collection], SECRET, { ...first, limit: 5, cursor })
    expect(page.hits).toHaveLength(5)
  })

  it('are refused under another visibility and for another collection', async () => {
    const { fake, collection, cursor } = await firstPage()
    const narrow = { ...SECRET, filter: parseFilter({ even: true }) }
    expect((await problemOf(search(fake.deps, [collection], narrow, { ...first, cursor }))).code).toBe(
      'cursor_mismatch',
    )
    const others = [collectionRecord('other', 1)]
    expect((await problemOf(search(fake.deps, others, SECRET, { ...first, cursor }))).code).toBe('cursor_mismatch')
  })

  it('expire after 15 minutes', async () => {
    const { fake, collection, cursor } = await firstPage()
    fake.nowMs += 15 * 60_000 - 1
    await search(fake.deps, [collection], SECRET, { ...first, cursor })
    fake.nowMs += 1
    expect((await problemOf(search(fake.deps, [collection], SECRET, { ...first, cursor }))).code).toBe('cursor_expired')
  })

  it('are gone when the generation or the collection behind the name was replaced', async () => {
    const { fake, collection, cursor } = await firstPage()
    const rebuilt = { ...collection, generation: { ...collection.generation, id: 'gen_2' } }
    expect((await problemOf(search(fake.deps, [rebuilt], SECRET, { ...first, cursor }))).code).toBe('cursor_gone')
    const remade = { ...collection, id: 'col_new' } as CollectionRecord
    expect((await problemOf(search(fake.deps, [remade], SECRET, { ...first, cursor }))).code).toBe('cursor_gone')
  })

  it('are refused when altered, made up, or of another tenant', async () => {
    const { fake, collection, cursor } = await firstPage()
    const altered = `${cursor.slice(0, 40)}${cursor[40] === 'A' ? 'B' : 'A'}${cursor.slice(41)}`
    const foreign = { ...collection, tenantUid: 'ten_2' } as CollectionRecord
    for (const [where, text] of [
      [collection, altered],
      [collection, 'abc'],
      [collection, '???'],
      [foreign, cursor],
    ] as const) {
      const problem = await problemOf(search(fake.deps, [where], SECRET, { ...first, cursor: text }))
      expect(problem).toMatchObject({ code: 'invalid_request', errors: [{ pointer: '/cursor' }] })
    }
  })

  it('end at rank 1,000', async () => {
    const fake = new FakeCollections()
    const collection = collectionRecord('big', 1)
    for (let i = 0; i < 1_010; i++) await fake.put(collection, note(`n${i}`, 'heron'))
    const whole = await search(fake.deps, [collection], SECRET, { query: 'heron', limit: 1_000 })
    expect([whole.hits.length, whole.nextCursor]).toEqual([1_000, null])
    const one = await search(fake.deps, [collection], SECRET, { query: 'heron', limit: 700 })
    const two = await search(fake.deps, [collection], SECRET, {
      query: 'heron',
      limit: 700,
      cursor: one.nextCursor ?? '',
    })
    expect([two.hits.length, two.nextCursor]).toEqual([300, null])
    expect(two.hits.at(-1)?.id).toBe(whole.hits.at(-1)?.id)
  })

  it('end at hit 200 for public keys', async () => {
    const fake = new FakeCollections()
    const collection = collectionRecord('big', 1)
    for (let i = 0; i < 260; i++) await fake.put(collection, note(`n${i}`, 'heron'))
    let cursor: string | null = null
    let count = 0
    do {
      const body: SearchRequest = { query: 'heron', limit: 45, ...(cursor === null ? {} : { cursor }) }
      const page = await search(fake.deps, [collection], PUBLIC, body)
      count += page.hits.length
      cursor = page.nextCursor
    } while (cursor !== null)
    expect(count).toBe(200)
  })

  it('keep the embedded query, so that later pages need no model', async () => {
    const { fake, collection, cursor } = await firstPage()
    fake.embedFailure = new Problem('upstream_failed')
    const page = await search(fake.deps, [collection], SECRET, { ...first, cursor })
    expect(page.degraded).toBeUndefined()
    expect(fake.embedCalls).toBe(1)
  })

  it('go on with a vector that the caller sends with every page', async () => {
    const { fake, collection } = await birds(2)
    const body: SearchRequest = { query: 'heron', limit: 10 }
    const vector = [...embedWords('heron mill')]
    const own = { ...collection, generation: { ...collection.generation, ...BRINGS_VECTORS } }
    const whole = await search(fake.deps, [own], SECRET, { ...body, vector, limit: 20 })
    const one = await search(fake.deps, [own], SECRET, { ...body, vector })
    const two = await search(fake.deps, [own], SECRET, { ...body, vector, cursor: one.nextCursor ?? '' })
    expect([...one.hits, ...two.hits].map(({ id }) => id)).toEqual(whole.hits.map(({ id }) => id))
  })
})

describe('a model that is down', () => {
  it('leaves the keyword leg, says so, and favours no language', async () => {
    const fake = new FakeCollections()
    const collection = collectionRecord('c', 1)
    await fake.put(collection, note('en', 'heron heron weir'), note('ar', 'heron weir weir', {}, 'ar'))
    fake.embedFailure = new Problem('upstream_timeout')
    const { hits, degraded } = await search(fake.deps, [collection], SECRET, { query: 'heron', explain: true })
    expect(degraded).toEqual(['vector'])
    expect(hits.map(({ documentId }) => documentId)).toEqual(['en', 'ar'])
    expect(hits[0]).toMatchObject({ score: 1, explain: { value: 1 } })
    expect(hits[0]?.scores).not.toHaveProperty('vector')
  })

  it('is the answer in vector mode', async () => {
    const { fake, collection } = await birds()
    fake.embedFailure = new Problem('upstream_timeout')
    const problem = await problemOf(search(fake.deps, [collection], SECRET, { query: 'heron', mode: 'vector' }))
    expect(problem.code).toBe('upstream_timeout')
  })

  it('does not hide bugs', async () => {
    const { fake, collection } = await birds()
    fake.embedFailure = new TypeError('a bug')
    await expect(search(fake.deps, [collection], SECRET, { query: 'heron' })).rejects.toThrow(TypeError)
  })
})

describe('several collections', () => {
  it('keep their own statistics, share maxima, and name themselves in hits', async () => {
    const fake = new FakeCollections()
    const [one, two] = [collectionRecord('one', 1), collectionRecord('two', 3)]
    await fake.put(one, note('same', 'heron'), note('x', 'otter'))
    await fake.put(two, note('same', 'heron'), note('y', 'heron'), note('z', 'heron weir'))
    const { hits, generation } = await search(fake.deps, [one, two], SECRET, { query: 'heron', mode: 'keyword' })
    // heron is rarer in `one`; equal scores of `two` fall by document id.
    expect(hits.map(({ id, collection }) => `${collection}/${id}`)).toEqual([
      'one/same#0',
      'two/same#0',
      'two/y#0',
      'two/z#0',
    ])
    expect(generation).toBe('gen_one,gen_two')
    const fused = await search(fake.deps, [one, two], SECRET, { query: 'heron', mode: 'hybrid' })
    expect(fused.hits[0]?.score).toBe(1)
    expect(fused.hits.filter(({ score }) => score === 1)).toHaveLength(1)
  })

  it('break equal scores of equal ids by the name of the collection', async () => {
    const fake = new FakeCollections()
    const [b, a] = [collectionRecord('b', 1), collectionRecord('a', 1)]
    await fake.put(a, note('same', 'heron'))
    await fake.put(b, note('same', 'heron'))
    const { hits } = await search(fake.deps, [b, a], SECRET, { query: 'heron' })
    expect(hits.map(({ collection }) => collection)).toEqual(['a', 'b'])
  })

  it('page like one', async () => {
    const fake = new FakeCollections()
    const all = [collectionRecord('one', 2), collectionRecord('two', 1)]
    for (let i = 0; i < 20; i++) await fake.put(all[i % 2] as CollectionRecord, note(`n${i % 5}`, 'heron mill weir'))
    for (const fusion of [{ method: 'convex' }, { method: 'rrf' }] as const) {
      const whole = await search(fake.deps, all, SECRET, { query: 'heron', fusion, limit: 100 })
      const seen: unknown[] = []
      let cursor: string | null = null
      do {
        const body: SearchRequest = { query: 'heron', fusion, limit: 3, ...(cursor === null ? {} : { cursor }) }
        const page = await search(fake.deps, all, SECRET, body)
        seen.push(...page.hits)
        cursor = page.nextCursor
      } while (cursor !== null)
      expect(seen).toEqual(whole.hits)
    }
  })
})

describe('public keys', () => {
  it.each([
    [{ explain: true }, '/explain'],
    [{ exact: true }, '/exact'],
    [{ vector: [1, 0, 0, 0] }, '/vector'],
  ])('may not ask for %j', async (extra, pointer) => {
    const { fake, collection } = await birds()
    const problem = await problemOf(search(fake.deps, [collection], PUBLIC, { query: 'heron', limit: 0, ...extra }))
    expect(problem).toMatchObject({ code: 'forbidden', errors: [{ pointer }] })
  })

  it('see no raw scores and at most 50 hits a page', async () => {
    const { fake, collection } = await birds()
    const { hits } = await search(fake.deps, [collection], PUBLIC, { query: 'heron', limit: 50 })
    expect(hits[0]).not.toHaveProperty('scores')
    const problem = await problemOf(search(fake.deps, [collection], PUBLIC, { query: 'heron', limit: 51 }))
    expect(problem).toMatchObject({ code: 'invalid_request', errors: [{ pointer: '/limit' }] })
  })

  it('see at most 20 values of a facet', async () => {
    const { fake, collection } = await birds()
    const body: SearchRequest = { query: 'mill', facets: ['n'] }
    expect((await search(fake.deps, [collection], PUBLIC, body)).facets?.['n']).toHaveLength(20)
    expect((await search(fake.deps, [collection], SECRET, body)).facets?.['n']).toHaveLength(30)
  })

  it('see only what their filter lets through, facets and totals included', async () => {
    const { fake, collection } = await birds(2)
    const key = { ...PUBLIC, filter: parseFilter({ even: true }) }
    const { hits, estimatedTotal, facets } = await search(fake.deps, [collection], key, {
      query: 'mill',
      facets: ['even'],
      filter: { n: { $lt: 10 } },
    })
    expect(hits.every(({ metadata }) => metadata['even'])).toBe(true)
    expect(estimatedTotal).toBe(5)
    expect(facets).toEqual({ even: [{ value: true, count: 5 }] })
  })
})

describe('answers', () => {
  it('leave out chunks that were deleted after ranking and move the next ones up', async () => {
    const { fake, collection } = await birds()
    const [shard] = fake.shardsOf(collection) as [FakeShard]
    const all = await search(fake.deps, [collection], SECRET, { query: 'heron', limit: 6 })
    const gone = new Set(all.hits.slice(0, 2).map(({ documentId }) => documentId))
    const original = shard.search.bind(shard)
    shard.search = async (request) => {
      const result = await original(request)
      for (const id of gone) shard.delete(id)
      return result
    }
    const { hits } = await search(fake.deps, [collection], SECRET, { query: 'heron', limit: 4 })
    expect(hits.map(({ id }) => id)).toEqual(all.hits.slice(2).map(({ id }) => id))
  })

  it('count facets and totals over what minScore leaves', async () => {
    const { fake, collection } = await birds(3)
    const body: SearchRequest = { query: 'heron', mode: 'keyword', minScore: 0.01, facets: ['even', 'missing'] }
    const { estimatedTotal, facets } = await search(fake.deps, [collection], SECRET, body)
    expect(estimatedTotal).toBe(15)
    expect(facets).toEqual({ even: [{ value: false, count: 15 }], missing: [] })
    const none = await search(fake.deps, [collection], SECRET, { ...body, minScore: 1e9 })
    expect([none.hits, none.estimatedTotal, none.facets]).toEqual([[], 0, { even: [], missing: [] }])
  })

  it('return only the metadata fields that are asked for, and highlights unless they are refused', async () => {
    const fake = new FakeCollections()
    const collection = collectionRecord('c', 1)
    await fake.put(collection, note('x', 'heron', { a: { b: 1, c: 2 }, d: [1], __proto__x: 1 }))
    const body: SearchRequest = { query: 'heron', fields: ['a.b', 'nope', 'd'] }
    const [hit] = (await search(fake.deps, [collection], SECRET, body)).hits
    expect(hit?.metadata).toEqual({ a: { b: 1 }, d: [1] })
    expect(hit?.highlights).toHaveLength(1)
    const plain = await search(fake.deps, [collection], SECRET, { query: 'heron', highlight: false, fields: [] })
    expect(plain.hits[0]).toMatchObject({ highlights: [], metadata: {} })
  })

  it('move the query towards the first hits when feedback is asked for, and do nothing without hits', async () => {
    const fake = new FakeCollections()
    const collection = collectionRecord('c', 1)
    const withVector = (id: string, words: string, vector: number[]): FakeDocument => ({
      id,
      metadata: {},
      chunks: [{ words: words.split(' '), language: 'en', vector }],
    })
    await fake.put(
      collection,
      withVector('hit', 'heron', [0, 0, 0, 1]),
      withVector('near', 'otter', [0, 0.2, 0, 1]),
      withVector('far', 'otter', [1, 0, 0.3, 0]),
    )
    const [shard] = fake.shardsOf(collection) as [FakeShard]
    await search(fake.deps, [collection], SECRET, { query: 'heron', feedback: true })
    const [before, after] = shard.searches.map(({ vectors }) => vectors?.['default'] ?? new Float32Array())
    expect(after?.[3]).toBeGreaterThan((before?.[3] ?? 0) / Math.hypot(...(before ?? [])))
    expect(Math.hypot(...(after ?? []))).toBeCloseTo(1, 6)
    shard.searches = []
    const empty = await search(fake.deps, [collection], SECRET, { query: 'heron', feedback: true, filter: { no: 1 } })
    expect([empty.hits, shard.searches.length]).toEqual([[], 1])
  })

  it('treat a collection deleted meanwhile as absent', async () => {
    const { fake, collection } = await birds()
    const [shard] = fake.shardsOf(collection) as [FakeShard]
    shard.search = () => Promise.reject(new Problem('collection_gone'))
    expect((await problemOf(search(fake.deps, [collection], SECRET, { query: 'x' }))).code).toBe('not_found')
  })

  it('ask a lone shard once and several shards twice', async () => {
    const lone = await birds(1)
    await search(lone.fake.deps, [lone.collection], SECRET, { query: 'heron' })
    expect(lone.fake.shardsOf(lone.collection)[0]?.searches[0]?.keyword).not.toHaveProperty('statistics')
    const many = await birds(3)
    await search(many.fake.deps, [many.collection], SECRET, { query: 'heron' })
    for (const { searches } of many.fake.shardsOf(many.collection)) {
      expect(searches[0]?.keyword?.statistics).toEqual({ chunks: 30, totalLength: 60, documentFrequencies: [15] })
    }
  })
})

describe('collections of vectors that callers bring', () => {
  it('search by words where no vector is sent, and need one in vector mode', async () => {
    const fake = new FakeCollections()
    const base = collectionRecord('own', 1)
    const own = { ...base, generation: { ...base.generation, ...BRINGS_VECTORS } }
    await fake.put(own, note('x', 'heron'))
    const { hits, degraded } = await search(fake.deps, [own], SECRET, { query: 'heron' })
    expect([hits.length, degraded, fake.embedCalls]).toEqual([1, undefined, 0])
    const needs = await problemOf(search(fake.deps, [own], SECRET, { query: 'heron', mode: 'vector' }))
    expect(needs).toMatchObject({ code: 'invalid_request', errors: [{ pointer: '/vector' }] })
    const wrong = await problemOf(search(fake.deps, [own], SECRET, { vector: [1, 2, 3] }))
    expect(wrong).toMatchObject({ code: 'dimension_mismatch', errors: [{ pointer: '/vector' }] })
    const byVector = await search(fake.deps, [own], SECRET, { vector: [...embedWords('heron')], mode: 'vector' })
    expect(byVector.hits[0]?.score).toBeCloseTo(1, 12)
  })
})
