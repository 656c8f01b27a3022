/**
 * Uploads over HTTP into a real bucket, with a stand-in for the tenant's files object: what is accepted is whole and
 * durable, what is refused leaves nothing, in the order of refusal of every other route.
 */
import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { hex, sha256, utf8 } from '../../../src/core/bytes.ts'
import { ORIGINAL_PART_BYTES } from '../../../src/core/limits.ts'
import { problemOf } from './http-harness.ts'
import type { Answer } from './http-harness.ts'
import {
  acceptedOf,
  files,
  formOf,
  jobCount,
  originals,
  refused,
  send,
  tenant,
  upload,
  useUploads,
  world,
} from './upload-api.ts'
import type { Parts } from './upload-api.ts'

useUploads()

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
