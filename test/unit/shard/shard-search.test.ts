import { describe, expect, it } from 'vitest'
import { MAX_CHUNKS_PER_SHARD } from '../../../src/core/limits.ts'
import type { Filter } from '../../../src/metadata/filter.ts'
import type { ShardSearchRequest } from '../../../src/shard/shard-api.ts'
import { NodeShard } from '../../support/node-shard.ts'
import { CONTEXT, makeSource, toyVector } from '../../support/shard-documents.ts'

const BM25 = { k1: 0.9, b: 0.4 }
const ANIMALS = ['heron', 'otter', 'badger', 'lynx']
const PLACES = ['weir', 'barn', 'quarry']

async function filled(): Promise<NodeShard> {
  const shard = new NodeShard()
  for (let i = 0; i < 24; i++) {
    const [animal, place] = [ANIMALS[i % 4] ?? '', PLACES[i % 3] ?? '']
    const text = `the ${animal} near the ${place}\nnothing else on day ${i}`
    await shard.put({ id: `d${i}`, text, metadata: { animal, day: i } })
  }
  return shard
}

const hybrid = (words: string[], extra: Partial<ShardSearchRequest> = {}): ShardSearchRequest => ({
  keyword: { words, bm25: BM25 },
  vectors: { default: toyVector(words.join(' ')) },
  candidates: Infinity,
  exact: false,
  profileLanguages: [],
  ...extra,
})

const cosine = (a: Float32Array, b: Float32Array): number => {
  const product = (x: Float32Array, y: Float32Array): number =>
    x.reduce((sum, value, i) => sum + value * (y[i] ?? 0), 0)
  return product(a, b) / Math.sqrt(product(a, a) * product(b, b))
}

const animalIs = (animal: string): Filter => ({
  kind: 'compare',
  path: ['animal'],
  operator: '$eq',
  operand: animal,
})

describe('a shard search', () => {
  it('gives every chunk that matches in a leg, with its true scores in both', async () => {
    const shard = await filled()
    const words = ['heron', 'weir']
    const { candidates, maxima, documentCount } = shard.searcher.search(hybrid(words))
    const seen = new Map<string, [number, number]>()
    for (const [slot, document] of candidates.documents.entries()) {
      const key = `${candidates.documentIds[document]}#${candidates.ordinals[slot]}`
      seen.set(key, [candidates.scores['default']?.[slot] ?? NaN, candidates.scores['keyword']?.[slot] ?? NaN])
    }
    const expected: string[] = []
    for (const { id } of shard.reads.list({ limit: 99 })) {
      for (const chunk of shard.reads.document(id, { include: ['chunks'] })?.chunks ?? []) {
        const near = cosine(toyVector(words.join(' ')), toyVector(chunk.text))
        const matches = words.some((word) => chunk.text.includes(word))
        if (near <= 0 && !matches) continue
        const key = `${id}#${chunk.ordinal}`
        expected.push(key)
        expect(seen.get(key)?.[0]).toBeCloseTo(near, 6)
        expect((seen.get(key)?.[1] ?? 0) > 0).toBe(matches)
      }
    }
    expect([...seen.keys()].sort()).toEqual(expected.sort())
    expect(maxima['default']).toBe(Math.max(...[...seen.values()].map(([vector]) => vector)))
    expect(maxima['keyword']).toBe(Math.max(...[...seen.values()].map(([, keyword]) => keyword)))
    expect(documentCount).toBe(new Set(expected.map((key) => key.slice(0, key.indexOf('#')))).size)
  })

  it('cuts to the best candidates of each leg, but counts and maxima stay those of the whole set', async () => {
    const shard = await filled()
    const words = ['heron', 'day']
    const whole = shard.searcher.search(hybrid(words, { facets: ['animal'] }))
    const cut = shard.searcher.search(hybrid(words, { facets: ['animal'], candidates: 3 }))
    expect(cut.candidates.chunks.length).toBeLessThanOrEqual(6)
    expect([...whole.candidates.chunks]).toEqual(expect.arrayContaining([...cut.candidates.chunks]))
    for (const [slot, chunk] of cut.candidates.chunks.entries()) {
      const same = whole.candidates.chunks.indexOf(chunk)
      for (const leg of ['default', 'keyword']) {
        expect(cut.candidates.scores[leg]?.[slot]).toBe(whole.candidates.scores[leg]?.[same])
      }
    }
    expect([cut.maxima, cut.documentCount, cut.facets]).toEqual([whole.maxima, whole.documentCount, whole.facets])
  })

  it('runs only the legs that are asked for', async () => {
    const shard = await filled()
    const { keyword, vectors, ...rest } = hybrid(['heron'])
    expect(Object.keys(shard.searcher.search({ ...rest, keyword: keyword! }).candidates.scores)).toEqual(['keyword'])
    expect(Object.keys(shard.searcher.search({ ...rest, vectors: vectors! }).candidates.scores)).toEqual(['default'])
  })

  it('filters before it ranks: hits, maxima, counts and facets see only what passes', async () => {
    const shard = await filled()
    const filter = animalIs('otter')
    const { candidates, documentCount, facets, statistics } = shard.searcher.search(
      hybrid(['heron', 'near'], { filter, facets: ['animal'] }),
    )
    expect(new Set(candidates.documentIds)).toEqual(new Set(['d1', 'd5', 'd9', 'd13', 'd17', 'd21']))
    expect(documentCount).toBe(6)
    expect(facets).toEqual({ animal: [{ value: 'otter', count: 6 }] })
    expect(statistics?.documentFrequencies).toEqual([6, 24])
  })

  it('ranks by the statistics that it is given', async () => {
    const shard = await filled()
    const statistics = { chunks: 1_000, totalLength: 6_000, documentFrequencies: [500] }
    const own = shard.searcher.search(hybrid(['heron'], { vectors: {} }))
    const given = shard.searcher.search({
      ...hybrid(['heron'], { vectors: {} }),
      keyword: { words: ['heron'], bm25: BM25, statistics },
    })
    expect(given.maxima['keyword']).toBeLessThan(own.maxima['keyword'] ?? 0)
    expect(given.statistics).toEqual(statistics)
    expect(shard.searcher.keywordStatistics(['heron'])).toMatchObject({ chunks: 48, documentFrequencies: [6] })
  })

  it('says which chunks are in a language of the profile', async () => {
    const shard = new NodeShard()
    const source = await makeSource({ id: 'x', text: 'one\ntwo\nthree' })
    const languages = ['en', 'ar', 'und']
    const chunks = ['one', 'two', 'three'].map((text, i) => ({
      start: source.text.indexOf(text),
      end: source.text.indexOf(text) + text.length,
      headings: [],
      prefix: 'same',
      language: languages[i] ?? '',
      tokens: 1,
      truncated: false,
      vectorKey: text,
      vector: toyVector(text),
    }))
    shard.writes.commit({ source, chunks, ticket: shard.ticket(source) }, CONTEXT)
    const { candidates } = shard.searcher.search(hybrid(['same'], { profileLanguages: ['en'] }))
    const flags = new Map([...candidates.ordinals].map((ordinal, slot) => [ordinal, candidates.inProfile[slot]]))
    expect([flags.get(0), flags.get(1), flags.get(2)]).toEqual([1, 0, 1])
    const any = shard.searcher.search(hybrid(['same'])).candidates.inProfile
    expect([...any]).toEqual([1, 1, 1])
  })

  it('can be frozen at a position, and refuses to answer behind one', async () => {
    const shard = await filled()
    const { sequence } = shard.searcher.search(hybrid(['heron']))
    await shard.put({ id: 'late', text: 'heron' })
    await shard.put({ id: 'd0', text: 'heron rewritten' })
    const frozen = shard.searcher.search(hybrid(['heron'], { atMostSequence: sequence }))
    expect(frozen.candidates.documentIds).not.toContain('late')
    expect(frozen.candidates.documentIds).not.toContain('d0')
    expect(shard.searcher.search(hybrid(['heron'])).candidates.documentIds).toContain('late')
    expect(() => shard.searcher.search(hybrid(['heron'], { atLeastSequence: sequence + 3 }))).toThrow(
      expect.objectContaining({ code: 'overloaded' }),
    )
    shard.searcher.search(hybrid(['heron'], { atLeastSequence: sequence + 2 }))
  })

  it('is the same before and after eviction and restart', async () => {
    const shard = await filled()
    await shard.delete('d3', 'd7')
    await shard.put({ id: 'd4', text: 'the heron again' })
    const search = () => shard.searcher.search(hybrid(['heron', 'near'], { facets: ['animal'] }))
    const { timingsMs: _, ...before } = search()
    shard.state.evict()
    expect(search()).toMatchObject(before)
    shard.restart()
    expect(search()).toMatchObject(before)
  })
})

describe('fetching chunks', () => {
  it('slices long texts at any place, in UTF-16 units', async () => {
    const shard = new NodeShard()
    const line = `${'😀 größe 文書 '.repeat(700)}end`
    const text = Array.from({ length: 12 }, (_, i) => `${i} ${line}`).join('\n')
    await shard.put({ id: 'long', text, title: 'A title', metadata: { a: 1 } })
    expect(shard.text('long')).toBe(text)
    const { candidates } = shard.searcher.search(hybrid(['end']))
    const fetched = shard.searcher.fetch({ chunks: [...candidates.chunks], highlightWords: ['end'], withVectors: true })
    expect(fetched).toHaveLength(12)
    for (const hit of fetched) {
      expect(hit).toMatchObject({ documentId: 'long', title: 'A title', metadata: { a: 1 }, language: 'en' })
      expect(hit?.text).toBe(text.slice(hit?.start, hit?.end))
      expect(hit?.text.startsWith(`${hit.ordinal} `)).toBe(true)
      expect(hit?.highlights.map(({ start, end }) => hit.text.slice(start, end))).toEqual(['end'])
      expect(hit?.vector).toHaveLength(8)
    }
  })

  it('explains a keyword score with parts that make it up', async () => {
    const shard = await filled()
    const keyword = { words: ['heron', 'weir'], bm25: BM25 }
    const { candidates } = shard.searcher.search({ ...hybrid([]), keyword })
    const best = candidates.chunks[0] ?? 0
    const [hit] = shard.searcher.fetch({ chunks: [best], explain: keyword })
    expect(hit?.explanation?.value).toBeCloseTo(candidates.scores['keyword']?.[0] ?? NaN, 9)
    expect(hit?.highlights).toEqual([])
  })

  it('leaves out chunks whose version is gone; their numbers are never given to others', async () => {
    const shard = await filled()
    const { candidates } = shard.searcher.search(hybrid(['heron', 'near']))
    const numbers = [...candidates.chunks]
    for (const { id } of shard.reads.list({ limit: 99 })) await shard.delete(id)
    shard.restart()
    await shard.put({ id: 'new', text: 'other words' })
    expect(shard.searcher.fetch({ chunks: numbers })).toEqual(numbers.map(() => undefined))
  })
})

describe('facets over given documents', () => {
  it('count those that exist', async () => {
    const shard = await filled()
    expect(shard.searcher.facets(['animal'], ['d0', 'd4', 'd1', 'never'])).toEqual({
      animal: [
        { value: 'heron', count: 2 },
        { value: 'otter', count: 1 },
      ],
    })
  })
})

describe('capacity', () => {
  it('refuses the document that does not fit, in a commit and in pending work', async () => {
    const shard = new NodeShard()
    const text = (lines: number): string => Array.from({ length: lines }, (_, i) => `l${i}`).join('\n')
    for (let i = 0; i < 10; i++) {
      const source = await makeSource({ id: `d${i}`, text: text(MAX_CHUNKS_PER_SHARD / 10) })
      const chunk = {
        headings: [],
        prefix: '',
        language: 'und',
        tokens: 1,
        truncated: false,
        vectorKey: '',
        withoutVector: true,
      }
      const chunks = Array.from({ length: MAX_CHUNKS_PER_SHARD / 10 }, () => ({ ...chunk, start: 0, end: 0 }))
      shard.writes.commit({ source, chunks, ticket: shard.ticket(source) }, CONTEXT)
    }
    expect(shard.reads.statistics().chunks).toBe(MAX_CHUNKS_PER_SHARD)
    expect(await shard.put({ id: 'x', text: 'one more' })).toMatchObject({ status: 'failed', code: 'shard_full' })
    await shard.stage('job_1', [{ id: 'y', text: 'one more' }])
    await shard.alarm.run()
    expect(shard.state.jobs.counts('job_1').failures).toEqual([{ documentId: 'y', code: 'shard_full' }])
    expect(await shard.put({ id: 'd0', text: 'smaller' })).toMatchObject({ status: 'replaced' })
    expect(await shard.put({ id: 'x', text: 'one more' })).toMatchObject({ status: 'created' })
  })
})
