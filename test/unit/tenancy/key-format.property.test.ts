/** The grammar of keys: what is made is read back, and no typing error passes the checksum. */
import * as fc from 'fast-check'
import { crc32 as zlibCrc32 } from 'node:zlib'
import { createHash, createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { BASE62, hex, utf8 } from '../../../src/core/bytes.ts'
import {
  crc32,
  encodeSecret,
  KEY_SCANNER,
  keyHash,
  newKey,
  parseKey,
  tokenSigningKey,
} from '../../../src/tenancy/key-format.ts'
import type { KeyKind } from '../../../src/tenancy/key-format.ts'

const kinds = fc.constantFrom<KeyKind>('secret', 'public', 'root')
const SEED = { seed: 62, numRuns: 300 }

function decodeSecret(text: string): bigint {
  let value = 0n
  for (const digit of text) value = value * 62n + BigInt(BASE62.indexOf(digit))
  return value
}

describe('a key', () => {
  it('is read back as it was made, and is found by the secret scanner', () => {
    fc.assert(
      fc.property(kinds, (kind) => {
        const key = newKey(kind)
        expect(parseKey(key.text)).toEqual(key)
        expect(key.text).toHaveLength(72)
        expect(KEY_SCANNER.exec(`password="${key.text}"`)?.[0]).toBe(key.text)
      }),
      SEED,
    )
  })

  it('carries its kind and its id', () => {
    expect(newKey('secret').text).toMatch(/^nf_sk_[0-9A-Za-z]{16}_[0-9A-Za-z]{49}$/)
    expect(newKey('public').text).toMatch(/^nf_pk_/)
    expect(newKey('root').text).toMatch(/^nf_rk_/)
    expect(newKey('secret', '0123456789abcdeF').text).toContain('nf_sk_0123456789abcdeF_')
  })

  it('is refused after any change of one character', () => {
    fc.assert(
      fc.property(kinds, fc.nat(71), fc.constantFrom(...BASE62.split(''), '_', '-', 'é'), (kind, at, character) => {
        const { text } = newKey(kind)
        fc.pre(text.charAt(at) !== character)
        expect(parseKey(text.slice(0, at) + character + text.slice(at + 1))).toBeUndefined()
      }),
      { ...SEED, numRuns: 2_000 },
    )
  })

  it('is refused when two neighbours are swapped, or a character is lost or doubled', () => {
    fc.assert(
      fc.property(kinds, fc.nat(70), (kind, at) => {
        const { text } = newKey(kind)
        const [a, b] = [text.charAt(at), text.charAt(at + 1)]
        fc.pre(a !== b)
        expect(parseKey(text.slice(0, at) + b + a + text.slice(at + 2))).toBeUndefined()
        expect(parseKey(text.slice(0, at) + text.slice(at + 1))).toBeUndefined()
        expect(parseKey(text.slice(0, at) + a + text.slice(at))).toBeUndefined()
      }),
      SEED,
    )
  })

  it('is refused in any other spelling', () => {
    const { text } = newKey('secret')
    for (const other of ['', ` ${text}`, `${text}\n`, text.toUpperCase(), text.replace('nf_sk', 'nf_rk'), `x${text}`]) {
      expect(parseKey(other)).toBeUndefined()
    }
  })

  it('is matched by no random text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 80 }), (text) => {
        expect(parseKey(text)).toBeUndefined()
      }),
      SEED,
    )
  })

  it('never comes twice', () => {
    expect(new Set(Array.from({ length: 1_000 }, () => newKey('secret').id)).size).toBe(1_000)
  })
})

describe('the secret part', () => {
  it('holds exactly 256 bits in 43 base62 digits', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (bytes) => {
        const text = encodeSecret(bytes)
        expect(text).toMatch(/^[0-9A-Za-z]{43}$/)
        expect(decodeSecret(text)).toBe(BigInt(`0x${hex(bytes)}`))
      }),
      SEED,
    )
    expect(encodeSecret(new Uint8Array(32))).toBe('0'.repeat(43))
    expect(decodeSecret(encodeSecret(new Uint8Array(32).fill(255)))).toBe(2n ** 256n - 1n)
  })
})

describe('what is derived from a key', () => {
  it('is SHA-256 of the full string for storage and HMAC-SHA-256 for tokens, as any back end computes them', async () => {
    const key = newKey('secret')
    expect(await keyHash(key)).toBe(createHash('sha256').update(key.text).digest('hex'))
    expect(hex(await tokenSigningKey(key))).toBe(
      createHmac('sha256', key.text).update('nearfield-token-v1').digest('hex'),
    )
  })
})

describe('crc32', () => {
  it('equals the one of zlib', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        expect(crc32(bytes)).toBe(zlibCrc32(bytes))
      }),
      SEED,
    )
    expect(crc32(utf8('123456789'))).toBe(0xcbf43926)
  })
})
