/**
 * Takes a request's JSON body in: the length is checked before and while it arrives, so that never more than the limit
 * is held, and large bodies are let in one at a time per isolate because parsing costs a multiple of their size.
 */
import type { Clock } from '../core/clock.ts'
import { LARGE_BODY_BYTES, MAX_BODY_BYTES } from '../core/limits.ts'
import { invalidField, Problem } from '../core/problem.ts'

/** A large body is let in this long after the one before it last showed life, even if that one never ended. */
const ADMISSION_LEASE_MS = 15_000
/** How long a large body waits its turn before it is refused as `overloaded`. */
const ADMISSION_WAIT_MS = 60_000
const ADMISSION_POLL_MS = 20
/** A body that stops arriving for this long is given up. */
const BODY_IDLE_MS = 15_000
/** Of a body that is too large this much is read and thrown away, so that simple clients get to see the refusal. */
const MAX_DISCARDED_BYTES = 4 * MAX_BODY_BYTES

const sleep = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds))

/** The turn of one large body. It ends with `release`, or by itself when it shows no life for the lease's time. */
export interface Admission {
  /** Shows life: call it while the body arrives. */
  renew(): void
  release(): void
}

/**
 * Lets large bodies in one at a time. It is a lease and a poll, not a chain of promises: the runtime drops a request
 * whose client went away without running its `finally`, and a promise that never settles would close the door for ever.
 */
export class BodyAdmission {
  readonly #clock: Clock
  #holder: { lastSeenMs: number } | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** @throws overloaded when the turn does not come in time */
  async admit(): Promise<Admission> {
    const startMs = this.#clock()
    for (;;) {
      const nowMs = this.#clock()
      if (this.#holder === undefined || nowMs - this.#holder.lastSeenMs > ADMISSION_LEASE_MS) break
      if (nowMs - startMs > ADMISSION_WAIT_MS) {
        throw new Problem('overloaded', 'other large bodies are being taken in', { retryAfterSeconds: 5 })
      }
      await sleep(ADMISSION_POLL_MS)
    }
    const holder = { lastSeenMs: this.#clock() }
    this.#holder = holder
    return {
      renew: () => {
        holder.lastSeenMs = this.#clock()
      },
      release: () => {
        if (this.#holder === holder) this.#holder = undefined
      },
    }
  }
}

/** A body as it came. Call `release` when nothing of it is needed any more. */
export interface ReceivedBody {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly release: () => void
}

/** @throws unsupported_media_type unless the body calls itself JSON in UTF-8 (any `+json` type counts) */
export function requireJsonType(headers: Headers): void {
  const encoding = headers.get('content-encoding')
  if (encoding !== null && encoding.toLowerCase() !== 'identity') {
    throw new Problem('unsupported_media_type', 'compressed request bodies are not supported')
  }
  const [type = '', ...parameters] = (headers.get('content-type') ?? '').toLowerCase().split(';')
  if (!/^application\/([a-z0-9.-]+\+)?json$/.test(type.trim())) {
    throw new Problem('unsupported_media_type', 'the body must be application/json')
  }
  for (const parameter of parameters) {
    const [name = '', value = ''] = parameter.split('=')
    if (name.trim() === 'charset' && !/^"?utf-?8"?$/.test(value.trim())) {
      throw new Problem('unsupported_media_type', 'the body must be in UTF-8')
    }
  }
}

function tooLarge(): Problem {
  return new Problem('body_too_large', `the body is over the limit of ${MAX_BODY_BYTES} bytes`)
}

async function discard(reader: ReadableStreamDefaultReader<Uint8Array>, seenBytes: number): Promise<void> {
  let bytes = seenBytes
  while (bytes < MAX_DISCARDED_BYTES) {
    const { done, value } = await readInTime(reader)
    if (done) return
    bytes += value.length
  }
  await reader.cancel()
}

/** Reads the next piece, or gives up when none comes in time. */
async function readInTime(
  reader: ReadableStreamDefaultReader<Uint8Array>,
): Promise<ReadableStreamReadResult<Uint8Array>> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(invalidField('', 'the body stopped arriving')), BODY_IDLE_MS)
  })
  try {
    return await Promise.race([reader.read(), silence])
  } finally {
    clearTimeout(timer)
  }
}

/**
 * Reads a whole body of at most `MAX_BODY_BYTES`.
 * @throws unsupported_media_type, body_too_large, overloaded, invalid_request (nothing, or it stopped arriving)
 */
export async function readBody(request: Request, admission: BodyAdmission): Promise<ReceivedBody> {
  const declaredBytes = Number(request.headers.get('content-length') ?? 'NaN')
  const reader = request.body?.getReader()
  if (declaredBytes > MAX_BODY_BYTES) {
    if (reader !== undefined) await discard(reader, 0)
    throw tooLarge()
  }
  requireJsonType(request.headers)
  if (reader === undefined) throw invalidField('', 'a JSON body is required')
  let turn: Admission | undefined
  let buffer = new Uint8Array(declaredBytes > 0 ? declaredBytes : 16_384)
  let length = 0
  const release = (): void => turn?.release()
  try {
    if (declaredBytes > LARGE_BODY_BYTES) turn = await admission.admit()
    for (;;) {
      const { done, value } = await readInTime(reader)
      if (done) break
      if (length + value.length > MAX_BODY_BYTES) {
        await discard(reader, length + value.length)
        throw tooLarge()
      }
      if (length + value.length > LARGE_BODY_BYTES) turn ??= await admission.admit()
      turn?.renew()
      if (length + value.length > buffer.length) {
        const larger = new Uint8Array(Math.min(MAX_BODY_BYTES, Math.max(2 * buffer.length, length + value.length)))
        larger.set(buffer.subarray(0, length))
        buffer = larger
      }
      buffer.set(value, length)
      length += value.length
    }
    return { bytes: buffer.subarray(0, length), release }
  } catch (error) {
    release()
    throw error
  }
}

/**
 * The body as text, made where it is parsed and not kept beside it.
 * @throws invalid_request unless it is UTF-8
 */
export function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes)
  } catch {
    throw invalidField('', 'the body is not valid UTF-8')
  }
}
