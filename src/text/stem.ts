/**
 * From words to terms. A language with a Snowball stemmer has a term space of its own (`de:haus`); in all others the term
 * is the word without its marks. The same word of a query is looked up once in each space that an index holds.
 */
import { stemmer as arabic } from '@orama/stemmers/arabic'
import { stemmer as armenian } from '@orama/stemmers/armenian'
import { stemmer as danish } from '@orama/stemmers/danish'
import { stemmer as dutch } from '@orama/stemmers/dutch'
import { stemmer as finnish } from '@orama/stemmers/finnish'
import { stemmer as french } from '@orama/stemmers/french'
import { stemmer as german } from '@orama/stemmers/german'
import { stemmer as greek } from '@orama/stemmers/greek'
import { stemmer as hungarian } from '@orama/stemmers/hungarian'
import { stemmer as hindi } from '@orama/stemmers/indian'
import { stemmer as indonesian } from '@orama/stemmers/indonesian'
import { stemmer as irish } from '@orama/stemmers/irish'
import { stemmer as italian } from '@orama/stemmers/italian'
import { stemmer as lithuanian } from '@orama/stemmers/lithuanian'
import { stemmer as nepali } from '@orama/stemmers/nepali'
import { stemmer as norwegian } from '@orama/stemmers/norwegian'
import { stemmer as portuguese } from '@orama/stemmers/portuguese'
import { stemmer as romanian } from '@orama/stemmers/romanian'
import { stemmer as russian } from '@orama/stemmers/russian'
import { stemmer as serbian } from '@orama/stemmers/serbian'
import { stemmer as spanish } from '@orama/stemmers/spanish'
import { stemmer as swedish } from '@orama/stemmers/swedish'
import { stemmer as tamil } from '@orama/stemmers/tamil'
import { stemmer as turkish } from '@orama/stemmers/turkish'
import { stemEnglish } from './english-stemmer.ts'
import { foldMarks } from './fold.ts'

type Stemmer = (word: string) => string

/** By BCP 47 primary subtag. The package's Bulgarian and Ukrainian stemmers are not Snowball's and are left out. */
const STEMMERS: Readonly<Record<string, Stemmer>> = {
  ar: arabic,
  da: danish,
  de: german,
  el: greek,
  // Marks in English words are foreign and left out as often as not, so they go before stemming.
  en: (word) => stemEnglish(foldMarks(word)),
  // Endings whose accent was not typed.
  es: (word) => spanish(word.replace(/([cs])ion$/, '$1ión')),
  fi: finnish,
  fr: french,
  ga: irish,
  hi: hindi,
  hu: hungarian,
  hy: armenian,
  id: indonesian,
  it: italian,
  lt: lithuanian,
  nb: norwegian,
  ne: nepali,
  nl: dutch,
  nn: norwegian,
  no: norwegian,
  pt: portuguese,
  // The stemmer knows the older letters with a cedilla.
  ro: (word) => romanian(word.replaceAll('ș', 'ş').replaceAll('ț', 'ţ')),
  ru: (word) => russian(word.replaceAll('ё', 'е')),
  sr: serbian,
  sv: swedish,
  ta: tamil,
  tr: turkish,
}

/** Terms remembered for each language; beyond it the older half is forgotten. */
const MEMO_SIZE = 20_000

/** A bounded memory of two halves: what is used moves to the young half; a full young half becomes the old one. */
class TermMemo {
  #young = new Map<string, string>()
  #old = new Map<string, string>()

  get(word: string): string | undefined {
    const young = this.#young.get(word)
    if (young !== undefined) return young
    const old = this.#old.get(word)
    if (old !== undefined) this.set(word, old)
    return old
  }

  set(word: string, term: string): void {
    if (this.#young.size >= MEMO_SIZE / 2) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(word, term)
  }
}

const memos = new Map<string, TermMemo>()

/** Tells whether the language (a BCP 47 primary subtag) has a term space of its own. */
export function hasStemmer(language: string): boolean {
  return Object.hasOwn(STEMMERS, language)
}

/** Finds the term of a word (from `words` or `queryWords`) in a language; without a stemmer the word without marks. */
export function term(word: string, language: string): string {
  const space = hasStemmer(language) ? language : 'und'
  let memo = memos.get(space)
  if (memo === undefined) {
    memo = new TermMemo()
    memos.set(space, memo)
  }
  const known = memo.get(word)
  if (known !== undefined) return known
  const stem = STEMMERS[space]
  const found = stem === undefined ? foldMarks(word) : `${space}:${foldMarks(stem(word))}`
  memo.set(word, found)
  return found
}
