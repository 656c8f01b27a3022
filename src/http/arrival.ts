/**
 * A body on its way in, piece by piece: it must keep a least rate, so that none is waited for without end.
 */
import type { Clock } from '../core/clock.ts'
import { BODY_GRACE_MS, MAX_DOCUMENTS_BODY_BYTES, MIN_BODY_BYTES_PER_SECOND } from '../core/limits.ts'
import { invalidField } from '../core/problem.ts'

/** A body that stops arriving for this long is given up. */
const BODY_IDLE_MS = 15_000
/** Of a refused body this much is read and thrown away, so that simple clients get to see the refusal. */
export const MAX_DISCARDED_BYTES = 4 * MAX_DOCUMENTS_BODY_BYTES

/** A body on its way in. What has come decides how long the rest may take: the sum is bounded as the body is. */
export class Arrival {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>
  readonly #clock: Clock
  #startMs: number
  /** Since when nothing was asked of the sender, who is not charged for that time. */
  #restingSinceMs: number
  #bytes = 0

  constructor(reader: ReadableStreamDefaultReader<Uint8Array>, clock: Clock) {
    this.#reader = reader
    this.#clock = clock
    this.#startMs = clock()
    this.#restingSinceMs = this.#startMs
  }

  get bytes(): number {
    return this.#bytes
  }

  /** When the body must be complete, unless more of it comes. */
  get deadlineMs(): number {
    const restedMs = this.#clock() - this.#restingSinceMs
    return this.#startMs + restedMs + BODY_GRACE_MS + (1_000 * this.#bytes) / MIN_BODY_BYTES_PER_SECOND
  }

  /** Reads the next piece; `undefined` at the end. @throws invalid_request when it does not come in time */
  async next(): Promise<Uint8Array | undefined> {
    const nowMs = this.#clock()
    this.#startMs += nowMs - this.#restingSinceMs
    this.#restingSinceMs = nowMs
    const leftMs = this.deadlineMs - this.#clock()
    if (leftMs <= 0) {
      this.abandon()
      throw invalidField('', 'the body arrives too slowly')
    }
    let timer: ReturnType<typeof setTimeout> | undefined
    const silence = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(invalidField('', 'the body stopped arriving')),
        Math.min(BODY_IDLE_MS, Math.ceil(leftMs)),
      )
    })
    try {
      const { done, value } = await Promise.race([this.#read(), silence])
      if (done) return undefined
      this.#bytes += value.length
      return value
    } finally {
      clearTimeout(timer)
      this.#restingSinceMs = this.#clock()
    }
  }

  /** Whatever goes wrong with reading lies with the sender, and nobody is there to be told. */
  async #read(): Promise<ReadableStreamReadResult<Uint8Array>> {
    try {
      return await this.#reader.read()
    } catch {
      throw invalidField('', 'the connection ended before the body did')
    }
  }

  /** Reads on and throws away what comes, up to a bound. */
  async discard(): Promise<void> {
    while (this.#bytes < MAX_DISCARDED_BYTES) if ((await this.next()) === undefined) return
    this.abandon()
  }

  /** Lets go of the sender without waiting for it. */
  abandon(): void {
    this.#reader.cancel().catch(() => {})
  }
}
