/** BM25 taken apart. The root's value is the score to the last bit, because it is computed by the same steps in the same order. */
import { term } from '../text/stem.ts'
import { idf, lengthNorm, termFrequencyPart } from './bm25.ts'
import type { KeywordChunk } from './inverted-index.ts'
import type { Bm25, Explanation, KeywordStatistics } from './keyword-index.ts'

const leaf = (value: number, description: string): Explanation => ({ value, description, details: [] })

/** `frequencies` are the words' in the chunk; words that the chunk lacks have no part. */
export function explainBm25(
  words: readonly string[],
  frequencies: Uint32Array,
  { language, length }: KeywordChunk,
  { chunks, totalLength, documentFrequencies }: KeywordStatistics,
  bm25: Bm25,
): Explanation {
  const averageLength = chunks > 0 ? totalLength / chunks : 0
  const norm = lengthNorm(bm25, length, averageLength)
  const details: Explanation[] = []
  let value = 0
  for (const [index, word] of words.entries()) {
    const frequency = frequencies[index]!
    if (frequency === 0) continue
    const documentFrequency = documentFrequencies[index] ?? 0
    const rarity = idf(chunks, documentFrequency)
    const part = termFrequencyPart(frequency, norm)
    value += rarity * part
    details.push({
      value: rarity * part,
      description: `weight of the word "${word}" (term "${term(word, language)}"): idf · tf`,
      details: [
        {
          value: rarity,
          description: 'idf: ln(1 + (N − df + 0.5) / (df + 0.5))',
          details: [leaf(chunks, 'N: chunks'), leaf(documentFrequency, 'df: chunks that contain the word')],
        },
        {
          value: part,
          description: 'tf: freq / (freq + k1 · (1 − b + b · dl / avgdl))',
          details: [
            leaf(frequency, 'freq: occurrences of the word in the chunk'),
            leaf(bm25.k1, 'k1: how slowly occurrences saturate'),
            leaf(bm25.b, 'b: how much length counts'),
            leaf(length, 'dl: words in the chunk'),
            leaf(averageLength, 'avgdl: words in a chunk on average'),
          ],
        },
      ],
    })
  }
  return { value, description: 'BM25: sum over the words', details }
}
