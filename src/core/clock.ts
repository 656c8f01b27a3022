/** Time as a dependency, so that expiry and leases are tested without waiting. */

/** Milliseconds since the Unix epoch. In production the runtime advances it only at I/O. */
export type Clock = () => number

export const systemClock: Clock = () => Date.now()

/** RFC 3339 in UTC with milliseconds, the only form of time on the wire. */
export function rfc3339(timeMs: number): string {
  return new Date(timeMs).toISOString()
}
