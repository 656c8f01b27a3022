/** A shard of a collection whose model the first documents choose: empty until it is told, and told once. */
import { describe, expect, it } from 'vitest'
import { chosenModel, Placement, type PlacedCollection } from '../../../src/shard/placement.ts'
import type { ShardSetup } from '../../../src/shard/shard-api.ts'
import { findSetup, isSetUpAs, writeSetup } from '../../../src/shard/shard-setup.ts'
import { EDGE_EN_MODEL, EDGE_MULTILINGUAL_MODEL } from '../../../src/models/product-models.ts'
import { vectorSpace } from '../../../src/models/vector-space.ts'
import { NodeSqlDatabase } from '../../../src/shard/node-sql-database.ts'
import { NodeShard, SETUP } from '../../support/node-shard.ts'
import { CONTEXT, makeChunks, makeSource, toyVector } from '../../support/shard-documents.ts'

const OPEN: ShardSetup = { ...SETUP, isModelOpen: true }
const CHOSEN = { generation: 'gen_chosen', profileId: 'chosen', profileVersion: 2 }
const { isModelOpen: _, ...SETTLED }: ShardSetup = { ...OPEN, ...CHOSEN }
const SPACE = vectorSpace({ id: 'chosen', version: 2, dimensions: SETUP.dimensions })
const TOLD = { ...CONTEXT, space: SPACE, chosen: CHOSEN }

const REFUSED = /made by another model/

async function write(shard: NodeShard) {
  const source = await makeSource({ id: 'x', text: 'words' })
  const { id, contentHash, metadata } = source
  const begin = (context: typeof CONTEXT) => shard.writes.begin([{ id, contentHash, metadata }], context)
  const prepared = (context: typeof CONTEXT) => {
    const [begun] = begin(context)
    if (begun?.status !== 'accepted') throw new Error('not accepted')
    return { source, chunks: makeChunks(source), ticket: begun.ticket, reserved: {} }
  }
  return { begin, prepared }
}

describe('a shard whose model is not chosen', () => {
  it('stores nothing for writers who do not know of a choice, and lets them try out', async () => {
    const shard = new NodeShard({ setup: OPEN })
    const { begin, prepared } = await write(shard)
    expect(begin({ ...CONTEXT, space: SPACE })).toMatchObject([{ status: 'accepted' }])
    for (const context of [CONTEXT, { ...CONTEXT, space: vectorSpace({ id: 'toy', version: 1, dimensions: 8 }) }]) {
      expect(() => shard.writes.commit(prepared(context), context)).toThrow(REFUSED)
      const request = { jobId: 'job_1', documents: [prepared(context)], settled: [] }
      expect(() => shard.writes.stage(request, context)).toThrow(REFUSED)
    }
    expect(() => shard.transfer.import([], { keyId: 'root' })).toThrow(REFUSED)
    expect(shard.reads.statistics()).toMatchObject({ documents: 0, pending: 0 })
    expect(shard.state.setup).toEqual(OPEN)
  })

  it('answers searches of every space with nothing', () => {
    const shard = new NodeShard({ setup: OPEN })
    for (const space of [SPACE, 'edge-en/1/384']) {
      const query = {
        vectors: { default: toyVector('words') },
        space,
        candidates: 9,
        exact: false,
        profileLanguages: [],
      }
      expect(shard.searcher.search(query).candidates.documentIds).toEqual([])
    }
  })

  it.each(['begin', 'commit', 'stage', 'import'] as const)(
    'is what a %s tells it, also after a restart',
    async (step) => {
      const database = new NodeSqlDatabase()
      const shard = new NodeShard({ setup: OPEN, database })
      writeSetup(database, OPEN)
      const { begin, prepared } = await write(shard)
      if (step === 'begin') begin(TOLD)
      if (step === 'commit') expect(shard.writes.commit(prepared(CONTEXT), TOLD)).toMatchObject({ status: 'created' })
      if (step === 'stage') shard.writes.stage({ jobId: 'job_1', documents: [prepared(CONTEXT)], settled: [] }, TOLD)
      if (step === 'import') shard.transfer.import([], { keyId: 'root', chosen: CHOSEN })
      expect(shard.state.setup).toEqual(SETTLED)
      expect(findSetup(database)).toEqual(SETTLED)
      expect(new NodeShard({ database, setup: findSetup(database) ?? OPEN }).state.setup).toEqual(SETTLED)
    },
  )

  it('stays open when it cannot write down what it is', async () => {
    const shard = new NodeShard({ setup: OPEN })
    const { begin } = await write(shard)
    shard.failAfter(0)
    expect(() => begin(TOLD)).toThrow('the disk is gone')
    expect(shard.state.setup).toEqual(OPEN)
    shard.restart()
    begin(TOLD)
    expect(shard.state.setup).toEqual(SETTLED)
  })

  it('is told once: whatever is said later changes nothing, and other vectors are refused', async () => {
    const shard = new NodeShard({ setup: OPEN })
    const { begin } = await write(shard)
    begin(TOLD)
    const other = { generation: 'gen_other', profileId: 'other' }
    const space = vectorSpace({ id: 'other', version: 1, dimensions: SETUP.dimensions })
    expect(() => begin({ ...CONTEXT, space, chosen: other })).toThrow(REFUSED)
    expect(shard.state.setup).toEqual(SETTLED)
  })

  it('does not change a shard that was set up with its model', async () => {
    const shard = new NodeShard()
    const { begin } = await write(shard)
    begin({ ...CONTEXT, chosen: CHOSEN })
    expect(shard.state.setup).toEqual(SETUP)
  })
})

describe('setting a shard up again', () => {
  it('changes nothing where it is the same, or was before its model was chosen', () => {
    for (const [stored, asked] of [
      [OPEN, OPEN],
      [SETUP, SETUP],
      [SETTLED, SETTLED],
      [SETTLED, OPEN],
      [SETUP, OPEN],
    ] as const) {
      expect(isSetUpAs(stored, asked)).toBe(true)
    }
  })

  it('is a mistake where anything else differs', () => {
    for (const [stored, asked] of [
      [OPEN, SETUP],
      [OPEN, SETTLED],
      [SETTLED, SETUP],
      [SETUP, { ...SETUP, generation: 'gen_other' }],
      [SETTLED, { ...OPEN, shard: 1 }],
      [SETTLED, { ...OPEN, dimensions: 16 }],
      [SETTLED, { ...OPEN, collectionId: 'col_other' }],
    ] as const) {
      expect(isSetUpAs(stored, asked)).toBe(false)
    }
  })
})

describe('what writes tell shards', () => {
  const placed = (more: Partial<PlacedCollection>): PlacedCollection => ({
    tenantUid: 'ten_a',
    id: 'col_a',
    placementEpoch: 1,
    generation: {
      id: 'gen_a',
      model: EDGE_MULTILINGUAL_MODEL,
      profileId: 'edge-multilingual',
      dimensions: 384,
      precision: 'int8',
      shards: 2,
    },
    ...more,
  })

  it('is the model, once it is chosen, and nothing where the caller named it', () => {
    expect(chosenModel(placed({}))).toBeUndefined()
    expect(chosenModel(placed({ modelChoice: 'open' }))).toBeUndefined()
    expect(chosenModel(placed({ modelChoice: 'by_language' }))).toEqual({
      generation: 'gen_a',
      profileId: 'edge-multilingual',
    })
  })

  it('is not needed by shards that were made with the choice', async () => {
    const setups: ShardSetup[] = []
    const placement = new Placement({
      idFromName: (name) => name as never,
      get: () => ({ initialise: async (setup: ShardSetup) => void setups.push(setup) }),
    })
    const open = placed({ modelChoice: 'open' })
    await placement.initialise({ ...open, generation: { ...open.generation, model: EDGE_EN_MODEL } })
    await placement.initialise(placed({ modelChoice: 'by_language' }))
    expect(setups.map(({ isModelOpen }) => isModelOpen)).toEqual([true, true, undefined, undefined])
  })
})
