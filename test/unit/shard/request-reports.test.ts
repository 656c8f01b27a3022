import { describe, expect, it } from 'vitest'
import type { CollectionRecord } from '../../../src/catalog/records.ts'
import type { CollectionId, TenantUid } from '../../../src/core/ids.ts'
import { Problem } from '../../../src/core/problem.ts'
import { requestAllReports, requestReport } from '../../../src/shard/request-reports.ts'
import type { ShardApi } from '../../../src/shard/shard-api.ts'

const UID = 'ten_0123456789abcdef' as TenantUid

/** A tenant with as many collections of as many shards each; `answer` is what each shard does. */
function tenant(collections: number, shards: number, answer: () => number = () => 1) {
  const asked: string[] = []
  const names = Array.from({ length: collections }, (_, number) => `c${String(number).padStart(4, '0')}`)
  const shardOf = (name: string) => ({
    flushChanges: async () => {
      asked.push(name)
      return answer()
    },
  })
  const stores: Parameters<typeof requestAllReports>[0] = {
    catalog: {
      collections: {
        async list(uid, { limit, after = '' }) {
          expect(uid).toBe(UID)
          const data = names.filter((name) => name > after).slice(0, limit)
          const last = data.at(-1)
          const records = data.map((name) => ({ name, generation: { shards } }) as CollectionRecord)
          return last === undefined || last === names.at(-1) ? { data: records } : { data: records, nextAfter: last }
        },
      },
    },
    placement: {
      all: (collection) => {
        const { name } = collection as CollectionRecord
        return Array.from({ length: collection.generation.shards }, () => shardOf(name) as unknown as ShardApi)
      },
    },
  }
  return { stores, asked, names }
}

/** Runs until all are asked; answers how many runs it took, each with how many shards. */
async function runs({ stores, asked }: ReturnType<typeof tenant>): Promise<number[]> {
  const sizes: number[] = []
  let after: string | undefined = ''
  while (after !== undefined) {
    const before = asked.length
    after = await requestAllReports(stores, UID, after)
    sizes.push(asked.length - before)
  }
  return sizes
}

describe('asking all shards of a tenant', () => {
  it.each([
    { collections: 0, shards: 1, expected: [0] },
    { collections: 3, shards: 3, expected: [9] },
    { collections: 250, shards: 1, expected: [250] },
    { collections: 60, shards: 32, expected: [608, 608, 608, 96] },
    { collections: 600, shards: 1, expected: [600] },
    { collections: 601, shards: 1, expected: [600, 1] },
  ])('asks each once, in runs that the platform allows: %o', async ({ collections, shards, expected }) => {
    const world = tenant(collections, shards)
    expect(await runs(world)).toEqual(expected)
    expect(world.asked).toEqual(world.names.flatMap((name) => Array.from({ length: shards }, () => name)))
  })

  it('passes over those that are deleted meanwhile, and stops at those that cannot be reached', async () => {
    const gone = tenant(2, 2, () => {
      throw new Problem('collection_gone')
    })
    expect(await runs(gone)).toEqual([4])
    const down = tenant(2, 2, () => {
      throw new Problem('overloaded')
    })
    await expect(requestAllReports(down.stores, UID, '')).rejects.toMatchObject({ code: 'overloaded' })
  })
})

describe('asking one shard', () => {
  it('answers the position, or that its collection is deleted', async () => {
    const shard = { tenantUid: UID, collectionId: 'col_a' as CollectionId, placementEpoch: 3, shard: 2 }
    const placed = (flushChanges: () => Promise<number>): Parameters<typeof requestReport>[0] => ({
      forWrite(collection, number) {
        expect([collection, number]).toEqual([{ tenantUid: UID, id: 'col_a', placementEpoch: 3 }, 2])
        return { flushChanges } as unknown as ShardApi
      },
    })
    expect(
      await requestReport(
        placed(async () => 7),
        shard,
      ),
    ).toBe(7)
    expect(
      await requestReport(
        placed(() => Promise.reject(new Problem('collection_gone'))),
        shard,
      ),
    ).toBe('gone')
    await expect(
      requestReport(
        placed(() => Promise.reject(new Error('down'))),
        shard,
      ),
    ).rejects.toThrow('down')
  })
})
