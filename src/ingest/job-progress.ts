/**
 * How jobs fare, asked from the shards, which know every item: one call to each shard of a collection, however many jobs
 * are asked for. Nothing is written down here.
 */
import { jobStatusOf } from '../catalog/job-outcome.ts'
import type { CollectionRecord, JobCounters, JobRecord } from '../catalog/records.ts'
import { isSettled } from '../catalog/records.ts'
import { MAX_JOB_FAILURES } from '../core/limits.ts'
import { asProblem } from '../core/problem.ts'
import type { JobCounts } from '../shard/shard-api.ts'
import type { IngestDependencies } from './ingest-dependencies.ts'
import type { JobFailure } from './job-view.ts'
import { asked } from '../shard/shard-call.ts'

/** A request that has not handed over its documents after this long was interrupted; nobody was told of its job. */
export const ACCEPTANCE_MS = 60_000

export interface JobProgress extends JobCounters, Pick<JobRecord, 'status' | 'finishedAtMs'> {
  /** Where it is known better than the record knows it. */
  readonly total?: number
  readonly failures: readonly JobFailure[]
}

/** Counts of jobs by shard; `undefined` where the collection is gone. */
export type CountsByShard = readonly Readonly<Record<string, JobCounts>>[] | undefined

/** Whether the shards know more than the catalogue: all of an unsettled job, afterwards what failed in it. */
export const needsShards = (job: JobRecord): boolean => !isSettled(job.status) || job.failed > 0

export async function askShards(
  { placement }: Pick<IngestDependencies, 'placement'>,
  collection: CollectionRecord | undefined,
  jobIds: readonly string[],
): Promise<CountsByShard> {
  if (collection === undefined) return undefined
  if (jobIds.length === 0) return []
  try {
    const shards = Array.from({ length: collection.generation.shards }, (_, shard) => shard)
    return await Promise.all(shards.map((shard) => asked(placement.forRead(collection, shard).jobCounts(jobIds))))
  } catch (error) {
    if (asProblem(error)?.code === 'not_found') return undefined
    throw error
  }
}

/** What a job has come to, by what its shards say and, of items that they have pruned, by what they once reported. */
export function progressOf(job: JobRecord, counts: CountsByShard, nowMs: number): JobProgress {
  if (counts === undefined) return abandoned(job)
  const found = total(
    counts.map((ofShard) => ofShard[job.id]),
    job,
  )
  if (isSettled(job.status)) return { ...job, failures: found.failures }
  const acceptedMs = job.createdAtMs + ACCEPTANCE_MS
  const isInterrupted = found.queued === 0 && found.items < job.total && nowMs > acceptedMs
  if (isInterrupted) return { ...found, status: 'failed', finishedAtMs: Math.max(found.updatedAtMs, acceptedMs) }
  const status = jobStatusOf(found, job.total)
  return isSettled(status) ? { ...found, status, finishedAtMs: found.updatedAtMs } : { ...found, status }
}

/** The collection is gone, and what was not done by then never will be. */
function abandoned(job: JobRecord): JobProgress {
  if (isSettled(job.status)) return { ...job, failures: [] }
  const { succeeded, failed, total: items, updatedAtMs } = job
  const cancelled = items - succeeded - failed
  return { succeeded, failed, cancelled, status: 'cancelled', finishedAtMs: updatedAtMs, failures: [] }
}

interface Found extends JobCounters {
  readonly queued: number
  readonly items: number
  readonly updatedAtMs: number
  readonly failures: readonly JobFailure[]
}

function total(parts: readonly (JobCounts | undefined)[], reported: JobRecord): Found {
  const sum = { queued: 0, succeeded: 0, failed: 0, cancelled: 0, updatedAtMs: reported.updatedAtMs }
  const failures: JobFailure[] = []
  for (const part of parts) {
    if (part === undefined) continue
    sum.queued += part.queued
    sum.succeeded += part.succeeded
    sum.failed += part.failed
    sum.cancelled += part.cancelled
    sum.updatedAtMs = Math.max(sum.updatedAtMs, part.updatedAtMs)
    failures.push(...part.failures)
  }
  const succeeded = Math.max(sum.succeeded, reported.succeeded)
  const failed = Math.max(sum.failed, reported.failed)
  const cancelled = Math.max(sum.cancelled, reported.cancelled)
  const items = sum.queued + succeeded + failed + cancelled
  return { ...sum, succeeded, failed, cancelled, items, failures: failures.slice(0, MAX_JOB_FAILURES) }
}
