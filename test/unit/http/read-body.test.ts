import { describe, expect, it } from 'vitest'
import {
  BODY_GRACE_MS,
  MAX_BODY_BYTES,
  MAX_DOCUMENTS_BODY_BYTES,
  MAX_LARGE_BODIES,
  MAX_LARGE_WORK_MS,
  MIN_BODY_BYTES_PER_SECOND,
} from '../../../src/core/limits.ts'
import { asProblem } from '../../../src/core/problem.ts'
import { BodyAdmission, decodeUtf8, readBody, requireJsonType } from '../../../src/http/read-body.ts'
import type { BodyPolicy } from '../../../src/http/read-body.ts'
import { FakeTime } from '../../support/fake-timer.ts'

const JSON_TYPE = { 'content-type': 'application/json' }

/** A body of pieces of 100 kB without a length that was told before. */
function streamed(
  bytes: number,
  headers: Record<string, string> = JSON_TYPE,
): { request: Request; pulled: () => number } {
  let sent = 0
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const size = Math.min(100_000, bytes - sent)
        if (size === 0) return controller.close()
        sent += size
        controller.enqueue(new Uint8Array(size).fill(0x20))
      },
    },
    { highWaterMark: 0 },
  )
  const init: RequestInit & { duplex: 'half' } = { method: 'POST', body, headers, duplex: 'half' }
  return { request: new Request('http://host/', init), pulled: () => sent }
}

const DOCUMENTS = { maxBytes: MAX_DOCUMENTS_BODY_BYTES, owner: 'ten_a' }
const OTHER = { maxBytes: MAX_BODY_BYTES, owner: 'ten_a' }

/** A sender who never stops and never hurries: a piece of `bytes` every `everyMs` of a clock of its own. */
function dripping(bytes: number, everyMs: number): { request: Request; clock: () => number } {
  let nowMs = 0
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        nowMs += everyMs
        controller.enqueue(new Uint8Array(bytes).fill(0x20))
      },
    },
    { highWaterMark: 0 },
  )
  const init: RequestInit & { duplex: 'half' } = { method: 'POST', body, headers: JSON_TYPE, duplex: 'half' }
  return { request: new Request('http://host/', init), clock: () => nowMs }
}

async function codeOf(work: Promise<unknown>): Promise<string | undefined> {
  try {
    await work
    return undefined
  } catch (error) {
    return asProblem(error)?.code ?? String(error)
  }
}

const post = (body: BodyInit | null, headers: Record<string, string> = JSON_TYPE): Request =>
  new Request('http://host/', { method: 'POST', body, headers })

describe('readBody', () => {
  const admission = new BodyAdmission(() => 0)

  it('gives the bytes and the text of a body', async () => {
    const { bytes, release } = await readBody(post('{"a":"ü😀"}'), admission, DOCUMENTS)
    expect(decodeUtf8(bytes)).toBe('{"a":"ü😀"}')
    expect(bytes.length).toBe(14)
    release()
  })

  it('refuses a body that is too large, whether its length is told or not', async () => {
    expect(await codeOf(readBody(post('x'.repeat(MAX_DOCUMENTS_BODY_BYTES + 1)), admission, DOCUMENTS))).toBe(
      'body_too_large',
    )
    const { request } = streamed(MAX_DOCUMENTS_BODY_BYTES + 1)
    expect(await codeOf(readBody(request, admission, DOCUMENTS))).toBe('body_too_large')
  })

  it('takes a body of exactly the limit', async () => {
    const { request } = streamed(MAX_DOCUMENTS_BODY_BYTES)
    const { bytes, release } = await readBody(request, admission, DOCUMENTS)
    expect(bytes.length).toBe(MAX_DOCUMENTS_BODY_BYTES)
    release()
  })

  it('takes less where documents have no place', async () => {
    expect(await codeOf(readBody(streamed(MAX_BODY_BYTES).request, admission, OTHER))).toBeUndefined()
    expect(await codeOf(readBody(streamed(MAX_BODY_BYTES + 1).request, admission, OTHER))).toBe('body_too_large')
    expect(await codeOf(readBody(post('x'.repeat(MAX_BODY_BYTES + 1)), admission, OTHER))).toBe('body_too_large')
  })

  it('gives up a body that drips, however long it goes on', async () => {
    for (const [bytes, everyMs] of [
      [1, 1_000],
      [MIN_BODY_BYTES_PER_SECOND / 2, 1_000],
    ] as const) {
      const { request, clock } = dripping(bytes, everyMs)
      expect(await codeOf(readBody(request, new BodyAdmission(clock), DOCUMENTS))).toBe('invalid_request')
      expect(clock()).toBeLessThanOrEqual(2 * BODY_GRACE_MS + 2 * everyMs)
    }
  })

  it('gives up a body that is too large and drips, too', async () => {
    const { request, clock } = dripping(1_000, 1_000)
    expect(await codeOf(readBody(request, new BodyAdmission(clock), { maxBytes: 500, owner: 'ten_a' }))).toBe(
      'invalid_request',
    )
    expect(clock()).toBeLessThan(2 * BODY_GRACE_MS)
  })

  it('takes a sender who goes away for a fault of the request, and not for a bug', async () => {
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        controller.error(new Error('Network connection lost.'))
      },
    })
    const init: RequestInit & { duplex: 'half' } = { method: 'POST', body, headers: JSON_TYPE, duplex: 'half' }
    const request = new Request('http://host/', init)
    expect(await codeOf(readBody(request, admission, DOCUMENTS))).toBe('invalid_request')
  })

  it('waits for a slow sender who keeps the least rate', async () => {
    const { request, clock } = dripping(MIN_BODY_BYTES_PER_SECOND, 1_000)
    expect(await codeOf(readBody(request, new BodyAdmission(clock), DOCUMENTS))).toBe('body_too_large')
  })

  it('stops reading a body without end', async () => {
    const { request, pulled } = streamed(1e12)
    expect(await codeOf(readBody(request, admission, DOCUMENTS))).toBe('body_too_large')
    expect(pulled()).toBeLessThanOrEqual(5 * MAX_DOCUMENTS_BODY_BYTES)
  })

  it('does not believe a length that is too small', async () => {
    const { request } = streamed(50_000, { ...JSON_TYPE, 'content-length': '10' })
    const { bytes } = await readBody(request, admission, DOCUMENTS)
    expect(bytes.length).toBe(50_000)
  })

  it('refuses what is not UTF-8, and what is not there', async () => {
    expect(() => decodeUtf8(new Uint8Array([0x22, 0xff, 0x22]))).toThrow('not valid UTF-8')
    expect(await codeOf(readBody(post(null), admission, DOCUMENTS))).toBe('invalid_request')
  })

  it('wants JSON in UTF-8, uncompressed', () => {
    for (const type of ['application/json', 'Application/JSON; charset=UTF-8', 'application/merge-patch+json']) {
      expect(() => requireJsonType(new Headers({ 'content-type': type }))).not.toThrow()
    }
    for (const type of ['text/plain', 'application/jsonp', 'application/json; charset=utf-16', 'multipart/form-data']) {
      expect(() => requireJsonType(new Headers({ 'content-type': type }))).toThrow()
    }
    expect(() => requireJsonType(new Headers())).toThrow()
    expect(() => requireJsonType(new Headers({ ...JSON_TYPE, 'content-encoding': 'gzip' }))).toThrow()
  })
})

describe('BodyAdmission', () => {
  const large = (): Request => streamed(MAX_BODY_BYTES + 1).request
  const by = (owner: string): BodyPolicy => ({ ...DOCUMENTS, owner })
  const soon = (work: Promise<unknown>): Promise<unknown> =>
    Promise.race([work.then(() => 'in'), new Promise((resolve) => setTimeout(resolve, 60, 'waiting'))])

  it('takes one large body of a tenant at a time, and small ones at any time', async () => {
    const admission = new BodyAdmission(() => Date.now())
    const first = await readBody(large(), admission, by('a'))
    const second = readBody(large(), admission, by('a'))
    await readBody(streamed(1_000).request, admission, by('a'))
    expect(await soon(second)).toBe('waiting')
    expect(await soon(readBody(large(), admission, by('b')))).toBe('in')
    first.release()
    ;(await second).release()
  })

  it('takes no more large bodies at a time than it has memory for', async () => {
    const admission = new BodyAdmission(() => Date.now())
    const held = await Promise.all(
      Array.from({ length: MAX_LARGE_BODIES }, (_, i) => readBody(large(), admission, by(`t${i}`))),
    )
    const next = readBody(large(), admission, by('next'))
    expect(await soon(next)).toBe('waiting')
    held[0]?.release()
    ;(await next).release()
  })

  it('frees its turn when the body turns out to be refused', async () => {
    const admission = new BodyAdmission(() => Date.now())
    expect(await codeOf(readBody(streamed(MAX_DOCUMENTS_BODY_BYTES + 1).request, admission, DOCUMENTS))).toBe(
      'body_too_large',
    )
    ;(await readBody(large(), admission, DOCUMENTS)).release()
  })

  it('does not charge the sender for the time of waiting', async () => {
    let nowMs = 0
    const admission = new BodyAdmission(() => nowMs)
    const first = await readBody(large(), admission, DOCUMENTS)
    const second = readBody(large(), admission, DOCUMENTS)
    expect(await soon(second)).toBe('waiting')
    nowMs = 2 * BODY_GRACE_MS
    first.release()
    ;(await second).release()
  })

  it('lets one large body be worked on at a time, for as long as its request lives', async () => {
    const time = new FakeTime()
    const admission = new BodyAdmission(time.clock, time.timer)
    const release = await admission.work(MAX_BODY_BYTES + 1)
    ;(await admission.work(MAX_BODY_BYTES))()
    const next = admission.work(MAX_BODY_BYTES + 1)
    await time.advance(40_000)
    expect(await soon(next)).toBe('waiting')
    release()
    ;(await next)()
    expect(time.armed).toBe(0)
  })

  it('waits for no work without end, nor for that of a request that was dropped', async () => {
    const time = new FakeTime()
    const endless = new BodyAdmission(time.clock, time.timer)
    await endless.work(MAX_BODY_BYTES + 1)
    await time.advance(MAX_LARGE_WORK_MS)
    expect(time.armed).toBe(0)
    expect(await soon(endless.work(MAX_BODY_BYTES + 1))).toBe('in')
    // The timers of a dropped request never fire.
    const dropped = new BodyAdmission(time.clock, () => () => {})
    await dropped.work(MAX_BODY_BYTES + 1)
    await time.advance(15_000)
    expect(await soon(dropped.work(MAX_BODY_BYTES + 1))).toBe('in')
  })
})
