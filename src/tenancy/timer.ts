/** Delays as a dependency, beside `core/clock.ts`: leases and time-outs are tested without waiting. */

/** Calls `run` once after `delayMs`; the returned function cancels it. */
export type Timer = (delayMs: number, run: () => void) => () => void

export const systemTimer: Timer = (delayMs, run) => {
  const handle = setTimeout(run, delayMs)
  return () => clearTimeout(handle)
}
