/** What a job's counts amount to: pure, and the one place where the rule stands. */
import type { JobCounters, JobStatus } from './records.ts'

/**
 * The status that counts of settled items give a job of `total` items. Settled, it is `cancelled` if an item was cancelled,
 * else `succeeded` if at least one item was, else `failed`.
 */
export function jobStatusOf({ succeeded, failed, cancelled }: JobCounters, total: number): JobStatus {
  const done = succeeded + failed + cancelled
  if (done < total) return done === 0 ? 'queued' : 'running'
  if (cancelled > 0) return 'cancelled'
  return succeeded > 0 ? 'succeeded' : 'failed'
}
