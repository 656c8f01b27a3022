/** What every keyword index must do. `open` gives an index over the database; opening again stands for a restart. */
import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { ChunkMask } from '../../src/core/chunk-mask.ts'
import type { SqlDatabase } from '../../src/core/sql-database.ts'
import {
  type Bm25,
  DEFAULT_BM25,
  type Explanation,
  type KeywordIndex,
  type KeywordStatistics,
} from '../../src/keyword/keyword-index.ts'
import { term } from '../../src/text/stem.ts'
import { words as wordsOf } from '../../src/text/words.ts'

export interface KeywordIndexUnderTest {
  readonly database: () => SqlDatabase
  readonly open: (database: SqlDatabase) => KeywordIndex
}

const SEED = 20_260_703

interface Text {
  readonly text: string
  readonly language: string
}

// ---- the oracle: BM25 from the raw texts, without an index ----

const analysed = ({ text, language }: Text) => wordsOf(text).map((word) => term(word.text, language))

function naiveStatistics(texts: Iterable<Text>, words: readonly string[]): KeywordStatistics {
  const all = [...texts]
  return {
    chunks: all.length,
    totalLength: all.reduce((sum, text) => sum + analysed(text).length, 0),
    documentFrequencies: words.map(
      (word) => all.filter((text) => analysed(text).includes(term(word, text.language))).length,
    ),
  }
}

function naiveScore(text: Text, words: readonly string[], statistics: KeywordStatistics, { k1, b }: Bm25): number {
  const terms = analysed(text)
  const averageLength = statistics.totalLength / statistics.chunks
  return words.reduce((sum, word, index) => {
    const tf = terms.filter((one) => one === term(word, text.language)).length
    const df = statistics.documentFrequencies[index]!
    const idf = Math.log(1 + (statistics.chunks - df + 0.5) / (df + 0.5))
    return tf === 0 ? sum : sum + (idf * tf) / (tf + k1 * (1 - b + (b * terms.length) / averageLength))
  }, 0)
}

const naiveRanking = (texts: ReadonlyMap<number, Text>, words: readonly string[], bm25: Bm25) => {
  const statistics = naiveStatistics(texts.values(), words)
  return [...texts]
    .map(([chunk, text]): [number, number] => [chunk, naiveScore(text, words, statistics, bm25)])
    .filter(([, score]) => score > 0)
}

// ---- a small language, so that words meet often ----

const vocabulary = [
  'run',
  'running',
  'runs',
  'house',
  'Häuser',
  'haus',
  'cat',
  'cats',
  'naïve',
  'straße',
  '東京都',
  'x1',
]
const text: fc.Arbitrary<Text> = fc.record({
  text: fc.array(fc.constantFrom(...vocabulary), { maxLength: 12 }).map((words) => words.join(' ')),
  language: fc.constantFrom('en', 'en', 'de', 'und', 'ja'),
})
const query = fc.uniqueArray(fc.constantFrom('running', 'run', 'haus', 'häuser', 'cat', '東京', 'naive', 'absent'), {
  minLength: 1,
  maxLength: 4,
})

const everything = { bm25: DEFAULT_BM25, mask: undefined, candidates: Number.POSITIVE_INFINITY } as const

/** What an explanation's leaves add up to. */
const sumOfDetails = ({ details }: Explanation) => details.reduce((sum, { value }) => sum + value, 0)

export function keywordIndexContract({ database, open }: KeywordIndexUnderTest): void {
  const filled = (texts: readonly Text[]) => {
    const index = open(database())
    for (const [chunk, { text, language }] of texts.entries()) index.add(chunk, text, language)
    return index
  }
  const english = (...texts: string[]) => filled(texts.map((text) => ({ text, language: 'en' })))
  const search = (index: KeywordIndex, words: readonly string[], bm25: Bm25 = DEFAULT_BM25) =>
    index.search(words, index.statistics(words), { ...everything, bm25 })

  it('scores as BM25 from the raw texts does, in statistics, ranking and explanation', () => {
    const bm25 = fc.record({ k1: fc.constantFrom(0, 0.9, 1.2, 2), b: fc.constantFrom(0, 0.4, 0.75, 1) })
    fc.assert(
      fc.property(fc.array(text, { maxLength: 25 }), query, bm25, (texts, words, parameters) => {
        const index = filled(texts)
        const statistics = index.statistics(words)
        expect(statistics).toEqual(naiveStatistics(texts, words))
        const expected = new Map(naiveRanking(new Map(texts.entries()), words, parameters))
        const found = index.search(words, statistics, { ...everything, bm25: parameters })
        expect([...found.chunks].sort((a, b) => a - b)).toEqual([...expected.keys()])
        for (const [i, chunk] of found.chunks.entries()) {
          expect(found.scores[i]).toBeCloseTo(expected.get(chunk)!, 12)
          const explanation = index.explain(words, statistics, parameters, chunk)
          expect(explanation.value).toBe(found.scores[i])
          expect(sumOfDetails(explanation)).toBe(found.scores[i])
          for (const part of explanation.details) {
            expect(part.value).toBe(part.details[0]!.value * part.details[1]!.value)
          }
          if (i > 0) expect(found.scores[i - 1]).toBeGreaterThanOrEqual(found.scores[i]!)
        }
        const chunks = Uint32Array.from(texts.keys())
        const scores = index.score(words, statistics, parameters, chunks)
        for (const [i, chunk] of found.chunks.entries()) expect(scores[chunk]).toBe(found.scores[i])
        for (const chunk of chunks) if (!expected.has(chunk)) expect(scores[chunk]).toBe(0)
      }),
      { seed: SEED, numRuns: 150 },
    )
  })

  it('equals a fresh index after any sequence of additions, removals, replacements, evictions and restarts', () => {
    const command = fc.oneof(
      { weight: 6, arbitrary: fc.record({ kind: fc.constant('add' as const), chunk: fc.nat(15), text }) },
      {
        weight: 2,
        arbitrary: fc.record({ kind: fc.constant('remove' as const), chunks: fc.array(fc.nat(15), { maxLength: 5 }) }),
      },
      {
        weight: 1,
        arbitrary: fc.record({ kind: fc.constantFrom('evict' as const, 'read' as const, 'open' as const) }),
      },
    )
    fc.assert(
      fc.property(fc.array(command, { maxLength: 50 }), query, (commands, words) => {
        const shared = database()
        let index = open(shared)
        const model = new Map<number, Text>()
        for (const step of commands) {
          if (step.kind === 'add') {
            index.add(step.chunk, step.text.text, step.text.language)
            model.set(step.chunk, step.text)
          } else if (step.kind === 'remove') {
            index.remove(step.chunks)
            for (const chunk of step.chunks) model.delete(chunk)
          } else if (step.kind === 'evict') index.evict()
          else if (step.kind === 'open') index = open(shared)
          else index.statistics(words)
        }
        const fresh = open(database())
        for (const [chunk, entry] of model) fresh.add(chunk, entry.text, entry.language)
        expect(index.count).toBe(model.size)
        expect(index.statistics(words)).toEqual(fresh.statistics(words))
        expect(search(index, words)).toEqual(search(fresh, words))
      }),
      { seed: SEED, numRuns: 100 },
    )
  })

  it('ranks the same whether chunks lie in one index or in several whose statistics are summed', () => {
    fc.assert(
      fc.property(fc.array(text, { maxLength: 20 }), query, (texts, words) => {
        const whole = filled(texts)
        const halves = [open(database()), open(database())]
        for (const [chunk, entry] of texts.entries()) halves[chunk % 2]!.add(chunk, entry.text, entry.language)
        const [a, b] = halves.map((half) => half.statistics(words))
        const summed: KeywordStatistics = {
          chunks: a!.chunks + b!.chunks,
          totalLength: a!.totalLength + b!.totalLength,
          documentFrequencies: a!.documentFrequencies.map((df, i) => df + b!.documentFrequencies[i]!),
        }
        expect(summed).toEqual(whole.statistics(words))
        const found = search(whole, words)
        for (const [i, chunk] of found.chunks.entries()) {
          const [score] = halves[chunk % 2]!.score(words, summed, DEFAULT_BM25, Uint32Array.of(chunk))
          expect(score).toBe(found.scores[i])
        }
      }),
      { seed: SEED, numRuns: 60 },
    )
  })

  it("finds a word through each chunk's own language", () => {
    const index = filled([
      { text: 'two houses', language: 'en' },
      { text: 'houses', language: 'und' },
      { text: 'viele Häuser', language: 'de' },
    ])
    expect([...search(index, ['house']).chunks]).toEqual([0])
    expect([...search(index, ['houses']).chunks].sort((a, b) => a - b)).toEqual([0, 1])
    expect([...search(index, ['haus']).chunks]).toEqual([2])
    expect(index.statistics(['houses', 'haus', 'absent']).documentFrequencies).toEqual([2, 1, 0])
  })

  it('orders equal scores by chunk number, and cuts after ordering', () => {
    const index = english('a cat', 'a dog', 'a cat', 'a cat')
    expect([...search(index, ['cat']).chunks]).toEqual([0, 2, 3])
    const cut = index.search(['cat'], index.statistics(['cat']), { ...everything, candidates: 2 })
    expect([...cut.chunks]).toEqual([0, 2])
  })

  it('searches within a mask, with statistics of the whole', () => {
    const index = english('cat', 'cat dog', 'cat dog bird')
    const mask = new ChunkMask(3)
    mask.add(2)
    const words = ['cat', 'bird']
    const whole = search(index, words)
    const masked = index.search(words, index.statistics(words), { ...everything, mask })
    expect([...masked.chunks]).toEqual([2])
    expect(masked.scores[0]).toBe(whole.scores[whole.chunks.indexOf(2)])
  })

  it('answers nothing for no words, for no chunks and for chunks without words', () => {
    const empty = open(database())
    expect(empty.statistics(['cat'])).toEqual({ chunks: 0, totalLength: 0, documentFrequencies: [0] })
    expect(search(empty, ['cat']).chunks).toHaveLength(0)
    const index = english('', '…', 'cat')
    expect(index.statistics([])).toEqual({ chunks: 3, totalLength: 1, documentFrequencies: [] })
    expect(search(index, []).chunks).toHaveLength(0)
    expect([...search(index, ['cat']).chunks]).toEqual([2])
    expect(index.explain(['dog'], index.statistics(['dog']), DEFAULT_BM25, 2).value).toBe(0)
    expect(index.explain(['dog'], index.statistics(['dog']), DEFAULT_BM25, 99).value).toBe(0)
    expect([...index.score(['cat'], index.statistics(['cat']), DEFAULT_BM25, Uint32Array.of(99))]).toEqual([0])
  })

  it('stays finite under statistics of another time', () => {
    const index = english('cat cat', 'dog')
    const stale = { chunks: 0, totalLength: 0, documentFrequencies: [0] }
    const found = index.search(['cat'], stale, everything)
    expect([...found.chunks]).toEqual([0])
    expect(Number.isFinite(found.scores[0])).toBe(true)
  })

  it('indexes texts of very many and of very long words', () => {
    const index = english(
      Array.from({ length: 30_000 }, (_, i) => `word${i} shared`).join(' '),
      `${'a'.repeat(5_000)} ${'a'.repeat(4_000)} shared`,
      '😀 shared',
    )
    expect([...search(index, ['word29999']).chunks]).toEqual([0])
    expect([...search(index, ['a'.repeat(5_000)]).chunks]).toEqual([1])
    expect(index.statistics(['shared']).documentFrequencies).toEqual([3])
    index.remove([0])
    expect(index.statistics(['shared', 'word7']).documentFrequencies).toEqual([2, 0])
    expect(index.count).toBe(2)
  })
}
