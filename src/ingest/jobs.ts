/**
 * Jobs of accepted documents. While one is unsettled its progress is asked from the shards, which know every item; they
 * report it to the catalogue as well, which settles the job. After that only the failures are asked for.
 */
import type { CollectionRecord, JobCounters, JobRecord } from '../catalog/records.ts'
import { jobStatusOf } from '../catalog/job-outcome.ts'
import { isSettled } from '../catalog/records.ts'
import { rfc3339 } from '../core/clock.ts'
import { DEFAULT_LIST_LIMIT } from '../core/limits.ts'
import { Problem } from '../core/problem.ts'
import type { JobCounts } from '../shard/shard-api.ts'
import { requireTenant, type Principal } from '../tenancy/principal.ts'
import type { IngestDependencies } from './ingest-dependencies.ts'
import type { JobFailure, JobView } from './job-view.ts'
import { openListCursor, sealListCursor } from './list-cursor.ts'
import type { ListRequest } from './read-documents.ts'
import { asked } from './shard-call.ts'

const MAX_FAILURES = 100
/** A request that has not handed over its documents after this long was interrupted; nobody was told of its job. */
const ACCEPTANCE_MS = 60_000

type JobDependencies = Pick<IngestDependencies, 'placement' | 'jobs' | 'collections' | 'clock'>

/** Which collections the credential reaches; jobs of others do not exist for it. */
export type MayReach = (collection: CollectionRecord) => boolean

interface Progress extends Pick<JobCounts, 'succeeded' | 'failed' | 'cancelled'> {
  readonly failures: readonly JobFailure[]
}

/** @throws not_found for jobs of other tenants and of collections out of reach */
export async function getJob(
  deps: JobDependencies,
  principal: Principal,
  id: string,
  mayReach: MayReach,
): Promise<JobView> {
  const { job, collection } = await findJob(deps, principal, id, mayReach)
  return viewOf(deps, job, collection, principal)
}

/** Newest first; progress of unsettled ones is exact here too. */
export async function listJobs(
  deps: JobDependencies & Pick<IngestDependencies, 'sealer'>,
  principal: Principal,
  { limit = DEFAULT_LIST_LIMIT, cursor }: ListRequest,
  mayReach: MayReach,
): Promise<{ readonly data: readonly JobView[]; readonly nextCursor: string | null }> {
  const { uid } = requireTenant(principal)
  const scope = `jobs/${uid}`
  let after = cursor === undefined ? undefined : await openListCursor(deps.sealer, scope, cursor)
  const known = new Map<string, CollectionRecord | undefined>()
  const data: JobView[] = []
  for (;;) {
    const page = await deps.jobs.list(uid, {
      limit: limit - data.length,
      ...(after === undefined ? {} : { after }),
      ...(seesOnlyItsOwn(principal) ? { keyId: principal.keyId } : {}),
    })
    for (const job of page.data) {
      const { collectionId } = job
      if (!known.has(collectionId)) known.set(collectionId, await deps.collections.find(uid, collectionId))
      const collection = known.get(collectionId)
      if (isReachable(principal, collection, mayReach)) data.push(await viewOf(deps, job, collection, principal))
    }
    after = page.nextAfter
    if (after === undefined) return { data, nextCursor: null }
    if (data.length >= limit) return { data, nextCursor: await sealListCursor(deps.sealer, scope, after) }
  }
}

/** Ends what a job has not done yet; what was indexed stays. Cancelling a settled job changes nothing. */
export async function cancelJob(
  deps: JobDependencies,
  principal: Principal,
  id: string,
  mayReach: MayReach,
): Promise<JobView> {
  const { job, collection } = await findJob(deps, principal, id, mayReach)
  if (!isSettled(job.status) && collection !== undefined) {
    const shards = shardNumbers(collection)
    await Promise.all(shards.map((shard) => asked(deps.placement.forWrite(collection, shard).cancelJob(job.id))))
  }
  return viewOf(deps, job, collection, principal)
}

async function findJob(
  { jobs, collections }: JobDependencies,
  principal: Principal,
  id: string,
  mayReach: MayReach,
): Promise<{ job: JobRecord; collection: CollectionRecord | undefined }> {
  const { uid } = requireTenant(principal)
  const job = await jobs.find(uid, id)
  if (job === undefined || (seesOnlyItsOwn(principal) && job.keyId !== principal.keyId)) throw new Problem('not_found')
  const collection = await collections.find(uid, job.collectionId)
  if (!isReachable(principal, collection, mayReach)) throw new Problem('not_found')
  return { job, collection }
}

/** A job is of documents as they come; whose filter hides some of them is told of none that others brought. */
const seesOnlyItsOwn = ({ filter }: Principal): boolean => filter !== undefined

/** Jobs of a deleted collection remain visible to keys that reach every collection. */
function isReachable(principal: Principal, collection: CollectionRecord | undefined, mayReach: MayReach): boolean {
  return collection === undefined ? principal.collections === undefined : mayReach(collection)
}

async function viewOf(
  deps: JobDependencies,
  job: JobRecord,
  collection: CollectionRecord | undefined,
  principal: Principal,
): Promise<JobView> {
  const progress = await progressOf(deps, job, collection)
  const { succeeded, failed, cancelled, status, finishedAtMs } = progress
  return {
    id: job.id,
    kind: 'documents',
    collection: collection?.name ?? job.collectionId,
    status,
    progress: { done: Math.min(succeeded + failed + cancelled, job.total), total: job.total },
    counts: { succeeded, failed, cancelled },
    // Ids of documents that a restricted key may not see stay unsaid.
    failures: principal.filter === undefined ? progress.failures : [],
    createdAt: rfc3339(job.createdAtMs),
    finishedAt: finishedAtMs === undefined ? null : rfc3339(finishedAtMs),
  }
}

async function progressOf(
  deps: JobDependencies,
  job: JobRecord,
  collection: CollectionRecord | undefined,
): Promise<Progress & Pick<JobRecord, 'status' | 'finishedAtMs'>> {
  // What failed is known by the shards alone, also after the end.
  if (collection === undefined) return abandoned(deps, job)
  if (isSettled(job.status) && job.failed === 0) return { ...job, failures: [] }
  const shards = shardNumbers(collection)
  const counts = await Promise.all(
    shards.map(async (shard) => (await asked(deps.placement.forRead(collection, shard).jobCounts([job.id])))[job.id]),
  )
  const found = total(counts, job)
  if (isSettled(job.status)) return { ...job, failures: found.failures }
  const isInterrupted = found.queued === 0 && found.items < job.total && deps.clock() - job.createdAtMs > ACCEPTANCE_MS
  const status = isInterrupted ? 'failed' : jobStatusOf(found, job.total)
  if (!isSettled(status)) return { ...found, status }
  for (const shard of shards) {
    const part = counts[shard]
    if (part !== undefined && part.updatedAtMs > 0) {
      await deps.jobs.reportProgress(job.tenantUid, job.id, shard, part, part.updatedAtMs)
    }
  }
  await deps.jobs.settle(job.tenantUid, job.id, status)
  const settled = await deps.jobs.find(job.tenantUid, job.id)
  return { ...(settled ?? { ...found, status }), failures: found.failures }
}

/** The collection is gone, and what was not done by then never will be. */
async function abandoned(
  deps: JobDependencies,
  job: JobRecord,
): Promise<Progress & Pick<JobRecord, 'status' | 'finishedAtMs'>> {
  if (isSettled(job.status)) return { ...job, failures: [] }
  await deps.jobs.cancelRest(job.tenantUid, job.id)
  return { ...((await deps.jobs.find(job.tenantUid, job.id)) ?? job), failures: [] }
}

/** What the shards know; of items that they have pruned, what they once reported. */
function total(
  parts: readonly (JobCounts | undefined)[],
  reported: JobCounters,
): Progress & { queued: number; items: number } {
  const sum = { queued: 0, succeeded: 0, failed: 0, cancelled: 0, items: 0 }
  const failures: JobFailure[] = []
  for (const part of parts) {
    if (part === undefined) continue
    sum.queued += part.queued
    sum.succeeded += part.succeeded
    sum.failed += part.failed
    sum.cancelled += part.cancelled
    sum.items += part.queued + part.succeeded + part.failed + part.cancelled
    failures.push(...part.failures)
  }
  const settled = {
    succeeded: Math.max(sum.succeeded, reported.succeeded),
    failed: Math.max(sum.failed, reported.failed),
    cancelled: Math.max(sum.cancelled, reported.cancelled),
  }
  const items = Math.max(sum.items, settled.succeeded + settled.failed + settled.cancelled)
  return { ...sum, ...settled, items, failures: failures.slice(0, MAX_FAILURES) }
}

const shardNumbers = ({ generation }: CollectionRecord): number[] =>
  Array.from({ length: generation.shards }, (_, shard) => shard)
