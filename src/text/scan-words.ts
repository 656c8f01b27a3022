/**
 * What are the words of a text? Runs of letters, digits and marks (Unicode categories L, N, M) in most scripts; overlapping
 * pairs of characters in Chinese, Japanese and Korean; dictionary words (`Intl.Segmenter`) in Thai, Lao, Khmer and Burmese.
 * Apostrophes, hyphens and full stops part words. Nothing is dropped here.
 */
import { foldCase, isInvisible } from './fold.ts'

/** Longer runs are no words but data; only this many UTF-16 units of one are kept. */
const MAX_WORD_LENGTH = 100

// Classes of characters.
const BREAK = 0
const LETTER = 1
const CJK = 2
const UNSPACED = 3
/** Marks and invisible joiners: they continue whatever run is open. */
const EXTEND = 4
const UNKNOWN = 255

const CJK_CHARACTER =
  /[\p{Script_Extensions=Han}\p{Script_Extensions=Hiragana}\p{Script_Extensions=Katakana}\p{Script=Hangul}\p{Script=Bopomofo}]/u
const UNSPACED_CHARACTER = /[\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u

function classify(codePoint: number): number {
  const character = String.fromCodePoint(codePoint)
  if (isInvisible(codePoint)) return EXTEND
  if (!/[\p{L}\p{N}\p{M}]/u.test(character)) return BREAK
  if (UNSPACED_CHARACTER.test(character)) return UNSPACED
  if (/\p{M}/u.test(character)) return EXTEND
  return CJK_CHARACTER.test(character) ? CJK : LETTER
}

/** Classes of the basic plane, filled as characters are met. */
const classes = new Uint8Array(0x10000).fill(UNKNOWN)

function classOf(codePoint: number): number {
  if (codePoint > 0xffff) return classify(codePoint)
  const known = classes[codePoint] ?? UNKNOWN
  if (known !== UNKNOWN) return known
  const found = classify(codePoint)
  classes[codePoint] = found
  return found
}

/** Takes the folded word and its UTF-16 offsets. */
export type WordVisitor = (text: string, start: number, end: number) => void

/** Calls `visit` for each word in document order, without making an array of them. O(length). */
export function forEachWord(text: string, visit: WordVisitor): void {
  let at = 0
  while (at < text.length) {
    const unit = text.charCodeAt(at)
    if (unit < 0x80) {
      if (classOf(unit) === BREAK) at++
      else at = visitRun(text, at, LETTER, visit)
      continue
    }
    const codePoint = text.codePointAt(at) ?? 0
    const found = classOf(codePoint)
    if (found === BREAK || found === EXTEND) at += codePoint > 0xffff ? 2 : 1
    else at = visitRun(text, at, found, visit)
  }
}

/** Visits the words of the run of one class that starts at `start`; returns where it ends. */
function visitRun(text: string, start: number, runClass: number, visit: WordVisitor): number {
  let end = start
  let ascii = true
  while (end < text.length) {
    const unit = text.charCodeAt(end)
    if (unit < 0x80) {
      if (classOf(unit) !== runClass) break
      end++
      continue
    }
    const codePoint = text.codePointAt(end) ?? 0
    const found = classOf(codePoint)
    if (found !== runClass && found !== EXTEND) break
    // In Arabic script the non-joiner parts a word from its ending, as a space would.
    if (codePoint === 0x200c && /\p{Script=Arabic}/u.test(text[end - 1] ?? '')) break
    ascii = false
    end += codePoint > 0xffff ? 2 : 1
  }
  if (runClass === CJK) visitPairs(text, start, end, visit)
  else if (runClass === UNSPACED) visitSegments(text, start, end, visit)
  else if (ascii) visit(cut(text.slice(start, end)).toLowerCase(), start, end)
  else visitFolded(foldCase(cut(text.slice(start, end))), start, end, visit)
  return end
}

/** Compatibility folding may bring characters that are no letters ("½" is "1⁄2"): the parts share the offsets. */
function visitFolded(folded: string, start: number, end: number, visit: WordVisitor): void {
  for (const part of folded.split(/[^\p{L}\p{N}\p{M}]+/u)) if (part !== '') visit(part, start, end)
}

function cut(word: string): string {
  return word.length <= MAX_WORD_LENGTH
    ? word
    : word
        .slice(0, MAX_WORD_LENGTH)
        .toWellFormed()
        .replace(/\ufffd$/, '')
}

const graphemes = new Intl.Segmenter('und', { granularity: 'grapheme' })
const dictionary = new Intl.Segmenter('und', { granularity: 'word' })

/** Intl.Segmenter slows down on long inputs; it is fed pieces of this many UTF-16 units. */
const SEGMENTER_PIECE = 2_000

function visitPairs(text: string, start: number, end: number, visit: WordVisitor): void {
  let previousText = ''
  let previousStart = start
  let count = 0
  forEachSegment(graphemes, text, start, end, (segment, segmentStart, segmentEnd) => {
    const folded = foldCase(segment)
    if (folded === '') return
    if (count > 0) visit(previousText + folded, previousStart, segmentEnd)
    previousText = folded
    previousStart = segmentStart
    count++
  })
  if (count === 1) visit(previousText, previousStart, end)
}

function visitSegments(text: string, start: number, end: number, visit: WordVisitor): void {
  forEachSegment(dictionary, text, start, end, (segment, segmentStart, segmentEnd) => {
    visitFolded(foldCase(cut(segment)), segmentStart, segmentEnd, visit)
  })
}

function forEachSegment(
  segmenter: Intl.Segmenter,
  text: string,
  start: number,
  end: number,
  visit: (segment: string, start: number, end: number) => void,
): void {
  let from = start
  while (from < end) {
    let to = Math.min(end, from + SEGMENTER_PIECE)
    // A piece does not end inside a surrogate pair.
    if (to < end && (text.charCodeAt(to) & 0xfc00) === 0xdc00) to--
    for (const { segment, index } of segmenter.segment(text.slice(from, to))) {
      visit(segment, from + index, from + index + segment.length)
    }
    from = to
  }
}
