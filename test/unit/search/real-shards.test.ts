/** Ingest and search together over the real parts of shards on `node:sqlite`, with every answer cloned as RPC would. */
import { describe, expect, it } from 'vitest'
import type { CollectionRecord } from '../../../src/catalog/records.ts'
import { deleteDocument } from '../../../src/ingest/delete-documents.ts'
import type { IngestDependencies } from '../../../src/ingest/ingest-dependencies.ts'
import { patchDocument } from '../../../src/ingest/patch-document.ts'
import { putDocuments } from '../../../src/ingest/put-documents.ts'
import { parsePutRequest } from '../../../src/ingest/validate-document.ts'
import { search, type SearchDependencies } from '../../../src/search/search.ts'
import type { Hit, SearchRequest } from '../../../src/search/search-request.ts'
import type { ShardApi } from '../../../src/shard/shard-api.ts'
import { Sealer } from '../../../src/tenancy/sealing.ts'
import { NodeShard, SETUP } from '../../support/node-shard.ts'
import { DIMENSIONS, toyVector } from '../../support/shard-documents.ts'
import { SECRET, collectionRecord } from './fake-shards.ts'

const KEY = { kind: 'secret', keyId: 'key1' } as const
const NOW = { prefer: { respondAsync: false } }

type UsedShard = ReturnType<IngestDependencies['placement']['forWrite']> &
  ReturnType<SearchDependencies['placement']['forRead']> &
  Pick<ShardApi, 'statistics'>

function rpcOf({ writes, reads, searcher }: NodeShard): UsedShard {
  const over = <T>(work: () => T): Promise<T> => Promise.resolve().then(() => structuredClone(work()))
  return {
    begin: (items, context) => over(() => writes.begin(items, context)),
    commit: (document, context) => over(() => writes.commit(structuredClone(document), context)),
    release: (tickets) => over(() => writes.release(tickets)),
    stage: (request, context) => over(() => writes.stage(request, context)),
    deleteDocuments: (selection, context) => writes.delete(selection, context, () => Promise.resolve()),
    cancelJob: (jobId) => over(() => writes.cancelJob(jobId)),
    latestSource: (id, visibility) => over(() => reads.latestSource(id, visibility)),
    document: (id, options) => over(() => reads.document(id, options)),
    keywordStatistics: (words) => over(() => searcher.keywordStatistics(words)),
    search: (request) => over(() => searcher.search(structuredClone(request))),
    fetch: (request) => over(() => searcher.fetch(request)),
    facets: (fields, ids) => over(() => searcher.facets(fields, ids)),
    statistics: () => over(() => reads.statistics()),
  }
}

const embedder = { embed: (texts: readonly string[]) => Promise.resolve(texts.map(toyVector)) } as never

class World {
  readonly collection: CollectionRecord
  readonly #shards: UsedShard[]
  readonly searching: SearchDependencies
  readonly ingesting: IngestDependencies

  constructor(shards: number, profileId = 'edge-en') {
    const base = collectionRecord('docs', shards)
    this.collection = { ...base, generation: { ...base.generation, profileId, dimensions: DIMENSIONS } }
    this.#shards = Array.from({ length: shards }, (_, shard) =>
      rpcOf(new NodeShard({ setup: { ...SETUP, shard, precision: profileId === 'edge-en' ? 'int8' : 'f32' } })),
    )
    const placement = {
      forRead: (_: unknown, shard: number) => this.#shards[shard] as never,
      forWrite: (_: unknown, shard: number) => this.#shards[shard] as never,
    }
    const sealer = new Sealer('5a'.repeat(32))
    this.searching = { placement, models: { queryEmbedder: () => embedder }, sealer, clock: () => 0 }
    this.ingesting = {
      placement,
      models: {
        passageEmbedder: () => embedder,
        countTokens: () => Promise.resolve((text: string) => text.split(/\s+/).filter(Boolean).length),
      },
      sealer,
      clock: () => 0,
      jobs: {} as never,
      collections: {} as never,
    }
  }

  async put(documents: unknown[]): Promise<unknown[]> {
    const request = parsePutRequest({ documents })
    const outcome = await putDocuments(this.ingesting, this.collection, KEY, request, NOW)
    return outcome.kind === 'done' ? outcome.results.map(({ id, status, version }) => [id, status, version]) : []
  }

  async hits(request: SearchRequest): Promise<readonly Hit[]> {
    return (await search(this.searching, [this.collection], SECRET, request)).hits
  }
}

const ANIMALS = ['heron', 'otter', 'badger', 'lynx', 'hare', 'stoat', 'owl']
const PLACES = ['weir', 'barn', 'quarry', 'orchard', 'mill']
const NOTES = Array.from({ length: 70 }, (_, day) => ({
  id: `note-${day}`,
  title: `Day ${day % 9}`,
  text: `The ${ANIMALS[day % 7]} was seen near the ${PLACES[day % 5]}. ${day % 3 === 0 ? 'It left at dusk.' : ''}`,
  metadata: { animal: ANIMALS[day % 7] ?? '', day },
}))

describe('ingest and search over real shards', () => {
  const requests: SearchRequest[] = [
    { query: 'which heron stayed by the weir until dusk' },
    { query: 'otter', mode: 'keyword' },
    { query: 'badger in the quarry', fusion: { method: 'rrf' } },
    { query: 'owl mill', filter: { day: { $gte: 20 } }, groupBy: 'document', feedback: true },
    { query: 'lynx', mode: 'vector', exact: true },
    { query: 'heron weir', minScore: 0.5, facets: ['animal'] },
  ]

  it('rank alike for 1, 2 and 5 shards, and explain every score', async () => {
    const worlds = [1, 2, 5].map((shards) => new World(shards))
    for (const world of worlds) await world.put(NOTES)
    for (const request of requests) {
      const rankings: unknown[] = []
      for (const world of worlds) {
        const hits = await world.hits({ ...request, explain: true, limit: 100 })
        expect(hits.length).toBeGreaterThan(0)
        for (const { score, explain } of hits) {
          expect(explain?.value).toBe(score)
          const sum = explain?.details.reduce((total, { value }) => total + value, 0)
          expect(sum).toBeCloseTo(score, 12)
        }
        rankings.push(hits.map(({ id, score }) => [id, score]))
      }
      expect(rankings[1]).toEqual(rankings[0])
      expect(rankings[2]).toEqual(rankings[0])
    }
  })

  it('read their writes: replaced, patched, deleted and unchanged documents', async () => {
    const world = new World(3)
    await world.put(NOTES)
    expect(await world.put([{ id: 'note-1', text: 'A walrus slept.' }, NOTES[2]])).toEqual([
      ['note-1', 'replaced', 2],
      ['note-2', 'unchanged', 1],
    ])
    const [first] = await world.hits({ query: 'walrus', mode: 'keyword' })
    expect(first).toMatchObject({ id: 'note-1#0', text: 'A walrus slept.', metadata: {} })
    expect(first?.highlights.map(({ start, end }) => first.text.slice(start, end))).toEqual(['walrus'])
    const patched = await patchDocument(world.ingesting, world.collection, KEY, 'note-1', { title: 'Arctic' })
    expect(patched).toMatchObject({ kind: 'done', document: { version: 3, title: 'Arctic' } })
    expect((await world.hits({ query: 'arctic', mode: 'keyword' }))[0]?.title).toBe('Arctic')
    await deleteDocument(world.ingesting, world.collection, KEY, 'note-1')
    expect(await world.hits({ query: 'walrus', mode: 'keyword' })).toEqual([])
    expect(await world.put([{ id: 'note-1', text: 'A walrus slept.' }])).toEqual([['note-1', 'created', 4]])
  })

  it('keep the vectors that callers bring as they were sent', async () => {
    const own = new World(1, 'bring-your-own')
    const vector = [0.1, 0.2, 0, 0, 0, 0, 0, 3]
    await own.put([
      { id: 'v', vector, title: 'Picture' },
      { id: 't', text: 'words only' },
    ])
    const hits = await own.hits({ vector, mode: 'vector' })
    expect(hits.map(({ documentId }) => documentId)).toEqual(['v'])
    expect(hits[0]?.score).toBeCloseTo(1, 12)
    const patch = { metadata: { seen: true } }
    const patched = await patchDocument(own.ingesting, own.collection, KEY, 'v', patch)
    expect(patched).toMatchObject({ document: { version: 2, chunkCount: 1 } })
    expect(await own.put([{ id: 't', text: 'words only' }])).toEqual([['t', 'unchanged', 1]])
  })
})
