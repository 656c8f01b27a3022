/**
 * Static word vectors: one vector a word, read from files that word2vec, GloVe and fastText write, or trained from a
 * collection's own text. A text's vector is the weighted mean of its words' vectors (Arora et al. 2017). Pure: no I/O.
 */

/** Takes words and their vectors one by one, the most frequent first; `false` when it holds all that it may. */
export interface WordVectorSink {
  /** `vector` is reused by the caller. `count`: how often the word was seen, where the source says. */
  add(word: string, vector: Float32Array, count?: number): boolean
}

/** Gives other work a turn; called between slices of work of some milliseconds. */
export type GiveTurn = () => Promise<void>
