/** PDFs: the fixture library, and what its entries do not show. */
import { deflateSync } from 'node:zlib'
import * as fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { countInflated, countLzw, countRunLength } from '../../../src/parsing/pdf/count-inflated.ts'
import { informationOf, isoDate } from '../../../src/parsing/pdf/information.ts'
import { parsePdf } from '../../../src/parsing/pdf.ts'
import { entries } from '../../support/library/pdf.ts'
import { expectEntry } from '../../support/library/expect-entry.ts'
import { allDocuments, fileToParse } from '../../support/library/parse-entry.ts'
import { column, writePdf } from '../../support/pdf-writer.ts'
import type { PdfLine } from '../../support/pdf-writer.ts'

const read = async (bytes: Uint8Array) => (await allDocuments(parsePdf, fileToParse('x.pdf', 'pdf', bytes)))[0]

const blocks = async (pages: PdfLine[][], options = {}) => {
  const document = await read(writePdf(pages, options))
  return document?.outline?.map(({ start, end, kind, level, page }) => ({
    text: document.text.slice(start, end),
    kind,
    ...(level === undefined ? {} : { level }),
    page,
  }))
}

describe('a PDF', () => {
  it.each(entries.map((entry) => [entry.name, entry] as const))('of the library: %s', async (_, entry) => {
    await expectEntry(entry, parsePdf, 'pdf')
  })

  it('has headings where type is larger, ranked by size', async () => {
    const lines = [
      { text: 'Harbours', y: 720, size: 24 },
      { text: 'Of the north', y: 680, size: 16 },
      ...column(['The harbours of the north are small and deep, and most of', 'them freeze in winter.'], { y: 650 }),
      { text: 'Of the south', y: 600, size: 16 },
      ...column(['The harbours of the south are wide.'], { y: 570 }),
    ]
    expect(await blocks([lines])).toEqual([
      { text: 'Harbours', kind: 'heading', level: 1, page: 1 },
      { text: 'Of the north', kind: 'heading', level: 2, page: 1 },
      {
        text: 'The harbours of the north are small and deep, and most of them freeze in winter.',
        kind: 'paragraph',
        page: 1,
      },
      { text: 'Of the south', kind: 'heading', level: 2, page: 1 },
      { text: 'The harbours of the south are wide.', kind: 'paragraph', page: 1 },
    ])
  })

  it('has the headings that its bookmarks name, whatever their type', async () => {
    const page = column([
      '1. Of herring',
      'Herring come in spring and are eaten with bread and onions.',
      'Of cod',
      'Cod come later.',
    ])
    const bookmarks = [
      { title: 'Of Herring', page: 1 },
      { title: 'Of cod', page: 1 },
    ]
    expect((await blocks([page], { bookmarks }))?.map(({ text, kind }) => [kind, text])).toEqual([
      ['heading', '1. Of herring'],
      ['paragraph', 'Herring come in spring and are eaten with bread and onions.'],
      ['heading', 'Of cod'],
      ['paragraph', 'Cod come later.'],
    ])
  })

  it('parts paragraphs at gaps, indents and list marks, and keeps rows of tables', async () => {
    const lines = [
      ...column(['A paragraph that fills the whole of its column with words, and', 'ends here.'], { y: 700 }),
      ...column(['Another one after a gap.'], { y: 650 }),
      ...column(['• first', '• second'], { y: 620 }),
      ...['Herring', 'Cod'].flatMap((text, i) => [
        { text, y: 580 - 18 * i },
        { text: String(17 + i), x: 300, y: 580 - 18 * i },
      ]),
    ].map((line) => ({ ...line, font: 'unicode' as const }))
    expect((await blocks([lines]))?.map(({ text, kind }) => [kind, text])).toEqual([
      ['paragraph', 'A paragraph that fills the whole of its column with words, and ends here.'],
      ['paragraph', 'Another one after a gap.'],
      ['paragraph', '• first'],
      ['paragraph', '• second'],
      ['table', 'Herring 17\nCod 18'],
    ])
  })

  it('keeps a line that stands on two pages, and loses one that stands on most', async () => {
    const page = (head: string, i: number): PdfLine[] => [
      { text: head, y: 760 },
      { text: `Something ${'abcd'[i]} else.`, y: 600 },
      { text: ['i', 'ii', 'iii', 'iv'][i] ?? '', y: 30 },
    ]
    const two = await read(writePdf([page('Twice', 0), page('Twice', 1), page('Once', 2), page('Never', 3)]))
    expect(two?.text).toBe(
      'Twice\n\nSomething a else.\n\nTwice\n\nSomething b else.\n\nOnce\n\nSomething c else.\n\nNever\n\nSomething d else.',
    )
    const most = await read(writePdf([page('Head', 0), page('Head', 1), page('Head', 2), page('Never', 3)]))
    expect(most?.text).not.toContain('Head')
    expect(most?.text).toContain('Never')
  })

  it('keeps numbers at the edge that do not count pages, and pages that are nothing but repetition', async () => {
    const invoices = await read(
      writePdf(
        [8131, 77, 412].map((number, i) => [
          ...column([`Invoice ${number}`, `for ${'abc'[i]}`, 'Total']),
          { text: `${i + 9}`, y: 30 },
        ]),
      ),
    )
    expect(invoices?.text).toContain('Invoice 412')
    expect(invoices?.text).not.toMatch(/\b(?:9|10|11)\b/)
    const forms = await read(writePdf(Array.from({ length: 4 }, () => column(['A form', 'to fill in']))))
    expect(forms?.text.match(/A form/g)).toHaveLength(4)
  })

  it('goes on to the caller with the failure of whoever keeps the character maps', async () => {
    const file = fileToParse('x.pdf', 'pdf', writePdf([column(['吾輩は猫である'], { font: 'japanese' })]))
    const away = { ...file, readCMap: async () => Promise.reject(new Error('assets are away')) }
    await expect(allDocuments(parsePdf, away)).rejects.toThrow('assets are away')
    const none = { ...file, readCMap: async () => undefined }
    await expect(allDocuments(parsePdf, none)).rejects.toMatchObject({ code: 'no_text' })
  })

  it('can be read again: its bytes stay as they are', async () => {
    const file = fileToParse('x.pdf', 'pdf', writePdf([column(['Read this twice.'])]))
    const before = await file.bytes.read(0, file.bytes.size)
    const copy = before.slice()
    await allDocuments(parsePdf, file)
    expect(await file.bytes.read(0, file.bytes.size)).toEqual(copy)
  })

  it('of a thousand pages holds far less than it may', async () => {
    const pages = Array.from({ length: 1_000 }, (_, i) =>
      column([`Of the fish number ${i}`, ...['cod', 'eel', 'ray'].map((fish) => `there is a ${fish} ${i * 7}`)]),
    )
    const bytes = writePdf(pages)
    const file = fileToParse('x.pdf', 'pdf', bytes)
    const held = vi.spyOn(file.budget, 'hold')
    const [document] = await allDocuments(parsePdf, file)
    expect(document?.pages).toBe(1_000)
    expect(document?.outline?.at(-1)).toMatchObject({ page: 1_000 })
    // Nothing is counted as released, so this is more than was ever held at once.
    expect(held.mock.calls.reduce((sum, [count]) => sum + count, 0)).toBeLessThan(6_000_000)
  })
})

describe('measuring what is packed', () => {
  const meter = () => {
    const seen = {
      size: 0,
      expand: (bytes: number) => void (seen.size += bytes),
      step: () => undefined,
      turn: async () => undefined,
    }
    return seen
  }

  it('counts deflate as zlib unpacks it, whatever its blocks, and ends where it ends', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.uint8Array({ maxLength: 300 }), fc.integer({ min: 1, max: 40 }))),
        fc.constantFrom(0, 1, 6, 9),
        fc.constantFrom(0, 2, 4),
        fc.uint8Array({ maxLength: 20 }),
        async (runs, level, strategy, trailing) => {
          const plain = Buffer.concat(
            runs.flatMap(([part, times]) => Array.from({ length: times }, () => Buffer.from(part))),
          )
          const packed = deflateSync(plain, { level, strategy })
          const counter = meter()
          const counted = await countInflated(Buffer.concat([Buffer.from('xy'), packed, trailing]), 2, counter)
          expect(counted.size).toBe(plain.length)
          expect(counter.size).toBe(plain.length)
          // Up to the checksum, give or take the bytes that were read ahead.
          expect(Math.abs(counted.end - (2 + packed.length - 4))).toBeLessThanOrEqual(4)
        },
      ),
      { numRuns: 300 },
    )
  })

  it('never throws at damaged data and never counts more than may come out', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
        const { size, end } = await countInflated(Buffer.concat([Buffer.from([0x78, 0x9c]), bytes]), 0, meter())
        expect(size).toBeLessThanOrEqual(1_100 * (bytes.length + 8))
        expect(end).toBeLessThanOrEqual(bytes.length + 2)
      }),
      { numRuns: 500 },
    )
  })

  it('counts LZW and run lengths', async () => {
    // The example of the PDF specification: 45 45 45 45 45 65 45 45 45 66.
    const lzw = Uint8Array.of(0x80, 0x0b, 0x60, 0x50, 0x22, 0x0c, 0x0c, 0x85, 0x01)
    expect(await countLzw(lzw, meter())).toBe(10)
    expect(countRunLength(Uint8Array.of(2, 1, 2, 3, 254, 9, 128, 7))).toBe(6)
  })
})

describe('what a PDF says about itself', () => {
  it('is its title, unless a program made it up', () => {
    for (const Title of ['Microsoft Word - a.doc', 'untitled', 'report.pdf', ' ', 'Document1', undefined]) {
      expect(informationOf({ Title })).toEqual({ metadata: {} })
    }
    expect(informationOf({ Title: ' On \n fog ', Author: 'Ada', Language: 'de-AT' })).toEqual({
      title: 'On fog',
      language: 'de-AT',
      metadata: { author: 'Ada' },
    })
    expect(informationOf({ Language: 'not a language!' })).toEqual({ metadata: {} })
  })

  it.each([
    ["D:20240131120000+09'00'", '2024-01-31T03:00:00.000Z'],
    ['D:20240131120000Z', '2024-01-31T12:00:00.000Z'],
    ["D:20240131120000Z'", '2024-01-31T12:00:00.000Z'],
    ['2024', '2024-01-01T00:00:00.000Z'],
    ['D:20241399', undefined],
    ['yesterday', undefined],
    [7, undefined],
  ])('is a date: %s', (said, expected) => {
    expect(isoDate(said)).toBe(expected)
  })
})
