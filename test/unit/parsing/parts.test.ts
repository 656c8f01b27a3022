import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { OutlineBlock } from '../../../src/chunking/document-text.ts'
import { utf8Length } from '../../../src/core/bytes.ts'
import { MAX_CHUNKS_PER_DOCUMENT } from '../../../src/core/limits.ts'
import type { ParsedDocument } from '../../../src/parsing/parsed-document.ts'
import { cutIntoParts, endOfPart, PartWriter } from '../../../src/parsing/parts.ts'

const words = fc
  .array(fc.constantFrom('word', ' ', '\n', '\n\n', '# ', '書', '😀', '. ', 'é'), { maxLength: 120 })
  .map((parts) => parts.join(''))

/** Disjoint blocks over a text, with gaps. */
const outlined = fc.tuple(words, fc.array(fc.nat(8), { maxLength: 40 })).map(([text, steps]) => {
  const outline: OutlineBlock[] = []
  let at = 0
  for (const [i, step] of steps.entries()) {
    const end = Math.min(text.length, at + step)
    if (i % 3 !== 2 && end > at)
      outline.push({ start: at, end, kind: i % 2 === 0 ? 'paragraph' : 'heading', page: i + 1 })
    at = end
  }
  return { text, outline }
})

describe('cutting a document into parts', () => {
  it('covers its text exactly, within the bound, and keeps every block where it was', () => {
    fc.assert(
      fc.property(outlined, fc.integer({ min: 8, max: 60 }), ({ text, outline }, maxBytes) => {
        const document: ParsedDocument = {
          key: 'messages/1',
          id: 'm',
          title: 'T',
          pages: 3,
          format: 'extracted',
          text,
          outline,
        }
        const parts = [...cutIntoParts(document, maxBytes)]
        let at = 0
        const pages = new Map<number, string>()
        for (const part of parts) {
          expect(utf8Length(part.text)).toBeLessThanOrEqual(maxBytes)
          expect(part.text.isWellFormed()).toBe(true)
          // Only what nobody can read is left out between two parts.
          const start = text.indexOf(part.text, at)
          expect(text.slice(at, start).trim()).toBe('')
          at = start + part.text.length
          for (const block of part.outline ?? [])
            pages.set(block.page!, (pages.get(block.page!) ?? '') + part.text.slice(block.start, block.end))
        }
        expect(text.slice(at).trim()).toBe('')
        for (const { start, end, page } of outline)
          expect((pages.get(page!) ?? '').replace(/\s/g, '')).toBe(text.slice(start, end).replace(/\s/g, ''))
        if (parts.length < 2) return
        expect(parts.map(({ key }) => key)).toEqual(
          parts.map((_, i) => (i === 0 ? 'messages/1' : `messages/1/part-${i + 1}`)),
        )
        expect(parts.map(({ id }) => id)).toEqual(parts.map((_, i) => (i === 0 ? 'm' : `m/part-${i + 1}`)))
        expect(parts.map(({ pages: count }) => count)).toEqual(parts.map((_, i) => (i === 0 ? 3 : undefined)))
        expect(new Set(parts.map(({ title }) => title))).toEqual(new Set(['T']))
      }),
      { numRuns: 1_000 },
    )
  })

  it('prefers headings to paragraphs, paragraphs to lines, lines to sentences', () => {
    const cut = (text: string, outline?: OutlineBlock[]) => text.slice(0, endOfPart(text, 0, 30, outline))
    expect(cut('one two. three\n\nfour five\n# six\nseven eight nine')).toBe('one two. three\n\nfour five\n')
    expect(cut('one two three four\n\nfive\nsix seven eight')).toBe('one two three four\n\n')
    expect(cut('one two three four five\nsix. seven eight')).toBe('one two three four five\n')
    expect(cut('one two three four five. six seven eight')).toBe('one two three four five. ')
    expect(cut('一二三四五。六七八九十十一十二')).toBe('一二三四五。六七八九')
    expect(cut('x'.repeat(40))).toBe('x'.repeat(30))
    const blocks: OutlineBlock[] = [
      { start: 0, end: 18, kind: 'paragraph' },
      { start: 18, end: 22, kind: 'heading' },
      { start: 22, end: 40, kind: 'paragraph' },
    ]
    expect(cut('x'.repeat(40), blocks)).toBe('x'.repeat(18))
  })

  it('puts no more blocks into a part than it may have, and no more parts than that takes', () => {
    const lines = fc.array(fc.constantFrom('a', 'bc', '書', 'd😀'), { minLength: 1, maxLength: 40 })
    fc.assert(
      fc.property(lines, fc.integer({ min: 1, max: 6 }), (texts, maxBlocks) => {
        const outline: OutlineBlock[] = []
        let at = 0
        for (const [i, text] of texts.entries()) {
          outline.push({ start: at, end: at + text.length, kind: 'row', row: i + 1 })
          at += text.length + 1
        }
        const document: ParsedDocument = { key: '', format: 'extracted', text: texts.join('\n'), outline }
        const parts = [...cutIntoParts(document, 1_000, maxBlocks)]
        expect(parts.length).toBe(Math.ceil(texts.length / maxBlocks))
        expect(parts.map(({ text }) => text).join('')).toBe(document.text)
        const rows = parts.flatMap(({ text, outline: within = [] }) =>
          within.map(({ start, end, row }) => [row, text.slice(start, end)]),
        )
        expect(rows).toEqual(texts.map((text, i) => [i + 1, text]))
        for (const part of parts) expect(part.outline?.length).toBeLessThanOrEqual(maxBlocks)

        const writer = new PartWriter({ key: '', format: 'extracted' }, 1_000, maxBlocks)
        const written: (ParsedDocument | undefined)[] = []
        for (const [i, text] of texts.entries()) written.push(...writer.add(text, { kind: 'row', row: i + 1 }))
        written.push(writer.finish())
        expect(written.map((part) => part?.outline)).toEqual(parts.map(({ outline: within }) => within))
      }),
      { numRuns: 500 },
    )
  })

  it('makes so few rows of a part that each of them may be a chunk', () => {
    const rows = 40_000
    const writer = new PartWriter({ key: '', format: 'extracted' })
    const parts: ParsedDocument[] = []
    for (let row = 1; row <= rows; row++) parts.push(...writer.add('a', { kind: 'row', row }))
    parts.push(writer.finish()!)
    expect(parts.map(({ outline }) => outline!.length)).toEqual([15_000, 15_000, 10_000])
    expect(Math.max(...parts.map(({ outline }) => outline!.length))).toBeLessThan(MAX_CHUNKS_PER_DOCUMENT)
  })

  it('leaves what fits as it is', () => {
    const document: ParsedDocument = { key: '', format: 'text', text: 'short' }
    expect([...cutIntoParts(document)]).toEqual([document])
  })
})

describe('writing parts', () => {
  it('keeps all blocks in order, with their places, in parts that fit', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: fc.constantFrom('a', ' ', '書', '\n'), minLength: 1, maxLength: 40 }), {
          maxLength: 30,
        }),
        (texts) => {
          const writer = new PartWriter({ key: '', format: 'extracted' }, 50)
          const parts: ParsedDocument[] = []
          for (const [i, text] of texts.entries()) parts.push(...writer.add(text, { kind: 'row', row: i + 1 }))
          const last = writer.finish()
          if (last !== undefined) parts.push(last)
          expect(parts.map(({ key }) => key)).toEqual(parts.map((_, i) => (i === 0 ? '' : `part-${i + 1}`)))
          const rows = new Map<number, string>()
          for (const part of parts) {
            expect(utf8Length(part.text)).toBeLessThanOrEqual(50)
            for (const { start, end, row } of part.outline ?? [])
              rows.set(row!, (rows.get(row!) ?? '') + part.text.slice(start, end))
          }
          expect([...rows.values()]).toEqual(texts)
        },
      ),
      { numRuns: 500 },
    )
  })
})
