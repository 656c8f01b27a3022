/** Uploads that are refused: each with its code and pointer, in the order of refusal of every other route, leaving nothing. */
import { describe, expect, it } from 'vitest'
import { MAX_FILE_BYTES, MAX_FILES_PER_UPLOAD } from '../../../src/core/limits.ts'
import { Problem } from '../../../src/core/problem.ts'
import type { Answer } from './http-harness.ts'
import { files, refused, send, tenant, upload, useUploads, world } from './upload-api.ts'
import type { Parts } from './upload-api.ts'

useUploads()

describe('an upload is refused, and leaves nothing,', () => {
  it.each<[string, Parts, string]>([
    ['without a file', [['options', '{}']], '/file'],
    [
      'with an unknown field',
      [
        ['colour', 'red'],
        ['file', 'x', 'a'],
      ],
      '/colour',
    ],
    [
      'with an unknown field after a file',
      [
        ['file', 'x', 'a'],
        ['colour', 'red'],
      ],
      '/colour',
    ],
    [
      'with options behind a file',
      [
        ['file', 'x', 'a'],
        ['options', '{}'],
      ],
      '/options',
    ],
    [
      'with options twice',
      [
        ['options', '{}'],
        ['options', '{}'],
        ['file', 'x', 'a'],
      ],
      '/options',
    ],
    [
      'with options that are no JSON',
      [
        ['options', '{'],
        ['file', 'x', 'a'],
      ],
      '/options',
    ],
    [
      'with options that are no object',
      [
        ['options', '[]'],
        ['file', 'x', 'a'],
      ],
      '/options',
    ],
    [
      'with an unknown option',
      [
        ['options', '{"colour":1}'],
        ['file', 'x', 'a'],
      ],
      '/options/colour',
    ],
    [
      'with a wrong language',
      [
        ['options', '{"language":"!"}'],
        ['file', 'x', 'a'],
      ],
      '/options/language',
    ],
    [
      'with a wrong acl',
      [
        ['options', '{"acl":["a","a"]}'],
        ['file', 'x', 'a'],
      ],
      '/options/acl/1',
    ],
    [
      'with reserved metadata',
      [
        ['options', '{"metadata":{"$a":1}}'],
        ['file', 'x', 'a'],
      ],
      '/options/metadata/$a',
    ],
    [
      'with large metadata',
      [
        ['options', `{"metadata":{"a":"${'x'.repeat(16_400)}"}}`],
        ['file', 'x', 'a'],
      ],
      '/options/metadata',
    ],
    [
      'with a long field in its mapping',
      [
        ['options', `{"mapping":{"id":"${'x'.repeat(201)}"}}`],
        ['file', 'x', 'a'],
      ],
      '/options/mapping/id',
    ],
    [
      'with options without end',
      [
        ['options', `{"a":"${'x'.repeat(70_000)}"}`],
        ['file', 'x', 'a'],
      ],
      '/options',
    ],
    ['with a field in place of a file', [['file', 'x']], '/file/0'],
    [
      'with two files of one name',
      [
        ['file', 'x', 'a'],
        ['file', 'y', 'b'],
        ['file', 'z', 'a'],
      ],
      '/file/2',
    ],
    [
      'with an empty name',
      [
        ['file', 'x', 'a'],
        ['file', 'x', ''],
      ],
      '/file/1',
    ],
    ['with a name that leads elsewhere', [['file', 'x', 'a/../b']], '/file/0'],
  ])('%s', async (_, parts, pointer) => {
    expect(await refused(() => upload(parts))).toEqual({ status: 400, code: 'invalid_request', pointers: [pointer] })
  })

  it.each([
    ['without a name', '', '/name'],
    ['with a malformed name', '?name=/etc/passwd', '/name'],
    ['with options that are no JSON', '?name=a&options=x', '/options'],
    ['with an unknown parameter', '?name=a&colour=red', '/colour'],
  ])('as a raw body %s', async (_, path, pointer) => {
    expect((await refused(() => send('x', { path }))).pointers).toEqual([pointer])
  })

  it('as a form with the parameters of a raw body', async () => {
    expect((await refused(() => upload([['file', 'x', 'a']], { path: '?name=a' }))).pointers).toEqual(['/name'])
  })

  it('with more files than one may have', async () => {
    const parts = Array.from({ length: MAX_FILES_PER_UPLOAD + 1 }, (_, i) => ['file', '', `f${i}`] as const)
    expect((await refused(() => upload(parts))).pointers).toEqual(['/file'])
  })

  it('when a form is not whole, or only calls itself one', async () => {
    const headers = { 'content-type': 'multipart/form-data; boundary=b' }
    const part = '--b\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\nhello'
    for (const body of [part, `${part}\r\n--b`, 'x', '']) {
      expect((await refused(() => send(body, { headers }))).code).toBe('invalid_request')
    }
    const bare = { 'content-type': 'multipart/form-data' }
    expect((await refused(() => send(part, { headers: bare }))).code).toBe('invalid_request')
  })

  it('when it is compressed', async () => {
    const headers = { 'content-encoding': 'gzip' }
    expect(await refused(() => send('x', { path: '?name=a', headers }))).toMatchObject({ status: 415 })
  })

  it('when a file is too large for its format, which is named', async () => {
    const large = new Uint8Array(MAX_FILE_BYTES + 1).fill(0x61)
    const work = async (): Promise<Answer> => {
      const answer = await upload([
        ['file', 'x', 'small.md'],
        ['file', large, 'guides/large.md'],
      ])
      expect(answer.json.detail).toContain('guides/large.md')
      return answer
    }
    expect(await refused(work)).toEqual({ status: 413, code: 'body_too_large', pointers: ['/file/1'] })
  })

  it('when its sender goes away', async () => {
    let sent = 0
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (sent++ < 90) controller.enqueue(new Uint8Array(65_536))
        else controller.error(new Error('gone'))
      },
    })
    expect((await refused(() => send(body, { path: '?name=a.txt' }))).code).toBe('invalid_request')
  })

  it('when the upload was swept away meanwhile, and may be repeated', async () => {
    files.isSwept = true
    expect(await refused(() => upload([['file', 'x', 'a']]))).toMatchObject({ status: 503, code: 'overloaded' })
  })

  it('when too many files wait', async () => {
    files.refusal = new Problem('overloaded')
    expect(await refused(() => upload([['file', 'x', 'a']]))).toMatchObject({ status: 503, code: 'overloaded' })
  })

  it('when the collection is not there, before a byte of the body is read', async () => {
    let pulled = 0
    const body = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          pulled++
          controller.enqueue(new Uint8Array(1_000))
        },
      },
      { highWaterMark: 0 },
    )
    // A length beyond what is thrown away: the sender is let go of.
    const headers = { 'content-length': '100000000' }
    const absent = (): Promise<Answer> => send(body, { path: '/../../none/files?name=a', headers })
    expect(await refused(absent)).toMatchObject({ status: 404, code: 'not_found' })
    expect(pulled).toBeLessThanOrEqual(1)
  })

  it('when the rate is spent, before the body is read', async () => {
    const key = await world.makeKey(tenant, {
      scopes: ['documents:write'],
      rateLimit: { requests: 1, windowSeconds: 1_000 },
    })
    expect((await upload([['file', 'x', 'a']], { key })).status).toBe(202)
    expect((await refused(() => upload([['file', 'x', 'b']], { key }))).code).toBe('rate_limited')
  })
})
