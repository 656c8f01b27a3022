/**
 * Where do sentences end? `Intl.Segmenter` (UAX #29), with three corrections: no end after an abbreviation, an initial or a
 * German ordinal; a line break inside a wrapped paragraph is no end; blank lines, list items and table rows always are.
 */
import { foldMarks } from './fold.ts'
import { languagesOfFunctionWord } from './function-words.ts'
import type { Span } from './highlight.ts'

/** Never the end of a sentence. */
const TITLES = new Set(
  `mr mrs ms messrs dr prof st rev hon gen col capt lt sgt maj gov sen rep pres jr vs e.g i.e cf viz approx resp incl excl hr fr frl hl
  z.b d.h u.a o.ä s.o s.u i.d.r v.a bzw ggf evtl inkl zzgl ca vgl sog mme mlle m p.ex sra srta dña sig sig.ra dott avv ing mons
  np tzn tj pl ul dl tel abs dipl`.split(/\s+/),
)
/** No end when a number follows. */
const BEFORE_NUMBER = new Set(
  `no nr nos núm num fig figs p pp pg s art abs vol ch chap sec sect eq tab bd kap z par ver v app ref refs ca jan feb mar apr
  jun jul aug sep sept oct okt nov dec dez`.split(/\s+/),
)
/** Languages that write ordinals with a full stop ("am 3. Oktober"). */
const ORDINAL_DOT = new Set([
  'de',
  'da',
  'nb',
  'nn',
  'no',
  'fi',
  'cs',
  'sk',
  'hu',
  'pl',
  'hr',
  'sr',
  'sl',
  'et',
  'lv',
  'is',
  'tr',
])

/** Segments longer than this are cut by the segmenter's callers anyway; it bounds one call of the segmenter. */
const MAX_BLOCK_LENGTH = 20_000
/** A line shorter than this that ends without punctuation before a capital letter stands for itself, as in addresses. */
const SHORT_LINE = 50

const segmenters = new Map<string, Intl.Segmenter>()

function segmenterFor(language: string): Intl.Segmenter {
  let segmenter = segmenters.get(language)
  if (segmenter === undefined) {
    if (segmenters.size > 64) segmenters.clear()
    try {
      segmenter = new Intl.Segmenter(language, { granularity: 'sentence' })
    } catch {
      segmenter = new Intl.Segmenter('und', { granularity: 'sentence' })
    }
    segmenters.set(language, segmenter)
  }
  return segmenter
}

/**
 * Lists the sentences in order, trimmed of white space, never empty; together they cover all but white space.
 * `language` is a BCP 47 tag and only sharpens the corrections.
 */
export function sentences(text: string, language = 'und'): Span[] {
  const found: Span[] = []
  for (const block of blocks(text)) splitBlock(text, block, language, found)
  return found
}

/** A line that begins an item of its own: list, quotation, heading, table row, definition. */
const ITEM_START = /^[ \t]*(?:[-*+•‣◦–|>#]|\d{1,3}[.)][ \t]|\p{L}[.)][ \t])/u

/** Whether a line break between two neighbouring lines ends a sentence whatever the punctuation. */
function isHardBreak(before: string, after: string): boolean {
  if (before.trim() === '' || after.trim() === '') return true
  if (ITEM_START.test(after) || /^[ \t]*#/.test(before)) return true
  if (/[|\t]/.test(before.trim()) || /[|\t]/.test(after.trim())) return true
  const end = before.trimEnd()
  return (
    end.length < SHORT_LINE && !/[,;:\-–(&]$/.test(end) && /^\s*[\p{Lu}"“„«¿¡([]/u.test(after) && !/[.!?]$/.test(end)
  )
}

function blocks(text: string): Span[] {
  const found: Span[] = []
  let start = 0
  let lineStart = 0
  const close = (end: number): void => {
    for (let from = start; from < end;) {
      let to = Math.min(end, from + MAX_BLOCK_LENGTH)
      if (to < end) {
        const space = text.lastIndexOf(' ', to)
        if (space > from) to = space + 1
        else if ((text.charCodeAt(to) & 0xfc00) === 0xdc00) to--
      }
      found.push({ start: from, end: to })
      from = to
    }
  }
  while (lineStart <= text.length) {
    const newline = text.indexOf('\n', lineStart)
    const lineEnd = newline === -1 ? text.length : newline
    if (newline === -1) break
    const nextEnd = text.indexOf('\n', newline + 1)
    // Only the ends of lines are looked at, so that a text of one endless line costs no more.
    const before = text.slice(lineStart, lineEnd)
    const after = text.slice(newline + 1, nextEnd === -1 ? text.length : nextEnd)
    if (isHardBreak(before, after)) {
      close(newline)
      start = newline + 1
    }
    lineStart = newline + 1
  }
  close(text.length)
  return found
}

function splitBlock(text: string, block: Span, language: string, found: Span[]): void {
  const raw = text.slice(block.start, block.end)
  if (raw.trim() === '') return
  // Same length, so offsets hold; to the segmenter a line feed is always an end.
  const flat = raw.replace(/[\n\r\u2028\u2029]/g, ' ')
  let open: { start: number; end: number } | undefined
  for (const { segment, index } of segmenterFor(language).segment(flat)) {
    const end = index + segment.length
    if (
      open !== undefined &&
      continues(flat.slice(Math.max(open.start, open.end - 60), open.end), flat.slice(index, index + 40), language)
    ) {
      open.end = end
      continue
    }
    // The end of an emphasis stays with what it emphasises: "**Why?** Because".
    const marks = open === undefined ? 0 : (/^[*_]{1,3}(?=\s)/.exec(segment)?.[0].length ?? 0)
    if (open !== undefined) pushTrimmed(text, block.start + open.start, block.start + open.end + marks, found)
    open = { start: index + marks, end }
  }
  if (open !== undefined) pushTrimmed(text, block.start + open.start, block.start + open.end, found)
}

/** Whether what follows still belongs to the sentence that the segmenter closed. */
function continues(sentence: string, next: string, language: string): boolean {
  const tail = sentence.trimEnd()
  // Without white space it is an address or a name: "a.example/b?c=d", "Yahoo!Mail".
  if (tail === sentence && /[.?!]$/.test(tail) && /^[\p{L}\p{N}]/u.test(next)) return true
  // "Really?" he said.
  if (/["'”’»)]$/.test(tail) && /^\p{Ll}/u.test(next)) return true
  const last = /(?:^|[\s(["'„“«])([\p{L}\p{M}.]*\p{L}|\d{1,3})\.$/u.exec(tail)
  if (last === null) return false
  const word = (last[1] ?? '').toLowerCase()
  const following = /^[\s"'(„“«]*([\p{L}\p{M}\p{N}]+)/u.exec(next)?.[1] ?? ''
  if (/^\d+$/.test(word)) return ORDINAL_DOT.has(language) && /^\p{L}/u.test(following) && !isFunctionWordOf(following)
  if (TITLES.has(word)) return true
  if (BEFORE_NUMBER.has(word) && /^\p{N}/u.test(following)) return true
  // Initials and acronyms: "J. K. Rowling", "the U.S. Army", but not "in the U.S. The".
  return /^(?:\p{L}\.)*\p{L}$/u.test(word) && following !== '' && !isFunctionWordOf(following)
}

const isFunctionWordOf = (word: string): boolean =>
  word.length > 1 && languagesOfFunctionWord(foldMarks(word.toLowerCase())).length > 0

function pushTrimmed(text: string, start: number, end: number, found: Span[]): void {
  const raw = text.slice(start, end)
  const trimmed = raw.trim()
  if (trimmed === '') return
  const from = start + raw.length - raw.trimStart().length
  found.push({ start: from, end: from + trimmed.length })
}
