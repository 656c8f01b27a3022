/**
 * The body of an upload: read while it comes, piece by piece, at a least rate. A long one waits for a turn before its first
 * byte, because each upload on its way holds a part in memory.
 */
import { MAX_BODY_BYTES } from '../core/limits.ts'
import { Arrival, MAX_DISCARDED_BYTES } from './arrival.ts'
import type { BodyAdmission } from './read-body.ts'
import type { Turn } from './turns.ts'

export class UploadBody {
  readonly contentType: string | null
  readonly #arrival: Arrival | undefined
  readonly #admission: BodyAdmission
  readonly #owner: string
  /** NaN when it was not told. */
  readonly #declaredBytes: number
  #turn: Turn | undefined
  #isAtEnd = false

  /** `owner` is whose upload it is: a tenant's uid. */
  constructor(request: Request, admission: BodyAdmission, owner: string) {
    this.contentType = request.headers.get('content-type')
    this.#declaredBytes = Number(request.headers.get('content-length') ?? 'NaN')
    const reader = request.body?.getReader()
    this.#arrival = reader === undefined ? undefined : new Arrival(reader, admission.clock)
    this.#admission = admission
    this.#owner = owner
  }

  /** The next piece; `undefined` at the end. @throws overloaded, invalid_request (it does not arrive in time) */
  async next(): Promise<Uint8Array | undefined> {
    if (this.#arrival === undefined) return undefined
    const isShort = this.#declaredBytes <= MAX_BODY_BYTES
    if (!isShort) this.#turn ??= await this.#admission.upload(this.#owner)
    this.#turn?.holdUntil(this.#arrival.deadlineMs)
    const piece = await this.#arrival.next()
    // The turn lasts while what came is being stored.
    this.#turn?.holdUntil(this.#arrival.deadlineMs)
    if (piece === undefined) this.#isAtEnd = true
    return piece
  }

  /**
   * After a refusal: reads on and throws away what comes, up to a bound, so that simple clients get to see the refusal and
   * the connection stays usable. A sender of more is let go of.
   */
  async discard(): Promise<void> {
    this.release()
    const arrival = this.#arrival
    if (arrival === undefined || this.#isAtEnd) return
    if (this.#declaredBytes > MAX_DISCARDED_BYTES) arrival.abandon()
    // Whoever is too slow even now is not told twice.
    else await arrival.discard().catch(() => {})
  }

  /** Ends the turn. */
  release(): void {
    this.#turn?.release()
    this.#turn = undefined
  }
}
