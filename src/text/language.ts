/**
 * Which language is this? The script decides where only one language is likely; function words decide where they speak
 * clearly; letter n-grams (tinyld) decide for longer texts. Everything else is `und`: a wrong guess costs more than none,
 * because it takes the vector leg away or picks a wrong stemmer.
 */
import { detectAll } from 'tinyld/light'
import { MAX_LANGUAGE_TAG_LENGTH } from '../core/limits.ts'
import { foldMarks } from './fold.ts'
import { languagesOfFunctionWord } from './function-words.ts'
import { forEachWord } from './scan-words.ts'

/** UTF-16 units looked at; the beginning of a chunk tells enough. */
const SAMPLE_LENGTH = 4_000
/** Below this many letters n-grams are not asked. */
const MIN_NGRAM_LETTERS = 40
/** A query of fewer words is judged by its script only. */
const MIN_QUERY_WORDS = 4

type Script = 'Latin' | 'Cyrillic' | 'Arabic' | 'Devanagari' | 'Han' | 'Kana' | 'Hangul' | `one:${string}`

/** Blocks of scripts, first and last code point; `one:xx` marks scripts that stand for one language. */
const BLOCKS: readonly (readonly [number, number, Script])[] = [
  [0x41, 0x5a, 'Latin'],
  [0x61, 0x7a, 'Latin'],
  [0xc0, 0x24f, 'Latin'],
  [0x370, 0x3ff, 'one:el'],
  [0x400, 0x52f, 'Cyrillic'],
  [0x531, 0x58f, 'one:hy'],
  [0x5d0, 0x5f4, 'one:he'],
  [0x620, 0x64a, 'Arabic'],
  [0x66e, 0x6d3, 'Arabic'],
  [0x6fa, 0x77f, 'Arabic'],
  [0x900, 0x97f, 'Devanagari'],
  [0x980, 0x9ff, 'one:bn'],
  [0xa00, 0xa7f, 'one:pa'],
  [0xa80, 0xaff, 'one:gu'],
  [0xb00, 0xb7f, 'one:or'],
  [0xb80, 0xbff, 'one:ta'],
  [0xc00, 0xc7f, 'one:te'],
  [0xc80, 0xcff, 'one:kn'],
  [0xd00, 0xd7f, 'one:ml'],
  [0xd80, 0xdff, 'one:si'],
  [0xe00, 0xe7f, 'one:th'],
  [0xe80, 0xeff, 'one:lo'],
  [0xf00, 0xfff, 'one:bo'],
  [0x1000, 0x109f, 'one:my'],
  [0x10a0, 0x10ff, 'one:ka'],
  [0x1100, 0x11ff, 'Hangul'],
  [0x1200, 0x139f, 'one:am'],
  [0x1780, 0x17ff, 'one:km'],
  [0x1e00, 0x1eff, 'Latin'],
  [0x1f00, 0x1fff, 'one:el'],
  [0x3005, 0x3007, 'Han'],
  [0x3041, 0x30ff, 'Kana'],
  [0x3131, 0x318e, 'Hangul'],
  [0x3400, 0x9fff, 'Han'],
  [0xac00, 0xd7a3, 'Hangul'],
  [0xf900, 0xfaff, 'Han'],
  [0xfb50, 0xfdff, 'Arabic'],
  [0xfe70, 0xfefc, 'Arabic'],
  [0xff21, 0xff5a, 'Latin'],
  [0xff66, 0xff9f, 'Kana'],
  [0x20000, 0x323af, 'Han'],
]

function scriptOf(codePoint: number): Script | undefined {
  let low = 0
  let high = BLOCKS.length - 1
  while (low <= high) {
    const middle = (low + high) >> 1
    const block = BLOCKS[middle]
    if (block === undefined) return undefined
    if (codePoint < block[0]) high = middle - 1
    else if (codePoint > block[1]) low = middle + 1
    else return block[2]
  }
  return undefined
}

/** What a script says where words do not: the language most often written in it. */
const FALLBACK: Partial<Record<Script, string>> = { Cyrillic: 'ru', Arabic: 'ar', Devanagari: 'hi' }

const CANDIDATES: Partial<Record<Script, ReadonlySet<string>>> = {
  Cyrillic: new Set(['ru', 'uk', 'bg', 'sr']),
  Arabic: new Set(['ar', 'fa', 'ur']),
  Devanagari: new Set(['hi', 'mr', 'ne']),
}

interface Letters {
  readonly count: number
  readonly script: Script | undefined
}

/** The script of most letters. A few kana make Han text Japanese. */
function dominantScript(text: string): Letters {
  const counts = new Map<Script, number>()
  let count = 0
  for (const character of text) {
    const script = scriptOf(character.codePointAt(0) ?? 0)
    if (script === undefined) continue
    counts.set(script, (counts.get(script) ?? 0) + 1)
    count++
  }
  const han = counts.get('Han') ?? 0
  const kana = counts.get('Kana') ?? 0
  if (kana > 0 && kana >= 0.05 * han) {
    counts.set('Kana', kana + han)
    counts.delete('Han')
  }
  // One ideograph or syllable says about as much as three letters.
  const weight = (script: Script): number =>
    (counts.get(script) ?? 0) * (script === 'Han' || script === 'Kana' || script === 'Hangul' ? 3 : 1)
  let best: Script | undefined
  for (const script of counts.keys()) if (best === undefined || weight(script) > weight(best)) best = script
  return { count, script: best }
}

/** The language that the script alone decides; `und` for Latin and for texts without letters. */
function languageOfScript(script: Script | undefined): string {
  if (script === undefined || script === 'Latin') return 'und'
  if (script === 'Han') return 'zh'
  if (script === 'Kana') return 'ja'
  if (script === 'Hangul') return 'ko'
  return FALLBACK[script] ?? script.slice('one:'.length)
}

interface FunctionWordVote {
  readonly language: string
  /** Distinct function words of the winner. */
  readonly distinct: number
  readonly score: number
  /** Score of the next language, and of English where it is not the winner. */
  readonly runnerUp: number
  readonly english: number
  readonly words: number
}

/** Counts function words for each language; a word of n languages counts 1/n for each, at most three times. */
function voteByFunctionWords(text: string, candidates: ReadonlySet<string> | undefined): FunctionWordVote {
  const scores = new Map<string, number>()
  const distinct = new Map<string, number>()
  const seen = new Map<string, number>()
  let words = 0
  forEachWord(text, (word) => {
    words++
    const folded = foldMarks(word)
    const languages = languagesOfFunctionWord(folded)
    if (languages.length === 0) return
    const times = (seen.get(folded) ?? 0) + 1
    seen.set(folded, times)
    if (times > 3) return
    for (const language of languages) {
      if (candidates !== undefined && !candidates.has(language)) continue
      scores.set(language, (scores.get(language) ?? 0) + 1 / languages.length)
      if (times === 1) distinct.set(language, (distinct.get(language) ?? 0) + 1)
    }
  })
  const ranked = [...scores].sort((a, b) => b[1] - a[1])
  const [language = 'und', score = 0] = ranked[0] ?? []
  return {
    language,
    score,
    distinct: distinct.get(language) ?? 0,
    runnerUp: ranked[1]?.[1] ?? 0,
    english: language === 'en' ? 0 : (scores.get('en') ?? 0),
    words,
  }
}

function isClear(vote: FunctionWordVote): boolean {
  // Relatives such as Danish and Norwegian are hard to part and easy to take for each other; English is neither.
  const needed = vote.language === 'en' ? 1.5 * vote.runnerUp : Math.max(1.1 * vote.runnerUp, 1.5 * vote.english)
  if (vote.score < 0.5 || vote.score < needed) return false
  // One word is enough in a short line when no other language claims it; long texts have to show more.
  return vote.words <= 12
    ? vote.distinct >= 2 || vote.score >= 1
    : vote.distinct >= 2 && vote.score >= 0.04 * vote.words
}

/**
 * Detects the language of a text as a BCP 47 primary subtag, or `und`. Norwegian is `nb`. Reads the first 4,000 UTF-16
 * units. Never throws.
 */
export function detectLanguage(text: string): string {
  const sample = text.length <= SAMPLE_LENGTH ? text : text.slice(0, SAMPLE_LENGTH).toWellFormed()
  const { count, script } = dominantScript(sample)
  const byScript = languageOfScript(script)
  if (script === undefined) return 'und'
  const candidates = CANDIDATES[script]
  if (script !== 'Latin' && candidates === undefined) return byScript
  const vote = voteByFunctionWords(sample, candidates)
  if (isClear(vote)) return vote.language
  if (script !== 'Latin' || count < MIN_NGRAM_LETTERS) return byScript
  return detectByNgrams(sample, vote)
}

/** Letter n-grams, believed only when they are sure or agree with the few function words there are. */
function detectByNgrams(sample: string, vote: FunctionWordVote): string {
  const [best, second] = detectAll(sample.slice(0, 1_000))
  if (best === undefined) return 'und'
  const language = best.lang === 'no' ? 'nb' : best.lang
  const margin = best.accuracy / Math.max(second?.accuracy ?? 0, 0.01)
  if (vote.language === language) return best.accuracy >= 0.05 && margin >= 1.2 ? language : 'und'
  return vote.score < 0.5 && best.accuracy >= 0.15 && margin >= 2 && vote.words >= 8 ? language : 'und'
}

/**
 * Detects the language of a query. Under four words only the script is asked, and Latin script says nothing; so a
 * short query in Latin letters never loses the vector leg.
 */
export function detectQueryLanguage(query: string): string {
  const { script } = dominantScript(query)
  if (script !== 'Latin')
    return script !== undefined && CANDIDATES[script] !== undefined ? detectLanguage(query) : languageOfScript(script)
  let count = 0
  forEachWord(query, () => count++)
  if (count < MIN_QUERY_WORDS) return 'und'
  const vote = voteByFunctionWords(query, undefined)
  // Names of places and films bring foreign words into English queries: another language has to show more.
  return isClear(vote) && (vote.language === 'en' || (vote.distinct >= 2 && vote.score >= 1)) ? vote.language : 'und'
}

/** Takes the primary subtag of a BCP 47 tag in lower case: `de` of `de-AT`. */
export function primarySubtag(tag: string): string {
  const [subtag = ''] = tag.split('-', 1)
  return subtag.toLowerCase()
}

/** Tells whether a string is a well-formed BCP 47 language tag (RFC 5646, without grandfathered and private-use-only tags), of at most 64 characters. */
export function isLanguageTag(tag: string): boolean {
  if (tag.length > MAX_LANGUAGE_TAG_LENGTH) return false
  try {
    return Intl.getCanonicalLocales(tag).length === 1
  } catch {
    return false
  }
}
