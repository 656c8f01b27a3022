/** How often the words of a query occur in one stored chunk, each through the term that the chunk's language gives it. */
import { term } from '../text/stem.ts'
import type { KeywordChunk } from './inverted-index.ts'
import { PostingReader, termBytes } from './posting-codec.ts'

export class WordFrequencies {
  readonly #words: readonly string[]
  /** Terms of the words by language. */
  readonly #terms = new Map<string, readonly Uint8Array[]>()

  constructor(words: readonly string[]) {
    this.#words = words
  }

  /** Term frequency of each word, in the words' order. O(terms of the chunk · words). */
  in({ language, pieces }: KeywordChunk): Uint32Array {
    const wanted = this.#termsIn(language)
    const frequencies = new Uint32Array(wanted.length)
    for (const piece of pieces) {
      const reader = new PostingReader(piece)
      while (reader.next()) {
        for (const [index, bytes] of wanted.entries()) {
          if (isTerm(reader, bytes)) frequencies[index] = reader.termFrequency
        }
      }
    }
    return frequencies
  }

  #termsIn(language: string): readonly Uint8Array[] {
    let terms = this.#terms.get(language)
    if (terms === undefined) {
      terms = this.#words.map((word) => termBytes(term(word, language)))
      this.#terms.set(language, terms)
    }
    return terms
  }
}

function isTerm(reader: PostingReader, bytes: Uint8Array): boolean {
  if (reader.termLength !== bytes.length) return false
  for (let i = 0; i < bytes.length; i++) if (reader.term[i] !== bytes[i]) return false
  return true
}
