/** The analysis of the keyword leg: a text as a bag of terms in one language's term space. */
import { foldMarks } from './fold.ts'
import { isFunctionWord } from './function-words.ts'
import { forEachWord } from './scan-words.ts'
import { term } from './stem.ts'

export interface Analysis {
  /** Occurrences by term, in order of first appearance. */
  readonly terms: Map<string, number>
  /**
   * BM25's document length: words, repetitions included, without the function words of the language. Long queries leave
   * those out too, and a text is not longer in content because its author likes articles.
   */
  readonly length: number
}

/** Analyses a text in a language given as BCP 47 primary subtag; `und` leaves words unstemmed. O(length). */
export function analyse(text: string, language: string): Analysis {
  const terms = new Map<string, number>()
  let length = 0
  forEachWord(text, (word) => {
    const found = term(word, language)
    terms.set(found, (terms.get(found) ?? 0) + 1)
    if (!isFunctionWord(foldMarks(word), language)) length++
  })
  return { terms, length }
}
