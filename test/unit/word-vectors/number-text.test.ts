import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { utf8 } from '../../../src/core/bytes.ts'
import { numberAt } from '../../../src/word-vectors/number-text.ts'

const read = (text: string): number => {
  const bytes = utf8(`9${text}9`)
  return numberAt(bytes, 1, bytes.length - 1)
}

describe('numbers in text', () => {
  it('reads what JavaScript reads, within what a float32 holds', () => {
    const numbers = fc.oneof(
      fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e30, max: 1e30 }).map(String),
      fc.float({ noNaN: true, noDefaultInfinity: true }).map((value) => value.toExponential()),
      fc.double({ noNaN: true, noDefaultInfinity: true, min: -100, max: 100 }).map((value) => value.toFixed(6)),
    )
    fc.assert(
      fc.property(numbers, (text) => {
        const expected = Number(text)
        // A float32 has 2⁻²⁴; below 1e-300 doubles themselves are coarse.
        expect(Math.abs(read(text) - expected)).toBeLessThanOrEqual(Math.abs(expected) * 1e-14 + 1e-300)
      }),
      { numRuns: 2_000 },
    )
  })

  it.each(['-.5', '+1', '1.', '.25', '1e5', '1E-05', '-0', '00012.50', `0.${'1'.repeat(60)}`, '9'.repeat(30)])(
    'reads %s',
    (text) => {
      expect(Math.fround(read(text))).toBe(Math.fround(Number(text)))
    },
  )

  it.each([
    '',
    '-',
    '.',
    'e5',
    'nan',
    'NaN',
    'inf',
    '-inf',
    '1e',
    '1e+',
    '1e99999',
    '1e400',
    '0x10',
    '1,5',
    '1.2.3',
    '5a',
    '--1',
  ])('takes “%s” for no number', (text) => {
    expect(read(text)).toBeNaN()
  })
})
