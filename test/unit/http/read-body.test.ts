import { describe, expect, it } from 'vitest'
import { LARGE_BODY_BYTES, MAX_BODY_BYTES } from '../../../src/core/limits.ts'
import { asProblem } from '../../../src/core/problem.ts'
import { BodyAdmission, decodeUtf8, readBody, requireJsonType } from '../../../src/http/read-body.ts'

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
    const { bytes, release } = await readBody(post('{"a":"ü😀"}'), admission)
    expect(decodeUtf8(bytes)).toBe('{"a":"ü😀"}')
    expect(bytes.length).toBe(14)
    release()
  })

  it('refuses a body that is too large, whether its length is told or not', async () => {
    expect(await codeOf(readBody(post('x'.repeat(MAX_BODY_BYTES + 1)), admission))).toBe('body_too_large')
    const { request } = streamed(MAX_BODY_BYTES + 1)
    expect(await codeOf(readBody(request, admission))).toBe('body_too_large')
  })

  it('takes a body of exactly the limit', async () => {
    const { request } = streamed(MAX_BODY_BYTES)
    const { bytes, release } = await readBody(request, admission)
    expect(bytes.length).toBe(MAX_BODY_BYTES)
    release()
  })

  it('stops reading a body without end', async () => {
    const { request, pulled } = streamed(1e12)
    expect(await codeOf(readBody(request, admission))).toBe('body_too_large')
    expect(pulled()).toBeLessThanOrEqual(5 * MAX_BODY_BYTES)
  })

  it('does not believe a length that is too small', async () => {
    const { request } = streamed(50_000, { ...JSON_TYPE, 'content-length': '10' })
    const { bytes } = await readBody(request, admission)
    expect(bytes.length).toBe(50_000)
  })

  it('refuses what is not UTF-8, and what is not there', async () => {
    expect(() => decodeUtf8(new Uint8Array([0x22, 0xff, 0x22]))).toThrow('not valid UTF-8')
    expect(await codeOf(readBody(post(null), admission))).toBe('invalid_request')
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
  it('lets large bodies in one at a time and small ones at any time', async () => {
    const admission = new BodyAdmission(() => Date.now())
    const first = await readBody(streamed(LARGE_BODY_BYTES + 1).request, admission)
    let isIn = false
    const second = readBody(streamed(LARGE_BODY_BYTES + 1).request, admission).then((body) => {
      isIn = true
      return body
    })
    await readBody(streamed(1_000).request, admission)
    await new Promise((resolve) => setTimeout(resolve, 60))
    expect(isIn).toBe(false)
    first.release()
    const { release } = await second
    expect(isIn).toBe(true)
    release()
  })

  it('lets the next one in when the one before shows no life any more', async () => {
    let nowMs = 0
    const admission = new BodyAdmission(() => nowMs)
    const lost = await admission.admit()
    const next = admission.admit()
    nowMs = 16_000
    const turn = await next
    // The lost one comes back to life; it must not open the door behind the other's back.
    lost.release()
    const third = admission.admit()
    expect(
      await Promise.race([third.then(() => 'in'), new Promise((resolve) => setTimeout(resolve, 60, 'waiting'))]),
    ).toBe('waiting')
    turn.release()
    await third
  })

  it('frees its turn when the body turns out to be refused', async () => {
    const admission = new BodyAdmission(() => Date.now())
    expect(await codeOf(readBody(streamed(MAX_BODY_BYTES + 1).request, admission))).toBe('body_too_large')
    const { release } = await readBody(streamed(LARGE_BODY_BYTES + 1).request, admission)
    release()
  })

  it('refuses as overloaded who waited too long', async () => {
    let nowMs = 0
    const admission = new BodyAdmission(() => nowMs)
    const holder = await admission.admit()
    const waiting = admission.admit()
    nowMs = 61_000
    holder.renew()
    expect(await codeOf(waiting)).toBe('overloaded')
  })
})
