import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cleanText, decodeFile, readText } from '../../../src/parsing/file-text.ts'
import { detectEncoding } from '../../../src/parsing/encoding.ts'
import { parseJsonl } from '../../../src/parsing/jsonl.ts'
import { parseText } from '../../../src/parsing/text.ts'
import type { ParsedDocument } from '../../../src/parsing/parsed-document.ts'
import { encodeText } from '../../support/library/encode-text.ts'
import { fileInPieces } from '../../support/library/file-in-pieces.ts'
import { JAPANESE } from '../../support/library/text.ts'

async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const list: Item[] = []
  for await (const item of items) list.push(item)
  return list
}

const pieces = async (file: Parameters<typeof decodeFile>[0]): Promise<string[]> => await all(decodeFile(file))

describe('decoding a file', () => {
  it.each(['utf-8', 'shift_jis', 'euc-jp', 'iso-2022-jp', 'utf-16le', 'utf-16be', 'gb18030'])(
    'answers the same for %s however the stream is cut',
    async (encoding) => {
      const text = JAPANESE.repeat(2_000)
      const bytes = encodeText(text, encoding)
      for (const sizes of [[1_000_000], [1, 3, 65_537], [7, 64_001], [65_535]]) {
        expect(await readText(fileInPieces(bytes, { encoding }, sizes))).toBe(text)
      }
    },
  )

  it('answers the same for any text cut at every byte', async () => {
    const text = fc.string({
      unit: fc.constantFrom('a', '\r', '\n', 'é', '書', '😀', '\u0000', '\f', '\ufeff'),
      maxLength: 12,
    })
    await fc.assert(
      fc.asyncProperty(text, async (given) => {
        // Marks at the beginning are no text.
        const source = `x${given}`
        const bytes = new TextEncoder().encode(source)
        const expected = cleanText(source)
        for (let cut = 1; cut <= bytes.length; cut++) {
          expect(await readText(fileInPieces(bytes, { encoding: 'utf-8', format: 'csv' }, [cut, 1_000]))).toBe(expected)
        }
      }),
      { numRuns: 40 },
    )
  })

  it('splits no line end between two pieces', async () => {
    const bytes = new TextEncoder().encode(`${'x'.repeat(65_535)}\r\ny\r`)
    expect(await pieces(fileInPieces(bytes, { encoding: 'utf-8' }))).toEqual(['x'.repeat(65_535), '\ny', '\n'])
  })

  it('tells the encoding where the first other bytes are, when it was given none', async () => {
    const bytes = new Uint8Array([
      ...new TextEncoder().encode('a'.repeat(70_000)),
      ...encodeText(`\n${JAPANESE}`, 'euc-jp'),
    ])
    expect((await readText(fileInPieces(bytes))).endsWith(JAPANESE)).toBe(true)
  })

  it('refuses an encoding in which the text makes no sense', async () => {
    const bytes = encodeText(JAPANESE, 'shift_jis')
    await expect(readText(fileInPieces(bytes, { encoding: 'euc-kr' }))).rejects.toMatchObject({
      code: 'unknown_encoding',
    })
    await expect(readText(fileInPieces(bytes, { encoding: 'klingon' }))).rejects.toMatchObject({
      code: 'unknown_encoding',
    })
  })

  it('keeps the form feeds that part pages of texts, and no others', async () => {
    const bytes = new TextEncoder().encode('one\r\n\ftwo\u0000')
    for (const format of ['text', 'markdown', 'code'] as const) {
      expect(await readText(fileInPieces(bytes, { format }))).toBe('one\n\ftwo')
    }
    for (const format of ['csv', 'json', 'html', 'srt'] as const) {
      expect(await readText(fileInPieces(bytes, { format }))).toBe('one\n\ntwo')
    }
  })

  it('leaves neither control characters nor lone surrogates', () => {
    expect(cleanText('a\u0000b\u001b[0m\u009f\r\nc\rd\fe\ud800')).toBe('ab[0m\nc\nd\ne\ufffd')
  })
})

describe('telling an encoding', () => {
  it('believes a page, unless it is UTF-8', () => {
    const page = (text: string, encoding: string) => encodeText(`<meta charset="iso-8859-2"><p>${text}</p>`, encoding)
    expect(detectEncoding(page('řeka', 'iso-8859-2'))).toBe('iso-8859-2')
    expect(detectEncoding(page('řeka', 'utf-8'))).toBe('utf-8')
    expect(detectEncoding(page('reka', 'utf-8'))).toBe('iso-8859-2')
  })

  it.each([
    ['Café crème', 'windows-1252'],
    ['1,The lamp of José is lit', 'windows-1252'],
    ['Müller GmbH, Köln', 'windows-1252'],
    ['El señor está aquí', 'windows-1252'],
    ['図書館', 'shift_jis'],
    ['Привет, мир', 'windows-1251'],
  ])('takes a few words for what they most likely are: %s', (text, encoding) => {
    expect(detectEncoding(encodeText(text, encoding), true)).toBe(encoding)
  })

  it('reads the declaration of XML and of style sheets', () => {
    expect(detectEncoding(encodeText('<?xml version="1.0" encoding="koi8-r"?><a>да</a>', 'koi8-r'))).toBe('koi8-r')
    expect(detectEncoding(encodeText('@charset "windows-1250";a{content:"ř"}', 'windows-1250'))).toBe('windows-1250')
  })

  it('believes no declaration of UTF-16 that is written in single bytes', () => {
    expect(detectEncoding(encodeText('<?xml version="1.0" encoding="utf-16"?><a>a</a>', 'utf-8'))).toBe('utf-8')
  })

  it('takes a character cut off by the end for whole, unless nothing follows', () => {
    const bytes = new TextEncoder().encode('ab書').subarray(0, 4)
    expect(detectEncoding(bytes)).toBe('utf-8')
    expect(detectEncoding(bytes, true)).not.toBe('utf-8')
  })
})

describe('plain text', () => {
  it('is cut into parts without losing a character, whatever it is made of', async () => {
    const text = `${'書'.repeat(999)}\n`.repeat(1_500)
    const parts: ParsedDocument[] = await all(
      parseText(fileInPieces(new TextEncoder().encode(text), { encoding: 'utf-8' })),
    )
    expect(parts.map(({ key }) => key)).toEqual(['', 'part-2', 'part-3'])
    expect(parts.map((part) => part.text).join('')).toBe(text)
    for (const part of parts) expect(new TextEncoder().encode(part.text).length).toBeLessThanOrEqual(2_000_000)
  })
})

describe('JSON lines', () => {
  it('are read as JSON.parse reads each line, wherever the stream is cut', async () => {
    const value = fc.record({ text: fc.string({ unit: 'binary', minLength: 1, maxLength: 10 }), id: fc.integer() })
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(value, fc.constant('broken {')), { maxLength: 6 }),
        fc.integer({ min: 1, max: 30 }),
        async (lines, size) => {
          const source = lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n')
          const expected = lines.flatMap((line, i) => {
            if (typeof line === 'string') return []
            const text = cleanText(line.text).trim()
            return text === '' ? [] : [{ key: `rows/${i + 1}`, id: String(line.id), text }]
          })
          const file = fileInPieces(new TextEncoder().encode(source), { format: 'jsonl', encoding: 'utf-8' }, [size])
          const read = await all(parseJsonl(file)).catch(() => [])
          expect(read.map(({ key, id, text }) => ({ key, id, text }))).toEqual(expected)
        },
      ),
      { numRuns: 200 },
    )
  })
})
