/** Ingest and search together over the real parts of shards: rankings, explanations, and reading one's own writes. */
import { describe, expect, it } from 'vitest'
import { deleteDocument } from '../../../src/ingest/delete-documents.ts'
import { patchDocument } from '../../../src/ingest/patch-document.ts'
import type { SearchRequest } from '../../../src/search/search-request.ts'
import { KEY, World } from '../../support/shard-world.ts'

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
