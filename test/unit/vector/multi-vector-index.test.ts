import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ChunkMask } from '../../../src/core/chunk-mask.ts'
import { ResidentMemory } from '../../../src/core/resident-memory.ts'
import type { SqlDatabase } from '../../../src/core/sql-database.ts'
import { applyMigrations } from '../../../src/shard/apply-migrations.ts'
import { NodeSqlDatabase } from '../../../src/shard/node-sql-database.ts'
import { MultiVectorIndex } from '../../../src/vector/multi-vector-index.ts'
import { VectorRows } from '../../../src/vector/vector-rows.ts'
import { randomVectors, vectorIndexContract } from '../../contract/vector-index-contract.ts'

const DIMENSIONS = 5
const all = { mask: undefined, candidates: Number.POSITIVE_INFINITY } as const

function database(): SqlDatabase {
  const opened = new NodeSqlDatabase()
  applyMigrations(opened, VectorRows.migrations)
  return opened
}

/** Vectors of a chunk as one row-major array. */
const flat = (rows: readonly Float32Array[]): Float32Array => Float32Array.from(rows.flatMap((row) => [...row]))

/** The oracle: the definition of the score over plain arrays, nothing shared with the index. */
function lateInteraction(query: readonly Float32Array[], rows: readonly Float32Array[]): number {
  const cosine = (a: Float32Array, b: Float32Array): number => {
    const product = (x: Float32Array, y: Float32Array) => x.reduce((sum, value, i) => sum + value * y[i]!, 0)
    return product(a, b) / Math.sqrt(product(a, a)) / Math.sqrt(product(b, b))
  }
  const best = query.map((one) => Math.max(...rows.map((row) => cosine(one, row))))
  return best.reduce((sum, value) => sum + value, 0) / best.length
}

for (const [where, maxResidentBytes] of [
  ['in memory', 1e9],
  ['read from storage', 0],
] as const) {
  const memory = new ResidentMemory(1e9)
  const open = (opened: SqlDatabase, dimensions: number, leg: string) =>
    new MultiVectorIndex(opened, { key: 'shard', leg, dimensions, memory, maxResidentBytes })

  describe(`the multi-vector index with one vector a chunk, ${where}`, () => {
    vectorIndexContract({ precision: 'f32', database, open })
  })

  describe(`the multi-vector index, ${where}`, () => {
    it('ranks by the definition of late interaction, whatever was added, replaced, removed and opened again', () => {
      const rowsOf = (seed: number, count: number) => randomVectors(count, DIMENSIONS, seed)
      const write = fc.record({ chunk: fc.nat(12), seed: fc.nat(1_000), rows: fc.integer({ min: 1, max: 6 }) })
      const step = fc.oneof(
        { weight: 5, arbitrary: write },
        { weight: 1, arbitrary: fc.constantFrom('remove', 'open', 'evict', 'search') },
      )
      fc.assert(
        fc.property(
          fc.array(step, { maxLength: 30 }),
          fc.integer({ min: 1, max: 4 }),
          fc.nat(99),
          (steps, size, seed) => {
            const shared = database()
            const model = new Map<number, Float32Array[]>()
            let index = open(shared, DIMENSIONS, 'tokens')
            const query = rowsOf(seed + 5_000, size)
            for (const one of steps) {
              if (one === 'open') index = open(shared, DIMENSIONS, 'tokens')
              else if (one === 'evict') index.evict()
              else if (one === 'search') index.search(flat(query), all)
              else if (one === 'remove') {
                const gone = [...model.keys()].slice(0, 2)
                index.remove(gone)
                for (const chunk of gone) model.delete(chunk)
              } else {
                const rows = rowsOf(one.seed, one.rows)
                index.add(one.chunk, flat(rows))
                model.set(one.chunk, rows)
              }
            }
            const expected = [...model]
              .map(([chunk, rows]): [number, number] => [chunk, lateInteraction(query, rows)])
              .filter(([, score]) => score > 0)
              .sort(([a, x], [b, y]) => y - x || a - b)
            const found = index.search(flat(query), all)
            expect([...found.chunks]).toEqual(expected.map(([chunk]) => chunk))
            for (const [i, [, score]] of expected.entries()) expect(found.scores[i]).toBeCloseTo(score, 6)
            expect(index.score(flat(query), found.chunks)).toEqual(found.scores)
            expect(index.vectors([...model.keys()])).toEqual([...model.values()].map(flat))
            expect(index.count).toBe(model.size)
          },
        ),
        { numRuns: 150, seed: 20_260_702 },
      )
    })

    it('takes the best row for each row of the query, and their mean', () => {
      const index = open(database(), 2, 'tokens')
      index.add(1, Float32Array.of(3, 0, 0, 7))
      index.add(2, Float32Array.of(1, 0))
      const query = Float32Array.of(1, 0, 0, 1)
      const found = index.search(query, all)
      expect([...found.chunks]).toEqual([1, 2])
      expect([...found.scores]).toEqual([1, 0.5])
    })

    it('lets a part that points away take from the rest, down to no match', () => {
      const index = open(database(), 2, 'tokens')
      index.add(1, Float32Array.of(1, 0))
      expect([...index.search(Float32Array.of(1, 0, 1, 0, -1, 0), all).scores]).toEqual([1 / 3])
      expect(index.search(Float32Array.of(1, 0, -1, 0), all).chunks).toHaveLength(0)
      expect([...index.score(Float32Array.of(-1, 0), Uint32Array.of(1))]).toEqual([0])
    })

    it('looks at the chunks of the mask only', () => {
      const index = open(database(), 2, 'tokens')
      for (const chunk of [1, 2, 3]) index.add(chunk, Float32Array.of(1, 0, 0, 1))
      const mask = new ChunkMask(4)
      mask.add(2)
      expect([...index.search(Float32Array.of(1, 1), { mask, candidates: 9 }).chunks]).toEqual([2])
    })

    it('refuses what has no whole rows', () => {
      const index = open(database(), 2, 'tokens')
      expect(() => index.add(1, Float32Array.of(1, 0, 1))).toThrow(/rows of 2 dimensions/)
      expect(() => index.add(1, new Float32Array())).toThrow(/rows of 2 dimensions/)
      expect(() => index.add(1, Float32Array.of(1, 0, 0, 0))).toThrow(/not zero/)
    })
  })
}

describe('a search by a multi-vector', () => {
  it('that would take too long is refused, and a filtered one is answered', () => {
    const index = new MultiVectorIndex(database(), { key: 's', leg: 'tokens', dimensions: 2, maxProducts: 16 })
    for (const chunk of [1, 2, 3]) index.add(chunk, Float32Array.of(1, 0, 0, 1))
    const query = Float32Array.of(1, 0, 0, 1)
    expect(() => index.search(query, all)).toThrow(/too many rows/)
    const mask = new ChunkMask(4)
    mask.add(1)
    mask.add(3)
    expect([...index.search(query, { mask, candidates: 9 }).chunks]).toEqual([1, 3])
    expect([...index.search(query.subarray(0, 2), all).chunks]).toEqual([1, 2, 3])
  })
})

describe('the memory of a multi-vector index', () => {
  const options = { key: 's', leg: 'tokens', dimensions: 2 } as const

  it('counts what it holds, and gives it up when it outgrows its limit', () => {
    const memory = new ResidentMemory(1e9)
    const index = new MultiVectorIndex(database(), { ...options, memory, maxResidentBytes: 3_000 })
    for (let chunk = 0; chunk < 4; chunk++) index.add(chunk, Float32Array.of(1, chunk, 1, 1))
    expect(memory.heldBytes).toBe(0)
    const before = index.search(Float32Array.of(1, 0), all)
    const held = memory.heldBytes
    expect(held).toBeGreaterThanOrEqual(4 * (16 + 16))
    index.remove([3])
    expect(memory.heldBytes).toBe(Math.round((held * 3) / 4))
    index.add(3, Float32Array.of(1, 3, 1, 1))
    expect(memory.heldBytes).toBe(held)
    for (let chunk = 4; chunk < 12; chunk++) index.add(chunk, Float32Array.of(-1, 0))
    expect(memory.heldBytes).toBe(0)
    expect(index.search(Float32Array.of(1, 0), all)).toEqual(before)
  })

  it('is not what an earlier run of the object left there', () => {
    const memory = new ResidentMemory(1e9)
    const shared = database()
    const earlier = new MultiVectorIndex(shared, { ...options, memory })
    earlier.add(1, Float32Array.of(1, 0))
    earlier.search(Float32Array.of(1, 0), all)
    shared.run('DELETE FROM vectors')
    expect(new MultiVectorIndex(shared, { ...options, memory }).search(Float32Array.of(1, 0), all).chunks).toHaveLength(
      0,
    )
  })
})
