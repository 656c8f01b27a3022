import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  BASE62,
  base64url,
  compareUtf8,
  fromBase64url,
  fromHex,
  hex,
  randomBase62,
  sha256,
  utf8,
  utf8Length,
} from '../../../src/core/bytes.ts'

const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc
    .array(fc.constantFrom('a', 'é', '漢', '😀', '\uffee', '\ue000', '\ud7ff'), { maxLength: 8 })
    .map((all) => all.join('')),
)

describe('UTF-8 figures', () => {
  it('counts the bytes that an encoder makes', () => {
    fc.assert(
      fc.property(text, (one) => {
        expect(utf8Length(one)).toBe(utf8(one).length)
      }),
      { seed: 1 },
    )
  })

  it('compares as the encoded bytes compare', () => {
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(Math.sign(compareUtf8(a, b))).toBe(Buffer.compare(utf8(a), utf8(b)))
      }),
      { seed: 2, numRuns: 500 },
    )
  })
})

describe('byte spellings', () => {
  const bytes = fc.uint8Array({ maxLength: 70 })

  it('come back as they were', () => {
    fc.assert(
      fc.property(bytes, (given) => {
        expect(fromHex(hex(given))).toEqual(given)
        expect(base64url(given)).toBe(Buffer.from(given).toString('base64url'))
        expect(fromBase64url(base64url(given))).toEqual(given)
      }),
      { seed: 3 },
    )
  })

  it.each(['a', 'ab=', 'a+b_', 'a b', 'AB', 'AAB'])('refuses %j as base64url', (given) => {
    // The last two have stray bits after the last byte, so two spellings would mean the same bytes.
    expect(fromBase64url(given)).toBeUndefined()
  })

  it('hashes as the standard says', async () => {
    expect(hex(await sha256(utf8('abc')))).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
  })

  it('draws base62 texts of the length asked for', () => {
    const drawn = randomBase62(4_000)
    expect(drawn).toMatch(/^[0-9A-Za-z]{4000}$/)
    expect(new Set(drawn)).toEqual(new Set(BASE62))
    expect(randomBase62(16)).not.toBe(randomBase62(16))
  })
})
