/**
 * Jobs of accepted documents. While one is unsettled its progress is asked from the shards, which know every item; they
 * report it to the catalogue as well, which settles the job. After that only the failures are asked for.
 */
import { jobKey } from '../catalog/job-key.ts'
import type { CollectionRecord, JobRecord } from '../catalog/records.ts'
import { isSettled } from '../catalog/records.ts'
import { rfc3339 } from '../core/clock.ts'
import type { CollectionId, TenantUid } from '../core/ids.ts'
import { DEFAULT_LIST_LIMIT, MAX_LIST_LIMIT } from '../core/limits.ts'
import { Problem } from '../core/problem.ts'
import { collectionLists, requireTenant, type Principal } from '../tenancy/principal.ts'
import type { IngestDependencies } from './ingest-dependencies.ts'
import { askShards, needsShards, progressOf, type JobProgress } from './job-progress.ts'
import type { JobView } from './job-view.ts'
import { openListCursor, sealListCursor } from './list-cursor.ts'
import type { ListRequest } from './read-documents.ts'
import { asked } from '../shard/shard-call.ts'

/** Calls to shards and the catalogue for one page of a list, give or take those of one collection. */
const MAX_LIST_CALLS = 100

type JobDependencies = Pick<IngestDependencies, 'placement' | 'jobs' | 'collections' | 'clock'>

/** Which collections the credential reaches; jobs of others do not exist for it. */
export type MayReach = (collection: CollectionRecord) => boolean

/** @throws not_found for jobs of other tenants and of collections out of reach */
export async function getJob(
  deps: JobDependencies,
  principal: Principal,
  id: string,
  mayReach: MayReach,
): Promise<JobView> {
  const { job, collection } = await findJob(deps, principal, id, mayReach)
  return examine(deps, job, collection, principal)
}

/**
 * Newest first; progress of unsettled ones is exact here too. A page ends early where it would take too many calls to
 * shards. Restricted keys see the jobs of the collections that they reach now.
 */
export async function listJobs(
  deps: JobDependencies & Pick<IngestDependencies, 'sealer'>,
  principal: Principal,
  { limit = DEFAULT_LIST_LIMIT, cursor }: ListRequest,
  mayReach: MayReach,
): Promise<{ readonly data: readonly JobView[]; readonly nextCursor: string | null }> {
  const { uid } = requireTenant(principal)
  const scope = `jobs/${uid}`
  const after = cursor === undefined ? undefined : await openListCursor(deps.sealer, scope, cursor)
  const collections = await reachable(deps, uid, principal)
  const page = await deps.jobs.list(uid, {
    limit,
    ...(after === undefined ? {} : { after }),
    ...(collections === undefined ? {} : { collectionIds: [...collections.keys()] }),
    ...(seesOnlyItsOwn(principal) ? { keyId: principal.keyId } : {}),
  })
  const { groups, read } = await gather(deps, uid, page.data, collections ?? new Map())
  const views = new Map<string, JobView>()
  await Promise.all(
    [...groups.values()].map(async ({ collection, jobs }) => {
      const visible = jobs.filter((job) => isReachable(principal, job, collection, mayReach))
      const asking = visible.filter(needsShards).map(({ id }) => id)
      const counts = await askShards(deps, collection, asking)
      for (const job of visible) {
        views.set(job.id, viewOf(job, progressOf(job, counts, deps.clock()), collection, principal))
      }
    }),
  )
  const last = page.data[read - 1]
  const next = last !== undefined && read < page.data.length ? jobKey(last) : page.nextAfter
  return {
    data: page.data.flatMap(({ id }) => views.get(id) ?? []),
    nextCursor: next === undefined ? null : await sealListCursor(deps.sealer, scope, next),
  }
}

/** The collections that a restricted key reaches; undefined where it reaches all. */
async function reachable(
  { collections }: JobDependencies,
  tenantUid: TenantUid,
  principal: Principal,
): Promise<Map<CollectionId, CollectionRecord> | undefined> {
  const only = collectionLists(principal)
  if (only.length === 0) return undefined
  const found = new Map<CollectionId, CollectionRecord>()
  let after: string | undefined
  do {
    const page = await collections.list(tenantUid, { limit: MAX_LIST_LIMIT, only, ...(after && { after }) })
    for (const collection of page.data) found.set(collection.id, collection)
    after = page.nextAfter
  } while (after !== undefined)
  return found
}

interface JobGroup {
  readonly collection: CollectionRecord | undefined
  readonly jobs: JobRecord[]
}

/** Puts jobs together by collection, as many of the first ones as `MAX_LIST_CALLS` calls can answer for. */
async function gather(
  { collections }: JobDependencies,
  tenantUid: TenantUid,
  jobs: readonly JobRecord[],
  known: ReadonlyMap<CollectionId, CollectionRecord>,
): Promise<{ groups: ReadonlyMap<string, JobGroup>; read: number }> {
  const groups = new Map<string, JobGroup>()
  let calls = 0
  let read = 0
  for (const job of jobs) {
    const { collectionId } = job
    let group = groups.get(collectionId)
    if (group === undefined) {
      if (calls >= MAX_LIST_CALLS) break
      const collection = known.get(collectionId) ?? (await collections.find(tenantUid, collectionId))
      calls += 1 + (collection?.generation.shards ?? 0)
      group = { collection, jobs: [] }
      groups.set(collectionId, group)
    }
    group.jobs.push(job)
    read++
  }
  return { groups, read }
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
    const shards = Array.from({ length: collection.generation.shards }, (_, shard) => shard)
    await Promise.all(shards.map((shard) => asked(deps.placement.forWrite(collection, shard).cancelJob(job.id))))
  }
  return examine(deps, job, collection, principal)
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
  if (!isReachable(principal, job, collection, mayReach)) throw new Problem('not_found')
  return { job, collection }
}

/** A job is of documents as they come; whose filter hides some of them is told of none that others brought. */
const seesOnlyItsOwn = ({ filter }: Principal): boolean => filter !== undefined

/** Jobs of a deleted collection remain visible to keys that reach every collection, and to those that asked for them. */
function isReachable(
  principal: Principal,
  job: JobRecord,
  collection: CollectionRecord | undefined,
  mayReach: MayReach,
): boolean {
  if (collection !== undefined) return mayReach(collection)
  return principal.collections === undefined || job.keyId === principal.keyId
}

/** Asks how a job fares, and settles it where it is over and the catalogue has not heard of it yet. */
async function examine(
  deps: JobDependencies,
  job: JobRecord,
  collection: CollectionRecord | undefined,
  principal: Principal,
): Promise<JobView> {
  const counts = await askShards(deps, collection, needsShards(job) ? [job.id] : [])
  const progress = progressOf(job, counts, deps.clock())
  const { tenantUid, id } = job
  if (isSettled(job.status) || !isSettled(progress.status)) return viewOf(job, progress, collection, principal)
  if (counts === undefined) await deps.jobs.cancelRest(tenantUid, id)
  for (const [shard, ofShard] of (counts ?? []).entries()) {
    const part = ofShard[id]
    if (part !== undefined && part.updatedAtMs > 0) {
      await deps.jobs.reportProgress(tenantUid, id, shard, part, part.updatedAtMs)
    }
  }
  await deps.jobs.settle(tenantUid, id, progress.status, progress.finishedAtMs)
  const settled = (await deps.jobs.find(tenantUid, id)) ?? job
  return viewOf(settled, { ...progress, ...settled }, collection, principal)
}

function viewOf(
  job: JobRecord,
  { succeeded, failed, cancelled, status, finishedAtMs, failures }: JobProgress,
  collection: CollectionRecord | undefined,
  principal: Principal,
): JobView {
  return {
    id: job.id,
    kind: 'documents',
    collection: collection?.name ?? job.collectionId,
    status,
    progress: { done: Math.min(succeeded + failed + cancelled, job.total), total: job.total },
    counts: { succeeded, failed, cancelled },
    // Ids of documents that a restricted key may not see stay unsaid.
    failures: principal.filter === undefined ? failures : [],
    createdAt: rfc3339(job.createdAtMs),
    finishedAt: finishedAtMs === undefined ? null : rfc3339(finishedAtMs),
  }
}
