import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decorations, repeatedHeading } from '../../../src/console/markup.ts'

/** What is left to read, with what stands out in braces. */
function shown(text: string): string {
  const found = decorations(text)
  return text
    .split('')
    .map((character, i) => {
      const here = found.filter(({ start, end }) => start <= i && i < end).map(({ kind }) => kind)
      if (here.includes('hidden')) return ''
      return here.length === 0 ? character : `{${here.join('+')[0]}${character}}`
    })
    .join('')
    .replaceAll(/\}\{[a-z]/g, '')
}

describe('decorations', () => {
  it('hide the marks and keep what they mark', () => {
    expect(shown('## Two words')).toBe('{hTwo words}')
    expect(shown('a **bold** word and `co**de`')).toBe('a {sbold} word and {cco**de}')
    expect(shown('see [the page](docs/x.md) now')).toBe('see the page now')
    expect(shown('**see [x](y)** z')).toBe('{ssee x} z')
  })

  it('hide bold marks whose partner lies in another passage', () => {
    expect(shown('**202 means durable.')).toBe('202 means durable.')
    expect(shown('durable.** Then')).toBe('durable. Then')
    expect(shown('2 ** 3')).toBe('2 ** 3')
  })

  it('show code blocks as they are', () => {
    expect(shown('```js\na **b** `c`\n```\nx')).toBe('{ca **b** `c`}\nx')
  })

  it('hide the rule of a table and nothing else of it', () => {
    expect(shown('| a | b |\n| --- | --- |\n| 1 | 2 |')).toBe('| a | b |\n| 1 | 2 |')
  })

  it('hide a heading that is shown above the passage, unless the passage is nothing else', () => {
    const hidden = (text: string, heading?: string): string =>
      text.slice(repeatedHeading(text, heading).at(0)?.end ?? 0)
    expect(hidden('## After `kill -9`\n\nText.', 'After kill -9')).toBe('Text.')
    expect(hidden('## Two ##\n\n- item', 'Two')).toBe('- item')
    expect(hidden('## Two\n\nText.', 'One')).toBe('## Two\n\nText.')
    expect(hidden('## Two\n', 'Two')).toBe('## Two\n')
    expect(hidden('Two\n\nText.', 'Two')).toBe('Two\n\nText.')
    expect(hidden('## Two\n\nText.')).toBe('## Two\n\nText.')
  })

  it('stay inside the text and in order', () => {
    const piece = fc.constantFrom('`', '**', '[a](b)', '# ', '\n', 'word ', '```\n', '|', '--', '[', '](')
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const text = pieces.join('')
        for (const { start, end } of decorations(text)) {
          expect(start).toBeGreaterThanOrEqual(0)
          expect(start).toBeLessThanOrEqual(end)
          expect(end).toBeLessThanOrEqual(text.length)
        }
      }),
      { seed: 20260701 },
    )
  })
})
