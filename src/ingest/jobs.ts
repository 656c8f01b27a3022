/**
 * Jobs. While one of documents is unsettled its progress is asked from the shards, which know every item; they report it to
 * the catalogue as well, which settles the job. After that only the failures are asked for. Of a job of files the tenant's
 * files object is asked.
 */
import { jobKey } from '../catalog/job-key.ts'
import type { CollectionRecord, JobRecord } from '../catalog/records.ts'
import { isSettled } from '../catalog/records.ts'
import { rfc3339 } from '../core/clock.ts'
import type { CollectionId, JobId, TenantUid } from '../core/ids.ts'
import { DEFAULT_LIST_LIMIT, MAX_JOB_FILES, MAX_LIST_LIMIT } from '../core/limits.ts'
import { Problem } from '../core/problem.ts'
import { collectionLists, requireTenant, type Principal } from '../tenancy/principal.ts'
import { fileFailures, fileProgress, fileView, type FileJobsOfTenants } from './file-jobs.ts'
import type { IngestDependencies } from './ingest-dependencies.ts'
import { askShards, needsShards, progressOf, type JobProgress } from './job-progress.ts'
import type { FileStatus, FileView, JobView } from './job-view.ts'
import { openListCursor, sealListCursor } from './list-cursor.ts'
import type { ListRequest } from './read-documents.ts'
import { asked } from '../shard/shard-call.ts'

/** Calls to shards and the catalogue for one page of a list, give or take those of one collection. */
const MAX_LIST_CALLS = 100

export interface JobDependencies extends Pick<IngestDependencies, 'placement' | 'jobs' | 'collections' | 'clock'> {
  readonly files: FileJobsOfTenants
}

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
      const ofDocuments = visible.filter(({ kind }) => kind === 'documents')
      const counts = await askShards(
        deps,
        collection,
        ofDocuments.filter(needsShards).map(({ id }) => id),
      )
      for (const job of ofDocuments) {
        views.set(job.id, viewOf(job, progressOf(job, counts, deps.clock()), collection, principal))
      }
      await Promise.all(
        visible.map(async (job) => {
          if (job.kind === 'documents') return
          const known = isSettled(job.status) ? undefined : await (await deps.files.of(uid)).jobCounts(job.id)
          views.set(job.id, viewOf(job, fileProgress(job, known, deps.clock()), collection, principal))
        }),
      )
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
    if (calls >= MAX_LIST_CALLS && (group === undefined || job.kind !== 'documents')) break
    // Shards answer for all jobs of a collection at once, the files object for one at a time.
    if (job.kind !== 'documents') calls++
    if (group === undefined) {
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
  if (job.kind !== 'documents') await (await deps.files.of(job.tenantUid)).cancelJob(job.id)
  else if (!isSettled(job.status) && collection !== undefined) {
    const shards = Array.from({ length: collection.generation.shards }, (_, shard) => shard)
    await Promise.all(shards.map((shard) => asked(deps.placement.forWrite(collection, shard).cancelJob(job.id))))
  }
  return examine(deps, job, collection, principal)
}

/** One page of a job's files, in the order in which they came; none of jobs of documents. @throws invalid_request */
export async function listJobFiles(
  deps: JobDependencies & Pick<IngestDependencies, 'sealer'>,
  principal: Principal,
  id: string,
  { limit = DEFAULT_LIST_LIMIT, cursor, status }: ListRequest & { readonly status?: FileStatus },
  mayReach: MayReach,
): Promise<{ readonly data: readonly FileView[]; readonly nextCursor: string | null }> {
  const { job } = await findJob(deps, principal, id, mayReach)
  const scope = `job-files/${job.tenantUid}/${job.id}/${status ?? ''}`
  const after = cursor === undefined ? undefined : Number(await openListCursor(deps.sealer, scope, cursor))
  if (job.kind === 'documents') return { data: [], nextCursor: null }
  const files = await (
    await deps.files.of(job.tenantUid)
  ).jobFiles(job.id, { limit: limit + 1, ...(after === undefined ? {} : { after }), ...(status && { status }) })
  const shown = files.slice(0, limit)
  const last = files.length > limit ? shown.at(-1) : undefined
  return {
    data: shown.map(fileView),
    nextCursor: last === undefined ? null : await sealListCursor(deps.sealer, scope, `${last.number}`),
  }
}

/** Tries the failed files of a job again, those whose originals are kept still. @throws nothing_to_retry */
export async function retryJob(
  deps: JobDependencies,
  principal: Principal,
  id: string,
  mayReach: MayReach,
): Promise<JobId> {
  const { job, collection } = await findJob(deps, principal, id, mayReach)
  const isOfFiles = job.kind !== 'documents' && collection !== undefined
  const count = isOfFiles ? await (await deps.files.of(job.tenantUid)).retryJob(job.id) : 0
  if (count === 0) throw new Problem('nothing_to_retry')
  return job.id
}

/** @throws not_found for jobs of other tenants and of collections out of reach */
export async function findJob(
  { jobs, collections }: Pick<JobDependencies, 'jobs' | 'collections'>,
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
  if (job.kind !== 'documents') return examineFiles(deps, job, collection, principal)
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

async function examineFiles(
  deps: JobDependencies,
  job: JobRecord,
  collection: CollectionRecord | undefined,
  principal: Principal,
): Promise<JobView> {
  const known = await deps.files.of(job.tenantUid)
  const counts = await known.jobCounts(job.id)
  const progress = fileProgress(job, counts, deps.clock())
  const files = counts === undefined ? [] : await known.jobFiles(job.id, { limit: MAX_JOB_FILES })
  const failures = progress.failed > 0 ? await fileFailures(known, job.id) : []
  const hasBegun = progress.status === 'queued' && files.some(({ status }) => status !== 'queued')
  const status = hasBegun ? 'running' : progress.status
  return {
    ...viewOf(job, { ...progress, status, failures }, collection, principal),
    files: files.map(fileView),
  }
}

/** What a job is at one moment, without its items. */
export function viewOf(
  job: JobRecord,
  { succeeded, failed, cancelled, status, total = job.total, finishedAtMs, failures }: JobProgress,
  collection: CollectionRecord | undefined,
  principal: Principal,
): JobView {
  return {
    id: job.id,
    kind: job.kind,
    collection: collection?.name ?? job.collectionId,
    status,
    progress: { done: Math.min(succeeded + failed + cancelled, total), total },
    counts: { succeeded, failed, cancelled },
    // Ids of documents that a restricted key may not see stay unsaid.
    failures: principal.filter === undefined ? failures : [],
    createdAt: rfc3339(job.createdAtMs),
    finishedAt: finishedAtMs === undefined ? null : rfc3339(finishedAtMs),
  }
}
