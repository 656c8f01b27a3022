/** Address ranges against arithmetic on whole numbers, and the spellings of addresses that must be read as one. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { asProblem } from '../../../src/core/problem.ts'
import { rangeFault, rangesContain, readAddress, readRange, requireAddress } from '../../../src/tenancy/ip-ranges.ts'

const range = (text: string): NonNullable<ReturnType<typeof readRange>> => {
  const read = readRange(text)
  if (read === undefined) throw new Error(`not a range: ${text}`)
  return read
}

const isAllowed = (ranges: readonly string[] | undefined, address: string | null): boolean => {
  try {
    requireAddress(ranges?.map(range), address)
    return true
  } catch (error) {
    expect(asProblem(error)?.code).toBe('ip_forbidden')
    return false
  }
}

const dotted = (value: bigint): string => [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 0xffn).join('.')
const groups = (value: bigint): string =>
  Array.from({ length: 8 }, (_, i) => ((value >> BigInt(112 - 16 * i)) & 0xffffn).toString(16)).join(':')

/** The oracle: a range is the numbers that agree with its base above the prefix. */
const agrees = (a: bigint, b: bigint, width: number, bits: number): boolean =>
  a >> BigInt(width - bits) === b >> BigInt(width - bits)

const FAMILIES = [
  { name: 'IPv4', width: 32, write: dotted },
  { name: 'IPv6', width: 128, write: groups },
]

describe.each(FAMILIES)('a range of $name', ({ width, write }) => {
  const number = fc.bigInt({ min: 0n, max: (1n << BigInt(width)) - 1n })
  const prefix = fc.integer({ min: 0, max: width })
  const base = (value: bigint, bits: number): bigint => (value >> BigInt(width - bits)) << BigInt(width - bits)
  // Numbers that share the top of another's bits, so that both answers are met.
  const near = fc
    .tuple(number, number, prefix)
    .map(([a, b, shared]): [bigint, bigint] => [a, base(a, shared) | (b - base(b, shared))])
    .filter(([, b]) => width === 32 || b >> 32n !== 0xffffn)

  it('holds exactly the addresses that agree with it above the prefix', () => {
    fc.assert(
      fc.property(near, prefix, ([a, b], bits) => {
        const inside = agrees(a, b, width, bits)
        expect(isAllowed([`${write(base(a, bits))}/${bits}`], write(b))).toBe(inside)
      }),
      { numRuns: 500 },
    )
  })

  it('lies in another exactly where it is longer and agrees with it', () => {
    fc.assert(
      fc.property(near, prefix, prefix, ([a, b], outer, inner) => {
        const contained = inner >= outer && agrees(a, base(b, inner), width, outer)
        const ranges = [range(`${write(base(a, outer))}/${outer}`)]
        expect(rangesContain(ranges, range(`${write(base(b, inner))}/${inner}`))).toBe(contained)
      }),
      { numRuns: 500 },
    )
  })

  it('is refused with bits behind its prefix', () => {
    fc.assert(
      fc.property(number, prefix, (value, bits) => {
        const isGood = base(value, bits) === value
        expect(rangeFault(`${write(value)}/${bits}`) === undefined).toBe(isGood)
        expect(readRange(`${write(value)}/${bits}`) !== undefined).toBe(isGood)
      }),
    )
  })
})

describe('an address', () => {
  it('is the same in each of its spellings', () => {
    const spellings = ['192.0.2.1', '::ffff:192.0.2.1', '::ffff:c000:201', '0:0:0:0:0:FFFF:C000:0201']
    for (const text of spellings) {
      expect(readAddress(text), text).toEqual([192, 0, 2, 1])
      expect(isAllowed(['192.0.2.0/24'], text)).toBe(true)
      expect(isAllowed(['::ffff:192.0.2.0/120'], text)).toBe(true)
      expect(isAllowed([text], '192.0.2.1')).toBe(true)
      expect(isAllowed(['::/0'], text), 'IPv4 is no part of all IPv6').toBe(false)
    }
    expect(readAddress('2001:db8::1')).toEqual(readAddress('2001:0DB8:0:0::0:1'))
    expect(isAllowed(['0.0.0.0/0'], '2001:db8::1')).toBe(false)
  })

  it.each([
    '',
    '1',
    '127.1',
    '0x7f.0.0.1',
    '010.0.0.1',
    '1.2.3.256',
    '1.2.3.4.5',
    ' 1.2.3.4',
    '1.2.3.4, 5.6.7.8',
    '[::1]',
    'fe80::1%eth0',
    '::ffff:1.2.3.999',
    '1::2::3',
    '12345::',
    'localhost',
    '1.2.3.4/32',
  ])('is not %j', (text) => {
    expect(readAddress(text)).toBeUndefined()
    expect(isAllowed(['0.0.0.0/0', '::/0'], text)).toBe(false)
  })

  it('that is not told is refused by a key with ranges, and by no other', () => {
    expect(isAllowed(['0.0.0.0/0', '::/0'], null)).toBe(false)
    expect(isAllowed(undefined, null)).toBe(true)
    expect(isAllowed(undefined, 'anything')).toBe(true)
  })

  it('may lie in any of several ranges', () => {
    const ranges = ['192.0.2.0/24', '2001:db8::/32']
    expect(isAllowed(ranges, '2001:db8:ffff::')).toBe(true)
    expect(isAllowed(ranges, '192.0.2.255')).toBe(true)
    expect(isAllowed(ranges, '192.0.3.0')).toBe(false)
  })
})

describe('a range', () => {
  it.each([
    '1.2.3.4/33',
    '1.2.3.4/',
    '1.2.3.4/-1',
    '1.2.3.4/01',
    '::/129',
    '::ffff:1.2.3.4/95',
    '1.2.3/24',
    '/8',
    'any',
  ])('is not %j', (text) => {
    expect(rangeFault(text)).toMatch(/must be an IPv4 or IPv6 address/)
    expect(readRange(text)).toBeUndefined()
  })

  it('says how many of its bits count', () => {
    expect(rangeFault('192.0.2.1/24')).toBe('must have no bits behind the first 24')
    expect(rangeFault('::ffff:192.0.2.1/120')).toBe('must have no bits behind the first 24')
    expect(rangeFault('192.0.2.1')).toBeUndefined()
  })
})
