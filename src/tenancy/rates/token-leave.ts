/** Leave for one request to have a model read tokens, under a lease of its own. */
import type { Clock } from '../../core/clock.ts'
import type { TokenLease } from '../ledger.ts'
import type { KeepAlive } from '../read-through-cache.ts'
import type { Timer } from '../timer.ts'
import { OpenLease } from './open-lease.ts'
import { LOST_LEASE_MS, unknownQuota } from './read-lane.ts'

export type TokenRefusal = Extract<TokenLease, { status: 'refused' }>

export interface TokenLeaveOptions {
  readonly clock: Clock
  readonly timer: Timer
  readonly lease: () => Promise<TokenLease>
  /** Told of every lease, those that came too late as well: each must be reported. */
  readonly opened: (lease: OpenLease) => void
  readonly report?: (error: unknown) => void
}

/** A lease under which the one request is under way, or why there is none. @throws overloaded */
export async function leaveForTokens(
  { clock, timer, lease, opened, report }: TokenLeaveOptions,
  keepAlive: KeepAlive,
): Promise<OpenLease | TokenRefusal> {
  let isLost = false
  const ask = async (): Promise<OpenLease | TokenRefusal> => {
    const answer = await lease()
    if (answer.status === 'refused') return answer
    const made = new OpenLease({ ...answer, count: 1 })
    if (!isLost) made.take(clock())
    opened(made)
    return made
  }
  const flight = ask()
  keepAlive(flight.catch(() => {}))
  const cancel: (() => void)[] = []
  const lost = new Promise<undefined>((resolve) => {
    cancel.push(timer(LOST_LEASE_MS, () => resolve(undefined)))
  })
  try {
    const answer = await Promise.race([flight, lost])
    if (answer !== undefined) return answer
    isLost = true
  } catch (error) {
    report?.(error)
  } finally {
    for (const stop of cancel) stop()
  }
  throw unknownQuota()
}
