/** Hands what a request has not written to a job: its documents lie durably in their shards when its id is given out. */
import type { CollectionRecord } from '../catalog/records.ts'
import { isSettled } from '../catalog/records.ts'
import { newJobId, type JobId } from '../core/ids.ts'
import type { DocumentWriter } from './document-writer.ts'
import type { JobStore } from './ingest-dependencies.ts'
import type { WriteItem } from './write-item.ts'

export interface Asker {
  readonly keyId: string
  /** The same when a request is run again after a crash, so that it finds its job again. */
  readonly operationId?: string | undefined
}

/**
 * The job's row comes first: a crash in between leaves a job that ends as failed, never work without a job.
 * @throws not_found when the collection was deleted meanwhile, and what staging throws
 */
export async function leaveToJob(
  jobs: JobStore,
  { tenantUid, id: collectionId }: CollectionRecord,
  writer: DocumentWriter,
  items: readonly WriteItem[],
  { keyId, operationId }: Asker,
): Promise<JobId> {
  const wanted = { tenantUid, collectionId, total: items.length, keyId }
  let job = await jobs.create({ id: newJobId(operationId), ...wanted })
  // It ended before this run, which has more to do: other writes came in between.
  if (isSettled(job.status)) job = await jobs.create({ id: newJobId(), ...wanted })
  try {
    await writer.stage(items, job.id)
  } catch (error) {
    // Nobody learns of a job that was not acknowledged.
    await jobs.remove(tenantUid, job.id)
    throw error
  }
  return job.id
}
