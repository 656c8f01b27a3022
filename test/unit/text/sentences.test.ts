import { describe, expect, it } from 'vitest'
import { sentences } from '../../../src/text/sentences.ts'

const split = (text: string, language?: string): string[] =>
  sentences(text, language).map(({ start, end }) => text.slice(start, end))

describe('sentences', () => {
  it('do not end after abbreviations and initials', () => {
    const text = 'Dr. Smith met J. K. Rowling, e.g. in the U.S. The U.S. Army came. See Fig. 3 there.'
    expect(split(text, 'en')).toEqual([
      'Dr. Smith met J. K. Rowling, e.g. in the U.S.',
      'The U.S. Army came.',
      'See Fig. 3 there.',
    ])
  })

  it('do not end after German ordinals and abbreviations', () => {
    expect(split('Am 3. Oktober kam z.B. Herr Dr. Maier. Er blieb bis 5. Die Sonne schien.', 'de')).toEqual([
      'Am 3. Oktober kam z.B. Herr Dr. Maier.',
      'Er blieb bis 5.',
      'Die Sonne schien.',
    ])
  })

  it('run over wrapped lines but not over blank ones, items, rows and headings', () => {
    const text =
      '# Ferry\nThe Osprey is the ferry between Lorne and the island of Skarra, and it\ncarries 214 passengers. It is old.\n\nFares\n- Adult: 4 euro\n- Child: free\nA\t1\nB\t2'
    expect(split(text, 'en')).toEqual([
      '# Ferry',
      'The Osprey is the ferry between Lorne and the island of Skarra, and it\ncarries 214 passengers.',
      'It is old.',
      'Fares',
      '- Adult: 4 euro',
      '- Child: free',
      'A\t1',
      'B\t2',
    ])
  })

  it('keep what follows a quoted question, and emphasis with what it emphasises', () => {
    expect(split('"Really?" he said. He left.')).toEqual(['"Really?" he said.', 'He left.'])
    expect(split('**Why is it cold?** Warm the cup.')).toEqual(['**Why is it cold?**', 'Warm the cup.'])
  })

  it('do not end inside addresses', () => {
    expect(split('See https://x.example/a?b=c!d for more. Bye.')).toEqual([
      'See https://x.example/a?b=c!d for more.',
      'Bye.',
    ])
  })

  it('end at ideographic full stops', () => {
    expect(split('東京は首都です。大阪は違います。', 'ja')).toEqual(['東京は首都です。', '大阪は違います。'])
  })

  it('stay bounded on endless lines', () => {
    const found = sentences('a. '.repeat(100_000))
    expect(Math.max(...found.map(({ start, end }) => end - start))).toBeLessThanOrEqual(20_000)
  })
})
