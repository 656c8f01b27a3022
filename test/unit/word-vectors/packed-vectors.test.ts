import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { asProblem } from '../../../src/core/problem.ts'
import { gramBuckets } from '../../../src/word-vectors/character-grams.ts'
import { CollectedWords } from '../../../src/word-vectors/collected-words.ts'
import { packWords } from '../../../src/word-vectors/pack.ts'
import { PackedVectors } from '../../../src/word-vectors/packed-vectors.ts'
import { VectorFileReader } from '../../../src/word-vectors/vector-file-reader.ts'
import { countVectorWords, forEachVectorWord, vocabularyWord } from '../../../src/word-vectors/vector-words.ts'
import { seededRandom } from '../../support/seeded-random.ts'

const noTurn = async (): Promise<void> => {}

type Row = readonly [string, readonly number[], number?]

async function packed(rows: readonly Row[]): Promise<PackedVectors> {
  const words = new CollectedWords()
  for (const [word, values, count] of rows) words.add(word, new Float32Array(values), count)
  return new PackedVectors(await packWords(words, noTurn))
}

async function fixture(name: string): Promise<PackedVectors> {
  const words = new CollectedWords()
  const reader = new VectorFileReader(words)
  reader.push(readFileSync(join(import.meta.dirname, '../../fixtures/word-vectors', name)))
  reader.finish()
  return new PackedVectors(await packWords(words, noTurn))
}

const cosine = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let [dot, x, y] = [0, 0, 0]
  for (let i = 0; i < a.length; i++) {
    dot += a[i]! * b[i]!
    x += a[i]! ** 2
    y += b[i]! ** 2
  }
  return dot / Math.sqrt(x * y)
}

describe('packed word vectors', () => {
  it('find exactly the words that were packed, whatever their letters', async () => {
    const word = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 6 })
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(word, { minLength: 1, maxLength: 40 }), fc.array(word), async (given, others) => {
        const known = new Set(given.flatMap((entry) => vocabularyWord(entry) ?? []))
        fc.pre(known.size > 0)
        const model = await packed(given.map((entry, i): Row => [entry, [i + 1, 1, -i]]))
        expect(model.wordCount).toBe(known.size)
        for (const entry of [...known, ...others]) expect(model.has(entry)).toBe(known.has(entry))
      }),
      { numRuns: 60 },
    )
  })

  it('keep vectors within half a step of 8 bits', async () => {
    const random = seededRandom(3)
    const rows = Array.from({ length: 50 }, (_, i): Row => [
      `word${i}`,
      Array.from({ length: 20 }, () => (random() - 0.5) * 10 ** (i % 5)),
    ])
    const model = await packed(rows)
    for (const [word, values] of rows) {
      const step = Math.max(...values.map(Math.abs)) / 127
      for (const [i, value] of model.wordVector(word).entries()) {
        expect(Math.abs(value - values[i]!)).toBeLessThanOrEqual(step * 0.5001)
      }
    }
  })

  it('keep near what gensim says is near', async () => {
    const expected = JSON.parse(
      readFileSync(join(import.meta.dirname, '../../fixtures/word-vectors/expected.json'), 'utf8'),
    ) as { words: string[]; similar: string[] }
    const model = await fixture('word2vec.bin')
    const boat = model.wordVector('boat')
    const near = expected.words
      .filter((word) => word !== 'boat' && vocabularyWord(word) === word)
      .toSorted((a, b) => cosine(model.wordVector(b), boat) - cosine(model.wordVector(a), boat))
    // Rounding may swap words that are equally near.
    expect(near.slice(0, 7)).toEqual(expect.arrayContaining(expected.similar))
  })

  it('fold spellings, the most frequent winning, and leave out what no text can ask for', async () => {
    const model = await packed([
      ['House', [1, 2]],
      ['house', [9, 9]],
      ['New_York', [1, 1]],
      ['…', [1, 1]],
      ['null', [0, 0]],
    ])
    expect(model.wordCount).toBe(1)
    expect([...model.wordVector('house')]).toEqual([expect.closeTo(1, 1), expect.closeTo(2, 1)])
  })

  it('hold the first words that fit', async () => {
    const words = new CollectedWords({ maxBytes: 100 })
    const added = ['first', 'second', 'third', 'fourth', 'fifth'].map((word) =>
      words.add(word, new Float32Array(8).fill(1)),
    )
    expect(added).toEqual([true, true, false, false, false])
    expect(words.count).toBe(2)
    const few = new CollectedWords({ maxWords: 2 })
    expect(few.add('one', new Float32Array([1, 2]))).toBe(true)
    expect(few.add('two', new Float32Array([1, 2]))).toBe(false)
  })

  it('refuse a file of which no word can be asked for', async () => {
    const made = packed([['…', [1, 2]]])
    await expect(made).rejects.toSatisfy((error) => asProblem(error)?.code === 'invalid_request')
  })

  it('are not taken for what they are not', async () => {
    const words = new CollectedWords()
    words.add('one', new Float32Array([1, 2]))
    const buffer = await packWords(words, noTurn)
    const broken = [new ArrayBuffer(0), new ArrayBuffer(64), buffer.slice(0, -1), buffer.slice(4)]
    for (const bytes of broken) expect(() => new PackedVectors(bytes)).toThrow('not of this version')
  })
})

describe('vectors of texts', () => {
  it('are the weighted mean of the words without what all texts share, as computed plainly', async () => {
    const random = seededRandom(9)
    const rows = Array.from({ length: 30 }, (_, i): Row => [
      `w${i}x`,
      Array.from({ length: 6 }, () => Math.round(random() * 254 - 127)),
      1_000 / (i + 1),
    ])
    // Steps of a 127th of the largest value keep whole numbers up to 127 exactly.
    for (const [, values] of rows) (values as number[])[0] = 127
    const model = await packed(rows)
    const total = rows.reduce((sum, [, , count]) => sum + count!, 0)
    const weights = rows.map(([, , count]) => 3e-3 / (3e-3 + count! / total))
    const mean = Array.from({ length: 6 }, (_, k) =>
      rows.reduce((sum, [, values, count], i) => sum + (count! / total) * weights[i]! * values[k]!, 0),
    )
    const length = Math.hypot(...mean)
    const sum = Array.from({ length: 6 }, (_, k) => weights[3]! * rows[3]![1][k]! + 2 * weights[20]! * rows[20]![1][k]!)
    const shared = sum.reduce((product, value, k) => product + (value * mean[k]!) / length, 0)
    const plain = sum.map((value, k) => value - (shared * mean[k]!) / length)
    const vector = model.textVector('W3x, w20x: w20x!')
    expect(cosine(vector, plain)).toBeCloseTo(1, 6)
    expect(Math.hypot(...vector)).toBeCloseTo(1, 6)
  })

  it('stand at right angles to those of texts that say nothing', async () => {
    const model = await fixture('word2vec.txt')
    for (const nothing of ['', '…', '!?', '\u{1f600}']) {
      expect(Math.abs(cosine(model.textVector(nothing), model.textVector('the boat sank')))).toBeLessThan(1e-6)
    }
  })

  it('know words without the marks that writers leave out', async () => {
    const model = await packed([
      ['cafe', [5, 1, 0]],
      ['tax', [-1, 3, 2]],
      ['boat', [0, 1, -6]],
    ])
    expect(cosine(model.textVector('café'), model.textVector('cafe'))).toBeCloseTo(1, 6)
  })

  it('end after as many words as are looked at', async () => {
    const model = await fixture('word2vec.txt')
    const long = 'boat '.repeat(2_048)
    expect(model.textVector(`${long} tax tax tax`)).toEqual(model.textVector(long))
  })
})

describe('words that a vocabulary lacks', () => {
  it('are near to words of the same stem', async () => {
    const random = seededRandom(17)
    const stems = ['harbour', 'invoice', 'mountain', 'kitchen', 'velocity', 'pressure', 'wing', 'boundary']
    const endings = ['', 's', 'ed', 'ing', 'er', 'ers', 'less', 'like']
    const rows = stems.flatMap((stem) => {
      const base = Array.from({ length: 32 }, () => random() - 0.5)
      return endings.map((ending): Row => [stem + ending, base.map((value) => value + (random() - 0.5) * 0.2)])
    })
    const model = await packed(rows)
    for (const stem of stems) {
      const unknown = model.wordVector(`${stem}ful`)
      const others = stems.filter((other) => other !== stem).map((other) => cosine(unknown, model.wordVector(other)))
      expect(cosine(unknown, model.wordVector(stem))).toBeGreaterThan(
        Math.max(0.6, ...others.map((value) => value + 0.3)),
      )
    }
  })

  it('have n-grams of three to five letters with the word’s ends', () => {
    const distinct = (word: string): number => new Set(gramBuckets(word, 2 ** 31)).size
    // <ab>: "<ab", "ab>", "<ab>".
    expect(gramBuckets('ab', 1_000)).toHaveLength(3)
    expect(distinct('ab')).toBe(3)
    expect(gramBuckets('a', 1_000)).toEqual([])
    expect(gramBuckets('word', 0)).toEqual([])
    expect(gramBuckets('x'.repeat(10_000), 1_000).length).toBeLessThan(130)
    // Letters beyond the basic plane count once.
    expect(gramBuckets('𝒳𝒴', 1_000)).toHaveLength(3)
  })

  it('share buckets evenly', () => {
    const random = seededRandom(2)
    const hits = new Uint32Array(64)
    for (let i = 0; i < 2_000; i++) {
      const word = Array.from({ length: 8 }, () => String.fromCharCode(97 + Math.floor(random() * 26))).join('')
      for (const bucket of gramBuckets(word, 64)) hits[bucket]!++
    }
    expect(Math.max(...hits) / Math.min(...hits)).toBeLessThan(1.35)
  })
})

describe('words for word vectors', () => {
  const listed = (text: string): string[] => {
    const found: string[] = []
    forEachVectorWord(text, (word) => {
      found.push(word)
    })
    return found
  }

  it('are whole words in Chinese, Japanese and Korean, beside those of other scripts', () => {
    expect(listed('Don’t PANIC, 東京の世界 café')).toEqual(['don', 't', 'panic', '東京', 'の', '世界', 'café'])
    expect(listed('서울에서 boat')).toEqual(['서울에서', 'boat'])
  })

  it('come in the same order from pieces of long texts', () => {
    const text = '東京の ferry。 '.repeat(700)
    expect(listed(text)).toHaveLength(700 * listed('東京の ferry。 ').length)
    expect(countVectorWords(text)).toBe(listed(text).length)
  })

  it('stop when no more are wanted', () => {
    for (const text of ['one two three four', '東京 ferry 大阪 boat']) {
      let seen = 0
      forEachVectorWord(text, () => ++seen < 2)
      expect(seen).toBe(2)
    }
  })
})
