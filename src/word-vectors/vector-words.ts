/**
 * The words of a text as word vectors know them. As `text/scan-words.ts` finds them, except in Chinese, Japanese and
 * Korean: vocabularies hold whole words there, where the keyword index takes pairs of characters.
 */
import { foldCase, foldMarks } from '../text/fold.ts'
import { forEachWord } from '../text/scan-words.ts'

const CJK = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/u
const BETWEEN_WORDS = /[\s\p{P}]/u

const segmenter = new Intl.Segmenter('und', { granularity: 'word' })

/** The segmenter slows down on long inputs; it is fed pieces of this many UTF-16 units. */
const PIECE_LENGTH = 2_000
/** Of a piece without any space or sign in so many of its last units, a word may be cut in two. */
const LONGEST_WORD = 200

/** Calls `visit` for each folded word in order; stops early when it answers `false`. */
export function forEachVectorWord(text: string, visit: (word: string) => boolean | void): void {
  let goesOn = true
  const take = (word: string): void => {
    if (goesOn) goesOn = visit(word) !== false
  }
  if (!CJK.test(text)) return forEachWord(text, take)
  for (let from = 0, to: number; from < text.length; from = to) {
    to = goesOn ? endOfPiece(text, from) : text.length
    for (const { segment } of segmenter.segment(text.slice(from, to))) {
      if (CJK.test(segment)) take(foldCase(segment))
      else forEachWord(segment, take)
    }
  }
}

/** At most `PIECE_LENGTH` units on: between words where there is such a place, never inside a surrogate pair. */
function endOfPiece(text: string, from: number): number {
  const to = from + PIECE_LENGTH
  if (to >= text.length) return text.length
  for (let at = to; at > to - LONGEST_WORD; at--) if (BETWEEN_WORDS.test(text[at - 1]!)) return at
  return (text.charCodeAt(to) & 0xfc00) === 0xdc00 ? to - 1 : to
}

/** The single folded word that an entry of a vocabulary is; `undefined` for entries that no text can ask for. */
export function vocabularyWord(entry: string): string | undefined {
  let only: string | undefined
  let count = 0
  forEachVectorWord(entry, (word) => {
    only = word
    return ++count < 2
  })
  return count === 1 ? only : undefined
}

/** How a word is looked up when its own spelling is not known: without the marks that writers leave out. */
export const plainWord = (word: string): string => foldMarks(word)

/** Counts words; chunks are sized with it. */
export function countVectorWords(text: string): number {
  let count = 0
  forEachVectorWord(text, () => {
    count++
  })
  return count
}
