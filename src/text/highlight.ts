/** Which places of a text match the words of a query? */
import { forEachWord } from './scan-words.ts'
import { term } from './stem.ts'

export interface Span {
  /** UTF-16 offsets, half-open. */
  readonly start: number
  readonly end: number
}

/**
 * Marks the words whose term in `language` is that of a query word (from `queryWords`): ascending, overlapping and touching
 * places merged. O(length).
 */
export function highlights(text: string, queryWords: readonly string[], language: string): Span[] {
  if (queryWords.length === 0) return []
  const wanted = new Set(queryWords.map((word) => term(word, language)))
  const spans: { start: number; end: number }[] = []
  forEachWord(text, (word, start, end) => {
    if (!wanted.has(term(word, language))) return
    const last = spans.at(-1)
    if (last !== undefined && start <= last.end) last.end = Math.max(last.end, end)
    else spans.push({ start, end })
  })
  return spans
}
