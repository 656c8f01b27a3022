import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { utf8 } from '../../../src/core/bytes.ts'
import { asProblem } from '../../../src/core/problem.ts'
import {
  type VectorFileFormat,
  type VectorFileOptions,
  VectorFileReader,
  type VectorFileSummary,
} from '../../../src/word-vectors/vector-file-reader.ts'

const folder = join(import.meta.dirname, '../../fixtures/word-vectors')
const fixture = (name: string): Uint8Array => readFileSync(join(folder, name))
const expected = JSON.parse(fixture('expected.json').toString()) as {
  words: string[]
  boat: number[]
  Käse: number[]
}

interface Read {
  readonly rows: Map<string, number[]>
  readonly summary: VectorFileSummary
}

function readPieces(pieces: readonly Uint8Array[], options: VectorFileOptions = {}, most = Infinity): Read {
  const rows = new Map<string, number[]>()
  const reader = new VectorFileReader(
    {
      add(word, vector) {
        rows.set(word, [...vector])
        return rows.size < most
      },
    },
    options,
  )
  for (const piece of pieces) if (!reader.push(piece)) break
  return { rows, summary: reader.finish() }
}

const read = (bytes: Uint8Array | string, options: VectorFileOptions = {}, pieceLength = 7_000): Read => {
  const all = typeof bytes === 'string' ? utf8(bytes) : bytes
  const pieces: Uint8Array[] = []
  for (let at = 0; at < all.length; at += pieceLength) pieces.push(all.subarray(at, at + pieceLength))
  return readPieces(pieces, options)
}

const refusal = (bytes: Uint8Array | string, options: VectorFileOptions = {}): string => {
  try {
    read(bytes, options)
  } catch (error) {
    expect(asProblem(error)?.code).toBe('invalid_request')
    return asProblem(error)!.message
  }
  return 'accepted'
}

const binaryRow = (word: Uint8Array | string, values: readonly number[]): Uint8Array =>
  new Uint8Array([
    ...(typeof word === 'string' ? utf8(word) : word),
    0x20,
    ...new Uint8Array(new Float32Array(values).buffer),
  ])

const joined = (...parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(parts.flatMap((part) => [...part]))

describe('files of word vectors that gensim wrote', () => {
  it.each([
    ['word2vec.txt', 'word2vec'],
    ['word2vec.bin', 'word2vec-binary'],
    ['glove.txt', 'glove'],
  ] as const)('%s is recognised and read exactly', (name, format) => {
    const { rows, summary } = read(fixture(name))
    expect(summary).toEqual({ format, dimensions: 16, rows: expected.words.length, unreadableWords: 0 })
    expect([...rows.keys()]).toEqual(expected.words)
    for (const [i, value] of expected.boat.entries()) expect(rows.get('boat')![i]).toBeCloseTo(value, 6)
    for (const [i, value] of expected.Käse.entries()) expect(rows.get('Käse')![i]).toBeCloseTo(value, 6)
  })

  it('fastText’s rows end with a space', () => {
    const { rows, summary } = read(fixture('fasttext.vec'), { format: 'fasttext' })
    expect(summary.format).toBe('fasttext')
    expect(rows.size).toBe(expected.words.length)
    expect([...rows.keys()].toSorted()).toEqual(expected.words.toSorted())
  })

  it.each(['word2vec.txt', 'word2vec.bin', 'glove.txt', 'fasttext.vec'])('%s reads the same in any pieces', (name) => {
    const bytes = fixture(name)
    const whole = read(bytes)
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), (length) => {
        expect(read(bytes, {}, length)).toEqual(whole)
      }),
      { numRuns: 20 },
    )
  })

  it.each(['word2vec.txt', 'word2vec.bin', 'fasttext.vec'])('%s is refused when it is cut off anywhere', (name) => {
    const bytes = fixture(name)
    // The last bytes are a line's end or a number's last digits, which nobody misses.
    for (let length = 0; length < bytes.length - 16; length += 61) {
      expect(refusal(bytes.subarray(0, length))).not.toBe('accepted')
    }
  })

  it.each(['word2vec.txt', 'word2vec.bin', 'glove.txt'])(
    'the beginning of %s is taken when it is said to be one',
    (name) => {
      const bytes = fixture(name)
      const { rows } = read(bytes.subarray(0, 3_000), { isCut: true })
      const whole = read(bytes).rows
      expect(rows.size).toBeGreaterThan(10)
      for (const [word, vector] of rows) expect(vector).toEqual(whole.get(word))
    },
  )
})

describe('hostile and odd files', () => {
  it.each([
    ['nothing', '', 'no word vectors'],
    ['a header alone', '0 5\n', 'no word vectors'],
    ['a header that promises more', '3 2\na 1 2\nb 1 2\n', 'the header promises 3 words, the file ends after 2'],
    ['a header that promises less', '1 2\na 1 2\nb 1 2\n', 'the header promises 1 words, the file has more'],
    ['no dimensions', '3 0\na\nb\nc\n', 'must have 2 to 1024 dimensions'],
    ['huge dimensions', '3 999999\na 1 2\n', 'must have 2 to 1024 dimensions'],
    ['a row of too few numbers', 'a 1 2 3\nb 1 2\n', 'row 2 is not a word and 3 finite numbers'],
    ['a number that is none', 'a 1 2\nb nan 2\n', 'row 2 is not a word and 2 finite numbers'],
    ['an infinite number', 'a 1 2\nb 1 inf\n', 'row 2 is not'],
    ['a number that overflows', 'a 1 2\nb 1 1e39\n', 'row 2 is not'],
    ['numbers without a word', 'a 1 2\n1 2\n', 'row 2 is not'],
    ['prose', 'Once upon a time there was a file.\nIt was no matrix.\n', 'row 1 is not a word'],
    ['JSON', '{"a":[1,2,3]}\n', 'must have 2 to'],
  ])('refuses %s', (_, text, detail) => {
    expect(refusal(text)).toContain(detail)
  })

  it.each(['word2vec', 'fasttext', 'word2vec-binary'] as const)('refuses a file without a header as %s', (format) => {
    expect(refusal('a 1 2\nb 1 2\n', { format })).toContain('must be a header')
  })

  it.each(['glove', 'word2vec', 'word2vec-binary'] as const)('gives up an endless line early, as %s', (format) => {
    const reader = new VectorFileReader({ add: () => true }, { format })
    const piece = utf8(`${format === 'glove' ? '' : '9 4\n'}${'x'.repeat(65_536)}`)
    let pushed = 0
    expect(() => {
      for (; pushed < 100; pushed++) reader.push(pushed === 0 ? piece : piece.subarray(4))
    }).toThrow(/too long|longer than any|has no word/)
    expect(pushed).toBeLessThan(4)
  })

  it('refuses numbers of a binary file that are not finite', () => {
    const bytes = joined(utf8('2 3\n'), binaryRow('a', [1, 2, 3]), binaryRow('b', [1, Number.NaN, 3]))
    expect(refusal(bytes, { format: 'word2vec-binary' })).toContain('row 2 has a number that is not finite')
  })

  it('leaves out words that are no UTF-8 or longer than words are, and says how many', () => {
    const bytes = joined(
      utf8('4 2\n'),
      binaryRow('good', [1, 2]),
      binaryRow(new Uint8Array([0xff, 0xfe]), [1, 2]),
      binaryRow('y'.repeat(500), [1, 2]),
      binaryRow('fine', [3, 4]),
    )
    const { rows, summary } = read(bytes, { format: 'word2vec-binary' })
    expect([...rows.keys()]).toEqual(['good', 'fine'])
    expect(summary).toMatchObject({ rows: 4, unreadableWords: 2 })
  })

  it('reads words with spaces, tabs, carriage returns, blank lines, a byte order mark and no last line end', () => {
    const { rows } = read('\ufeffthe\t1\t2\r\n. . 3 4\r\n\r\nlast  5 6')
    expect([...rows]).toEqual([
      ['the', [1, 2]],
      ['. .', [3, 4]],
      ['last', [5, 6]],
    ])
  })

  it('stops when the sink is full, and when it has as many words as were asked for', () => {
    const bytes = fixture('word2vec.bin')
    expect(readPieces([bytes], {}, 5).rows.size).toBe(5)
    expect(read(bytes, { maxWords: 7 }).summary.rows).toBe(7)
  })

  it('reads or refuses whatever it is given, and never fails otherwise', () => {
    const names = ['word2vec.txt', 'word2vec.bin', 'glove.txt', 'fasttext.vec']
    const files = names.map((name) => fixture(name))
    const formats: (VectorFileFormat | undefined)[] = [undefined, 'word2vec', 'word2vec-binary', 'glove', 'fasttext']
    const edit = fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.uint8Array({ maxLength: 6 }), fc.nat(8))
    fc.assert(
      fc.property(
        fc.constantFrom(...files),
        fc.array(edit, { maxLength: 4 }),
        fc.constantFrom(...formats),
        fc.boolean(),
        (file, edits, format, isCut) => {
          let bytes = [...file]
          for (const [place, inserted, removed] of edits) {
            const at = Math.floor(place * place * bytes.length)
            bytes = [...bytes.slice(0, at), ...inserted, ...bytes.slice(at + removed)]
          }
          const options = { isCut, ...(format === undefined ? {} : { format }) }
          try {
            for (const vector of read(new Uint8Array(bytes), options).rows.values()) {
              expect(vector.every(Number.isFinite)).toBe(true)
            }
          } catch (error) {
            expect(asProblem(error)?.code).toBe('invalid_request')
          }
        },
      ),
      { numRuns: 400 },
    )
  })
})
