/** Leave to do reads of one kind for one tenant: the lease in use, one request for the next, and refusals for a moment. */
import type { Clock } from '../../core/clock.ts'
import { Problem } from '../../core/problem.ts'
import type { ReadLease } from '../ledger.ts'
import type { KeepAlive } from '../read-through-cache.ts'
import type { TenantLimits } from '../tenant-limits.ts'
import type { Timer } from '../timer.ts'
import { OpenLease } from './open-lease.ts'

export type ReadRefusal = Omit<Extract<ReadLease, { status: 'refused' }>, 'status'>

export interface ReadLaneOptions {
  readonly clock: Clock
  readonly timer: Timer
  readonly lease: (want: number, limits: TenantLimits) => Promise<ReadLease>
  /** Told of every lease, those that came too late as well: each must be reported. */
  readonly opened: (lease: OpenLease) => void
  readonly report?: (error: unknown) => void
}

/** Leases that were not used up come back within about this time, so a refusal is no older. */
export const REFUSED_MS = 1_000
/** A call that shows no end after this long is not waited for. */
export const LOST_LEASE_MS = 2_000
/** What the ledger grants at most. */
const MAX_STEP = 64

export class ReadLane {
  readonly #options: ReadLaneOptions
  #current: OpenLease | undefined
  #refusal: { readonly why: ReadRefusal; readonly untilMs: number } | undefined
  #flight: Promise<void> | undefined
  /** What is asked for: twice as much when the last lease was used up, half as much when it was not. */
  #step = 1
  /** Requests that wait since the last answer. Nobody counts down: a request that was cancelled could not. */
  #waiting = 0

  constructor(options: ReadLaneOptions) {
    this.#options = options
  }

  /** Leave for one read under the lease that is returned, or why there is none. @throws overloaded */
  async take(limits: TenantLimits, keepAlive: KeepAlive): Promise<OpenLease | ReadRefusal> {
    for (;;) {
      const nowMs = this.#options.clock()
      if (this.#refusal !== undefined && nowMs < this.#refusal.untilMs) return this.#refusal.why
      if (this.#current?.take(nowMs) === true) return this.#current
      this.#waiting++
      if (this.#flight === undefined) {
        const flight: Promise<void> = this.#ask(limits, () => this.#flight === flight)
        this.#flight = flight
      }
      keepAlive(this.#flight.catch(() => {}))
      await this.#join(this.#flight)
    }
  }

  async #ask(limits: TenantLimits, isAwaited: () => boolean): Promise<void> {
    // Those that wait already are counted before they are asked for.
    await Promise.resolve()
    try {
      if (this.#current !== undefined) this.#step = this.#current.isSpent ? this.#step * 2 : this.#step / 2
      this.#step = Math.max(1, Math.min(MAX_STEP, this.#step))
      const want = Math.min(MAX_STEP, Math.max(this.#step, this.#waiting))
      const answer = await this.#options.lease(want, limits)
      if (answer.status === 'refused') {
        if (isAwaited()) this.#refuse(answer)
        return
      }
      const lease = new OpenLease(answer)
      this.#options.opened(lease)
      this.#current = lease
    } catch (error) {
      this.#options.report?.(error)
      throw unknownQuota()
    } finally {
      if (isAwaited()) {
        this.#waiting = 0
        this.#flight = undefined
      }
    }
  }

  #refuse({ meter, retryAfterSeconds, whenSpent }: ReadRefusal): void {
    const why = { meter, retryAfterSeconds, ...(whenSpent === undefined ? {} : { whenSpent }) }
    this.#refusal = { why, untilMs: this.#options.clock() + REFUSED_MS }
  }

  async #join(flight: Promise<void>): Promise<void> {
    const cancel: (() => void)[] = []
    const lost = new Promise<boolean>((resolve) => {
      cancel.push(this.#options.timer(LOST_LEASE_MS, () => resolve(true)))
    })
    try {
      if (!(await Promise.race([flight.then(() => false), lost]))) return
      if (this.#flight === flight) this.#flight = undefined
      throw unknownQuota()
    } finally {
      for (const stop of cancel) stop()
    }
  }
}

/** Nobody answers for the quota: it does not give way. */
export const unknownQuota = (): Problem =>
  new Problem('overloaded', 'what is left of the quota cannot be asked at the moment', { retryAfterSeconds: 1 })
