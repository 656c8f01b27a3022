/** A job as the API shows it. `progress` is exact: it is asked of who does the work while the job is unsettled. */
import type { JobKind } from '../catalog/records.ts'

export type JobStatus = 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled'

export interface JobFailure {
  /** Of a file that made no document: its name. */
  readonly documentId: string
  readonly code: string
  readonly detail?: string
}

export const FILE_STATUSES = [
  'queued',
  'parsing',
  'embedding',
  'indexed',
  'unchanged',
  'superseded',
  'failed',
  'cancelled',
] as const
export type FileStatus = (typeof FILE_STATUSES)[number]

/** One file of a job, as far as it has come. */
export interface FileProgress {
  /** With its path; of an entry of an archive behind the name of the archive. */
  readonly name: string
  /** Of files that are one document. */
  readonly documentId?: string
  readonly status: FileStatus
  /** A `FileFaultCode` or `ProblemCode`, with a sentence that a person can act on. */
  readonly code?: string
  readonly detail?: string
  /** As its content says. */
  readonly format?: string
  readonly bytes: number
  /** Pages, slides or sheets. */
  readonly pages?: number
  readonly documents: number
  readonly failedDocuments: number
  readonly chunks: number
  /** Of the chunks, those that have their vectors. */
  readonly embeddedChunks: number
  /** Of the chunks, those whose vectors the version before had. */
  readonly reusedChunks: number
  /** Model tokens of the chunks that were embedded. */
  readonly tokens: number
  /** Spent on reading and cutting it. */
  readonly milliseconds: number
}

export interface FileView extends FileProgress {
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
