import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { chunk } from '../../../src/chunking/chunk.ts'
import type { Location, OutlineBlock } from '../../../src/chunking/document-text.ts'
import { LocationReader, locationOf } from '../../../src/chunking/location.ts'

const countTokens = (text: string): number => text.match(/[\p{L}\p{N}]+/gu)?.length ?? 0

/** Looks at every block. */
function slowly(outline: readonly OutlineBlock[], start: number, end: number): Location | undefined {
  const met = outline.filter((block) => block.start < end && block.end > start)
  const first = <Field extends keyof Location>(field: Field): OutlineBlock[Field] | undefined =>
    met.find((block) => block[field] !== undefined)?.[field]
  return locationOf({
    page: first('page'),
    sheet: first('sheet'),
    row: first('row'),
    startTime: first('startTime'),
    endTime: met.findLast((block) => block.endTime !== undefined)?.endTime,
  })
}

const block = fc.record(
  {
    length: fc.integer({ min: 1, max: 9 }),
    gap: fc.nat(2),
    page: fc.integer({ min: 1, max: 9 }),
    sheet: fc.constantFrom('Fares', 'Dogs'),
    row: fc.integer({ min: 1, max: 99 }),
    startTime: fc.nat(9),
    endTime: fc.nat(9),
  },
  { requiredKeys: ['length', 'gap'] },
)
const outlines = fc.array(block, { maxLength: 12 }).map((blocks) => {
  let at = 0
  return blocks.map(({ length, gap, ...location }): OutlineBlock => {
    const start = at + gap
    at = start + length
    return { start, end: at, kind: 'paragraph', ...location }
  })
})

describe('the location of a chunk', () => {
  it('is that of the blocks it overlaps: the first that says something, and the end of the last', () => {
    fc.assert(
      fc.property(outlines, fc.nat(60), fc.integer({ min: 1, max: 60 }), (outline, start, length) => {
        expect(new LocationReader(outline).of(start, start + length)).toEqual(slowly(outline, start, start + length))
      }),
      { seed: 20_261_122, numRuns: 500 },
    )
  })

  it('stands in every chunk of a text with pages, and is absent elsewhere', () => {
    const text = 'One two three.\n\nFour five six.\n\nSeven eight.'
    const outline: OutlineBlock[] = [
      { start: 0, end: 14, kind: 'paragraph', page: 1 },
      { start: 16, end: 30, kind: 'paragraph', page: 1 },
      { start: 32, end: 44, kind: 'paragraph', page: 2 },
    ]
    const settings = { strategy: 'recursive', size: 6, overlap: 0 } as const
    const options = { countTokens, maxTokens: 256 }
    const cut = chunk({ text, format: 'extracted', outline }, settings, options)
    expect(cut.map(({ location }) => location)).toEqual([{ page: 1 }, { page: 2 }])
    for (const piece of chunk({ text, format: 'text' }, settings, options)) expect(piece).not.toHaveProperty('location')
  })

  it('follows the outline of extracted text like that of html', () => {
    const text = 'Fares\nThree euro.'
    const outline: OutlineBlock[] = [
      { start: 0, end: 5, kind: 'heading', level: 1, page: 4 },
      { start: 6, end: 17, kind: 'paragraph', page: 4 },
    ]
    const options = { countTokens, maxTokens: 256 }
    const settings = { strategy: 'recursive', size: 50, overlap: 0 } as const
    expect(chunk({ text, format: 'extracted', outline }, settings, options)).toMatchObject([
      { headings: ['Fares'], location: { page: 4 } },
    ])
  })
})
