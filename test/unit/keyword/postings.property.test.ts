import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { utf8 } from '../../../src/core/bytes.ts'
import { encodePostings, PostingReader } from '../../../src/keyword/posting-codec.ts'
import { PostingPool } from '../../../src/keyword/posting-pool.ts'
import { TermDictionary } from '../../../src/keyword/term-dictionary.ts'

const SEED = 20_260_704
const decoder = new TextDecoder()

function decode(pieces: readonly Uint8Array[]): [string, number][] {
  return pieces.flatMap((piece) => {
    const reader = new PostingReader(piece)
    const entries: [string, number][] = []
    while (reader.next()) {
      entries.push([decoder.decode(reader.term.subarray(0, reader.termLength)), reader.termFrequency])
    }
    return entries
  })
}

const term = fc.oneof(
  fc.string({ minLength: 1, maxLength: 20 }),
  fc.string({ unit: 'grapheme', maxLength: 12, minLength: 1 }),
)
const frequency = fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 2 ** 30 }))

describe('the postings of a chunk', () => {
  it('come back as they were, sorted and without duplicates, in however many pieces', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(term, frequency), { maxLength: 120 }),
        fc.constantFrom(300, 1_000, 65_536),
        (entries, maxBytes) => {
          const terms = new Map(entries)
          const pieces = encodePostings(terms, maxBytes)
          for (const piece of pieces) expect(piece.length).toBeLessThanOrEqual(maxBytes)
          const decoded = decode(pieces)
          expect(new Map(decoded)).toEqual(terms)
          for (let i = 1; i < decoded.length; i++) expect(decoded[i - 1]![0] < decoded[i]![0]).toBe(true)
        },
      ),
      { seed: SEED, numRuns: 200 },
    )
  })

  it('have the bytes that the documentation draws', () => {
    const pieces = encodePostings(
      new Map([
        ['en:cats', 1],
        ['en:car', 300],
      ]),
      1_000,
    )
    expect(pieces).toEqual([Uint8Array.of(1, 0, 6, ...utf8('en:car'), 0xac, 0x02, 5, 2, ...utf8('ts'), 1)])
    expect(encodePostings(new Map(), 1_000)).toEqual([Uint8Array.of(1)])
  })

  it('are refused in a format that is not known', () => {
    expect(() => new PostingReader(Uint8Array.of(2))).toThrow(/format/)
  })

  it('cut very long terms and add up those that become one', () => {
    const long = 'x'.repeat(90)
    const decoded = decode(
      encodePostings(
        new Map([
          [`${long}a`, 2],
          [`${long}b`, 3],
          ['漢'.repeat(200), 1],
        ]),
        1_000,
      ),
    )
    expect(decoded).toEqual([
      ['x'.repeat(80), 5],
      ['漢'.repeat(80), 1],
    ])
  })
})

describe('the posting pool', () => {
  it('reads every list back as it was appended', () => {
    const posting = fc.tuple(fc.nat(30), fc.oneof(fc.constant(100), fc.nat(100_000)), frequency)
    fc.assert(
      fc.property(fc.array(posting, { maxLength: 600 }), (appended) => {
        const pool = new PostingPool()
        const lists = new Map<number, number>()
        const model: [number, number][][] = []
        for (const [name, gap, tf] of appended) {
          const list = lists.get(name) ?? lists.size
          lists.set(name, list)
          const postings = (model[list] ??= [])
          const slot = (postings.at(-1)?.[0] ?? -1) + 1 + gap
          postings.push([slot, tf])
          pool.append(list, slot, tf)
        }
        const read = { slots: new Uint32Array(0), termFrequencies: new Uint32Array(0) }
        for (const [list, postings] of model.entries()) {
          const count = pool.read(list, read)
          const found = Array.from({ length: count }, (_, i) => [read.slots[i], read.termFrequencies[i]])
          expect(found).toEqual(postings)
        }
        expect(pool.count(model.length)).toBe(0)
      }),
      { seed: SEED, numRuns: 100 },
    )
  })

  it('keeps thousands of lists and long ones', () => {
    const pool = new PostingPool()
    for (let slot = 0; slot < 5_000; slot++) {
      pool.append(0, slot, 1)
      pool.append(slot + 1, slot, slot + 1)
    }
    const read = { slots: new Uint32Array(0), termFrequencies: new Uint32Array(0) }
    expect(pool.read(0, read)).toBe(5_000)
    expect(read.slots.subarray(0, 5_000)).toEqual(Uint32Array.from({ length: 5_000 }, (_, slot) => slot))
    expect(pool.read(4_321, read)).toBe(1)
    expect([read.slots[0], read.termFrequencies[0]]).toEqual([4_320, 4_321])
    expect(pool.bytes).toBeGreaterThan(5_000 * 9)
  })
})

describe('the term dictionary', () => {
  it('numbers terms like a map does', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ maxLength: 6 }), { maxLength: 2_000 }), (terms) => {
        const dictionary = new TermDictionary()
        const model = new Map<string, number>()
        for (const text of terms) {
          const bytes = utf8(text)
          expect(dictionary.find(bytes, bytes.length)).toBe(model.get(text) ?? -1)
          const number = dictionary.add(bytes, bytes.length)
          if (!model.has(text)) model.set(text, model.size)
          expect(number).toBe(model.get(text))
        }
        expect(dictionary.count).toBe(model.size)
      }),
      { seed: SEED, numRuns: 30 },
    )
  })

  it('grows to many terms', () => {
    const dictionary = new TermDictionary()
    const bytes = (i: number) => utf8(`term number ${i}`)
    for (let i = 0; i < 20_000; i++) expect(dictionary.add(bytes(i), bytes(i).length)).toBe(i)
    for (let i = 0; i < 20_000; i += 997) expect(dictionary.find(bytes(i), bytes(i).length)).toBe(i)
    expect(dictionary.bytes).toBeGreaterThan(20_000 * 20)
  })
})
