/** Members of answers that change by themselves, and are left out where states are compared. */
const VOLATILE = new Set([
  'lastUsedAt',
  'finishedAt',
  'status',
  'progress',
  'counts',
  'statistics',
  'failingSince',
  'run',
  'lastRun',
  'nextRunAt',
  'waiting',
])

/** For `JSON.stringify`. */
export function ignoreVolatile(name: string, value: unknown): unknown {
  return VOLATILE.has(name) ? undefined : value
}
