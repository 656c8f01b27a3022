/** The check of a provider's vectors, against plain arithmetic. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { unitVectors } from '../../../../src/models/providers/embedding-answer.ts'

describe('vectors of a provider', () => {
  it('get unit length and keep their direction, also where squares leave the range of numbers', () => {
    const value = fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e300, max: 1e300 })
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 20 }), (vector) => {
        fc.pre(vector.some((entry) => entry !== 0))
        const [unit] = unitVectors([vector], 1, vector.length)
        expect(Math.hypot(...unit!)).toBeCloseTo(1, 5)
        const largest = Math.max(...vector.map(Math.abs))
        const length = Math.hypot(...vector.map((entry) => entry / largest))
        for (const [index, entry] of vector.entries()) expect(unit![index]).toBeCloseTo(entry / largest / length, 5)
      }),
    )
    expect(unitVectors([[3e-320, 4e-320]], 1, 2)[0]?.[0]).toBeCloseTo(0.6, 2)
  })

  it.each([
    ['one too few', [[1, 0]], '1 vectors for 2 texts'],
    [
      'one too many',
      [
        [1, 0],
        [1, 0],
        [1, 0],
      ],
      '3 vectors for 2 texts',
    ],
    ['another length', [[1, 0], [1]], 'a vector of 1 dimensions, not 2'],
    [
      'NaN',
      [
        [1, 0],
        [NaN, 1],
      ],
      'a vector with something else than numbers',
    ],
    [
      'infinity',
      [
        [1, 0],
        [1, -Infinity],
      ],
      'a vector with something else than numbers',
    ],
    [
      'null',
      [
        [1, 0],
        [null, 1],
      ],
      'a vector with something else than numbers',
    ],
    [
      'text',
      [
        [1, 0],
        ['1', 1],
      ],
      'a vector with something else than numbers',
    ],
    [
      'zeros',
      [
        [1, 0],
        [0, -0],
      ],
      'a vector of zeros',
    ],
  ])('are refused with %s', (_, vectors, message) => {
    expect(() => unitVectors(vectors, 2, 2)).toThrow(message)
  })
})
