import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AssociationMatrix } from '../../../src/word-vectors/association-matrix.ts'
import { PairCounts } from '../../../src/word-vectors/pair-counts.ts'
import { symmetricEigen } from '../../../src/word-vectors/symmetric-eigen.ts'
import { maxTrainedWords, trainPpmiSvd } from '../../../src/word-vectors/train-ppmi-svd.ts'
import { truncatedSvd } from '../../../src/word-vectors/truncated-svd.ts'
import { seededRandom } from '../../support/seeded-random.ts'

interface Expected {
  readonly texts: string[]
  readonly window: number
  readonly minCount: number
  readonly dimensions: number
  readonly words: string[]
  readonly singularValues: number[]
  readonly entries: [number, number, number][]
  readonly products: [number, number, number][]
}

/** Computed plainly with numpy by scripts/make-word-vector-fixtures.py. */
const expected = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../fixtures/word-vectors/ppmi-svd.json'), 'utf8'),
) as Expected

const noTurn = async (): Promise<void> => {}

interface Trained {
  readonly words: string[]
  readonly counts: number[]
  readonly vectors: Float32Array[]
  readonly dimensions: number | undefined
}

async function train(texts: readonly string[], dimensions: number, minCount = 1, window = 4): Promise<Trained> {
  const trained: Trained & { dimensions: number | undefined } = {
    words: [],
    counts: [],
    vectors: [],
    dimensions: undefined,
  }
  const summary = await trainPpmiSvd(
    texts,
    { dimensions, minCount, window },
    {
      add(word, vector, count) {
        trained.words.push(word)
        trained.vectors.push(vector.slice())
        trained.counts.push(count!)
        return true
      },
    },
    noTurn,
  )
  return { ...trained, dimensions: summary?.dimensions }
}

const dot = (a: Float32Array, b: Float32Array): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0)

/** A dense matrix that can be multiplied with. */
const dense = (rows: readonly (readonly number[])[]) => ({
  size: rows.length,
  multiply(source: Float32Array, target: Float32Array, width: number, isTransposed: boolean): Promise<void> {
    for (const i of rows.keys()) {
      for (let k = 0; k < width; k++) {
        let sum = 0
        for (const j of rows.keys()) sum += (isTransposed ? rows[j]![i]! : rows[i]![j]!) * source[j * width + k]!
        target[i * width + k] = sum
      }
    }
    return Promise.resolve()
  },
})

describe('vectors trained on a text', () => {
  it('are those that numpy computes plainly', async () => {
    const { texts, dimensions, minCount, window } = expected
    const { words, vectors, dimensions: got } = await train(texts, dimensions, minCount, window)
    expect(words).toEqual(expected.words)
    expect(got).toBe(dimensions)
    // Vectors are free to turn and mirror; what they are to each other is not.
    for (const [i, j, product] of expected.products) expect(dot(vectors[i]!, vectors[j]!)).toBeCloseTo(product, 3)
  })

  it('are the same for the same text', async () => {
    const { texts } = expected
    expect(await train(texts, 6)).toEqual(await train(texts, 6))
  })

  it('put words of one subject together', async () => {
    const random = seededRandom(5)
    const subjects = ['boat ship harbour sail captain', 'tax invoice payment bill income'].map((line) =>
      line.split(' '),
    )
    const texts = Array.from({ length: 200 }, (_, i) =>
      Array.from({ length: 12 }, () => subjects[i % 2]![Math.floor(random() * 5)]!).join(' '),
    )
    const { words, vectors } = await train(texts, 4)
    const near = (a: string, b: string): number => {
      const [x, y] = [vectors[words.indexOf(a)]!, vectors[words.indexOf(b)]!]
      return dot(x, y) / Math.sqrt(dot(x, x) * dot(y, y))
    }
    expect(near('boat', 'ship')).toBeGreaterThan(near('boat', 'tax') + 0.5)
  })

  it('are as many as the text has directions, and none where no two words stand together', async () => {
    expect((await train(['a b c d e f g h i'], 300)).dimensions).toBe(2)
    expect((await train([], 10)).dimensions).toBeUndefined()
    expect((await train(['lone', 'words'], 10)).dimensions).toBeUndefined()
    expect((await train(['one two three'], 10, 2)).dimensions).toBeUndefined()
  })

  it('give other work a turn', async () => {
    let turns = 0
    const texts = Array.from({ length: 20 }, () => expected.texts.join(' '))
    await trainPpmiSvd(texts, { dimensions: 8, minCount: 1, window: 4 }, { add: () => true }, async () => {
      turns++
    })
    const length = texts.reduce((sum, text) => sum + text.length, 0)
    expect(turns).toBeGreaterThan((2 * length) / 60_000)
  })
})

describe('the association of words', () => {
  it('is what numpy computes plainly', () => {
    const { texts, words, window } = expected
    const pairs = new PairCounts(words.length, 1 << 12)
    for (const text of texts) {
      const ranks = text.split(' ').map((word) => words.indexOf(word))
      for (const [i, rank] of ranks.entries()) {
        for (let back = 1; back <= window && back <= i; back++) {
          if (rank >= 0 && ranks[i - back]! >= 0) pairs.add(rank, ranks[i - back]!, (window - back + 1) / window)
        }
      }
    }
    const matrix = new AssociationMatrix(pairs, words.length)
    for (const [i, j, value] of expected.entries) expect(matrix.entry(i, j)).toBeCloseTo(value, 4)
  })

  it('multiplies as its entries say', async () => {
    const random = seededRandom(11)
    const size = 30
    const pairs = new PairCounts(size, 1 << 10)
    for (let i = 0; i < 300; i++) pairs.add(Math.floor(random() * size), Math.floor(random() * size), 1 + random())
    const matrix = new AssociationMatrix(pairs, size)
    const rows = Array.from({ length: size }, (_, i) => Array.from({ length: size }, (__, j) => matrix.entry(i, j)))
    const source = Float32Array.from({ length: size * 3 }, () => random() - 0.5)
    for (const isTransposed of [false, true]) {
      const target = new Float32Array(size * 3)
      const plain = new Float32Array(size * 3)
      await matrix.multiply(source, target, 3, isTransposed, noTurn)
      await dense(rows).multiply(source, plain, 3, isTransposed)
      for (const [i, value] of plain.entries()) expect(target[i]).toBeCloseTo(value, 4)
    }
  })
})

describe('counts of pairs', () => {
  it('are those of a map, whatever the order of words and pairs', () => {
    const pair = fc.tuple(fc.nat(199), fc.nat(199), fc.integer({ min: 1, max: 8 }))
    fc.assert(
      fc.property(fc.array(pair, { maxLength: 700 }), (added) => {
        const counts = new PairCounts(200, 1 << 10)
        const plain = new Map<string, number>()
        for (const [a, b, eighths] of added) {
          counts.add(a, b, eighths / 8)
          const key = `${Math.min(a, b)} ${Math.max(a, b)}`
          plain.set(key, (plain.get(key) ?? 0) + eighths / 8)
        }
        const seen = new Map<string, number>()
        counts.forEach((first, second, count) => seen.set(`${first} ${second}`, count))
        expect(seen).toEqual(plain)
        expect(counts.size).toBe(plain.size)
      }),
    )
  })

  it('drop the rarest pairs when they are full, and keep the frequent ones', () => {
    const counts = new PairCounts(60_000, 1 << 10)
    for (let i = 0; i < 20_000; i++) {
      counts.add(i, i + 1, 1)
      counts.add(7, 50_000, 1)
    }
    expect(counts.size).toBeLessThanOrEqual(768)
    let frequent = 0
    counts.forEach((first, second, count) => {
      if (first === 7 && second === 50_000) frequent = count
    })
    expect(frequent).toBe(20_000)
  })
})

describe('singular values and eigenvectors', () => {
  const symmetric = fc
    .integer({ min: 1, max: 9 })
    .chain((size) => fc.array(fc.integer({ min: -20, max: 20 }), { minLength: size * size, maxLength: size * size }))

  it('an eigenvector is stretched by its value and stands at right angles to the others', () => {
    fc.assert(
      fc.property(symmetric, (numbers) => {
        const size = Math.sqrt(numbers.length)
        const at = (i: number, j: number): number => numbers[i * size + j]! + numbers[j * size + i]!
        const matrix = Float64Array.from(numbers, (_, index) => at(Math.floor(index / size), index % size))
        const { values, vectors } = symmetricEigen(matrix, size)
        for (let k = 0; k < size; k++) {
          const vector = vectors.subarray(k * size, (k + 1) * size)
          if (k > 0) expect(values[k]!).toBeLessThanOrEqual(values[k - 1]!)
          for (let i = 0; i < size; i++) {
            const image = vector.reduce((sum, value, j) => sum + at(i, j) * value, 0)
            expect(image).toBeCloseTo(values[k]! * vector[i]!, 8)
          }
          for (let other = 0; other < size; other++) {
            const product = vector.reduce((sum, value, j) => sum + value * vectors[other * size + j]!, 0)
            expect(product).toBeCloseTo(other === k ? 1 : 0, 10)
          }
        }
      }),
    )
  })

  it('the largest singular values are found, and no more than the matrix has', async () => {
    const random = seededRandom(23)
    const [size, rank] = [60, 7]
    const factor = (): number[][] =>
      Array.from({ length: size }, () => Array.from({ length: rank }, () => random() - 0.5))
    const [a, b] = [factor(), factor()]
    const rows = a.map((row) => b.map((other) => row.reduce((sum, value, k) => sum + value * 2 ** -k * other[k]!, 0)))
    const { values, vectors } = await truncatedSvd(dense(rows), 20, noTurn)
    expect(values).toHaveLength(rank)
    // Eigenvalues of M Mᵀ are the squares, by the other way.
    const product = Float64Array.from({ length: size * size }, (_, index) =>
      rows[Math.floor(index / size)]!.reduce((sum, value, k) => sum + value * rows[index % size]![k]!, 0),
    )
    const exact = symmetricEigen(product, size)
    for (const [k, value] of values.entries()) {
      expect(value).toBeCloseTo(Math.sqrt(exact.values[k]!), 4)
      let along = 0
      for (let i = 0; i < size; i++) along += vectors[i * rank + k]! * exact.vectors[k * size + i]!
      expect(Math.abs(along)).toBeCloseTo(1, 3)
    }
  })
})

describe('the work of a training', () => {
  it('is bounded by fewer words where each has more dimensions', () => {
    expect([16, 64, 128, 300].map(maxTrainedWords)).toEqual([30_000, 30_000, 15_625, 6_666])
  })
})
