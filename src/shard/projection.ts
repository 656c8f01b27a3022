/**
 * The catalogue's reader of the change log: hands over what changed since its stored position, as absolute states, so
 * that a repeated or late batch changes nothing. While the catalogue is down the position stays and nothing is lost.
 */
import type { CataloguedDocument, ProjectionBatch } from '../catalog/records.ts'
import { isWorkId, type TenantUid, type CollectionId } from '../core/ids.ts'
import type { LoggedChange } from './change-log.ts'
import type { JobCounts } from './shard-api.ts'
import type { ShardState } from './shard-state.ts'

export const CATALOGUE_READER = 'catalogue'
/** Log entries folded into one batch. */
const BATCH_ENTRIES = 200

/** One shard's news for the control plane. */
export interface ShardProjection extends ProjectionBatch {
  readonly shard: number
  /** Absolute counts of this shard's items of each job that changed; the files object tells of jobs of files. */
  readonly jobs: readonly { readonly jobId: string; readonly counts: JobCounts }[]
}

export type Project = (batch: ShardProjection) => Promise<void>

/** Whether entries wait for the catalogue. */
export const isProjectionBehind = (state: ShardState): boolean =>
  state.log.readerPosition(CATALOGUE_READER) < state.log.position()

/** Pushes one batch; returns false when there was none. Throws what `project` throws, with the position unchanged. */
export async function projectNext(state: ShardState, project: Project): Promise<boolean> {
  const entries = state.log.after(state.log.readerPosition(CATALOGUE_READER), BATCH_ENTRIES)
  const last = entries.at(-1)
  if (last === undefined) return false
  const { tenantUid, collectionId, shard } = state.setup
  await project({
    tenantUid: tenantUid as TenantUid,
    collectionId: collectionId as CollectionId,
    shard,
    documents: changedDocuments(state, entries),
    jobs: [...new Set(entries.flatMap(({ job }) => (job === null || isWorkId(job) ? [] : job)))].map((jobId) => ({
      jobId,
      counts: state.jobs.counts(jobId),
    })),
  })
  state.database.transaction(() => state.log.advanceReader(CATALOGUE_READER, last.seq))
  return true
}

/** The present state of every document that the entries name. */
function changedDocuments(state: ShardState, entries: readonly LoggedChange[]): CataloguedDocument[] {
  const latest = new Map<string, LoggedChange>()
  for (const entry of entries) {
    if (entry.id !== null && entry.kind !== 'staged' && entry.kind !== 'dropped') latest.set(entry.id, entry)
  }
  return [...latest].map(([id, entry]) => {
    const row = state.documents.find(id)
    if (row === undefined) {
      return {
        id,
        status: 'deleted',
        bytes: 0,
        chunks: 0,
        version: entry.version ?? 0,
        sequence: entry.seq,
        updatedAtMs: entry.at,
      }
    }
    return {
      id,
      status: 'indexed',
      bytes: row.bytes,
      chunks: row.chunk_count,
      version: row.version,
      sequence: row.position,
      updatedAtMs: row.updated_at,
    }
  })
}
