/** What must hold of every document, whatever it is made of: chunks are slices, together the text, never too big. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { chunk, type Chunk, type ChunkingSettings } from '../../../src/chunking/chunk.ts'
import type { OutlineBlock, TextFormat } from '../../../src/chunking/document-text.ts'
import { indexedText } from '../../../src/chunking/indexed-text.ts'
import { MAX_PREFIX_TOKENS } from '../../../src/core/limits.ts'

const RUNS = { seed: 20_260_701, numRuns: 400 }
const MAX_TOKENS = 256

/** Like WordPiece: words fall into pieces of four letters, signs stand alone, rubbish of over 100 letters is one token. */
function countTokens(text: string): number {
  let count = 0
  for (const [word] of text.matchAll(/[\p{L}\p{M}\p{N}]+|[^\s\p{L}\p{M}\p{N}]/gu)) {
    count += word.length > 100 ? 1 : Math.ceil(word.length / 4)
  }
  return count
}

const LINES = [
  '# Fares',
  '## Two words',
  '### `code` heading #',
  'Setext',
  '===',
  '---',
  'The ferry carries 214 passengers. It is old!',
  'A sentence that goes on and on without an end because nobody put one in, which happens more often than one would like to think',
  '- item one',
  '  - nested item',
  '1. first',
  '| a | b |',
  '|---|---|',
  '| 1 | 2 |',
  '```js',
  '```',
  'const x = 1',
  '> quoted',
  '    indented code',
  '東京は日本の首都です。大阪は違います。',
  '👩‍👩‍👧‍👦😀e\u0301\u0301',
  'x'.repeat(150),
  '\t',
  '   ',
  '',
  '',
]
const markdown = fc.array(fc.constantFrom(...LINES), { maxLength: 60 }).map((lines) => lines.join('\n'))
const anything = fc.string({ unit: 'grapheme', maxLength: 300 }).map((text) => text.replaceAll('\r', '\n'))
const outline = fc.array(
  fc.record({
    start: fc.nat(400),
    end: fc.nat(400),
    kind: fc.constantFrom('heading', 'paragraph', 'list', 'table', 'code'),
    level: fc.integer({ min: 1, max: 6 }),
  }),
  { maxLength: 12 },
) as fc.Arbitrary<OutlineBlock[]>
const document = fc.record({
  text: fc.oneof(markdown, anything),
  format: fc.constantFrom<TextFormat>('text', 'markdown', 'html'),
  outline,
  title: fc.constantFrom('', 'Fares', 'The Osprey ferry', 'long title '.repeat(60)),
})
const settings = fc
  .tuple(fc.integer({ min: 4, max: 60 }), fc.double({ min: 0, max: 0.9, noNaN: true }))
  .map(([size, share]): ChunkingSettings => ({ strategy: 'recursive', size, overlap: Math.floor(size * share) }))

const options = { countTokens, maxTokens: MAX_TOKENS }

function covers(text: string, chunks: readonly Chunk[]): void {
  let at = 0
  for (const { start, end } of chunks) {
    if (start > at) expect(text.slice(at, start).trim()).toBe('')
    at = Math.max(at, end)
  }
  expect(text.slice(at).trim()).toBe('')
}

describe('chunks of any document', () => {
  it('are trimmed slices that together cover all but white space, in order', () => {
    fc.assert(
      fc.property(document, settings, (sample, how) => {
        const chunks = chunk(sample, how, options)
        covers(sample.text, chunks)
        for (const [i, { start, end }] of chunks.entries()) {
          const text = sample.text.slice(start, end)
          expect(text).toBe(text.trim())
          expect(text).not.toBe('')
          expect(text.isWellFormed()).toBe(true)
          const before = chunks[i - 1]
          if (before !== undefined) {
            expect(start).toBeGreaterThan(before.start)
            expect(end).toBeGreaterThan(before.end)
          }
        }
      }),
      RUNS,
    )
  })

  it('are disjoint without overlap', () => {
    fc.assert(
      fc.property(document, settings, (sample, how) => {
        const chunks = chunk(sample, { ...how, overlap: 0 }, options)
        for (const [i, { start }] of chunks.entries()) expect(start).toBeGreaterThanOrEqual(chunks[i - 1]?.end ?? 0)
      }),
      RUNS,
    )
  })

  it('repeat no more than the overlap', () => {
    fc.assert(
      fc.property(document, settings, (sample, how) => {
        const chunks = chunk(sample, how, options)
        for (const [i, { start }] of chunks.entries()) {
          const end = chunks[i - 1]?.end ?? 0
          if (start < end) expect(countTokens(sample.text.slice(start, end))).toBeLessThanOrEqual(how.overlap)
        }
      }),
      RUNS,
    )
  })

  it('have at most `size` tokens, and with their prefix and special tokens fit the model', () => {
    fc.assert(
      fc.property(document, settings, (sample, how) => {
        for (const { start, end, tokens, prefix, truncated } of chunk(sample, how, options)) {
          const text = sample.text.slice(start, end)
          expect(tokens).toBe(countTokens(text))
          expect(tokens).toBeLessThanOrEqual(how.size)
          expect(countTokens(prefix)).toBeLessThanOrEqual(MAX_PREFIX_TOKENS)
          expect(countTokens(indexedText(prefix, text)) + 2).toBeLessThanOrEqual(MAX_TOKENS)
          expect(truncated).toBe(false)
        }
      }),
      RUNS,
    )
  })

  it('are the same when cut again', () => {
    fc.assert(
      fc.property(document, settings, (sample, how) => {
        expect(chunk(sample, how, options)).toEqual(chunk(sample, how, options))
      }),
      { ...RUNS, numRuns: 50 },
    )
  })

  it('are one without a strategy', () => {
    fc.assert(
      fc.property(document, (sample) => {
        const chunks = chunk(sample, { strategy: 'none', size: 200, overlap: 0 }, { countTokens, maxTokens: 30 })
        expect(chunks.length).toBe(sample.text.trim() === '' ? 0 : 1)
        covers(sample.text, chunks)
        for (const { tokens, prefix, truncated } of chunks) {
          expect(truncated).toBe(tokens + countTokens(prefix) + 2 > 30)
        }
      }),
      RUNS,
    )
  })
})

describe('the work of cutting', () => {
  const MEGABYTE = 1_000_000
  it.each([
    ['one endless word', 'x'.repeat(MEGABYTE), 'text'],
    ['one endless sentence', 'and so on '.repeat(MEGABYTE / 10), 'text'],
    ['nested quotations', '> '.repeat(MEGABYTE / 2), 'markdown'],
    ['nested lists', '- '.repeat(MEGABYTE / 2), 'markdown'],
    ['open brackets', '['.repeat(MEGABYTE), 'markdown'],
    ['headings without text', '# a\n'.repeat(MEGABYTE / 4), 'markdown'],
    ['a list of many items', '- a\n'.repeat(MEGABYTE / 4), 'markdown'],
    ['an unclosed fence', `\`\`\`\n${'let x = 1\n'.repeat(MEGABYTE / 10)}`, 'markdown'],
    ['ideographs without an end', '東'.repeat(MEGABYTE / 3), 'text'],
  ] as const)('counts tokens of short texts, and few times more than there are: %s', (_, text, format) => {
    let characters = 0
    let longest = 0
    const counting = (part: string): number => {
      characters += part.length
      longest = Math.max(longest, part.length)
      return countTokens(part)
    }
    const chunks = chunk(
      { text, format, title: 'T' },
      { strategy: 'recursive', size: 200, overlap: 20 },
      { countTokens: counting, maxTokens: 256 },
    )
    covers(text, chunks)
    expect(longest).toBeLessThanOrEqual(200 * 16 + 16)
    expect(characters).toBeLessThanOrEqual(5 * text.length)
  })
})
