import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canonicalJson, textFault } from '../../../src/core/canonical-json.ts'

const shuffled = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(shuffled)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, member]) => [key, shuffled(member)]),
  )
}

describe('canonicalJson', () => {
  it('is JSON of the same value', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)))
      }),
      { seed: 1 },
    )
  })

  it('does not depend on the order of keys', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(canonicalJson(shuffled(value))).toBe(canonicalJson(value))
      }),
      { seed: 2 },
    )
  })

  it('sorts keys by UTF-16 code units, without white space, and leaves out what is undefined', () => {
    expect(canonicalJson({ b: [1, { z: null, a: 'x' }], a: undefined, '😀': 1, '\uffee': 2 })).toBe(
      '{"b":[1,{"a":"x","z":null}],"😀":1,"\uffee":2}',
    )
  })
})

describe('textFault', () => {
  it('finds NUL and lone surrogates', () => {
    expect(textFault('plain 😀\n')).toBeUndefined()
    expect(textFault('a\u0000b')).toBe('must not contain NUL')
    expect(textFault('a\ud83d')).toBe('must not contain a lone surrogate')
  })
})
