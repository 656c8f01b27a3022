/** A job as the API shows it. `progress` is exact: it is asked of who does the work while the job is unsettled. */
import type { JobKind } from '../catalog/records.ts'

export type JobStatus = 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled'

export interface JobFailure {
  /** Of a file that made no document: its name. */
  readonly documentId: string
  readonly code: string
  readonly detail?: string
}

export type FileStatus =
  | 'queued'
  | 'parsing'
  | 'embedding'
  | 'indexed'
  | 'unchanged'
  | 'superseded'
  | 'failed'
  | 'cancelled'

/** One file of a job, as far as it has come. */
export interface FileView {
  readonly name: string
  /** Of files that are one document. */
  readonly documentId?: string
  readonly status: FileStatus
  readonly code?: string
  readonly detail?: string
  readonly format?: string
  readonly bytes: number
  /** Pages, slides or sheets. */
  readonly pages?: number
  readonly documents: number
  readonly failedDocuments: number
  readonly chunks: number
  readonly embeddedChunks: number
  readonly reusedChunks: number
  readonly tokens: number
  readonly milliseconds: number
  readonly cost: { readonly currency: 'USD'; readonly amount: number }
}

export interface JobView {
  readonly id: string
  readonly kind: JobKind
  readonly collection: string
  /** `succeeded` if at least one item was. */
  readonly status: JobStatus
  /** Items settled in whatever way, of all items. */
  readonly progress: { readonly done: number; readonly total: number }
  readonly counts: { readonly succeeded: number; readonly failed: number; readonly cancelled: number }
  /** The first 100. */
  readonly failures: readonly JobFailure[]
  /** Of jobs whose items are files, and only where one job is asked for: the first 100, in the order in which they came. */
  readonly files?: readonly FileView[]
  readonly createdAt: string
  /** `null` while the job is unsettled. */
  readonly finishedAt: string | null
}
