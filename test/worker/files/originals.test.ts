/** Originals in a real bucket: what was stored comes back, what was refused leaves nothing, in pieces of any size. */
import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { hex, randomBase62, sha256 } from '../../../src/core/bytes.ts'
import { ORIGINAL_PART_BYTES } from '../../../src/core/limits.ts'
import { asProblem } from '../../../src/core/problem.ts'
import { R2Originals } from '../../../src/files/originals.ts'

const originals = new R2Originals(env.ORIGINALS)
const newKey = (): string => `test/${randomBase62(12)}/1`
const MAX = { maxBytes: 100_000_000 }

/** Bytes that differ from place to place, so that a part out of order shows. */
function bytesOf(length: number): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array((length + 3) >> 2)
  let state = 1
  for (let i = 0; i < words.length; i++) words[i] = state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
  return new Uint8Array(words.buffer, 0, length)
}

/** `failure` is thrown after the last piece. */
function streamOf(bytes: Uint8Array, piece: number, failure?: Error): ReadableStream<Uint8Array> {
  let at = 0
  return new ReadableStream<Uint8Array>({
    pull(controller) {
      if (at < bytes.length) controller.enqueue(bytes.slice(at, (at += piece)))
      else if (failure === undefined) controller.close()
      else controller.error(failure)
    },
  })
}

const lies = async (key: string): Promise<boolean> => (await env.ORIGINALS.head(key)) !== null

describe('an original', () => {
  it.each([
    [0, 1],
    [1, 1],
    [70_000, 999],
    [ORIGINAL_PART_BYTES - 1, 100_003],
    [ORIGINAL_PART_BYTES, 65_536],
    [ORIGINAL_PART_BYTES + 1, 1_000_000],
    [2 * ORIGINAL_PART_BYTES, 7_000_000],
    [2 * ORIGINAL_PART_BYTES + 123, 400_009],
  ])('of %i bytes in pieces of %i comes back as it was', async (length, piece) => {
    const key = newKey()
    const bytes = bytesOf(length)
    const noted: string[] = []
    const stored = await originals.store(key, streamOf(bytes, piece), {
      ...MAX,
      noteMultipart: async (id) => {
        noted.push(id)
        expect(await lies(key)).toBe(false)
      },
    })
    const digest = hex(await sha256(bytes))
    expect(stored).toMatchObject({ bytes: length, sha256: digest })
    expect(hex(await sha256(stored.head))).toBe(hex(await sha256(bytes.slice(0, 65_536))))
    expect(noted).toHaveLength(length > ORIGINAL_PART_BYTES ? 1 : 0)
    const opened = await originals.open(key)
    expect(opened?.size).toBe(length)
    const back = new Uint8Array(await new Response(opened?.stream()).arrayBuffer())
    expect(hex(await sha256(back))).toBe(digest)
    await originals.delete([key])
    expect(await originals.open(key)).toBeUndefined()
  })

  it('is read by ranges, and through a window that is a file of its own', async () => {
    const key = newKey()
    const bytes = bytesOf(1_000)
    await originals.store(key, streamOf(bytes, 300), MAX)
    const whole = await originals.open(key)
    expect(await whole?.read(10, 5)).toEqual(bytes.slice(10, 15))
    expect(await whole?.read(990, 50)).toEqual(bytes.slice(990))
    expect(await whole?.read(1_000, 1)).toEqual(new Uint8Array())
    const part = await originals.open(key, { offset: 900, length: 60 })
    expect(part?.size).toBe(60)
    expect(await part?.read(50, 50)).toEqual(bytes.slice(950, 960))
    expect(new Uint8Array(await new Response(part?.stream()).arrayBuffer())).toEqual(bytes.slice(900, 960))
    expect((await originals.open(key, { offset: 990, length: 60 }))?.size).toBe(10)
    expect((await originals.open(key, { offset: 2_000, length: 60 }))?.size).toBe(0)
  })

  it.each([[1_000], [ORIGINAL_PART_BYTES + 5_000]])(
    'whose sender goes away after %i bytes leaves nothing',
    async (length) => {
      const key = newKey()
      const ids: string[] = []
      const storing = originals.store(key, streamOf(bytesOf(length), 100_000, new Error('gone')), {
        ...MAX,
        noteMultipart: async (id) => void ids.push(id),
      })
      await expect(storing).rejects.toThrow('gone')
      expect(await lies(key)).toBe(false)
      for (const id of ids) {
        await expect(env.ORIGINALS.resumeMultipartUpload(key, id).uploadPart(2, bytesOf(10))).rejects.toThrow('10024')
      }
    },
  )

  it('over its limit is refused as soon as that is seen, and nothing of it is kept', async () => {
    const refused = async (length: number, maxBytes: number | (() => number)): Promise<unknown> => {
      const key = newKey()
      const code = await originals.store(key, streamOf(bytesOf(length), 50_000), { maxBytes }).then(
        () => 'stored',
        (error: unknown) => asProblem(error)?.code ?? error,
      )
      expect(await lies(key)).toBe(code === 'stored')
      return code
    }
    expect(await refused(10, 9)).toBe('body_too_large')
    expect(await refused(10, 10)).toBe('stored')
    expect(await refused(10, () => 9)).toBe('body_too_large')
    expect(await refused(200_000, () => 199_999)).toBe('body_too_large')
    expect(await refused(200_000, () => 200_000)).toBe('stored')
    expect(await refused(ORIGINAL_PART_BYTES + 2, () => ORIGINAL_PART_BYTES + 1)).toBe('body_too_large')
  })

  it('is not stored when its parts cannot be noted', async () => {
    const key = newKey()
    const noteMultipart = (): Promise<void> => Promise.reject(new Error('swept'))
    const storing = originals.store(key, streamOf(bytesOf(ORIGINAL_PART_BYTES + 1), 1e6), { ...MAX, noteMultipart })
    await expect(storing).rejects.toThrow('swept')
    expect(await lies(key)).toBe(false)
  })
})

describe('a sweep', () => {
  it('deletes all under a prefix and nothing beside it, page by page, and may be repeated', async () => {
    const folder = `test/${randomBase62(12)}`
    const keys = Array.from({ length: 1_003 }, (_, i) => `${folder}/a/${i}`)
    for (let at = 0; at < keys.length; at += 50) {
      await Promise.all(keys.slice(at, at + 50).map((key) => env.ORIGINALS.put(key, 'x')))
    }
    await env.ORIGINALS.put(`${folder}/b`, 'x')
    expect(await originals.deletePrefix(`${folder}/a/`)).toBe(keys.length)
    expect(await originals.deletePrefix(`${folder}/a/`)).toBe(0)
    expect(await lies(`${folder}/b`)).toBe(true)
    await originals.delete([`${folder}/b`, `${folder}/never`])
    expect(await lies(`${folder}/b`)).toBe(false)
  })

  it('aborts uploads in parts, and leaves alone what is complete or gone', async () => {
    const key = newKey()
    const upload = await env.ORIGINALS.createMultipartUpload(key)
    await upload.uploadPart(1, bytesOf(10))
    await originals.abortMultipart(key, upload.uploadId)
    await originals.abortMultipart(key, upload.uploadId)
    await expect(upload.uploadPart(2, bytesOf(10))).rejects.toThrow('10024')
    const other = await env.ORIGINALS.createMultipartUpload(key)
    await other.complete([await other.uploadPart(1, bytesOf(10))])
    await originals.abortMultipart(key, other.uploadId)
    expect(await lies(key)).toBe(true)
  })
})
