/** Which addresses may be called: the corpus of attacks, and an oracle of its own for every IPv4 address. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { publicUrlFault } from '../../../src/egress/public-url.ts'
import { lyingUrls, refusedUrls, spellings } from '../../support/ssrf-corpus.ts'

/** The registry of special-purpose IPv4 addresses (RFC 6890 and its successors), and what is not unicast. */
const SPECIAL = (
  '0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 192.31.196.0/24 ' +
  '192.52.193.0/24 192.88.99.0/24 192.168.0.0/16 192.175.48.0/24 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/3'
)
  .split(' ')
  .map((block) => {
    const [base = '', bits = ''] = block.split('/')
    return { base: numberOf(base), size: 2 ** (32 - Number(bits)) }
  })

function numberOf(address: string): number {
  return address.split('.').reduce((number, octet) => number * 256 + Number(octet), 0)
}

const isSpecial = (number: number): boolean => SPECIAL.some(({ base, size }) => number >= base && number < base + size)

const dotted = (number: number): string =>
  [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join('.')

describe('an address that a tenant chose', () => {
  it('is refused where its text gives it away, in more than 200 disguises', () => {
    const urls = refusedUrls(8443)
    expect(new Set(urls).size).toBeGreaterThan(200)
    expect(urls.filter((url) => publicUrlFault(url) === undefined)).toEqual([])
  })

  it('passes where only the network can tell', () => {
    expect(lyingUrls(8443).filter((url) => publicUrlFault(url) !== undefined)).toEqual([])
  })

  it.each([
    'https://example.com/',
    'https://EXAMPLE.com',
    'https://hooks.example.com/a/b?c=d&e=%20',
    'https://example.com:443/',
    'https://example.com:8443/',
    'https://example.com:1024/',
    'https://example.com:65535/',
    'https://xn--bcher-kva.example/',
    'https://bücher.example/',
    'https://8.8.8.8/',
    'https://[2606:4700:4700::1111]/',
    'https://localhost.example.com/',
    'https://example.com/?to=http://127.0.0.1/',
    'https://example.com/@127.0.0.1',
    'https://1e100.net/',
    'https://a.b-c.d0.example',
  ])('passes where it is public: %s', (url) => {
    expect(publicUrlFault(url)).toBeUndefined()
  })

  it('is judged by its number, in whatever way an IPv4 address is spelt', () => {
    const edges = SPECIAL.flatMap(({ base, size }) => [base - 1, base, base + size - 1, base + size])
    const address = fc.oneof(fc.nat(0xffffffff), fc.constantFrom(...edges.filter((n) => n >= 0 && n < 2 ** 32)))
    fc.assert(
      fc.property(address, fc.nat(12), (number, spelling) => {
        // A trailing dot makes a name of it, and is refused as one.
        const host =
          spellings(dotted(number)).filter((text) => !text.endsWith('.') && !text.startsWith('['))[spelling] ?? ''
        expect({ host, refused: publicUrlFault(`https://${host}/`) !== undefined }).toEqual({
          host,
          refused: isSpecial(number),
        })
      }),
      { numRuns: 3_000 },
    )
  })

  it('is refused in every IPv6 form that carries an IPv4 address, public or not', () => {
    fc.assert(
      fc.property(fc.nat(0xffffffff), (number) => {
        const hosts = spellings(dotted(number)).filter((text) => text.startsWith('['))
        expect(hosts.filter((host) => publicUrlFault(`https://${host}/`) === undefined)).toEqual([])
      }),
    )
  })

  it('never makes the judge throw', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.boolean(), (text, isHost) => {
        const fault = publicUrlFault(isHost ? `https://${text}/` : text)
        expect(fault === undefined || /^[a-z0-9 ,:/.()]+$/i.test(fault)).toBe(true)
      }),
      { numRuns: 2_000 },
    )
  })
})
