import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { stemEnglish } from '../../../src/text/english-stemmer.ts'

/** What the Snowball project's own stemmers (release 3.1.1) make of these words. */
const SNOWBALL = JSON.parse(readFileSync('test/fixtures/stems/snowball-3.json', 'utf8')) as Record<
  string,
  Record<string, string>
>

describe('the English stemmer', () => {
  it('agrees with Snowball on every word of the list', () => {
    const expected = SNOWBALL['en'] ?? {}
    const stems = Object.fromEntries(Object.keys(expected).map((word) => [word, stemEnglish(word)]))
    expect(Object.keys(expected).length).toBeGreaterThan(500)
    expect(stems).toEqual(expected)
  })

  it('leaves words of one or two letters alone', () => {
    expect(['a', 'is', 'y', ''].map(stemEnglish)).toEqual(['a', 'is', 'y', ''])
  })
})
