/** A job's place in the list of a tenant's jobs, which goes from the newest to the oldest. */
import type { JobRecord } from './records.ts'

/** `<createdAtMs>.<id>`: the `after` that continues a list behind the job. */
export const jobKey = ({ createdAtMs, id }: Pick<JobRecord, 'createdAtMs' | 'id'>): string => `${createdAtMs}.${id}`
