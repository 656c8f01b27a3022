import { describe, expect, it } from 'vitest'
import { packVectors, unpackVectors, type VectorLeg } from '../../../src/core/packed-vectors.ts'
import type { PreparedChunk, ShardSearchResult, ShardSetup } from '../../../src/shard/shard-api.ts'
import { NodeShard, SETUP } from '../../support/node-shard.ts'
import { CONTEXT, makeSource } from '../../support/shard-documents.ts'

const LEGS: readonly VectorLeg[] = [
  { name: 'keyword', dimensions: 2 },
  { name: 'tokens', dimensions: 3, multi: true },
  { name: 'image', dimensions: 1 },
]
const NAMED: ShardSetup = { ...SETUP, profileId: 'bring-your-own', dimensions: 2, vectors: LEGS }

type Vectors = Record<string, number[]>

const packed = (vectors: Vectors): Float32Array =>
  packVectors(LEGS, new Map(Object.entries(vectors).map(([name, values]) => [name, Float32Array.from(values)])))

const DRAFTS: Record<string, Vectors> = {
  heron: { keyword: [1, 0], tokens: [1, 0, 0, 0, 1, 0] },
  otter: { keyword: [1, 1], tokens: [0, 0, 1] },
  lynx: { image: [0.5] },
}

function chunkOf(text: string, vectors: Vectors): PreparedChunk {
  const common = { start: 0, end: text.length, headings: [], prefix: '', language: 'en', tokens: 1, truncated: false }
  return { ...common, vectorKey: `key of ${JSON.stringify(vectors)}`, vector: packed(vectors) }
}

async function put(shard: NodeShard, id: string, vectors: Vectors, text = id): Promise<string> {
  const source = await makeSource({ id, text, metadata: { of: JSON.stringify(vectors) } })
  const ticket = shard.ticket(source)
  return shard.writes.commit({ source, chunks: [chunkOf(text, vectors)], ticket }, CONTEXT).status
}

async function filled(): Promise<NodeShard> {
  const shard = new NodeShard({ setup: NAMED })
  for (const [id, vectors] of Object.entries(DRAFTS)) expect(await put(shard, id, vectors)).toBe('created')
  return shard
}

const scoresOf = ({ candidates }: ShardSearchResult): Record<string, number | undefined> =>
  Object.fromEntries(
    candidates.documentIds.map((id, document) => [
      id,
      candidates.scores['default']?.[candidates.documents.indexOf(document)],
    ]),
  )

const search = (shard: NodeShard, vector: number[], using?: string): Record<string, number | undefined> =>
  scoresOf(
    shard.searcher.search({
      vectors: { default: Float32Array.from(vector) },
      ...(using === undefined ? {} : { using }),
      candidates: Infinity,
      exact: true,
      profileLanguages: [],
    }),
  )

const vectorsOf = (shard: NodeShard, id: string): Vectors => {
  const [stored] = shard.reads.document(id, { include: ['vectors'] })?.vectors ?? []
  const found = stored === undefined ? [] : [...(unpackVectors(LEGS, stored) ?? [])]
  return Object.fromEntries(found.map(([name, values]) => [name, [...values]]))
}

describe('named vectors of a shard', () => {
  it('are searched one by one, the first by default', async () => {
    const shard = await filled()
    expect(search(shard, [1, 0])).toEqual({ heron: 1, otter: expect.closeTo(Math.SQRT1_2, 6) })
    expect(search(shard, [1, 0], 'keyword')).toEqual(search(shard, [1, 0]))
    expect(search(shard, [2], 'image')).toEqual({ lynx: 1 })
    expect(search(shard, [1, 0, 0, 0, 1, 0], 'tokens')).toEqual({ heron: 1 })
    expect(search(shard, [1, 0, 0, 0, 0, 1], 'tokens')).toEqual({ heron: 0.5, otter: 0.5 })
    expect(() => search(shard, [1], 'sound')).toThrow(/leg/)
  })

  it('stand beside the keyword leg, whatever they are called', async () => {
    const shard = await filled()
    const { candidates, maxima } = shard.searcher.search({
      vectors: { default: Float32Array.of(0, 1) },
      using: 'keyword',
      keyword: { words: ['heron'], bm25: { k1: 0.9, b: 0.4 } },
      candidates: Infinity,
      exact: true,
      profileLanguages: [],
    })
    expect([...candidates.documentIds].sort()).toEqual(['heron', 'otter'])
    expect(maxima['default']).toBeCloseTo(Math.SQRT1_2, 6)
    expect(maxima['keyword']).toBeGreaterThan(0)
  })

  it('are given back as they were sent, after a restart too', async () => {
    const shard = await filled()
    for (const [id, vectors] of Object.entries(DRAFTS)) expect(vectorsOf(shard, id)).toEqual(vectors)
    shard.restart()
    for (const [id, vectors] of Object.entries(DRAFTS)) expect(vectorsOf(shard, id)).toEqual(vectors)
    const [fetched] = shard.searcher.fetch({ chunks: [1], withVectors: true, using: 'keyword' })
    expect(fetched?.vector).toEqual(Float32Array.of(1, 0))
  })

  it('are replaced and deleted as a whole', async () => {
    const shard = await filled()
    expect(await put(shard, 'heron', { image: [-3] })).toBe('replaced')
    expect(vectorsOf(shard, 'heron')).toEqual({ image: [-3] })
    expect(search(shard, [1, 0])).toEqual({ otter: expect.closeTo(Math.SQRT1_2, 6) })
    await shard.delete('otter', 'lynx', 'heron')
    for (const [name, query] of [
      ['keyword', [1, 0]],
      ['tokens', [1, 0, 0]],
      ['image', [1]],
    ] as const) {
      expect(search(shard, [...query], name)).toEqual({})
    }
    expect(shard.state.vectors.count).toBe(0)
  })

  it('survive as pending work, of any length, and a version with the same ones takes them over', async () => {
    const shard = new NodeShard({ setup: NAMED })
    const documents = await Promise.all(
      Object.entries(DRAFTS).map(async ([id, vectors]) => {
        const source = await makeSource({ id, text: id })
        return { source, chunks: [chunkOf(id, vectors)], ticket: shard.ticket(source), reserved: {} }
      }),
    )
    expect(shard.writes.stage({ jobId: 'job_one', documents, settled: [] }, CONTEXT).status).toBe('staged')
    expect(shard.state.pending.readyVectors()).toEqual(new Map([['job_one', 3]]))
    shard.restart()
    await shard.alarm.run()
    for (const [id, vectors] of Object.entries(DRAFTS)) expect(vectorsOf(shard, id)).toEqual(vectors)
    expect(shard.embedded).toEqual([])

    const source = await makeSource({ id: 'heron', text: 'heron', title: 'Bird' })
    const { vector: _, ...known } = chunkOf('heron', DRAFTS['heron']!)
    const ticket = shard.ticket(source)
    expect(shard.writes.commit({ source, chunks: [known], ticket }, CONTEXT).status).toBe('replaced')
    expect(vectorsOf(shard, 'heron')).toEqual(DRAFTS['heron'])
  })

  it('leave a document without any as it is', async () => {
    const shard = await filled()
    const source = await makeSource({ id: 'words', text: 'words alone' })
    const { vector: _, ...chunk } = chunkOf('words alone', {})
    const ticket = shard.ticket(source)
    const chunks = [{ ...chunk, withoutVector: true }]
    expect(shard.writes.commit({ source, chunks, ticket }, CONTEXT).status).toBe('created')
    expect(shard.reads.document('words', { include: ['vectors'] })?.vectors).toEqual([undefined])
    expect(shard.find('words')).toEqual(['words'])
  })

  it('move to another shard exactly, and count in its state hash', async () => {
    const from = await filled()
    const documents = from.transfer.export({ limit: 9, maxBytes: 1e9 })
    const to = new NodeShard({ setup: NAMED })
    to.transfer.import(documents, { keyId: 'key_test' })
    to.transfer.import(documents, { keyId: 'key_test' })
    expect(await to.transfer.stateHash()).toBe(await from.transfer.stateHash())
    expect(search(to, [1, 0, 0, 0, 0, 1], 'tokens')).toEqual({ heron: 0.5, otter: 0.5 })
    await put(to, 'lynx', { image: [0.25] })
    expect(await to.transfer.stateHash()).not.toBe(await from.transfer.stateHash())
  })

  it('are not taken from a shard that names others, or none', async () => {
    const documents = (await filled()).transfer.export({ limit: 9, maxBytes: 1e9 })
    for (const setup of [
      { ...NAMED, vectors: LEGS.slice(0, 1) },
      { ...SETUP, dimensions: 2 },
    ]) {
      const other = new NodeShard({ setup })
      expect(() => other.transfer.import(documents, { keyId: 'key_test' })).toThrow(/not of the kind/)
    }
  })
})
