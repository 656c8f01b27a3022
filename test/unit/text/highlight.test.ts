import { describe, expect, it } from 'vitest'
import { highlights } from '../../../src/text/highlight.ts'
import { queryWords } from '../../../src/text/words.ts'

const marked = (text: string, query: string, language: string): string[] =>
  highlights(text, queryWords(query), language).map(({ start, end }) => text.slice(start, end))

describe('highlights', () => {
  it('mark other forms and other spellings of the query words', () => {
    expect(marked('Herons nested near the CAFÉ; the nest was old.', 'heron nests cafe', 'en')).toEqual([
      'Herons',
      'nested',
      'CAFÉ',
      'nest',
    ])
  })

  it('do not stem where the language is not known', () => {
    expect(marked('Herons and a heron', 'heron', 'und')).toEqual(['heron'])
  })

  it('merge overlapping pairs of characters', () => {
    expect(marked('日本の東京都です', '東京都', 'ja')).toEqual(['東京都'])
  })

  it('are none for an empty query', () => {
    expect(highlights('heron', [], 'en')).toEqual([])
  })
})
