/**
 * Jobs whose items are files, as the tenant's files object knows them: the port that jobs are asked through, and how their
 * files are shown.
 */
import { jobStatusOf } from '../catalog/job-outcome.ts'
import { isSettled } from '../catalog/records.ts'
import type { JobRecord } from '../catalog/records.ts'
import type { TenantUid } from '../core/ids.ts'
import { MAX_JOB_FAILURES } from '../core/limits.ts'
import { costOf, dollars } from '../tenancy/prices.ts'
import { ACCEPTANCE_MS, type JobProgress } from './job-progress.ts'
import type { FileProgress, FileStatus, FileView, JobFailure } from './job-view.ts'

/** One file of a job, with its place in the order of files and of changes. */
export interface FileItem extends FileProgress {
  /** Place in the job, from 1; entries of an archive come behind what was uploaded. */
  readonly number: number
  /** Rises with every change, over all files of the tenant. */
  readonly revision: number
  /** Counted as usage: chunks of the versions that shards put in place. */
  readonly writtenChunks: number
  /** Of its tokens, in nano-dollars. */
  readonly tokenCost: number
}

export interface FileCounts {
  readonly total: number
  readonly queued: number
  readonly succeeded: number
  readonly failed: number
  readonly cancelled: number
  readonly updatedAtMs: number
}

export interface FilePage {
  readonly limit: number
  /** Only files behind this number. */
  readonly after?: number
  readonly status?: FileStatus
}

/** The files object of one tenant, as jobs see it. */
export interface FileJobs {
  jobCounts(jobId: string): Promise<FileCounts | undefined>
  jobFiles(jobId: string, page: FilePage): Promise<FileItem[]>
  /** Files whose revision is higher, in its order. */
  changedFiles(jobId: string, afterRevision: number, limit: number): Promise<FileItem[]>
  /** Ends what has not been indexed; false without such a job. */
  cancelJob(jobId: string): Promise<boolean>
  /** Queues failed files again whose originals are still there; how many. */
  retryJob(jobId: string): Promise<number>
}

export interface FileJobsOfTenants {
  of(tenantUid: TenantUid): Promise<FileJobs>
}

/**
 * What a job of files has come to: the object is right, and tells the catalogue a little later. `undefined` counts: it knows
 * no such job, because it was not handed over yet, or never will be, or was forgotten after its end.
 */
export function fileProgress(job: JobRecord, counts: FileCounts | undefined, nowMs: number): JobProgress {
  if (counts === undefined) {
    const lateMs = job.createdAtMs + ACCEPTANCE_MS
    if (isSettled(job.status) || nowMs <= lateMs) return { ...job, failures: [] }
    return { ...job, status: 'failed', finishedAtMs: lateMs, failures: [] }
  }
  // A crawl that found nothing new, or nothing yet: how it ended, the object has told the catalogue.
  if (counts.total === 0) return { ...job, failures: [] }
  const { succeeded, failed, cancelled, total, updatedAtMs } = counts
  const counted = jobStatusOf(counts, total)
  // One large file may be read for long before any is done, which the catalogue may know.
  const status = counted === 'queued' && job.status === 'running' ? 'running' : counted
  const end = isSettled(status) ? { finishedAtMs: job.finishedAtMs ?? updatedAtMs } : {}
  return { succeeded, failed, cancelled, total, status, failures: [], ...end }
}

export function fileView(item: FileItem): FileView {
  const { number: _, revision: _revision, writtenChunks, tokenCost, ...file } = item
  const nano = costOf({ chunksWritten: writtenChunks, tokenCost })
  return { ...file, cost: { currency: 'USD', amount: dollars(nano) } }
}

/** The first failed files, as the failures of a job. */
export async function fileFailures(files: FileJobs, jobId: string): Promise<JobFailure[]> {
  const failed = await files.jobFiles(jobId, { limit: MAX_JOB_FAILURES, status: 'failed' })
  return failed.map(({ name, documentId = name, code = 'internal', detail }) => ({
    documentId,
    code,
    ...(detail === undefined ? {} : { detail }),
  }))
}
