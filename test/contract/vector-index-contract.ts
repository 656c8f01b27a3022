/** What every vector index must do. `open` gives an index over the database; opening again stands for a restart. */
import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { ChunkMask } from '../../src/core/chunk-mask.ts'
import type { SqlDatabase } from '../../src/core/sql-database.ts'
import type { VectorIndex } from '../../src/vector/vector-index.ts'

export interface VectorIndexUnderTest {
  /** Bits kept of each value decide how near a stored vector is to what was added. */
  readonly precision: 'int8' | 'f32'
  /** A database with the index's schema. */
  readonly database: () => SqlDatabase
  readonly open: (database: SqlDatabase, dimensions: number, leg: string) => VectorIndex
}

const SEED = 20_260_701

/** Deterministic values in [-0.5, 0.5). */
export function randomVectors(count: number, dimensions: number, seed = SEED): Float32Array[] {
  let state = seed
  const next = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32 - 0.5
  }
  return Array.from({ length: count }, () => Float32Array.from({ length: dimensions }, next))
}

/** The oracle: cosine by its definition, in double precision, written without the index's arithmetic. */
function cosine(a: Float32Array, b: Float32Array): number {
  let product = 0
  let squaresA = 0
  let squaresB = 0
  for (const [i, value] of a.entries()) {
    product += value * b[i]!
    squaresA += value * value
    squaresB += b[i]! * b[i]!
  }
  return product / Math.sqrt(squaresA) / Math.sqrt(squaresB)
}

const lengthOf = (vector: Float32Array) => Math.hypot(...vector)

function naiveSearch(index: VectorIndex, query: Float32Array, chunks: readonly number[]): [number, number][] {
  const vectors = index.vectors(chunks)
  return chunks
    .map((chunk, i): [number, number] => [chunk, vectors[i] === undefined ? 0 : cosine(query, vectors[i])])
    .filter(([, score]) => score > 1e-9)
    .sort(([a, x], [b, y]) => y - x || a - b)
}

const all = { mask: undefined, candidates: Number.POSITIVE_INFINITY } as const

export function vectorIndexContract({ precision, database, open }: VectorIndexUnderTest): void {
  const tolerance = precision === 'int8' ? 0.01 : 1e-6

  it('finds what the definition of the cosine finds, best first', () => {
    const index = open(database(), 24, 'default')
    const vectors = randomVectors(200, 24)
    for (const [chunk, vector] of vectors.entries()) index.add(chunk, vector)
    for (const query of randomVectors(20, 24, 7)) {
      const expected = naiveSearch(index, query, [...vectors.keys()])
      const found = index.search(query, all)
      expect([...found.chunks]).toEqual(expected.map(([chunk]) => chunk))
      for (const [i, [, score]] of expected.entries()) expect(found.scores[i]).toBeCloseTo(score, 6)
      const ten = index.search(query, { mask: undefined, candidates: 10 })
      expect(ten.chunks).toEqual(found.chunks.slice(0, 10))
      expect(ten.scores).toEqual(found.scores.slice(0, 10))
    }
  })

  it('stores directions nearly as they were', () => {
    const index = open(database(), 50, 'default')
    const vectors = randomVectors(30, 50)
    for (const [chunk, vector] of vectors.entries()) index.add(chunk, vector)
    for (const [chunk, stored] of index.vectors([...vectors.keys()]).entries()) {
      expect(1 - cosine(vectors[chunk]!, stored!)).toBeLessThan(tolerance)
      if (precision === 'int8') expect(lengthOf(stored!)).toBeCloseTo(1, 6)
      else expect(stored).toEqual(vectors[chunk])
    }
  })

  it('looks at directions only, whatever the lengths', () => {
    const index = open(database(), 3, 'default')
    index.add(1, Float32Array.of(1e-30, 0, 0))
    index.add(2, Float32Array.of(3e30, 3e30, 0))
    const found = index.search(Float32Array.of(250, 0, 0), all)
    expect([...found.chunks]).toEqual([1, 2])
    expect(found.scores[0]).toBe(1)
    expect(found.scores[1]).toBeCloseTo(Math.SQRT1_2, 6)
  })

  it('leaves out chunks that are not near: scores are positive and at most 1', () => {
    const index = open(database(), 2, 'default')
    index.add(1, Float32Array.of(-1, 0))
    index.add(2, Float32Array.of(0, 1))
    index.add(3, Float32Array.of(0.3, 0.1))
    expect([...index.search(Float32Array.of(1, 0), all).chunks]).toEqual([3])
    expect([...index.score(Float32Array.of(1, 0), Uint32Array.of(1, 2, 3, 99))].map((score) => score > 0)).toEqual([
      false,
      false,
      true,
      false,
    ])
    expect(index.search(Float32Array.of(0.3, 0.1), all).scores[0]).toBeLessThanOrEqual(1)
  })

  it('orders equal scores by chunk number', () => {
    const index = open(database(), 2, 'default')
    for (const chunk of [9, 2, 5, 7]) index.add(chunk, Float32Array.of(2, 1))
    expect([...index.search(Float32Array.of(2, 1), all).chunks]).toEqual([2, 5, 7, 9])
    expect([...index.search(Float32Array.of(2, 1), { mask: undefined, candidates: 3 }).chunks]).toEqual([2, 5, 7])
  })

  it('searches within a mask, and scores in it as without it', () => {
    const index = open(database(), 16, 'default')
    for (const [chunk, vector] of randomVectors(100, 16).entries()) index.add(chunk, vector)
    const mask = new ChunkMask(100)
    for (let chunk = 0; chunk < 100; chunk += 7) mask.add(chunk)
    const query = randomVectors(1, 16, 3)[0]!
    const everything = index.search(query, all)
    const masked = index.search(query, { mask, candidates: Number.POSITIVE_INFINITY })
    expect([...masked.chunks]).toEqual([...everything.chunks].filter((chunk) => chunk % 7 === 0))
    expect(index.search(query, { mask: new ChunkMask(100), candidates: 5 }).chunks).toHaveLength(0)
  })

  it('gives one score to a chunk, wherever it lies and whoever asks', () => {
    const shared = database()
    const index = open(shared, 384, 'default')
    const vectors = randomVectors(300, 384)
    for (const chunk of [...vectors.keys()].reverse()) index.add(chunk, vectors[chunk]!)
    const query = randomVectors(1, 384, 5)[0]!
    const found = index.search(query, all)
    expect(index.score(query, found.chunks)).toEqual(found.scores)
    index.remove([...vectors.keys()].filter((chunk) => chunk % 3 === 0))
    const rest = found.chunks.filter((chunk) => chunk % 3 !== 0)
    const before = new Map([...found.chunks].map((chunk, i) => [chunk, found.scores[i]]))
    expect([...index.score(query, rest)]).toEqual([...rest].map((chunk) => before.get(chunk)))
    const reopened = open(shared, 384, 'default')
    expect([...reopened.score(query, rest)]).toEqual([...rest].map((chunk) => before.get(chunk)))
  })

  it('keeps legs of one database apart', () => {
    const shared = database()
    const first = open(shared, 2, 'first')
    const second = open(shared, 3, 'second')
    first.add(1, Float32Array.of(1, 0))
    second.add(2, Float32Array.of(1, 0, 0))
    expect([...first.search(Float32Array.of(1, 0), all).chunks]).toEqual([1])
    first.remove([1, 2])
    expect(first.count).toBe(0)
    expect(second.count).toBe(1)
  })

  it('refuses vectors of another length, of zeros or with values that are not finite', () => {
    const index = open(database(), 2, 'default')
    expect(() => index.add(1, Float32Array.of(1))).toThrow(/dimensions/)
    expect(() => index.add(1, Float32Array.of(0, 0))).toThrow(/zero/)
    expect(() => index.add(1, Float32Array.of(Number.NaN, 1))).toThrow(/finite/)
    expect(() => index.search(Float32Array.of(1, 2, 3), all)).toThrow(/dimensions/)
    expect(index.count).toBe(0)
  })

  it('equals a fresh index after any sequence of additions, removals, replacements, evictions and restarts', () => {
    const command = fc.oneof(
      { weight: 6, arbitrary: fc.record({ kind: fc.constant('add' as const), chunk: fc.nat(40), vector: fc.nat(19) }) },
      {
        weight: 2,
        arbitrary: fc.record({ kind: fc.constant('remove' as const), chunks: fc.array(fc.nat(40), { maxLength: 9 }) }),
      },
      {
        weight: 1,
        arbitrary: fc.record({ kind: fc.constantFrom('evict' as const, 'search' as const, 'open' as const) }),
      },
    )
    const vectors = randomVectors(20, 9)
    const queries = randomVectors(3, 9, 11)
    fc.assert(
      fc.property(fc.array(command, { maxLength: 60 }), (commands) => {
        const shared = database()
        let index = open(shared, 9, 'default')
        const model = new Map<number, number>()
        for (const step of commands) {
          if (step.kind === 'add') {
            index.add(step.chunk, vectors[step.vector]!)
            model.set(step.chunk, step.vector)
          } else if (step.kind === 'remove') {
            index.remove(step.chunks)
            for (const chunk of step.chunks) model.delete(chunk)
          } else if (step.kind === 'evict') index.evict()
          else if (step.kind === 'open') index = open(shared, 9, 'default')
          else index.search(queries[0]!, all)
        }
        const fresh = open(database(), 9, 'default')
        for (const [chunk, vector] of model) fresh.add(chunk, vectors[vector]!)
        expect(index.count).toBe(model.size)
        for (const query of queries) {
          expect(index.search(query, all)).toEqual(fresh.search(query, all))
          expect(index.search(query, { mask: undefined, candidates: 4 })).toEqual(
            fresh.search(query, { mask: undefined, candidates: 4 }),
          )
        }
        const chunks = Array.from({ length: 41 }, (_, chunk) => chunk)
        expect(index.vectors(chunks)).toEqual(fresh.vectors(chunks))
      }),
      { seed: SEED, numRuns: 60 },
    )
  })
}
