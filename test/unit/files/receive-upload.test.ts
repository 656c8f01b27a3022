/** What an upload does between its first byte and its job, under a clock that only the test moves. */
import { describe, expect, it } from 'vitest'
import { hex } from '../../../src/core/bytes.ts'
import { asProblem, Problem } from '../../../src/core/problem.ts'
import type { OriginalStore, StoreOptions } from '../../../src/files/original-store.ts'
import { maxFileBytes, ReceivingUpload } from '../../../src/files/receive-upload.ts'
import type { FileOptions } from '../../../src/files/files-api.ts'
import { FakeFiles } from '../../support/fake-files.ts'
import { FakeTime } from '../../support/fake-timer.ts'
import { collectionRecord } from '../ingest/fake-ingest.ts'

const WRITER = { keyId: 'key1', mayWriteAcl: true }

function world() {
  const time = new FakeTime()
  const files = new FakeFiles()
  const keys: string[] = []
  const stored = new Set<string>()
  const jobs = new Set<string>()
  const asked: StoreOptions[] = []
  const originals = {
    async store(key: string, body: ReadableStream<Uint8Array>, options: StoreOptions) {
      asked.push(options)
      keys.push(key)
      const text = await new Response(body as ReadableStream<Uint8Array<ArrayBuffer>>).text()
      const bytes = /^\d+ MB$/.test(text) ? Number.parseInt(text, 10) * 1_000_000 : text.length
      const { maxBytes } = options
      const most = typeof maxBytes === 'number' ? maxBytes : maxBytes(new Uint8Array())
      if (bytes > most) throw new Problem('body_too_large', `over ${most}`)
      stored.add(key)
      return { bytes, sha256: `sha of ${text}`, head: new Uint8Array() }
    },
    async deletePrefix(prefix: string) {
      const gone = [...stored].filter((key) => key.startsWith(prefix))
      for (const key of gone) stored.delete(key)
      return gone.length
    },
  } as OriginalStore
  const deps = {
    files,
    originals,
    jobs: {
      create: async ({ id }: { id?: string }) => void jobs.add(id ?? ''),
      remove: async (_: unknown, id: string) => void jobs.delete(id),
    } as never,
    timer: time.timer,
  }
  const open = (options: FileOptions = {}): Promise<ReceivingUpload> =>
    ReceivingUpload.open(deps, collectionRecord(), options)
  return { time, files, keys, stored, jobs, asked, open }
}

const add = (upload: ReceivingUpload, name: string, text = name): Promise<void> =>
  upload.add(name, new Blob([text]).stream())

const codeOf = (work: Promise<unknown>): Promise<string | undefined> =>
  work.then(
    () => undefined,
    (error: unknown) => asProblem(error)?.code ?? String(error),
  )

describe('an upload', () => {
  it('stands in the files object before anything is stored, and shows life until it is handed over', async () => {
    const { time, files, keys, jobs, open } = world()
    const upload = await open()
    expect([files.uploads.size, keys.length, jobs.size]).toEqual([1, 0, 0])
    await add(upload, 'a')
    await time.advance(29_000)
    expect(files.renewals).toBe(5)
    await add(upload, 'b')
    const jobId = await upload.accept(WRITER)
    expect([...jobs]).toEqual([jobId])
    expect(files.accepted.get(jobId)?.files.map(({ name, key }) => [name, key])).toEqual([
      ['a', keys[0]],
      ['b', keys[1]],
    ])
    await time.advance(60_000)
    expect([files.renewals, time.armed]).toEqual([5, 0])
    // What was handed over is not the request's to drop.
    await upload.drop()
    expect(files.accepted.size).toBe(1)
  })

  it('stops when it was swept away, and leaves no job', async () => {
    const { time, files, jobs, open } = world()
    const upload = await open()
    files.isSwept = true
    await time.advance(5_000)
    expect(await codeOf(add(upload, 'a'))).toBe('overloaded')
    expect(await codeOf(upload.accept(WRITER))).toBe('overloaded')
    expect(jobs.size).toBe(0)
    // The sweep may come between the last sign of life and the hand-over.
    files.isSwept = false
    const other = await open()
    await add(other, 'a')
    files.isSwept = true
    expect(await codeOf(other.accept(WRITER))).toBe('overloaded')
    expect(jobs.size).toBe(0)
  })

  it('takes away what it stored after it was swept, of which nobody else knows', async () => {
    const { files, keys, stored, open } = world()
    const upload = await open()
    await add(upload, 'a')
    // The collection was deleted, or the tenant erased: the bucket was looked through before this comes.
    files.uploads.clear()
    stored.clear()
    await add(upload, 'b')
    expect([keys.length, stored.size]).toEqual([2, 1])
    await upload.drop()
    expect(stored.size).toBe(0)
  })

  it('takes away what it stored when nobody takes it over, and leaves what may have been', async () => {
    for (const [refusal, left] of [
      [false, 0],
      [new Problem('not_found'), 0],
      [new Error('the answer was lost'), 1],
    ] as const) {
      const { files, stored, open } = world()
      const upload = await open()
      await add(upload, 'a')
      files.acceptUpload = async () => {
        if (refusal === false) return false
        throw refusal
      }
      await codeOf(upload.accept(WRITER))
      await upload.drop()
      expect([String(refusal), stored.size]).toEqual([String(refusal), left])
    }
  })

  it('is swept, to the eye of its sender, when its parts cannot be noted any more', async () => {
    const { files, asked, open } = world()
    await add(await open(), 'a')
    files.noteMultipart = () => Promise.reject(new Problem('not_found'))
    expect(await codeOf(asked[0]!.noteMultipart!('m1'))).toBe('overloaded')
    files.noteMultipart = () => Promise.reject(new Error('unreachable'))
    expect(await codeOf(asked[0]!.noteMultipart!('m1'))).toBe('Error: unreachable')
  })

  it('goes on when a sign of life is lost', async () => {
    const { time, files, open } = world()
    const upload = await open()
    const renew = files.renewUpload.bind(files)
    files.renewUpload = () => Promise.reject(new Error('unreachable'))
    await time.advance(10_000)
    files.renewUpload = renew
    await add(upload, 'a')
    expect(await codeOf(upload.accept(WRITER))).toBeUndefined()
  })

  it('drops nothing when it is not known whether it was handed over', async () => {
    const { files, jobs, open } = world()
    const upload = await open()
    await add(upload, 'a')
    const accept = files.acceptUpload.bind(files)
    files.acceptUpload = async (request) => {
      await accept(request)
      throw new Error('the answer was lost')
    }
    await expect(upload.accept(WRITER)).rejects.toThrow('lost')
    await upload.drop()
    expect([files.accepted.size, jobs.size]).toEqual([1, 1])
  })

  it('takes so many bytes together and no more, and says which limit it was', async () => {
    const { open } = world()
    const upload = await open()
    await expect(add(upload, 'a', '26 MB')).rejects.toThrow('over 25000000')
    for (let i = 0; i < 39; i++) await add(upload, `b${i}`, '25 MB')
    await expect(add(upload, 'c', '26 MB')).rejects.toThrow('over 25000000')
    await add(upload, 'd', '20 MB')
    await expect(add(upload, 'e', '6 MB')).rejects.toThrow('the files of an upload may have 1000000000 bytes together')
    await add(upload, 'f', '5 MB')
  })

  it('says the same by options, names and contents alone', async () => {
    const { open } = world()
    const digestOf = async (options: FileOptions, ...files: [string, string][]): Promise<string> => {
      const upload = await open(options)
      for (const [name, text] of files) await add(upload, name, text)
      const digest = hex(await upload.digest())
      await upload.drop()
      return digest
    }
    const same = await digestOf({ language: 'en', documents: 'rows' }, ['a', 'x'], ['b', 'y'])
    expect(await digestOf({ documents: 'rows', language: 'en' }, ['a', 'x'], ['b', 'y'])).toBe(same)
    const others = [
      await digestOf({ language: 'en' }, ['a', 'x'], ['b', 'y']),
      await digestOf({ language: 'en', documents: 'rows' }, ['b', 'y'], ['a', 'x']),
      await digestOf({ language: 'en', documents: 'rows' }, ['a', 'y'], ['b', 'x']),
      await digestOf({ language: 'en', documents: 'rows' }, ['a', 'x']),
    ]
    expect(new Set([same, ...others]).size).toBe(5)
  })
})

it('a file may be as large as its format allows', () => {
  expect([maxFileBytes('csv'), maxFileBytes('zip'), maxFileBytes('pdf'), maxFileBytes(undefined)]).toEqual([
    100_000_000, 100_000_000, 25_000_000, 25_000_000,
  ])
})
