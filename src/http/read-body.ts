/**
 * Takes a request's JSON body in: the length is checked before and while it arrives, so that never more than the limit is
 * held; a body must arrive at a least rate, so that none is waited for without end; and large bodies wait for turns.
 */
import type { Clock } from '../core/clock.ts'
import {
  BODY_GRACE_MS,
  MAX_BODY_BYTES,
  MAX_LARGE_BODIES,
  MAX_LARGE_WORK_MS,
  MAX_UPLOADS,
  MAX_UPLOADS_PER_TENANT,
} from '../core/limits.ts'
import { invalidField, Problem } from '../core/problem.ts'
import { systemTimer } from '../tenancy/timer.ts'
import type { Timer } from '../tenancy/timer.ts'
import { Arrival } from './arrival.ts'
import { Turns } from './turns.ts'
import type { Turn } from './turns.ts'

/** Longer than a body that came waits to be worked on. */
const HANDOVER_MS = 90_000
/** A lost request ends its work after this long; the others show life three times as often. */
const WORK_LEASE_MS = 15_000

/**
 * Lets large bodies in: a few at a time and one of each tenant while they arrive, because they hold memory from their
 * first byte on, and then one alone until it is answered, because what is made of it is a multiple of its size.
 */
export class BodyAdmission {
  readonly clock: Clock
  readonly #timer: Timer
  readonly #receiving: Turns
  readonly #working: Turns
  readonly #uploads: Turns

  constructor(clock: Clock, timer: Timer = systemTimer) {
    this.clock = clock
    this.#timer = timer
    this.#receiving = new Turns(clock, MAX_LARGE_BODIES)
    this.#working = new Turns(clock, 1)
    this.#uploads = new Turns(clock, MAX_UPLOADS, MAX_UPLOADS_PER_TENANT)
  }

  /** @throws overloaded when the turn does not come in time */
  receive(owner: string): Promise<Turn> {
    return this.#receiving.take(owner, BODY_GRACE_MS)
  }

  /** Uploads take turns of their own: they hold a part each and last, and nobody's JSON waits for them. @throws overloaded */
  upload(owner: string): Promise<Turn> {
    return this.#uploads.take(owner, BODY_GRACE_MS)
  }

  /**
   * Lets a body of this size be worked on. The turn lives as long as the request does, and no longer than
   * `MAX_LARGE_WORK_MS`. Give the returned function a call at the end.
   * @throws overloaded when the turn does not come in time
   */
  async work(bytes: number): Promise<() => void> {
    if (bytes <= MAX_BODY_BYTES) return () => {}
    const turn = await this.#working.take('', WORK_LEASE_MS)
    const endsAtMs = this.clock() + MAX_LARGE_WORK_MS
    let cancel = (): void => {}
    const renew = (): void => {
      turn.holdUntil(Math.min(endsAtMs, this.clock() + WORK_LEASE_MS))
      // The timers of a request that the runtime dropped never fire.
      if (this.clock() < endsAtMs) cancel = this.#timer(WORK_LEASE_MS / 3, renew)
    }
    renew()
    return () => {
      cancel()
      turn.release()
    }
  }
}

export interface BodyPolicy {
  /** 413 above it. */
  readonly maxBytes: number
  /** Whose body it is: a tenant's uid. */
  readonly owner: string
}

/** A body as it came. Call `release` when its bytes are needed no more. */
export interface ReceivedBody {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly release: () => void
}

/** @throws unsupported_media_type for bodies that are compressed on their way */
export function requirePlainEncoding(headers: Headers): void {
  const encoding = headers.get('content-encoding')
  if (encoding === null || encoding.toLowerCase() === 'identity') return
  throw new Problem('unsupported_media_type', 'compressed request bodies are not supported')
}

/** @throws unsupported_media_type unless the body calls itself JSON in UTF-8 (any `+json` type counts) */
export function requireJsonType(headers: Headers): void {
  requirePlainEncoding(headers)
  const [type = '', ...parameters] = (headers.get('content-type') ?? '').toLowerCase().split(';')
  if (!/^application\/([a-z0-9.-]+\+)?json$/.test(type.trim())) {
    throw new Problem('unsupported_media_type', 'the body must be JSON, {} at least, sent as application/json')
  }
  for (const parameter of parameters) {
    const [name = '', value = ''] = parameter.split('=')
    if (name.trim() === 'charset' && !/^"?utf-?8"?$/.test(value.trim())) {
      throw new Problem('unsupported_media_type', 'the body must be in UTF-8')
    }
  }
}

function tooLarge(maxBytes: number): Problem {
  return new Problem('body_too_large', `the body is over the limit of ${maxBytes} bytes`)
}

/**
 * Reads a whole body. Its time is bounded too, see `BODY_GRACE_MS`.
 * @throws unsupported_media_type, body_too_large, overloaded, invalid_request (nothing, or it does not arrive in time)
 */
export async function readBody(
  request: Request,
  admission: BodyAdmission,
  { maxBytes, owner }: BodyPolicy,
): Promise<ReceivedBody> {
  const declaredBytes = Number(request.headers.get('content-length') ?? 'NaN')
  const reader = request.body?.getReader()
  const arrival = reader === undefined ? undefined : new Arrival(reader, admission.clock)
  let turn: Turn | undefined
  const release = (): void => turn?.release()
  try {
    if (declaredBytes > maxBytes) {
      await arrival?.discard()
      throw tooLarge(maxBytes)
    }
    requireJsonType(request.headers)
    if (arrival === undefined) throw invalidField('', 'a JSON body is required')
    if (declaredBytes > MAX_BODY_BYTES) turn = await admission.receive(owner)
    let buffer = new Uint8Array(declaredBytes > 0 ? declaredBytes : 16_384)
    let length = 0
    for (;;) {
      turn?.holdUntil(arrival.deadlineMs)
      const piece = await arrival.next()
      if (piece === undefined) break
      const needed = length + piece.length
      if (needed > maxBytes) {
        buffer = new Uint8Array()
        await arrival.discard()
        throw tooLarge(maxBytes)
      }
      if (needed > MAX_BODY_BYTES) turn ??= await admission.receive(owner)
      if (needed > buffer.length) {
        const larger = new Uint8Array(Math.min(maxBytes, Math.max(2 * buffer.length, needed)))
        larger.set(buffer.subarray(0, length))
        buffer = larger
      }
      buffer.set(piece, length)
      length = needed
    }
    turn?.holdUntil(admission.clock() + HANDOVER_MS)
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
