/**
 * Uploads over HTTP into a real bucket, with a stand-in for the tenant's files object: what is accepted is whole and
 * durable, what is refused leaves nothing, in the order of refusal of every other route.
 */
import { env } from 'cloudflare:workers'
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { hex, sha256, utf8 } from '../../../src/core/bytes.ts'
import { MAX_FILE_BYTES, MAX_FILES_PER_UPLOAD, ORIGINAL_PART_BYTES } from '../../../src/core/limits.ts'
import { Problem } from '../../../src/core/problem.ts'
import type { AcceptFiles } from '../../../src/files/files-api.ts'
import { originalPrefix } from '../../../src/files/original-key.ts'
import { R2Originals } from '../../../src/files/originals.ts'
import { FakeFiles } from '../../support/fake-files.ts'
import { makeWorld, ORIGIN, problemOf } from './http-harness.ts'
import type { Answer, TestTenant, World } from './http-harness.ts'

let files: FakeFiles
let world: World
let tenant: TestTenant

beforeAll(async () => {
  files = new FakeFiles()
  const bucket = new R2Originals(env.ORIGINALS)
  files.forget = async ({ tenantUid, collectionId, uploadId }) =>
    bucket.deletePrefix(await originalPrefix(tenantUid, collectionId, uploadId))
  world = await makeWorld({ files })
})

beforeEach(async () => {
  tenant = await world.makeTenant()
  await world.call('POST', '/v1/collections', { key: tenant.key, body: { name: 'docs' } })
  files.refusal = undefined
  files.isSwept = false
})

type Parts = readonly (readonly [name: string, content: string | Uint8Array<ArrayBuffer>, filename?: string])[]

function formOf(parts: Parts): FormData {
  const form = new FormData()
  for (const [name, content, filename] of parts) {
    if (filename === undefined) form.append(name, content as string)
    else form.append(name, new Blob([content]), filename)
  }
  return form
}

interface Sent {
  readonly key?: string
  readonly headers?: Record<string, string>
  readonly path?: string
}

async function send(body: BodyInit | null, { key = tenant.key, headers = {}, path = '' }: Sent = {}): Promise<Answer> {
  const response = await world.fetch(
    new Request(`${ORIGIN}/v1/collections/docs/files${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, ...headers },
      body,
    }),
  )
  const text = await response.text()
  return { status: response.status, headers: response.headers, text, json: text === '' ? undefined : JSON.parse(text) }
}

const upload = (parts: Parts, sent: Sent = {}): Promise<Answer> => send(formOf(parts), sent)

const originals = async (): Promise<string[]> => {
  const { objects } = await env.ORIGINALS.list()
  return objects.map(({ key }) => key)
}

const jobCount = async (): Promise<number> =>
  (await world.call('GET', '/v1/jobs', { key: tenant.key })).json.data.length as number

/** Runs a request that is refused and looks for what it left behind. */
async function refused(work: () => Promise<Answer>): Promise<{ status: number; code: string; pointers: string[] }> {
  const before = { originals: await originals(), accepted: files.accepted.size, jobs: await jobCount() }
  const answer = await work()
  expect({ originals: await originals(), accepted: files.accepted.size, jobs: await jobCount() }).toEqual(before)
  expect(files.uploads.size).toBe(0)
  return problemOf(answer)
}

function acceptedOf(answer: Answer): AcceptFiles {
  expect(answer.status, answer.text).toBe(202)
  expect(answer.headers.get('location')).toBe(`/v1/jobs/${answer.json.job.id}`)
  const accepted = files.accepted.get(answer.json.job.id as string)
  if (accepted === undefined) throw new Error('nothing was accepted')
  return accepted
}

const stored = async (key: string | undefined): Promise<string | undefined> =>
  (await env.ORIGINALS.get(key ?? ''))?.text()

const digestOf = async (text: string): Promise<string> => hex(await sha256(utf8(text)))

describe('an upload', () => {
  it('of a form takes every file with its path, and answers when all are durable', async () => {
    const options = { metadata: { team: 'blue' }, language: 'ja', mapping: { text: ['body'], metadata: true } }
    const accepted = acceptedOf(
      await upload([
        ['options', JSON.stringify(options)],
        ['file', 'The heron nests.', 'notes/heron.txt'],
        ['file', '鷺', '日本語 ノート/鷺.md'],
        ['file', '', 'empty.bin'],
      ]),
    )
    expect(accepted.options).toEqual(options)
    expect(accepted.writer).toEqual({ keyId: tenant.keyId, mayWriteAcl: true })
    expect(accepted.files.map(({ name, bytes }) => ({ name, bytes }))).toEqual([
      { name: 'notes/heron.txt', bytes: 16 },
      { name: '日本語 ノート/鷺.md', bytes: 3 },
      { name: 'empty.bin', bytes: 0 },
    ])
    for (const [i, text] of ['The heron nests.', '鷺', ''].entries()) {
      expect(accepted.files[i]?.sha256).toBe(await digestOf(text))
      expect(await stored(accepted.files[i]?.key)).toBe(text)
    }
    expect(accepted.files[2]?.format).toBeUndefined()
    expect(files.uploads.size).toBe(0)
  })

  it('of a raw body takes its name from the query, whatever its type is', async () => {
    const path = `?name=${encodeURIComponent('a/b.txt')}&options=${encodeURIComponent('{"acl":["group:sales"]}')}`
    for (const type of [undefined, 'application/json', 'text/plain; charset=latin1']) {
      const headers = type === undefined ? {} : { 'content-type': type }
      const accepted = acceptedOf(await send(utf8('{"a":1'), { path, headers }))
      expect(accepted.options).toEqual({ acl: ['group:sales'] })
      expect(accepted.files).toMatchObject([{ name: 'a/b.txt', bytes: 6 }])
    }
    expect(acceptedOf(await send(null, { path: '?name=nothing' })).files[0]?.bytes).toBe(0)
  })

  it('of a large file goes up in parts that a sweep could abort', async () => {
    const bytes = new Uint8Array(ORIGINAL_PART_BYTES + 1_000).fill(0x61)
    const noted: unknown[] = []
    const note = files.noteMultipart.bind(files)
    files.noteMultipart = async (uploadId, key, id) => {
      noted.push([uploadId, key])
      await note(uploadId, key, id)
    }
    const accepted = acceptedOf(await upload([['file', bytes, 'long.txt']]))
    files.noteMultipart = note
    expect(noted).toEqual([[accepted.uploadId, accepted.files[0]?.key]])
    expect((await env.ORIGINALS.head(accepted.files[0]?.key ?? ''))?.size).toBe(bytes.length)
    expect(accepted.files[0]?.sha256).toBe(hex(await sha256(bytes)))
  })

  it('makes a job of files, and lies under a prefix of its collection', async () => {
    const answer = await upload([['file', 'x', 'a.txt']])
    const { collectionId, files: received } = acceptedOf(answer)
    const job = await env.DB.prepare('SELECT kind, total, collection_id FROM jobs WHERE id = ?')
      .bind(answer.json.job.id)
      .first()
    expect(job).toEqual({ kind: 'files', total: 1, collection_id: collectionId })
    expect(received[0]?.key).not.toContain(tenant.id)
    expect(received[0]?.key).not.toContain(collectionId)
  })

  it('may fill a collection of own vectors', async () => {
    const model = { provider: 'bring-your-own', dimensions: 3, metric: 'cosine' }
    await world.call('POST', '/v1/collections', { key: tenant.key, body: { name: 'own', model } })
    const answer = await send(formOf([['file', 'x', 'a.txt']]), { path: '/../../own/files' })
    expect(answer.status).toBe(202)
  })

  it('by a token carries its filter and may set no acl', async () => {
    const key = await world.makeKey(tenant, { scopes: ['documents:write'] })
    const made = await world.call('POST', '/v1/tokens', {
      key,
      body: { ttlSeconds: 60, scopes: ['documents:write'], filter: { team: 'blue' } },
    })
    const token = made.json.token as string
    const accepted = acceptedOf(await upload([['file', 'x', 'a.txt']], { key: token }))
    expect(accepted.writer).toMatchObject({ mayWriteAcl: false, keyId: key.slice(6, 22) })
    expect(accepted.writer.filter).toBeDefined()
    const acl = JSON.stringify({ acl: ['a'] })
    const byForm = await refused(() =>
      upload(
        [
          ['options', acl],
          ['file', 'x', 'a.txt'],
        ],
        { key: token },
      ),
    )
    expect(byForm).toEqual({ status: 403, code: 'forbidden', pointers: ['/options/acl'] })
    const path = `?name=a&colour=1&options=${encodeURIComponent(acl)}`
    expect((await refused(() => send('x', { key: token, path }))).code).toBe('forbidden')
  })
})

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

describe('an idempotency key', () => {
  const headers = { 'idempotency-key': 'upload-1' }

  it('replays the answer to the same files, and drops what came again', async () => {
    const parts: Parts = [
      ['options', '{"metadata":{"a":1,"b":2}}'],
      ['file', 'x', 'a'],
      ['file', 'y', 'b'],
    ]
    const first = await upload(parts, { headers })
    const before = { originals: (await originals()).length, accepted: files.accepted.size, jobs: await jobCount() }
    const again = await upload(parts, { headers })
    expect(again.headers.get('idempotent-replayed')).toBe('true')
    expect(again.text).toBe(first.text)
    expect(again.headers.get('location')).toBe(first.headers.get('location'))
    // Another form with the same fields has another boundary, and says the same.
    expect((await upload([['options', '{"metadata":{"b":2,"a":1}}'], ...parts.slice(1)], { headers })).text).toBe(
      first.text,
    )
    expect({ originals: (await originals()).length, accepted: files.accepted.size, jobs: await jobCount() }).toEqual(
      before,
    )
  })

  it('of other files, names or options is refused', async () => {
    await upload([['file', 'x', 'a']], { headers })
    const others: Parts[] = [
      [['file', 'y', 'a']],
      [['file', 'x', 'b']],
      [
        ['options', '{"language":"en"}'],
        ['file', 'x', 'a'],
      ],
      [
        ['file', 'x', 'a'],
        ['file', 'x', 'b'],
      ],
    ]
    for (const parts of others) {
      expect((await refused(() => upload(parts, { headers }))).code).toBe('idempotency_key_reused')
    }
  })

  it('of an upload that is being accepted is in flight', async () => {
    let release = (): void => {}
    const accept = files.acceptUpload.bind(files)
    files.acceptUpload = async (request) => {
      await new Promise<void>((resolve) => (release = resolve))
      return accept(request)
    }
    const first = upload([['file', 'x', 'a']], { headers })
    let second: Answer
    do second = await upload([['file', 'x', 'a']], { headers })
    while (second.status !== 409)
    expect(problemOf(second)).toMatchObject({ code: 'request_in_flight' })
    files.acceptUpload = accept
    release()
    expect((await first).status).toBe(202)
    expect(files.uploads.size).toBe(0)
  })
})
