import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { reflow } from '../../../src/console/reflow.ts'

const LONG = 'a line that an editor wrapped at its usual width, as people let it'

describe('reflow', () => {
  it('joins what an editor wrapped and keeps what an author ended', () => {
    expect(reflow(`${LONG}\ngoes on\n\nshort\nverse`)).toBe(`${LONG} goes on\n\nshort\nverse`)
  })

  it('keeps lists, tables, headings, quotes and code apart', () => {
    for (const line of ['- item', '2. item', '| cell |', '# heading', '> quote', '```']) {
      expect(reflow(`${LONG}\n${line}`)).toBe(`${LONG}\n${line}`)
    }
    const code = `\`\`\`\n${LONG}\n${LONG}\n\`\`\``
    expect(reflow(code)).toBe(code)
    expect(reflow(`# ${LONG}\ntext`)).toBe(`# ${LONG}\ntext`)
  })

  it('never moves an offset', () => {
    const line = fc.constantFrom(LONG, '', '```', '- x', 'short', '| a | b |')
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        const text = lines.join('\n')
        const flowing = reflow(text)
        expect(flowing.length).toBe(text.length)
        for (let i = 0; i < text.length; i++)
          if (flowing[i] !== text[i]) expect([text[i], flowing[i]]).toEqual(['\n', ' '])
      }),
      { seed: 20260701 },
    )
  })
})
