/** When a source runs by itself: five fields of cron in UTC, at most once an hour. */
import { Cron } from 'croner'

export const MAX_SCHEDULE_LENGTH = 100

/** Names and numbers, lists, ranges and steps; none of the extensions that only some crons know. */
const FORM = /^\d{1,2}( (?:[0-9*,/-]|[A-Za-z]{3})+){4}$/
/** A schedule that is next due later than this is a mistake, such as the 30th of February. */
const MAX_AHEAD_MS = 5 * 366 * 24 * 3_600_000

/** A time that never comes does not come after this one either. */
const SOME_TIME_MS = Date.UTC(2026, 0, 1)

/** What is wrong with a schedule, as an error's detail. */
export function scheduleFault(schedule: string): string | undefined {
  if (!FORM.test(schedule)) return 'must be five fields of cron, of which the first is one minute, such as 15 3 * * *'
  return nextRunMs(schedule, SOME_TIME_MS) === undefined ? 'must be a time that comes' : undefined
}

/** The first time after `nowMs`; `undefined` where there is none within years. */
export function nextRunMs(schedule: string, nowMs: number): number | undefined {
  try {
    const next = new Cron(schedule, { timezone: 'UTC', mode: '5-part' }).nextRun(new Date(nowMs))?.getTime()
    return next === undefined || next > nowMs + MAX_AHEAD_MS ? undefined : next
  } catch {
    return undefined
  }
}
