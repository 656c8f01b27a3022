import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { asProblem } from '../../../src/core/problem.ts'
import { outlineOfChunks, type ChunkInput } from '../../../src/ingest/caller-chunks.ts'
import { parsePutRequest } from '../../../src/ingest/validate-document.ts'
import { normaliseNewlines } from '../../../src/parsing/normalise.ts'

const TEXT = 'One 😀 two. Three.'

function pointersOf(document: Record<string, unknown>): string[] {
  try {
    parsePutRequest({ documents: [{ id: 'x', ...document }] })
  } catch (error) {
    return asProblem(error)?.errors?.map(({ pointer }) => pointer.replace('/documents/0', '')) ?? []
  }
  return []
}

describe("a document with the caller's own chunks", () => {
  it.each([
    [
      {
        text: TEXT,
        chunks: [
          { start: 0, end: 11 },
          { start: 4, end: 18, headings: ['Numbers'] },
        ],
      },
    ],
    [{ markdown: TEXT, chunks: [{ start: 0, end: 18 }] }],
    [{ chunks: [{ text: 'One.' }, { text: 'Two.', headings: [] }] }],
  ])('is taken: %j', (document) => {
    expect(pointersOf(document)).toEqual([])
    expect(parsePutRequest({ documents: [{ id: 'x', ...document }] }).documents[0]).toEqual({ id: 'x', ...document })
  })

  it.each([
    [{ text: TEXT, chunks: [] }, '/chunks'],
    [{ text: TEXT, chunks: {} }, '/chunks'],
    [{ text: TEXT, chunks: Array.from({ length: 20_001 }, () => ({ start: 0, end: 1 })) }, '/chunks'],
    [{ text: TEXT, chunks: ['One'] }, '/chunks/0'],
    [{ text: TEXT, chunks: [{ start: 0, end: 3, tokens: 1 }] }, '/chunks/0/tokens'],
    [{ text: TEXT, chunks: [{ start: 0.5, end: 3 }] }, '/chunks/0/start'],
    [{ text: TEXT, chunks: [{ end: 3 }] }, '/chunks/0/start'],
    [{ text: TEXT, chunks: [{ start: 3 }] }, '/chunks/0/end'],
    [{ text: TEXT, chunks: [{ start: -1, end: 3 }] }, '/chunks/0/start'],
    [{ text: TEXT, chunks: [{ start: 3, end: 3 }] }, '/chunks/0/end'],
    [{ text: TEXT, chunks: [{ start: 0, end: 19 }] }, '/chunks/0/end'],
    [{ text: TEXT, chunks: [{ start: 5, end: 11 }] }, '/chunks/0/start'],
    [{ text: TEXT, chunks: [{ start: 0, end: 5 }] }, '/chunks/0/end'],
    [{ text: TEXT, chunks: [{ start: 3, end: 4 }] }, '/chunks/0'],
    [
      {
        text: TEXT,
        chunks: [
          { start: 4, end: 9 },
          { start: 3, end: 18 },
        ],
      },
      '/chunks/1/start',
    ],
    [{ text: TEXT, chunks: [{ text: 'One' }] }, '/chunks/0/text'],
    [{ chunks: [{ start: 0, end: 3 }] }, '/chunks/0/start'],
    [{ chunks: [{ text: ' \n' }] }, '/chunks/0/text'],
    [{ chunks: [{ text: 'a\u0000' }] }, '/chunks/0/text'],
    [{ chunks: [{ text: 'x'.repeat(5_000_001) }] }, '/chunks'],
    [{ chunks: [{ text: 'a', headings: 'Numbers' }] }, '/chunks/0/headings'],
    [{ chunks: [{ text: 'a', headings: Array.from({ length: 11 }, () => 'x') }] }, '/chunks/0/headings'],
    [{ chunks: [{ text: 'a', headings: [' '] }] }, '/chunks/0/headings/0'],
    [{ chunks: [{ text: 'a', headings: ['x'.repeat(201)] }] }, '/chunks/0/headings/0'],
    [{ chunks: [{ text: 'a', headings: [7] }] }, '/chunks/0/headings/0'],
    [{ html: '<p>One</p>', chunks: [{ start: 0, end: 1 }] }, '/chunks'],
    [{ text: TEXT, vector: [1], chunks: [{ start: 0, end: 1 }] }, '/chunks'],
  ])('is refused where it says what cannot be: %#', (document, pointer) => {
    expect(pointersOf(document)).toContain(pointer)
  })

  it('is refused where overlapping chunks are too much together', () => {
    const text = 'word '.repeat(1_000)
    const chunks = Array.from({ length: 2_001 }, () => ({ start: 0, end: 5_000 }))
    expect(pointersOf({ text, chunks })).toEqual(['/chunks'])
    expect(pointersOf({ text, chunks: chunks.slice(1) })).toEqual([])
  })

  it('knows where its chunks lie once line ends are LF', () => {
    const text = fc
      .array(fc.constantFrom('a', 'b ', '\r\n', '\r', '\n', '\r\r\n', '😀'), { minLength: 1, maxLength: 30 })
      .map((parts) => parts.join(''))
    fc.assert(
      fc.property(text, fc.nat(40), fc.nat(40), (sent, a, b) => {
        const start = Math.min(a, b, sent.length)
        const end = Math.min(Math.max(a, b), sent.length)
        const { text: stored, outline } = outlineOfChunks([{ start, end }], sent)
        expect(stored).toBe(normaliseNewlines(sent))
        const [block] = outline
        // Within a CRLF there is no place any more; both ends of such a slice lie behind the line's end.
        const isWhole = ![start, end].some((at) => sent.slice(at - 1, at + 1) === '\r\n')
        if (isWhole) expect(stored.slice(block?.start, block?.end)).toBe(normaliseNewlines(sent.slice(start, end)))
        expect(block?.start).toBeLessThanOrEqual(block?.end ?? 0)
      }),
      { seed: 20_261_122, numRuns: 500 },
    )
  })

  it('is its texts, with a blank line between', () => {
    const chunks: ChunkInput[] = [{ text: 'One.\r\n' }, { text: 'Two.', headings: ['Numbers'] }]
    expect(outlineOfChunks(chunks, undefined)).toEqual({
      text: 'One.\n\n\nTwo.',
      outline: [
        { start: 0, end: 5, kind: 'chunk' },
        { start: 7, end: 11, kind: 'chunk', headings: ['Numbers'] },
      ],
    })
  })
})
