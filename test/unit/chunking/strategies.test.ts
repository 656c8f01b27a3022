import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { chunk, type ChunkDocument, type ChunkingSettings } from '../../../src/chunking/chunk.ts'
import type { OutlineBlock } from '../../../src/chunking/document-text.ts'
import type { Strategy } from '../../../src/chunking/strategies.ts'
import { MAX_PREFIX_TOKENS } from '../../../src/core/limits.ts'
import { sentences } from '../../../src/text/sentences.ts'

const RUNS = { seed: 20_261_122, numRuns: 300 }
const countTokens = (text: string): number => text.match(/[\p{L}\p{N}]+|[^\s\p{L}\p{N}]/gu)?.length ?? 0
const options = { countTokens, maxTokens: 256 }

function cut(document: ChunkDocument, settings: Partial<ChunkingSettings> & { readonly strategy: Strategy }) {
  return chunk(document, { size: 20, overlap: 0, ...settings }, options).map(({ start, end, prefix, location }) => ({
    text: document.text.slice(start, end),
    prefix,
    location,
  }))
}

const texts = (
  document: ChunkDocument,
  settings: Partial<ChunkingSettings> & { readonly strategy: Strategy },
): string[] => cut(document, settings).map(({ text }) => text)

/** Joins blocks by blank lines and says where each lies. */
function extracted(parts: readonly (Omit<OutlineBlock, 'start' | 'end'> & { readonly text: string })[]): ChunkDocument {
  let text = ''
  const outline = parts.map(({ text: own, ...block }): OutlineBlock => {
    if (text !== '') text += '\n\n'
    const start = text.length
    text += own
    return { start, end: text.length, ...block }
  })
  return { text, outline, format: 'extracted' }
}

const SENTENCES = [
  'One two three.',
  'Four five six seven!',
  'Eight?',
  'Nine ten eleven twelve thirteen fourteen.',
  '東京は首都です。',
]
const prose = fc.array(fc.constantFrom(...SENTENCES), { minLength: 1, maxLength: 6 }).map((parts) => parts.join(' '))
const block = fc.record(
  {
    text: prose,
    kind: fc.constantFrom('paragraph', 'heading', 'row', 'table', 'list', 'code'),
    level: fc.integer({ min: 1, max: 3 }),
    page: fc.integer({ min: 1, max: 4 }),
    row: fc.integer({ min: 1, max: 9 }),
  },
  { requiredKeys: ['text', 'kind'] },
) as fc.Arbitrary<Omit<OutlineBlock, 'start' | 'end'> & { text: string }>
const blocks = fc.array(block, { maxLength: 10 })
const MARKDOWN = [
  '# Head',
  'One two. Three four five.',
  '- item',
  '| a | b |',
  '|---|---|',
  '| 1 | 2 |',
  '```js',
  '```',
  'f() {',
  '}',
  '\f',
  '',
  '',
  'a\tb',
]
const markdown = fc.array(fc.constantFrom(...MARKDOWN), { maxLength: 40 }).map((lines) => lines.join('\n'))
const documents: fc.Arbitrary<ChunkDocument> = fc.oneof(
  blocks.map(extracted),
  fc.record({
    text: markdown,
    format: fc.constantFrom('text', 'markdown', 'code'),
    id: fc.constantFrom('a.js', 'b.py', 'c'),
  }),
)
const settings = fc.record({
  strategy: fc.constantFrom<Strategy>('recursive', 'sentence', 'page', 'row'),
  size: fc.integer({ min: 4, max: 40 }),
  overlap: fc.integer({ min: 0, max: 3 }),
})

describe('chunks of any strategy', () => {
  it('are trimmed slices in order that together cover all but white space, and none is too long', () => {
    fc.assert(
      fc.property(documents, settings, (document, how) => {
        let at = 0
        let before = -1
        for (const { start, end, tokens, prefix } of chunk(document, how, options)) {
          const text = document.text.slice(start, end)
          expect(text).toBe(text.trim())
          expect(text).not.toBe('')
          expect(start).toBeGreaterThan(before)
          if (start > at) expect(document.text.slice(at, start).trim()).toBe('')
          expect(tokens).toBe(countTokens(text))
          expect(tokens).toBeLessThanOrEqual(how.size)
          expect(countTokens(prefix)).toBeLessThanOrEqual(MAX_PREFIX_TOKENS)
          before = start
          at = Math.max(at, end)
        }
        expect(document.text.slice(at).trim()).toBe('')
      }),
      { ...RUNS, numRuns: 1_000 },
    )
  })
})

describe('the strategy sentence', () => {
  it('never parts a sentence that fits', () => {
    const how = fc.record({
      strategy: fc.constant<Strategy>('sentence'),
      size: fc.integer({ min: 8, max: 40 }),
      overlap: fc.nat(7),
    })
    fc.assert(
      fc.property(fc.array(prose, { minLength: 1, maxLength: 4 }), how, (paragraphs, settings) => {
        const text = `# Head\n\n${paragraphs.join('\n\n')}`
        const chunks = chunk({ text, format: 'markdown' }, settings, options)
        for (const { start, end } of sentences(text)) {
          if (countTokens(text.slice(start, end)) > settings.size) continue
          expect(chunks.some((piece) => piece.start <= start && piece.end >= end)).toBe(true)
        }
      }),
      RUNS,
    )
  })

  it('fills chunks across paragraphs and repeats whole sentences', () => {
    const text = 'One two. Three four.\n\nFive six. Seven eight.\n\nNine ten.'
    expect(texts({ text, format: 'text' }, { strategy: 'sentence', size: 9, overlap: 3 })).toEqual([
      'One two. Three four.\n\nFive six.',
      'Five six. Seven eight.\n\nNine ten.',
    ])
  })

  it('takes items and rows for sentences, and never crosses a heading', () => {
    const text = '- one\n- two\n\n# Head\n\n| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |'
    expect(texts({ text, format: 'markdown' }, { strategy: 'sentence', size: 24 })).toEqual([
      '- one\n- two',
      '# Head\n\n| a | b |\n|---|---|\n| 1 | 2 |',
      '| 3 | 4 |',
    ])
  })
})

describe('the strategy page', () => {
  const document = extracted([
    { text: 'Fares', kind: 'heading', level: 1, page: 1 },
    { text: 'Three euro.', kind: 'paragraph', page: 1 },
    { text: 'Dogs', kind: 'heading', level: 2, page: 1 },
    { text: 'Upper deck.', kind: 'paragraph', page: 1 },
    { text: 'One two three. Four five six.', kind: 'paragraph', page: 2 },
    { text: 'Bus', kind: 'heading', level: 1, page: 3 },
  ])

  it('makes one chunk a page, headings or not, with the path that the page begins under', () => {
    expect(cut({ ...document, title: 'Guide' }, { strategy: 'page' })).toEqual([
      { text: 'Fares\n\nThree euro.\n\nDogs\n\nUpper deck.', prefix: 'Guide', location: { page: 1 } },
      { text: 'One two three. Four five six.', prefix: 'Guide > Fares > Dogs', location: { page: 2 } },
      { text: 'Bus', prefix: 'Guide', location: { page: 3 } },
    ])
  })

  it('cuts a page that does not fit like any text', () => {
    expect(texts(document, { strategy: 'page', size: 5 })).toEqual([
      'Fares\n\nThree euro.',
      'Dogs\n\nUpper deck.',
      'One two three.',
      'Four five six.',
      'Bus',
    ])
  })

  it('never crosses a page', () => {
    const how = fc.record({
      strategy: fc.constant<Strategy>('page'),
      size: fc.integer({ min: 4, max: 60 }),
      overlap: fc.nat(3),
    })
    const paged = blocks.map((parts) => parts.map((part, index) => ({ ...part, page: 1 + (index >> 1) })))
    fc.assert(
      fc.property(paged, how, (parts, settings) => {
        const sample = extracted(parts)
        for (const { start, end, location } of chunk(sample, settings, options)) {
          const pages = (sample.outline ?? [])
            .filter((one) => one.start < end && one.end > start)
            .map(({ page }) => page)
          expect(new Set(pages).size).toBe(1)
          expect(location?.page).toBe(pages[0])
        }
      }),
      RUNS,
    )
  })

  it('goes by form feeds where nothing else tells of pages, and says their numbers', () => {
    const text = 'First page.\n\fSecond page\nhas two lines.\f\f\n\nFourth.'
    expect(cut({ text, format: 'text' }, { strategy: 'page' })).toEqual([
      { text: 'First page.', prefix: '', location: { page: 1 } },
      { text: 'Second page\nhas two lines.', prefix: '', location: { page: 2 } },
      { text: 'Fourth.', prefix: '', location: { page: 4 } },
    ])
  })

  it('is the default without either', () => {
    const text = '# A\n\nOne two.\n\n# B\n\nThree.'
    expect(cut({ text, format: 'markdown' }, { strategy: 'page' })).toEqual(
      cut({ text, format: 'markdown' }, { strategy: 'recursive' }),
    )
  })
})

describe('the strategy row', () => {
  it('makes one chunk a record', () => {
    const document = extracted([
      { text: 'Fares', kind: 'heading', level: 1, sheet: 'Fares' },
      { text: 'Name: adult\nPrice: 3', kind: 'row', sheet: 'Fares', row: 2 },
      { text: 'Name: child\nPrice: 1', kind: 'row', sheet: 'Fares', row: 3 },
      { text: 'A note. Another.', kind: 'paragraph', sheet: 'Notes' },
    ])
    expect(cut(document, { strategy: 'row', overlap: 5 })).toEqual([
      { text: 'Fares\n\nName: adult\nPrice: 3', prefix: '', location: { sheet: 'Fares', row: 2 } },
      { text: 'Name: child\nPrice: 1', prefix: 'Fares', location: { sheet: 'Fares', row: 3 } },
      { text: 'A note. Another.', prefix: 'Fares', location: { sheet: 'Notes' } },
    ])
  })

  it('repeats the header of a table before each row', () => {
    const rows = ['| adult | 3 |', '| child | 1 |', '| dog | 0 |']
    const text = `# Fares\n\nAll in euro.\n\n| Who | Price |\n|---|---|\n${rows.join('\n')}\n\nNo change.`
    expect(cut({ text, format: 'markdown', title: 'Ferry' }, { strategy: 'row' })).toMatchObject([
      { text: '# Fares\n\nAll in euro.', prefix: 'Ferry' },
      { text: `| Who | Price |\n|---|---|\n${rows[0]}`, prefix: 'Ferry > Fares' },
      { text: rows[1], prefix: 'Ferry > Fares > Who | Price' },
      { text: rows[2], prefix: 'Ferry > Fares > Who | Price' },
      { text: 'No change.', prefix: 'Ferry > Fares' },
    ])
    const plain = 'Who\tPrice\nadult\t3\nchild\t1'
    expect(cut({ text: plain, format: 'text' }, { strategy: 'row' })).toMatchObject([
      { text: 'Who\tPrice\nadult\t3', prefix: '' },
      { text: 'child\t1', prefix: 'Who | Price' },
    ])
  })

  it('never crosses a row, and parts none that fits', () => {
    const how = fc.record({
      strategy: fc.constant<Strategy>('row'),
      size: fc.integer({ min: 4, max: 60 }),
      overlap: fc.nat(3),
    })
    fc.assert(
      fc.property(blocks, how, (parts, settings) => {
        const sample = extracted(parts)
        const chunks = chunk(sample, settings, options)
        const rows = (sample.outline ?? []).filter(({ kind }) => kind === 'row')
        for (const { start, end } of chunks) {
          const met = rows.filter((row) => row.start < end && row.end > start)
          expect(met.length).toBeLessThanOrEqual(1)
          // Headings alone may stand with a row.
          const others = (sample.outline ?? []).filter(
            (one) => one.start < end && one.end > start && one.kind !== 'row',
          )
          if (met.length === 1) for (const { kind } of others) expect(kind).toBe('heading')
        }
        for (const { start, end } of rows) {
          if (countTokens(sample.text.slice(start, end)) > settings.size || end - start > 16 * settings.size) continue
          expect(chunks.some((piece) => piece.start <= start && piece.end >= end)).toBe(true)
        }
      }),
      RUNS,
    )
  })
})

describe("the caller's own chunks", () => {
  it('are taken as they are, overlapping or not, and told where the model cuts them', () => {
    const text = 'One two three. Four five six. Seven.'
    const outline: OutlineBlock[] = [
      { start: 0, end: 14, kind: 'chunk', headings: ['Numbers', 'Small'] },
      { start: 8, end: 29, kind: 'chunk' },
    ]
    for (const strategy of ['recursive', 'none', 'page'] as const) {
      const chunks = chunk(
        { text, format: 'text', outline, title: 'T' },
        { strategy, size: 4, overlap: 0 },
        { countTokens, maxTokens: 10 },
      )
      expect(chunks).toEqual([
        { start: 0, end: 14, headings: ['Numbers', 'Small'], prefix: 'T > Small', tokens: 4, truncated: false },
        { start: 8, end: 29, headings: [], prefix: 'T', tokens: 6, truncated: false },
      ])
    }
    const [long] = chunk(
      { text, format: 'text', outline },
      { strategy: 'none', size: 4, overlap: 0 },
      { countTokens, maxTokens: 5 },
    )
    expect(long?.truncated).toBe(true)
  })
})
