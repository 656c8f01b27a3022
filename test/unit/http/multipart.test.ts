/** The streamed reader of forms against the platform's own, which holds all of a form; then forms that mean harm. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MAX_PART_HEADER_BYTES } from '../../../src/core/limits.ts'
import { asProblem } from '../../../src/core/problem.ts'
import { MultipartReader, multipartBoundary } from '../../../src/http/multipart.ts'

const BOUNDARY = '----WebKitFormBoundary7MA4YWxk'

interface Field {
  readonly name: string
  readonly filename?: string
  readonly text: string
}

/** Pieces of at most `size` bytes; 0 is one piece. */
function pieces(body: Uint8Array, cuts: readonly number[]): () => Promise<Uint8Array | undefined> {
  const ends = [...cuts, body.length]
  let at = 0
  return async () => {
    const end = ends.shift()
    if (end === undefined) return undefined
    const piece = body.subarray(at, end)
    at = end
    return piece
  }
}

const latin = (bytes: readonly Uint8Array[]): string =>
  bytes.map((part) => Buffer.from(part).toString('latin1')).join('')

async function read(body: Uint8Array, cuts: readonly number[] = [], boundary = BOUNDARY): Promise<Field[]> {
  const reader = new MultipartReader(pieces(body, cuts), boundary)
  const fields: Field[] = []
  for (let head = await reader.nextPart(); head !== undefined; head = await reader.nextPart()) {
    const parts: Uint8Array[] = []
    for (let part = await reader.read(); part !== undefined; part = await reader.read()) {
      expect(part.length).toBeGreaterThan(0)
      parts.push(part.slice())
    }
    fields.push({ ...head, text: latin(parts) })
  }
  expect(await reader.nextPart()).toBeUndefined()
  return fields
}

async function oracle(body: Uint8Array<ArrayBuffer>, boundary: string): Promise<Field[]> {
  const headers = { 'content-type': `multipart/form-data; boundary=${boundary}` }
  const form = await new Response(body, { headers }).formData()
  return Promise.all(
    [...form].map(async ([name, value]) =>
      typeof value === 'string'
        ? { name, text: Buffer.from(value).toString('latin1') }
        : { name, filename: value.name, text: latin([new Uint8Array(await value.arrayBuffer())]) },
    ),
  )
}

const bytesOf = (text: string): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.from(text))
const part = (disposition: string, content: string, more = ''): string =>
  `--${BOUNDARY}\r\nContent-Disposition: form-data; ${disposition}\r\n${more}\r\n${content}\r\n`
const form = (...parts: string[]): Uint8Array<ArrayBuffer> => bytesOf(`${parts.join('')}--${BOUNDARY}--\r\n`)

const FORM = form(
  part('name="options"', '{"metadata":{"a":"ü"}}'),
  part('name="file"; filename="notes/日本語 ファイル.txt"', 'The heron', 'Content-Type: text/plain\r\n'),
  part('name="file"; filename="a.bin"', `\r\n--${BOUNDARY.slice(0, -1)}\r\r\n\r\n--\r\n-`),
  part('name="file"; filename="empty"', ''),
  part('name="file"; filename="a%22b.txt"', '\r\n'),
)

const refusal = (work: Promise<unknown>): Promise<string | undefined> =>
  work.then(
    () => undefined,
    (error: unknown) => asProblem(error)?.errors?.[0]?.detail ?? String(error),
  )

describe('a form', () => {
  it('is read as the platform reads it, wherever it is cut in two', async () => {
    const wanted = await oracle(FORM, BOUNDARY)
    expect(wanted).toHaveLength(5)
    expect(await read(FORM)).toEqual(wanted)
    for (let cut = 0; cut <= FORM.length; cut++) expect(await read(FORM, [cut]), `cut at ${cut}`).toEqual(wanted)
  })

  it('is read as the platform reads it, byte by byte', async () => {
    expect(await read(FORM, [...FORM.keys()])).toEqual(await oracle(FORM, BOUNDARY))
  })

  it('is read as the platform reads it, whatever its parts hold and wherever it is cut', async () => {
    // Made of what delimiters are made of, so that near misses are frequent.
    const content = fc
      .array(fc.constantFrom('\r', '\n', '-', '--', '\r\n', '\r\n--', '\r\n--B', 'B', 'x'), { maxLength: 12 })
      .map((tokens) => tokens.join(''))
      .filter((text) => !`\r\n${text}`.includes('\r\n--Bx'))
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.boolean(), content), { minLength: 1, maxLength: 4 }),
        fc.array(fc.nat(400), { maxLength: 6 }),
        async (contents, places) => {
          const parts = contents.map(
            ([isFile, text], i) =>
              `--Bx\r\ncontent-disposition: form-data; name="n${i}"${isFile ? '; filename="f"' : ''}\r\n\r\n${text}\r\n`,
          )
          const body = bytesOf(`${parts.join('')}--Bx--\r\n`)
          const cuts = places.map((place) => Math.min(place, body.length)).sort((a, b) => a - b)
          expect(await read(body, cuts, 'Bx')).toEqual(
            contents.map(([isFile, text], i) => ({ name: `n${i}`, ...(isFile ? { filename: 'f' } : {}), text })),
          )
        },
      ),
      { numRuns: 400 },
    )
  })

  it('may skip parts, and what is left of one', async () => {
    const reader = new MultipartReader(pieces(FORM, [40, 200, 230]), BOUNDARY)
    await reader.nextPart()
    await reader.nextPart()
    expect(latin([(await reader.read()) ?? new Uint8Array()])).not.toBe('')
    expect((await reader.nextPart())?.filename).toBe('a.bin')
    expect((await reader.nextPart())?.filename).toBe('empty')
  })

  it('of 2,000 parts is read one after another', async () => {
    const fields = await read(form(...Array.from({ length: 2_000 }, (_, i) => part(`name="f${i}"`, `${i}`))), [777])
    expect(fields.map(({ text }) => text)).toEqual(Array.from({ length: 2_000 }, (_, i) => `${i}`))
  })

  it('gives no piece of a part that is longer than what came', async () => {
    const body = form(part('name="file"; filename="a"', 'x'.repeat(300_000)))
    const cuts = Array.from({ length: 30 }, (_, i) => (i + 1) * 10_000)
    const reader = new MultipartReader(pieces(body, cuts), BOUNDARY)
    await reader.nextPart()
    for (let piece = await reader.read(); piece !== undefined; piece = await reader.read())
      expect(piece.length).toBeLessThanOrEqual(10_000 + BOUNDARY.length + 4)
  })
})

describe('file names', () => {
  const nameOf = async (disposition: string): Promise<string | undefined> =>
    (await read(form(part(disposition, ''))))[0]?.filename

  it('come as browsers and command lines write them', async () => {
    expect(await nameOf('name="file"; filename="a b;c=d.txt"')).toBe('a b;c=d.txt')
    expect(await nameOf('name=file; filename=plain.txt')).toBe('plain.txt')
    expect(await nameOf(String.raw`name="file"; filename="a\"b\\c.txt"`)).toBe('a"b\\c.txt')
    expect(await nameOf('name="file"; filename="a%22b%20c.txt"')).toBe('a"b%20c.txt')
    expect(await nameOf(`name="file"; filename="x"; filename*=UTF-8''na%C3%AFve.txt`)).toBe('naïve.txt')
    expect(await nameOf('NAME="file";FILENAME="a"')).toBe('a')
    expect(await nameOf('name="file"; filename=""')).toBe('')
  })

  it.each([
    [`name="file"; filename*=utf-8''%ff`],
    [`name="file"; filename*=latin1''a`],
    ['name="file"; filename="a'],
    ['name="file"; filename="a"; filename="b"'],
    ['name="file" filename="a"'],
    ['filename="a"'],
    ['name="file"; ='],
  ])('that cannot be told are refused: %s', async (disposition) => {
    expect(await refusal(nameOf(disposition))).toMatch(/^a part has a malformed (disposition|file name)$/)
  })
})

describe('a form that means harm', () => {
  it.each([
    ['nothing', '', 'the form ends before its last boundary'],
    ['no boundary', 'hello', 'the form ends before its last boundary'],
    ['only half a boundary', `--${BOUNDARY.slice(0, -1)}`, 'the form ends before its last boundary'],
    ['no end', part('name="a"', 'x'), 'the form ends before its last boundary'],
    ['half an end', `${part('name="a"', 'x')}--${BOUNDARY}-`, 'the form ends before its last boundary'],
    ['a longer boundary', `--${BOUNDARY}x\r\n\r\n`, 'a boundary of the form is not followed by a new line'],
    ['one new line too few', `--${BOUNDARY}\nContent-`, 'a boundary of the form is not followed by a new line'],
    ['no headers', `--${BOUNDARY}\r\n\r\n\r\n\r\nx`, 'a part has a malformed header'],
    ['another disposition', `--${BOUNDARY}\r\nContent-Disposition: inline; name="a"\r\n\r\n`, 'malformed disposition'],
    ['no disposition', `--${BOUNDARY}\r\nContent-Type: text/plain\r\n\r\n`, 'which field it is'],
    ['a folded header', `--${BOUNDARY}\r\nContent-Disposition: form-data;\r\n name="a"\r\n\r\n`, 'malformed'],
    ['two dispositions', part('name="a"', '', 'content-disposition: form-data; name="b"\r\n'), 'two dispositions'],
    ['base64', part('name="a"', 'eA==', 'Content-Transfer-Encoding: base64\r\n'), 'transfer encodings'],
    ['headers without end', `--${BOUNDARY}\r\n${'x-a: b\r\n'.repeat(3_000)}`, `at most ${MAX_PART_HEADER_BYTES} bytes`],
    ['one header without end', `--${BOUNDARY}\r\nx: ${'y'.repeat(40_000)}`, `at most ${MAX_PART_HEADER_BYTES} bytes`],
    ['a long preamble', 'x'.repeat(MAX_PART_HEADER_BYTES + 100), 'too much outside of its parts'],
  ])('with %s is refused', async (_, body, detail) => {
    const bytes = bytesOf(body)
    for (const cuts of [[], [...bytes.keys()].slice(0, 30_000), [Math.floor(bytes.length / 2)]]) {
      expect(await refusal(read(bytes, cuts))).toContain(detail)
    }
  })

  it('with headers that are not UTF-8 is refused', async () => {
    const body = new Uint8Array(Buffer.from(part('name="a"; filename="\u00ff"', ''), 'latin1'))
    expect(await refusal(read(body))).toBe('the headers of a part are not valid UTF-8')
  })
})

describe('the boundary', () => {
  it('is read from the content type', () => {
    expect(multipartBoundary('multipart/form-data; boundary=abc')).toBe('abc')
    expect(multipartBoundary('Multipart/Form-Data;charset=utf-8; BOUNDARY="a b"')).toBe('a b')
    for (const other of [null, '', 'application/json', 'text/plain; boundary=abc', 'multipart/mixed; boundary=abc']) {
      expect(multipartBoundary(other)).toBeUndefined()
    }
  })

  it.each([
    'multipart/form-data',
    'multipart/form-data; boundary=',
    'multipart/form-data; boundary=""',
    'multipart/form-data; boundary="a "',
    'multipart/form-data; boundary=a\u00e4',
    'multipart/form-data; boundary="a\r\n"',
    `multipart/form-data; boundary=${'x'.repeat(71)}`,
  ])('must be one: %j', async (type) => {
    expect(await refusal((async () => multipartBoundary(type))())).toBe('the content type names no valid boundary')
  })
})
