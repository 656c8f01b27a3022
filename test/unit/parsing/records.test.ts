import { describe, expect, it } from 'vitest'
import type { Json } from '../../../src/core/canonical-json.ts'
import { columnNames } from '../../../src/parsing/csv.ts'
import { jsonFields } from '../../../src/parsing/json.ts'
import { parseFile } from '../../../src/parsing/parse-file.ts'
import { ParseBudget } from '../../../src/parsing/parse-budget.ts'
import type { FieldMapping, FileToParse, ParsedDocument } from '../../../src/parsing/parsed-document.ts'
import { RecordReader } from '../../../src/parsing/records.ts'
import { fileInPieces } from '../../support/library/file-in-pieces.ts'

const documentOf = (value: Json, mapping?: FieldMapping, isText = false): ParsedDocument | undefined =>
  new RecordReader(mapping, isText).document(jsonFields(value), { row: 7 }, 'rows/7')

describe('JSON lines', () => {
  const goodAndBad = (good: number, bad: number) =>
    fileInPieces(new TextEncoder().encode('{"a":"b"}\n'.repeat(good) + '{"a":1}}\n'.repeat(bad)), { format: 'jsonl' })
  const count = async (file: FileToParse): Promise<number> => {
    let documents = 0
    for await (const _ of parseFile(file)) documents++
    return documents
  }

  it('are given up after ten thousand that are none, and one more for every ten that are', async () => {
    expect(await count(goodAndBad(20, 10_002))).toBe(20)
    await expect(count(goodAndBad(20, 10_003))).rejects.toMatchObject({ code: 'malformed_file' })
    await expect(count(goodAndBad(0, 10_001))).rejects.toThrow('too many')
  })

  it('are given up after ten megabytes of long lines of which none is any good', async () => {
    let pieces = 0
    const line = new Uint8Array(new TextEncoder().encode(`${'x'.repeat(999_999)}\n`))
    const stream = () =>
      new ReadableStream<Uint8Array<ArrayBuffer>>({
        pull(controller) {
          if (pieces++ < 100) controller.enqueue(line)
          else controller.close()
        },
      })
    const file = fileInPieces(line, { format: 'jsonl' })
    const long = { ...file, bytes: { ...file.bytes, size: 100 * line.length, stream } }
    await expect(count(long)).rejects.toMatchObject({ code: 'malformed_file' })
    expect(pieces).toBeLessThan(20)
  })
})

describe('a record as a document', () => {
  it('takes its fields by their usual names', () => {
    const record = {
      id: 12,
      title: ' A ',
      url: 'http://a.example',
      body: 'text',
      language: 'pt_BR',
      metadata: { a: 1 },
    }
    expect(documentOf(record)).toEqual({
      key: 'rows/7',
      id: '12',
      title: 'A',
      url: 'http://a.example/',
      language: 'pt-BR',
      metadata: { a: 1 },
      format: 'extracted',
      text: 'text',
      outline: [{ start: 0, end: 4, kind: 'row', row: 7 }],
    })
  })

  it('is all its fields where none is known for its text', () => {
    expect(documentOf({ title: 'A', stars: 5, tags: ['x', 'y'], by: { name: 'Anna' }, none: null })?.text).toBe(
      'title: A; stars: 5; tags: x, y; by.name: Anna',
    )
  })

  it.each([
    ['an address of another kind', { text: 'a', url: 'file:///etc/passwd' }, 'url'],
    ['an address with a password', { text: 'a', url: 'https://a:b@c.example/' }, 'url'],
    ['a language that is none', { text: 'a', language: 'German, mostly' }, 'language'],
    ['an empty id', { text: 'a', id: ' ' }, 'id'],
    ['an id with a line feed', { text: 'a', id: 'a\nb' }, 'id'],
    ['an id that is a path of dots', { text: 'a', id: '..' }, 'id'],
    ['an id that is too long', { text: 'a', id: 'ü'.repeat(257) }, 'id'],
    ['an id that is no whole number', { text: 'a', id: 1.5 }, 'id'],
    ['metadata that is no object', { text: 'a', metadata: [1] }, 'metadata'],
  ])('leaves out %s', (_what, record, field) => {
    expect(documentOf(record)).not.toHaveProperty(field)
  })

  it('holds nothing where its text is empty', () => {
    expect(documentOf({ text: ' \u0000 ' })).toBeUndefined()
    expect(documentOf({ a: '', b: null })).toBeUndefined()
  })

  it('is made as its mapping says, by names or by paths', () => {
    const record = { 'a.b': 'plain', a: { b: 'nested', c: 'deep' }, n: 3, rest: 'x' }
    const mapping = { id: 'n', text: ['a.b', 'a.c', 'missing'], metadata: ['rest', 'a.c'] }
    expect(documentOf(record, mapping)).toMatchObject({
      id: '3',
      text: 'plain\ndeep',
      metadata: { rest: 'x', 'a.c': 'deep' },
    })
  })

  it('takes all that nothing names for text, and for metadata where that is wanted', () => {
    const record = { name: 'A', price: 2, colour: 'red' }
    expect(documentOf(record, { title: 'name' })).toMatchObject({ title: 'A', text: 'price: 2; colour: red' })
    expect(documentOf(record, { text: ['name'], metadata: true })?.metadata).toEqual({ price: 2, colour: 'red' })
  })

  it('tells numbers and truth values of a table, unless they are written otherwise than JSON writes them', () => {
    const record = { text: 'a', n: '12.5', zero: '007', comma: '1,5', yes: 'true', big: '1e400', none: '' }
    expect(documentOf(record, { text: ['text'], metadata: true }, true)?.metadata).toEqual({
      n: 12.5,
      zero: '007',
      comma: '1,5',
      yes: true,
      big: '1e400',
    })
  })

  it('takes a field that is named like a prototype for any other', () => {
    const record = JSON.parse('{"text": "a", "__proto__": {"x": 1}, "constructor": "c"}') as Json
    const metadata = documentOf(record, { text: ['text'], metadata: true })?.metadata
    expect(Object.entries(metadata ?? {})).toEqual([
      ['__proto__', { x: 1 }],
      ['constructor', 'c'],
    ])
    expect(documentOf({ text: 'a' }, { text: ['text'], title: 'toString.name' })).not.toHaveProperty('title')
  })

  it('has a block for each paragraph of a long text', () => {
    expect(documentOf({ text: 'one\n\n  two\n \nthree' })?.outline).toEqual([
      { start: 0, end: 3, kind: 'paragraph', row: 7 },
      { start: 7, end: 10, kind: 'paragraph', row: 7 },
      { start: 13, end: 18, kind: 'paragraph', row: 7 },
    ])
  })
})

describe('a mapping', () => {
  it('is refused where no record has a field that it names', () => {
    const reader = new RecordReader({ title: 'name', text: ['body'] })
    reader.document(jsonFields({ name: 'a' }), { row: 1 }, 'rows/1')
    expect(() => reader.finish()).toThrow('mapping.text names "body"')
    reader.block(jsonFields({ body: 'b' }))
    expect(() => reader.finish()).not.toThrow()
  })

  it('is refused at once where a table has no such column', () => {
    expect(() => new RecordReader({ id: 'key' }).checkColumns(['a', 'b'])).toThrow('mapping.id names "key"')
  })
})

describe('the columns of a table', () => {
  it('have names of their own', () => {
    expect(columnNames([' a\nb ', '', 'x', 'x'])).toEqual(['a b', 'Column 2', 'x', 'x (2)'])
  })
})

describe('reading a file', () => {
  it('shortens a title to what a document may have', async () => {
    const file = fileInPieces(
      new TextEncoder().encode(JSON.stringify({ title: `a\n b${'書'.repeat(2_000)}`, text: 'x' })),
      { format: 'json' },
    )
    for await (const { title = '' } of parseFile(file)) {
      expect(title.startsWith('a b書')).toBe(true)
      expect(new TextEncoder().encode(title).length).toBeLessThanOrEqual(2_048)
    }
  })

  it('ends when its time is over', async () => {
    let now = 0
    const file = fileInPieces(new TextEncoder().encode('a\n'.repeat(100_000)))
    const budget = new ParseBudget({ size: file.bytes.size, clock: () => (now += 50_000) })
    const read = async (): Promise<void> => {
      for await (const _ of parseFile({ ...file, budget }));
    }
    await expect(read()).rejects.toMatchObject({ code: 'parse_timeout' })
  })

  it('does not take an archive for a file', async () => {
    const file = fileInPieces(new Uint8Array([1]), { format: 'zip' })
    await expect(parseFile(file).next()).rejects.toMatchObject({ code: 'unsupported_format' })
  })
})
