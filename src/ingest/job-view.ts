/** A job as the API shows it. `progress` is exact: it is asked from the shards while the job is unsettled. */

export type JobStatus = 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled'

export interface JobFailure {
  readonly documentId: string
  readonly code: string
  readonly detail?: string
}

export interface JobView {
  readonly id: string
  readonly kind: 'documents'
  readonly collection: string
  /** `succeeded` if at least one item was. */
  readonly status: JobStatus
  /** Items settled in whatever way, of all items. */
  readonly progress: { readonly done: number; readonly total: number }
  readonly counts: { readonly succeeded: number; readonly failed: number; readonly cancelled: number }
  /** The first 100. */
  readonly failures: readonly JobFailure[]
  readonly createdAt: string
  /** `null` while the job is unsettled. */
  readonly finishedAt: string | null
}
