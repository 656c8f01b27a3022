/** The analysis of the keyword leg: a text as a bag of terms in one language's term space. */
import { term } from './stem.ts'
import { forEachWord } from './scan-words.ts'

export interface Analysis {
  /** Occurrences by term, in order of first appearance. */
  readonly terms: Map<string, number>
  /** Words in all, repetitions included; BM25's document length. */
  readonly length: number
}

/** Analyses a text in a language given as BCP 47 primary subtag; `und` leaves words unstemmed. O(length). */
export function analyse(text: string, language: string): Analysis {
  const terms = new Map<string, number>()
  let length = 0
  forEachWord(text, (word) => {
    const found = term(word, language)
    terms.set(found, (terms.get(found) ?? 0) + 1)
    length++
  })
  return { terms, length }
}
