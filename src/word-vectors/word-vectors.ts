/**
 * Static word vectors: one vector a word, read from files that word2vec, GloVe and fastText write, or trained from a
 * collection's own text. A text's vector is the weighted mean of its words' vectors (Arora et al. 2017). Pure: no I/O.
 */

/** What readers and trainers give and `packed-vectors.ts` packs. */
export interface WordVectors {
  readonly dimensions: number
  /** Distinct words, the most frequent first. */
  readonly words: readonly string[]
  /** Words × dimensions, row after row, as the source has them. */
  readonly values: Float32Array
  /** How often each word was seen; where a file does not say, frequencies follow the order of its words (Zipf). */
  readonly counts?: Float64Array
}
