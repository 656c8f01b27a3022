/**
 * Word vectors from a collection's own text: counts which words stand near each other, weighs by positive pointwise mutual
 * information and keeps the directions that matter (Levy, Goldberg & Dagan 2015). Deterministic, bounded in memory: 33 MB
 * of counts, 27 MB for their matrix and 35 MB of directions at most, the first gone before the last come.
 */
import { AssociationMatrix } from './association-matrix.ts'
import { PairCounts } from './pair-counts.ts'
import { truncatedSvd } from './truncated-svd.ts'
import { forEachVectorWord } from './vector-words.ts'
import type { GiveTurn, WordVectorSink } from './word-vectors.ts'

export interface TrainingOptions {
  readonly dimensions: number
  /** Words that were seen less often are left out. */
  readonly minCount: number
  /** Words on each side that count as near. */
  readonly window: number
}

export interface TrainingSummary {
  readonly words: number
  /** May be fewer than were asked for: few words have no more. */
  readonly dimensions: number
  readonly tokens: number
}

const MAX_TRAINED_WORDS = 30_000
/** Words × dimensions, which the work of the decomposition grows with: 15,625 words of 128 dimensions, 6,666 of 300. */
const MAX_TRAINED_VALUES = 2_000_000
/** While words are counted; when more are there, those seen once go. */
const MAX_COUNTED_WORDS = 200_000
const PAIR_SLOTS = 1 << 22
/** With as many dimensions as words, every word would have one to itself, and none would be near another. */
const WORDS_PER_DIMENSION = 4

/** The most frequent words are kept, so many of them. */
export const maxTrainedWords = (dimensions: number): number =>
  Math.min(MAX_TRAINED_WORDS, Math.floor(MAX_TRAINED_VALUES / dimensions))

/** Reads `texts` twice. Gives the words to the sink, the most frequent first. `undefined` where there is too little text. */
export async function trainPpmiSvd(
  texts: readonly string[],
  options: TrainingOptions,
  sink: WordVectorSink,
  giveTurn: GiveTurn,
): Promise<TrainingSummary | undefined> {
  const { counts, tokens } = await countWords(texts, giveTurn)
  const vocabulary = [...counts]
    .filter(([, count]) => count >= options.minCount)
    // Equal counts keep the order in which the text brought them.
    .toSorted(([, a], [, b]) => b - a)
    .slice(0, maxTrainedWords(options.dimensions))
  const ranks = new Map(vocabulary.map(([word], rank) => [word, rank]))
  const matrix = await countPairs(texts, ranks, options.window, giveTurn)
  if (matrix === undefined) return undefined
  const most = Math.floor(vocabulary.length / WORDS_PER_DIMENSION)
  const { values, vectors } = await truncatedSvd(matrix, Math.min(options.dimensions, most), giveTurn)
  const dimensions = values.length
  if (dimensions < 2) return undefined
  // Without the singular values: with them the few largest drown the others (Levy et al.: exponents of 0 to .5 are best).
  for (const [rank, [word, count]] of vocabulary.entries()) {
    if (!sink.add(word, vectors.subarray(rank * dimensions, (rank + 1) * dimensions), count)) break
  }
  return { words: vocabulary.length, dimensions, tokens }
}

async function countWords(texts: readonly string[], giveTurn: GiveTurn) {
  const counts = new Map<string, number>()
  const turns = new Turns(giveTurn)
  let tokens = 0
  for (const text of texts) {
    await turns.after(text.length)
    forEachVectorWord(text, (word) => {
      tokens++
      counts.set(word, (counts.get(word) ?? 0) + 1)
    })
    if (counts.size > MAX_COUNTED_WORDS) for (const [word, count] of counts) if (count === 1) counts.delete(word)
  }
  return { counts, tokens }
}

/** `undefined` where no two words of the vocabulary stand near each other. */
async function countPairs(
  texts: readonly string[],
  ranks: ReadonlyMap<string, number>,
  window: number,
  giveTurn: GiveTurn,
): Promise<AssociationMatrix | undefined> {
  const pairs = new PairCounts(ranks.size, PAIR_SLOTS)
  const recent = new Int32Array(window)
  const turns = new Turns(giveTurn)
  for (const text of texts) {
    await turns.after(text.length)
    let count = 0
    forEachVectorWord(text, (word) => {
      const rank = ranks.get(word) ?? -1
      for (let back = 1; back <= Math.min(window, count); back++) {
        const other = recent[(count - back) % window]!
        // Near words count more, as in word2vec, where a window's width is drawn.
        if (rank >= 0 && other >= 0) pairs.add(rank, other, (window - back + 1) / window)
      }
      recent[count % window] = rank
      count++
    })
  }
  return pairs.size === 0 ? undefined : new AssociationMatrix(pairs, ranks.size)
}

/** UTF-16 units of text between two turns for other work: some milliseconds. */
const TEXT_PER_TURN = 50_000

class Turns {
  readonly #giveTurn: GiveTurn
  #since = 0

  constructor(giveTurn: GiveTurn) {
    this.#giveTurn = giveTurn
  }

  async after(length: number): Promise<void> {
    this.#since += length
    if (this.#since < TEXT_PER_TURN) return
    this.#since = 0
    await this.#giveTurn()
  }
}
