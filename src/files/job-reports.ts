/**
 * Tells the control plane how jobs of files fare: absolute counts, as often as it takes. Who ends with a report is told to
 * webhooks under the job's own event id, so that a repetition is sent once.
 */
import type { CollectionId, JobId, TenantUid } from '../core/ids.ts'
import type { JobCounters } from '../catalog/records.ts'
import type { TenantPart } from '../tenancy/tenant-part.ts'
import type { FileStore } from './file-store.ts'
import type { JobRow } from './rows/file-row.ts'
import { isDone } from './rows/jobs.ts'

const JOBS_PER_RUN = 20
const FIRST_RETRY_MS = 2_000
const MAX_RETRY_MS = 5 * 60_000

export interface JobProgress extends JobCounters {
  readonly tenantUid: TenantUid
  readonly collectionId: CollectionId
  readonly jobId: JobId
  readonly total: number
  /** No more files come. */
  readonly isClosed: boolean
  readonly isCancelled: boolean
  /** The control plane may know it as ended. */
  readonly isReopened: boolean
  readonly atMs: number
}

export type TellJob = (progress: JobProgress) => Promise<void>

export class JobReports implements TenantPart {
  readonly #store: FileStore
  readonly #tell: TellJob

  constructor(store: FileStore, tell: TellJob) {
    this.#store = store
    this.#tell = tell
  }

  nextDueMs(): number | undefined {
    return this.#store.jobs.nextDueMs()
  }

  async run(nowMs: number): Promise<void> {
    let failure: unknown
    for (const job of this.#store.jobs.due(nowMs, JOBS_PER_RUN)) {
      try {
        await this.#report(job)
      } catch (error) {
        failure = error
        const waitMs = Math.min(FIRST_RETRY_MS * 2 ** Math.min(job.failures, 16), MAX_RETRY_MS)
        this.#store.jobs.postpone(job, this.#store.clock() + waitMs)
      }
    }
    if (failure !== undefined) throw failure
  }

  async #report(job: JobRow): Promise<void> {
    const { tenantUid } = this.#store
    if (tenantUid === undefined) return
    const { succeeded, failed, cancelled } = job
    await this.#tell({
      tenantUid,
      collectionId: job.collection_id as CollectionId,
      jobId: job.id as JobId,
      // While more may come, what is known is never all there is.
      total: job.total + (job.is_open === 1 ? 1 : 0),
      succeeded,
      failed,
      cancelled,
      isClosed: isDone(job),
      isCancelled: job.is_cancelled === 1,
      isReopened: job.is_reopened === 1,
      atMs: job.updated_ms,
    })
    this.#store.jobs.told(job)
  }
}
