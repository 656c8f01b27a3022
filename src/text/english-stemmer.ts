/**
 * The English stemmer of the Snowball project ("Porter2", https://snowballstem.org/algorithms/english/stemmer.html).
 * Written here because the stemmer package carries a faulty port of the first Porter algorithm for English, which parts
 * "collection" from "collect". Checked word by word against Snowball's own output.
 */

const VOWELS = 'aeiouy'
const isVowel = (letter: string | undefined): boolean => letter !== undefined && VOWELS.includes(letter)

/** Words whose stem the algorithm states outright; the second group is left as it is. */
const EXCEPTIONS = new Map(
  Object.entries({
    skis: 'ski',
    skies: 'sky',
    idly: 'idl',
    gently: 'gentl',
    ugly: 'ugli',
    early: 'earli',
    only: 'onli',
    singly: 'singl',
    sky: 'sky',
    news: 'news',
    howe: 'howe',
    atlas: 'atlas',
    cosmos: 'cosmos',
    bias: 'bias',
    andes: 'andes',
  }),
)
const FIXED_AFTER_PLURAL = new Set([
  'inning',
  'outing',
  'canning',
  'herring',
  'earring',
  'proceed',
  'exceed',
  'succeed',
  'evening',
])

/** Step 2: suffix in R1 → replacement; longest first. `li` and `ogi` have conditions of their own. */
const STEP_2: readonly (readonly [string, string])[] = [
  ['ational', 'ate'],
  ['ization', 'ize'],
  ['fulness', 'ful'],
  ['ousness', 'ous'],
  ['iveness', 'ive'],
  ['tional', 'tion'],
  ['biliti', 'ble'],
  ['lessli', 'less'],
  ['ogist', 'og'],
  ['entli', 'ent'],
  ['ation', 'ate'],
  ['alism', 'al'],
  ['aliti', 'al'],
  ['ousli', 'ous'],
  ['iviti', 'ive'],
  ['fulli', 'ful'],
  ['enci', 'ence'],
  ['anci', 'ance'],
  ['abli', 'able'],
  ['izer', 'ize'],
  ['ator', 'ate'],
  ['alli', 'al'],
  ['bli', 'ble'],
  ['ogi', 'og'],
  ['li', ''],
]

const STEP_3: readonly (readonly [string, string])[] = [
  ['ational', 'ate'],
  ['tional', 'tion'],
  ['alize', 'al'],
  ['icate', 'ic'],
  ['iciti', 'ic'],
  ['ative', ''],
  ['ical', 'ic'],
  ['ness', ''],
  ['ful', ''],
]

const STEP_4 = [
  'ement',
  'ance',
  'ence',
  'able',
  'ible',
  'ment',
  'ant',
  'ent',
  'ism',
  'ate',
  'iti',
  'ous',
  'ive',
  'ize',
  'ion',
  'al',
  'er',
  'ic',
]

/** Where R1 starts: after the first non-vowel that follows a vowel, from `from` on. */
function regionAfter(word: string, from: number): number {
  for (let i = from + 1; i < word.length; i++) if (!isVowel(word[i]) && isVowel(word[i - 1])) return i + 1
  return word.length
}

/** Prefixes that the algorithm takes as R1's border, so that "generous" and "general" stay apart. */
const R1_PREFIX = /^(?:gener|commun|arsen|past|univers|later|emerg|organ|inter)/

function endsInShortSyllable(word: string): boolean {
  const last = word.length - 1
  if (word === 'past') return true
  if (last === 1) return isVowel(word[0]) && !isVowel(word[1])
  return (
    last >= 2 &&
    !isVowel(word[last]) &&
    !'wxY'.includes(word[last]!) &&
    isVowel(word[last - 1]) &&
    !isVowel(word[last - 2])
  )
}

const hasVowel = (text: string): boolean => {
  for (const letter of text) if (isVowel(letter)) return true
  return false
}

/** Y that begins the word or follows a vowel counts as a consonant and is written in upper case meanwhile. */
function markConsonantY(word: string): string {
  if (!word.includes('y')) return word
  let marked = ''
  for (let i = 0; i < word.length; i++) {
    const letter = word[i]!
    marked += letter === 'y' && (i === 0 || isVowel(marked[i - 1])) ? 'Y' : letter
  }
  return marked
}

/** Stems one lower-case word of `a`–`z` (other letters count as consonants). O(length). */
export function stemEnglish(original: string): string {
  if (original.length < 3) return original
  const exception = EXCEPTIONS.get(original)
  if (exception !== undefined) return exception
  let word = markConsonantY(original)
  const prefix = R1_PREFIX.exec(word)
  const r1 = prefix === null ? regionAfter(word, 0) : prefix[0].length
  const r2 = regionAfter(word, r1)

  word = stripPlural(word)
  if (FIXED_AFTER_PLURAL.has(word)) return word
  word = stripPast(word, r1)
  const beforeY = word[word.length - 2]
  if (/[yY]$/.test(word) && word.length > 2 && !isVowel(beforeY)) word = `${word.slice(0, -1)}i`
  word = replaceDerivation(word, r1)
  word = replaceSecondDerivation(word, r1, r2)
  word = stripResidue(word, r2)
  word = stripFinal(word, r1, r2)
  return word.replaceAll('Y', 'y')
}

/** Step 1a. */
function stripPlural(word: string): string {
  if (word.endsWith('sses')) return word.slice(0, -2)
  if (word.endsWith('ied') || word.endsWith('ies')) return word.length > 4 ? word.slice(0, -2) : word.slice(0, -1)
  if (word.endsWith('us') || word.endsWith('ss')) return word
  return word.endsWith('s') && hasVowel(word.slice(0, -2)) ? word.slice(0, -1) : word
}

/** Step 1b. */
function stripPast(word: string, r1: number): string {
  const eed = /eed(?:ly)?$/.exec(word)
  if (eed !== null) {
    if (eed.index < r1) return word
    return `${word.slice(0, eed.index)}ee`
  }
  const past = /(?:ingly|edly|ing|ed)$/.exec(word)
  if (past === null) return word
  const stem = word.slice(0, past.index)
  if (!hasVowel(stem)) return word
  if (past[0] === 'ing' && stem.length === 2 && stem.endsWith('y') && !isVowel(stem[0])) return `${stem[0]}ie`
  if (/(?:at|bl|iz)$/.test(stem)) return `${stem}e`
  if (/(?:bb|dd|ff|gg|mm|nn|pp|rr|tt)$/.test(stem)) {
    return stem.length === 3 && 'aeo'.includes(stem[0]!) ? stem : stem.slice(0, -1)
  }
  return stem.length <= r1 && endsInShortSyllable(stem) ? `${stem}e` : stem
}

function replaceDerivation(word: string, r1: number): string {
  for (const [suffix, replacement] of STEP_2) {
    if (!word.endsWith(suffix)) continue
    const at = word.length - suffix.length
    if (at < r1) return word
    const before = word[at - 1]
    if (suffix === 'li' && !(before !== undefined && 'cdeghkmnrt'.includes(before))) return word
    if (suffix === 'ogi' && before !== 'l') return word
    return word.slice(0, at) + replacement
  }
  return word
}

function replaceSecondDerivation(word: string, r1: number, r2: number): string {
  for (const [suffix, replacement] of STEP_3) {
    if (!word.endsWith(suffix)) continue
    const at = word.length - suffix.length
    return at < (suffix === 'ative' ? r2 : r1) ? word : word.slice(0, at) + replacement
  }
  return word
}

/** Step 4. */
function stripResidue(word: string, r2: number): string {
  for (const suffix of STEP_4) {
    if (!word.endsWith(suffix)) continue
    const at = word.length - suffix.length
    if (at < r2) return word
    return suffix === 'ion' && !'st'.includes(word[at - 1] ?? ' ') ? word : word.slice(0, at)
  }
  return word
}

/** Step 5. */
function stripFinal(word: string, r1: number, r2: number): string {
  const at = word.length - 1
  if (word.endsWith('e')) {
    return at >= r2 || (at >= r1 && !endsInShortSyllable(word.slice(0, at))) ? word.slice(0, at) : word
  }
  return word.endsWith('ll') && at >= r2 ? word.slice(0, at) : word
}
