/** Vectors of another model than the index is built with are refused wherever they come in. */
import { describe, expect, it } from 'vitest'
import { vectorSpace } from '../../../src/models/vector-space.ts'
import { NodeShard, SETUP } from '../../support/node-shard.ts'
import { CONTEXT, makeChunks, makeSource, toyVector } from '../../support/shard-documents.ts'

const OWN = { id: SETUP.profileId, version: 1, dimensions: SETUP.dimensions }
const OTHERS = [
  { ...OWN, id: 'other' },
  { ...OWN, version: 2 },
  { ...OWN, dimensions: OWN.dimensions + 1 },
]

const query = (space: string) => ({
  vectors: { default: toyVector('words') },
  space,
  candidates: Infinity,
  exact: false,
  profileLanguages: [],
})

describe('a shard', () => {
  it('searches with vectors of its own space, and refuses all others', async () => {
    const shard = new NodeShard()
    await shard.put({ id: 'x', text: 'words' })
    expect(shard.searcher.search(query(vectorSpace(OWN))).candidates.documentIds).toEqual(['x'])
    for (const other of OTHERS) {
      expect(() => shard.searcher.search(query(vectorSpace(other)))).toThrow(/made by another model/)
    }
  })

  it('knows the version of its profile', async () => {
    const shard = new NodeShard({ setup: { ...SETUP, profileVersion: 2 } })
    await shard.put({ id: 'x', text: 'words' })
    expect(() => shard.searcher.search(query(vectorSpace(OWN)))).toThrow(/made by another model/)
    expect(shard.searcher.search(query(vectorSpace({ ...OWN, version: 2 }))).candidates.documentIds).toEqual(['x'])
  })

  it('takes no write of another space, at no step of it', async () => {
    const shard = new NodeShard()
    const source = await makeSource({ id: 'x', text: 'words' })
    const item = { id: 'x', contentHash: source.contentHash, metadata: {} }
    for (const other of OTHERS) {
      const context = { ...CONTEXT, space: vectorSpace(other) }
      expect(() => shard.writes.begin([item], context)).toThrow(/made by another model/)
      const document = { source, chunks: makeChunks(source), ticket: shard.ticket(source), reserved: {} }
      expect(() => shard.writes.commit(document, context)).toThrow(/made by another model/)
      const staged = { ...document, ticket: shard.ticket(source) }
      expect(() => shard.writes.stage({ jobId: 'job_1', documents: [staged], settled: [] }, context)).toThrow(
        /made by another model/,
      )
    }
    expect(shard.reads.statistics()).toMatchObject({ documents: 0, pending: 0 })
    expect(shard.writes.begin([item], { ...CONTEXT, space: vectorSpace(OWN) })).toHaveLength(1)
  })
})
