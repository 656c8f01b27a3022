import { describe, expect, it } from 'vitest'
import { ResidentMemory } from '../../../src/core/resident-memory.ts'
import type { SqlDatabase } from '../../../src/core/sql-database.ts'
import { applyMigrations } from '../../../src/shard/apply-migrations.ts'
import { NodeSqlDatabase } from '../../../src/shard/node-sql-database.ts'
import { ExactVectorIndex } from '../../../src/vector/exact-vector-index.ts'
import { randomVectors, vectorIndexContract } from '../../contract/vector-index-contract.ts'

function database(): SqlDatabase {
  const opened = new NodeSqlDatabase()
  applyMigrations(opened, ExactVectorIndex.migrations)
  return opened
}

const all = { mask: undefined, candidates: Number.POSITIVE_INFINITY } as const

for (const precision of ['int8', 'f32'] as const) {
  for (const [where, maxMatrixBytes] of [
    ['in memory', 1e9],
    ['read from storage', 0],
  ] as const) {
    describe(`the exact vector index, ${precision}, ${where}`, () => {
      const memory = new ResidentMemory(1e9)
      vectorIndexContract({
        precision,
        database,
        open: (opened, dimensions, leg) =>
          new ExactVectorIndex(opened, { key: 'shard', leg, dimensions, precision, memory, maxMatrixBytes }),
      })
    })
  }
}

describe('the exact vector index', () => {
  it('counts what it holds in memory, and holds nothing after an eviction', () => {
    const memory = new ResidentMemory(1e9)
    const index = new ExactVectorIndex(database(), { key: 's', leg: 'l', dimensions: 64, precision: 'int8', memory })
    const vectors = randomVectors(1_000, 64)
    for (const [chunk, vector] of vectors.entries()) index.add(chunk, vector)
    expect(memory.heldBytes).toBe(0)
    index.search(vectors[0]!, all)
    const held = memory.heldBytes
    expect(held).toBeGreaterThanOrEqual(1_000 * (64 + 4 + 8))
    for (const [chunk, vector] of vectors.entries()) index.add(1_000 + chunk, vector)
    expect(memory.heldBytes).toBeGreaterThanOrEqual(2_000 * (64 + 4 + 8))
    index.evict()
    expect(memory.heldBytes).toBe(0)
  })

  it('gives up its memory when it outgrows the limit, and goes on with the same scores', () => {
    const memory = new ResidentMemory(1e9)
    const options = { key: 's', leg: 'l', dimensions: 8, precision: 'f32', memory, maxMatrixBytes: 100 * 32 } as const
    const index = new ExactVectorIndex(database(), options)
    const vectors = randomVectors(150, 8)
    for (const [chunk, vector] of vectors.slice(0, 100).entries()) index.add(chunk, vector)
    const before = index.search(vectors[0]!, all)
    expect(memory.heldBytes).toBeGreaterThan(0)
    index.add(100, vectors[100]!)
    expect(memory.heldBytes).toBe(0)
    index.remove([100])
    expect(index.search(vectors[0]!, all)).toEqual(before)
  })

  it('is not misled by what an earlier run of the object left in memory', () => {
    const memory = new ResidentMemory(1e9)
    const shared = database()
    const open = () => new ExactVectorIndex(shared, { key: 's', leg: 'l', dimensions: 2, precision: 'int8', memory })
    const earlier = open()
    earlier.add(1, Float32Array.of(1, 0))
    earlier.search(Float32Array.of(1, 0), all)
    shared.run('DELETE FROM vectors')
    expect(open().search(Float32Array.of(1, 0), all).chunks).toHaveLength(0)
  })

  it('shows no trace of a transaction that was rolled back, once evicted', () => {
    const shared = database()
    const memory = new ResidentMemory(1e9)
    const index = new ExactVectorIndex(shared, { key: 's', leg: 'l', dimensions: 2, precision: 'int8', memory })
    index.add(1, Float32Array.of(1, 0))
    index.search(Float32Array.of(1, 0), all)
    expect(() =>
      shared.transaction(() => {
        index.add(2, Float32Array.of(1, 0))
        index.remove([1])
        throw new Error('on purpose')
      }),
    ).toThrow('on purpose')
    index.evict()
    expect([...index.search(Float32Array.of(1, 0), all).chunks]).toEqual([1])
  })

  it('rebuilds a leg from decoded vectors without changing a score', () => {
    const index = new ExactVectorIndex(database(), {
      key: 's',
      leg: 'l',
      dimensions: 48,
      precision: 'int8',
      memory: new ResidentMemory(1e9),
    })
    const vectors = randomVectors(100, 48)
    for (const [chunk, vector] of vectors.entries()) index.add(chunk, vector)
    const query = randomVectors(1, 48, 9)[0]!
    const before = index.search(query, all)
    const decoded = index.vectors([...vectors.keys()])
    index.rebuild(decoded.map((vector, chunk) => ({ chunk, vector: vector! })))
    expect(index.search(query, all)).toEqual(before)
  })

  it('forgets a leg whose first vector was rolled back', () => {
    const shared = database()
    const open = (leg: string) => new ExactVectorIndex(shared, { key: 's', leg, dimensions: 2, precision: 'f32' })
    const index = open('first')
    expect(() =>
      shared.transaction(() => {
        index.add(1, Float32Array.of(1, 0))
        throw new Error('on purpose')
      }),
    ).toThrow('on purpose')
    index.evict()
    open('second').add(1, Float32Array.of(0, 1))
    expect(index.count).toBe(0)
    index.add(1, Float32Array.of(1, 0))
    expect(index.vectors([1])).toEqual([Float32Array.of(1, 0)])
    index.evict()
  })

  it('writes one row a vector', () => {
    const shared = database()
    const index = new ExactVectorIndex(shared, { key: 's', leg: 'l', dimensions: 2, precision: 'f32' })
    index.add(1, Float32Array.of(1, 0))
    index.add(1, Float32Array.of(0, 1))
    expect(shared.get('SELECT count(*) AS count FROM vectors')).toEqual({ count: 1 })
    expect(shared.all("SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")).toEqual([])
    index.evict()
  })
})
