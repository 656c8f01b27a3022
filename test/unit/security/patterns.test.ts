/** No text, however hostile, makes a pattern take for ever: by the shape of all patterns, and by what authors may write. */
import { globSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { withoutUrls } from '../../../src/answer/extractive/without-urls.ts'
import { ExtractiveGenerator } from '../../../src/answer/extractive-generator.ts'
import { decorations, repeatedHeading } from '../../../src/console/markup.ts'
import { nestsRepetitions, patternsOf } from '../../support/patterns.ts'

/** Repetitions in repetitions that are accepted, with what keeps each from taking for ever. */
const NESTED: Readonly<Record<string, string>> = {
  [String.raw`^ {0,3}(?:(?:-[ \t]*){3,}|(?:\*[ \t]*){3,}|(?:_[ \t]*){3,})$`]:
    'each round begins with a mark that the inner repetition cannot take; lines have at most 1,000 characters',
  [String.raw`^ {0,3}\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$`]:
    'each round begins with a bar that the inner repetitions cannot take; lines have at most 1,000 characters',
  [String.raw`^\s*\|?(\s*:?-{2,}:?\s*\|)+\s*(:?-{2,}:?)?\s*$`]:
    'each round ends with a bar that the inner repetitions cannot take; lines have at most 2,000 characters, in a browser',
  [String.raw`^(?:<\?xml[^>]{0,500}\?>|<!--[\s\S]{0,20000}?-->|<\?[^>]{0,500}\?>|\s+)+`]:
    'nothing stands behind it, so that no round is ever taken back; it reads the first 64 KiB of a file',
  [String.raw`^[ ]*(?:[-?:][ \t]+)*`]:
    'nothing stands behind it, so that no round is ever taken back; each begins with a mark that the inner repetition cannot take',
  [String.raw`^[a-z]{2,3}(?:-[a-z0-9]{2,8})*$`]:
    'each round begins with a hyphen that the inner repetition cannot take',
  [String.raw`^@(?:cf|hf)(?:\/\w[\w.:-]*){2,}$`]:
    'each round begins with a slash that the inner repetition cannot take; names of models have at most 200 characters',
}

/** Long enough that time that grows with the square would end the run. */
const LENGTH = 400_000

describe('the patterns of the source', () => {
  const read = globSync('src/**/*.ts')
    .filter((file) => !file.includes('/assembly/'))
    .map((file) => patternsOf(file, readFileSync(file, 'utf8')))
  const patterns = read.flatMap(({ literals }) => literals)

  it('are found', () => {
    expect(patterns.length).toBeGreaterThan(200)
    // Put together from lists of words and of character classes, never from what a caller sends.
    expect(read.reduce((sum, { dynamic }) => sum + dynamic, 0)).toBe(6)
  })

  it('repeat nothing that repeats itself, but for those with a reason', () => {
    const nested = patterns.filter(({ source }) => nestsRepetitions(source)).map(({ source }) => source)
    expect(nested.toSorted()).toEqual(Object.keys(NESTED).toSorted())
  })

  it.each([
    '(a+)+',
    '(?:a*)*b',
    '(?<x>[a-z]+\\.)*$',
    '((a{2,})b)+',
    '(?:a{1,9})*',
    '(?:(?:a+))+',
    '(?=(a+)+)',
    '([[a]--[b]]+){2,}',
    '(\\p{L}+)*',
  ])('would be found to: %s', (pattern) => {
    expect(nestsRepetitions(pattern)).toBe(true)
  })

  it.each(['a+b*', '(a+)?', '(?:a+){2}', '[(+]+', '\\(a+\\)+', '(?:ab)+', '(?:a{3})+', '(?:[)*]a)*', '(a+)b*'])(
    'would be left alone: %s',
    (pattern) => {
      expect(nestsRepetitions(pattern)).toBe(false)
    },
  )
})

describe('what an author wrote to be slow', () => {
  const run = (unit: string): string => unit.repeat(Math.ceil(LENGTH / unit.length))

  it.each([
    ['an address that ends in dots', `http://a${run('.')}a`],
    ['addresses in a row', run('http://')],
    ['blanks', `a${run(' ')}a`],
    ['brackets', run('[')],
    ['half a link', run('[a](b ')],
    ['half an image', run(`![${'a'.repeat(499)}`)],
  ])('loses its addresses as fast as any text: %s', (_, text) => {
    expect(withoutUrls(text).length).toBeLessThanOrEqual(text.length)
  })

  it.each([
    ['Who is the heron of the weir?', 'A'],
    ['Who is the heron of the weir?', 'Aa. '],
    ['When does the heron of the weir leave?', 'from 1 '],
    ['How long is the heron of the weir?', '1.'],
    ['Where is the heron of the weir?', '. '],
  ])('is judged as fast as any text: %s %s', async (question, unit) => {
    const text = `The heron of the weir is ${run(unit)}`
    const passages = [{ chunkId: 'd#0', documentId: 'd', headings: [], text, score: 1 }]
    const { sentences } = await new ExtractiveGenerator(undefined).answer({ question, language: 'en', passages })
    expect(sentences.length).toBeLessThanOrEqual(3)
  })

  it.each(['[', '[a](', '**a', '`', '|:-', '# #', ' #', '# '])('is shown as fast as any text: %s', (unit) => {
    const text = `# ${run(unit)}x`
    expect([...decorations(text), ...repeatedHeading(text, 'x')].every(({ end }) => end <= text.length)).toBe(true)
  })
})
