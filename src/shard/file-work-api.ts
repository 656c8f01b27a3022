/** What a shard answers about the work of files: part of its RPC interface. */

export type ItemStatus = 'queued' | 'indexed' | 'unchanged' | 'failed' | 'superseded' | 'cancelled'

export interface FileWorkApi {
  /** What became of documents under a job; those that it does not have are absent. */
  workItems(jobId: string, ids: readonly string[]): Promise<Record<string, ItemStatus>>
  /** By job, chunks of documents that are not applied yet and have their vectors. */
  embeddingProgress(jobIds: readonly string[]): Promise<Record<string, number>>
  /** Tells the files object all that the change log says of files. */
  flushFileChanges(): Promise<void>
}
