import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { foldMarks } from '../../../src/text/fold.ts'
import { hasStemmer, term } from '../../../src/text/stem.ts'
import { words } from '../../../src/text/words.ts'

const SNOWBALL = JSON.parse(readFileSync('test/fixtures/stems/snowball-3.json', 'utf8')) as Record<
  string,
  Record<string, string>
>

describe('term', () => {
  it.each(Object.keys(SNOWBALL))('puts the Snowball stem, without marks, into the term space of %s', (language) => {
    const stems = SNOWBALL[language] ?? {}
    const terms = Object.fromEntries(Object.keys(stems).map((word) => [word, term(word, language)]))
    const expected = Object.entries(stems).map(([word, stem]) => [word, `${language}:${foldMarks(stem)}`])
    expect(terms).toEqual(Object.fromEntries(expected))
  })

  it('is the word without marks where no stemmer knows the language', () => {
    expect(term('café', 'und')).toBe('cafe')
    expect(term('žlutý', 'cs')).toBe('zluty')
    expect(term('constructor', 'und')).toBe('constructor')
    expect(hasStemmer('constructor')).toBe(false)
  })

  it('finds the same term for spellings with and without the right keyboard', () => {
    const same = (a: string, b: string, language: string): void => expect(term(a, language)).toBe(term(b, language))
    same('café', 'cafe', 'en')
    same('canción', 'cancion', 'es')
    same('organización', 'organizacion', 'es')
    same('élève', 'eleve', 'fr')
    same('straße', 'strasse', 'de')
    same('Øre'.toLowerCase(), 'ore', 'da')
    same('ёлка', 'елка', 'ru')
    same('ρόδος', 'ροδος', 'el')
    same('româneşti', 'românești', 'ro')
  })

  it('keeps letters apart that only look like marked ones', () => {
    expect(term('мой', 'uk')).not.toBe(term('мои', 'uk'))
    expect(term('їжа', 'uk')).not.toBe(term('іжа', 'uk'))
    expect(term('कि', 'mr')).not.toBe(term('क', 'mr'))
  })

  it('takes inflected forms together', () => {
    const terms = (text: string, language: string): Set<string> =>
      new Set(words(text).map((w) => term(w.text, language)))
    expect(terms('climbs climbed climbing', 'en').size).toBe(1)
    expect(terms('Häuser Hauses Haus', 'de').size).toBe(1)
    expect(terms('книга книги книгу', 'ru').size).toBe(1)
  })

  it('answers the same after its memory was overrun', () => {
    const before = term('climbing', 'en')
    for (let i = 0; i < 50_000; i++) term(`w${i}`, 'en')
    expect(term('climbing', 'en')).toBe(before)
  })
})
