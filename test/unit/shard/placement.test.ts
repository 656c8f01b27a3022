import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Problem } from '../../../src/core/problem.ts'
import { objectName, Placement, shardOf } from '../../../src/shard/placement.ts'
import type { ShardSetup } from '../../../src/shard/shard-api.ts'
import { shardStub, type ShardRpc } from '../../../src/shard/stub.ts'
import { CONTEXT } from '../../support/shard-documents.ts'

/** Computed independently; rows for 1, 2, 5 and 32 shards. */
const GOLDEN = [
  [0, 0, 0, 0, 0, 0, 0],
  [1, 1, 1, 1, 1, 0, 0],
  [1, 4, 4, 1, 2, 0, 0],
  [10, 7, 16, 27, 2, 7, 21],
]
const GOLDEN_NAME = 'b7d62f5ada87d50cc057d0ba7a5879e3c8df91d4c3afc748264eb8b0d3fa6fbb'

describe('placement of documents', () => {
  it('gives the golden values, which no release may change', async () => {
    const ids = ['a', 'ferry', 'docs/intro.md', 'Größe', '文書', '😀', 'x'.repeat(512)]
    const places = await Promise.all(
      [1, 2, 5, 32].map(async (shards) => Promise.all(ids.map(async (id) => shardOf(id, shards)))),
    )
    expect(places).toEqual(GOLDEN)
  })

  it('moves only documents that go to an added shard', async () => {
    for (let i = 0; i < 200; i++) {
      const [before, after] = [await shardOf(`d${i}`, 4), await shardOf(`d${i}`, 5)]
      if (after !== 4) expect(after).toBe(before)
    }
  })

  it('spreads documents evenly', async () => {
    const counts = [0, 0, 0, 0]
    for (let i = 0; i < 2_000; i++) counts[await shardOf(`doc-${i}`, 4)]!++
    for (const count of counts) expect(Math.abs(count - 500)).toBeLessThan(100)
  })
})

describe('object names', () => {
  it('are SHA-256 in hex over length-prefixed parts', async () => {
    expect(await objectName(['ten_a', 'col_b', '0', '1'])).toBe(GOLDEN_NAME)
  })

  it('differ for different lists of parts, wherever the parts are cut', async () => {
    const parts = fc.array(fc.string({ maxLength: 4 }), { minLength: 1, maxLength: 4 })
    await fc.assert(
      fc.asyncProperty(parts, parts, async (a, b) => {
        fc.pre(JSON.stringify(a) !== JSON.stringify(b))
        expect(await objectName(a)).not.toBe(await objectName(b))
      }),
      { seed: 3 },
    )
  })
})

const collection = {
  tenantUid: 'ten_a',
  id: 'col_b',
  placementEpoch: 0,
  generation: {
    id: 'gen_c',
    model: { source: { provider: 'edge' as const } },
    profileId: 'edge-en',
    dimensions: 384,
    precision: 'int8' as const,
    shards: 3,
  },
}

describe('a placement', () => {
  it('tells shards which vectors the collection names', async () => {
    const setups: ShardSetup[] = []
    const placement = new Placement({
      idFromName: (name) => name as unknown as DurableObjectId,
      get: () => ({ initialise: async (setup: ShardSetup) => void setups.push(setup) }),
    })
    const vectors = [{ name: 'tokens', dimensions: 3, multi: true }] as const
    const model = { source: { provider: 'bring-your-own' as const, vectors } }
    await placement.initialise({ ...collection, generation: { ...collection.generation, model, shards: 1 } })
    expect(setups.map((setup) => setup.vectors)).toEqual([vectors])
  })

  it('initialises and erases every shard of a collection under its own name', async () => {
    const setups: [string, ShardSetup][] = []
    const erased: string[] = []
    const placement = new Placement({
      idFromName: (name) => name as unknown as DurableObjectId,
      get: (id) => ({
        initialise: async (setup: ShardSetup) => void setups.push([String(id), setup]),
        erase: async () => void erased.push(String(id)),
      }),
    })
    await placement.initialise(collection)
    await placement.erase(collection)
    const names = await Promise.all(['0', '1', '2'].map(async (shard) => objectName(['ten_a', 'col_b', '0', shard])))
    expect(new Map(setups.map(([name, { shard }]) => [shard, name]))).toEqual(new Map(names.entries()))
    expect(setups.find(([name]) => name === names[1])?.[1]).toEqual({
      tenantUid: 'ten_a',
      collectionId: 'col_b',
      placementEpoch: 0,
      generation: 'gen_c',
      shard: 1,
      profileId: 'edge-en',
      dimensions: 384,
      precision: 'int8',
    })
    expect(erased.sort()).toEqual(names.sort())
  })
})

/** A shard whose calls fail with the given errors in turn and then succeed. */
function failing(...errors: unknown[]) {
  let connections = 0
  const shard = {
    statistics: async () => {
      if (errors.length > 0) throw errors.shift()
      return { documents: 0, chunks: 0, bytes: 0, pending: 0, sequence: 0 }
    },
    stage: async () => {
      if (errors.length > 0) throw errors.shift()
      return { status: 'staged' }
    },
    fetchChunks: async () => [],
  } as unknown as ShardRpc
  const api = shardStub(async () => {
    connections++
    return shard
  })
  return { api, connections: () => connections }
}

const platformError = (flags: object): Error => Object.assign(new Error('platform'), flags)

describe('a stub', () => {
  it('rebuilds problems that lost their class on the way', async () => {
    const sent = Object.assign(new Error('the collection was deleted'), {
      name: 'Problem',
      code: 'collection_gone',
      remote: true,
    })
    const error: unknown = await failing(sent)
      .api.statistics()
      .catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(Problem)
    expect(error).toMatchObject({ code: 'collection_gone' })
    expect(error).not.toHaveProperty('remote')
  })

  it('repeats reads on a fresh stub where the platform says so', async () => {
    const { api, connections } = failing(platformError({ retryable: true }))
    expect(await api.statistics()).toMatchObject({ documents: 0 })
    expect(connections()).toBe(2)
  })

  it('never repeats writes, nor anything on an overloaded shard', async () => {
    const once = failing(platformError({ retryable: true }))
    await expect(once.api.stage({ jobId: 'j', documents: [], settled: [] }, CONTEXT)).rejects.toMatchObject({
      code: 'overloaded',
      retryAfterSeconds: 1,
    })
    expect(once.connections()).toBe(1)
    const busy = failing(platformError({ retryable: true, overloaded: true }))
    await expect(busy.api.statistics()).rejects.toMatchObject({ code: 'overloaded' })
    expect(busy.connections()).toBe(1)
  })

  it('passes bugs on as they are', async () => {
    await expect(failing(new Error('invariant: x')).api.statistics()).rejects.toThrow('invariant: x')
  })

  it('calls the object by the name that RPC leaves free', async () => {
    expect(await failing().api.fetch({ chunks: [] })).toEqual([])
  })
})
