/** The body of an upload: its turn, its least rate, and what becomes of it after a refusal. */
import { describe, expect, it } from 'vitest'
import { BODY_GRACE_MS, MAX_BODY_BYTES, MAX_UPLOADS_PER_TENANT } from '../../../src/core/limits.ts'
import { asProblem } from '../../../src/core/problem.ts'
import { MAX_DISCARDED_BYTES } from '../../../src/http/arrival.ts'
import { BodyAdmission } from '../../../src/http/read-body.ts'
import { UploadBody } from '../../../src/http/upload-body.ts'

interface Sender {
  readonly bytes?: number
  readonly count?: number
  readonly onPull?: () => void
  readonly headers?: Record<string, string>
}

/** Pieces of `bytes` without end, or `count` of them; `onPull` runs before each. */
function sender({ bytes = 1_000, count = Infinity, onPull = () => {}, headers = {} }: Sender = {}) {
  const state = { pulled: 0, isCancelled: false }
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        if (state.pulled === count) return controller.close()
        state.pulled++
        onPull()
        controller.enqueue(new Uint8Array(bytes))
      },
      cancel() {
        state.isCancelled = true
      },
    },
    { highWaterMark: 0 },
  )
  const init: RequestInit & { duplex: 'half' } = { method: 'POST', body, headers, duplex: 'half' }
  return { state, request: new Request('http://host/', init) }
}

const codeOf = (work: Promise<unknown>): Promise<string | undefined> =>
  work.then(
    () => undefined,
    (error: unknown) => asProblem(error)?.code ?? String(error),
  )

const drain = async (body: UploadBody): Promise<number> => {
  let length = 0
  for (let piece = await body.next(); piece !== undefined; piece = await body.next()) length += piece.length
  return length
}

const soon = (work: Promise<unknown>): Promise<unknown> =>
  Promise.race([work.then(() => 'in'), new Promise((resolve) => setTimeout(resolve, 60, 'waiting'))])

describe('the body of an upload', () => {
  it('that is absent is empty', async () => {
    const body = new UploadBody(new Request('http://host/', { method: 'POST' }), new BodyAdmission(() => 0), 'a')
    expect(await body.next()).toBeUndefined()
    await body.discard()
  })

  it('that comes too slowly is refused, at whatever length', async () => {
    let nowMs = 0
    // 10 kB in a second, where 50 kB are the least.
    const { request } = sender({ bytes: 10_000, onPull: () => (nowMs += 1_000) })
    const body = new UploadBody(request, new BodyAdmission(() => nowMs), 'a')
    expect(await codeOf(drain(body))).toBe('invalid_request')
    expect(nowMs).toBeGreaterThan(BODY_GRACE_MS)
    expect(nowMs).toBeLessThan(2 * BODY_GRACE_MS)
  })

  it('is not charged for the time in which it was stored', async () => {
    let nowMs = 0
    const { request } = sender({ bytes: 1_000_000, count: 50, onPull: () => (nowMs += 1_000) })
    const body = new UploadBody(request, new BodyAdmission(() => nowMs), 'a')
    for (let piece = await body.next(); piece !== undefined; piece = await body.next()) nowMs += 60_000
    expect(nowMs).toBe(50 * 61_000)
  })

  it('waits for a turn if it is long, before its first byte, and lets the next one in at its end', async () => {
    const admission = new BodyAdmission(() => 0)
    const bodies = Array.from({ length: MAX_UPLOADS_PER_TENANT + 1 }, () => {
      const { request, state } = sender()
      return { body: new UploadBody(request, admission, 'a'), state }
    })
    const [first, ...others] = bodies
    const last = others.at(-1)!
    for (const { body } of bodies.slice(0, -1)) await body.next()
    const waiting = last.body.next()
    expect(await soon(waiting)).toBe('waiting')
    expect(last.state.pulled).toBe(0)
    const stranger = new UploadBody(sender().request, admission, 'b')
    expect((await stranger.next())?.length).toBe(1_000)
    const short = sender({ headers: { 'content-length': String(MAX_BODY_BYTES) } })
    expect((await new UploadBody(short.request, admission, 'a').next())?.length).toBe(1_000)
    // JSON of the same tenant has turns of its own.
    ;(await admission.receive('a')).release()
    first?.body.release()
    await waiting
  })

  it('keeps its turn while what came is stored', async () => {
    let nowMs = 0
    const admission = new BodyAdmission(() => nowMs)
    const bodies = Array.from(
      { length: MAX_UPLOADS_PER_TENANT },
      () => new UploadBody(sender().request, admission, 'a'),
    )
    for (const body of bodies) await body.next()
    nowMs = BODY_GRACE_MS - 1
    const next = new UploadBody(sender().request, admission, 'a').next()
    expect(await soon(next)).toBe('waiting')
    // A request that the runtime dropped holds the door no longer than a silent sender may.
    nowMs = BODY_GRACE_MS + 1_000
    await next
  })

  it('is read on after a refusal up to a bound, or let go of at once where it is known to be longer', async () => {
    const admission = new BodyAdmission(() => 0)
    const endless = sender({ bytes: 1_000_000 })
    await new UploadBody(endless.request, admission, 'a').discard()
    expect(endless.state).toEqual({ pulled: MAX_DISCARDED_BYTES / 1_000_000, isCancelled: true })
    const told = sender({ headers: { 'content-length': String(MAX_DISCARDED_BYTES + 1) } })
    await new UploadBody(told.request, admission, 'a').discard()
    expect(told.state).toEqual({ pulled: 0, isCancelled: true })
    const whole = sender({ count: 3 })
    const body = new UploadBody(whole.request, admission, 'a')
    expect(await drain(body)).toBe(3_000)
    await body.discard()
    expect(whole.state.isCancelled).toBe(false)
  })
})
