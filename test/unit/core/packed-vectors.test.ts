import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { packVectors, unpackVectors, type VectorLeg } from '../../../src/core/packed-vectors.ts'

const LEGS: readonly VectorLeg[] = [
  { name: 'title', dimensions: 2 },
  { name: 'tokens', dimensions: 3, multi: true },
  { name: 'image', dimensions: 1 },
]

const values = (length: number) => fc.array(fc.float({ noNaN: true }), { minLength: length, maxLength: length })
const some = fc.record(
  {
    title: values(2),
    tokens: fc.integer({ min: 1, max: 4 }).chain((rows) => values(3 * rows)),
    image: values(1),
  },
  { requiredKeys: [] },
)

describe('packed vectors', () => {
  it('are unpacked as they were', () => {
    fc.assert(
      fc.property(some, (drafts) => {
        const vectors = new Map(Object.entries(drafts).map(([name, own]) => [name, Float32Array.from(own)]))
        const unpacked = unpackVectors(LEGS, packVectors(LEGS, vectors))
        expect(new Map([...(unpacked ?? [])].map(([name, own]) => [name, own.slice()]))).toEqual(vectors)
      }),
      { seed: 20_260_703 },
    )
  })

  it('are a row count and its values for each leg in order', () => {
    const vectors = new Map([
      ['tokens', Float32Array.of(1, 2, 3, 4, 5, 6)],
      ['image', Float32Array.of(9)],
    ])
    expect([...packVectors(LEGS, vectors)]).toEqual([0, 2, 1, 2, 3, 4, 5, 6, 1, 9])
  })

  it.each([
    ['nothing', []],
    ['too few legs', [0, 0]],
    ['too much', [0, 0, 0, 0]],
    ['a value too few', [1, 5, 0, 0]],
    ['several rows of a single vector', [2, 1, 2, 3, 4, 0, 0]],
    ['a fraction of a row', [0.5, 1, 0, 0]],
    ['a negative count', [-1, 0, 0]],
    ['no number', [Number.NaN, 0, 0]],
    ['an endless count', [0, Infinity, 0]],
  ])('are not unpacked from %s', (_name, numbers) => {
    expect(unpackVectors(LEGS, Float32Array.from(numbers))).toBeUndefined()
  })

  it('have whole rows, and one of a single vector', () => {
    expect(() => packVectors(LEGS, new Map([['tokens', Float32Array.of(1, 2)]]))).toThrow(/whole rows/)
    expect(() => packVectors(LEGS, new Map([['image', Float32Array.of(1, 2)]]))).toThrow(/whole rows/)
  })
})
