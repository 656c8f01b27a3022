/** When a delivery is tried again: the schedule that Standard Webhooks recommends, about three days in all. */
import { invariant } from '../../core/invariant.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

/** The first attempt is made at once; these lie between the attempts. */
const DELAYS_MS = [
  5 * SECOND,
  5 * MINUTE,
  30 * MINUTE,
  2 * HOUR,
  5 * HOUR,
  10 * HOUR,
  14 * HOUR,
  20 * HOUR,
  24 * HOUR,
] as const

export const MAX_ATTEMPTS = DELAYS_MS.length + 1
/** Each wait is up to a tenth longer, so that what failed together does not come back together. */
const JITTER = 0.1

/** `failed` attempts have been made, at least 1 and fewer than `MAX_ATTEMPTS`; `random` is in [0, 1). */
export function retryDelayMs(failed: number, random: number): number {
  const delay = DELAYS_MS[failed - 1]
  invariant(delay !== undefined, 'another attempt follows')
  return Math.round(delay * (1 + JITTER * random))
}
