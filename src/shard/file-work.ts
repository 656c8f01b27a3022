/**
 * What a shard knows of the work of files. A file's documents are staged under a job id of its own, `<job>.<number>`; the
 * files object is told of them by a reader of the change log that only shards with such work have.
 */
import { asProblem } from '../core/problem.ts'
import type { ItemStatus } from './file-work-api.ts'
import type { ShardState } from './shard-state.ts'
import { isReportBehind, reportNext, type ReportChanges } from './tenant-report.ts'

export const FILES_READER = 'files'

/** Ids of one `workItems` call. */
export const MAX_WORK_ITEMS = 100

export function workItems(state: ShardState, jobId: string, ids: readonly string[]): Record<string, ItemStatus> {
  const found = ids.map((id) => [id, state.jobs.find(jobId, id)] as const)
  return Object.fromEntries(found.filter((entry): entry is [string, ItemStatus] => entry[1] !== undefined))
}

export function embeddingProgress(state: ShardState, jobIds: readonly string[]): Record<string, number> {
  const ready = state.pending.readyVectors()
  return Object.fromEntries(jobIds.map((jobId) => [jobId, ready.get(jobId) ?? 0]))
}

/** From here on the files object is told of what happens; inside the caller's transaction. */
export function startFileReader({ log }: ShardState): void {
  if (!log.hasReader(FILES_READER)) log.advanceReader(FILES_READER, log.position())
}

export const isFileReportBehind = (state: ShardState): boolean =>
  state.log.hasReader(FILES_READER) && isReportBehind(state, FILES_READER)

/** Sends one report; false when there was nothing to tell. A files object that is gone is told no more. */
export async function reportFilesNext(state: ShardState, reportChanges: ReportChanges): Promise<boolean> {
  if (!state.log.hasReader(FILES_READER)) return false
  try {
    return await reportNext(state, FILES_READER, reportChanges)
  } catch (error) {
    if (asProblem(error)?.code !== 'not_found') throw error
    state.database.transaction(() => state.log.dropReader(FILES_READER))
    return false
  }
}
