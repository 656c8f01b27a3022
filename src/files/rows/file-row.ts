/** Rows of the files object as they are stored. */
import type { FileFormat } from '../../parsing/file-format.ts'
import type { FileStatus } from '../../ingest/job-view.ts'

export type FileJobKind = 'files' | 'crawl' | 'sync'

/** `FileRow.is_parsed`: how reading it ended, if it did. */
export const READING = { open: 0, whole: 1, fault: 2, cancelled: 3 } as const

export interface JobRow {
  readonly id: string
  readonly collection_id: string
  readonly kind: FileJobKind
  /** JSON of `FileWriter`. */
  readonly writer: string
  /** JSON of `FileOptions`. */
  readonly options: string
  /** 1: more files may come. */
  readonly is_open: number
  readonly is_cancelled: number
  readonly total: number
  readonly succeeded: number
  readonly failed: number
  readonly cancelled: number
  readonly next_number: number
  /** Rises with every change of its counts; the control plane knows `told_revision`. */
  readonly revision: number
  readonly told_revision: number
  /** 1: it had ended, and goes on because failed files are tried again. */
  readonly is_reopened: number
  /** When the control plane is to be told; NULL: it knows. */
  readonly due_ms: number | null
  readonly failures: number
  readonly created_ms: number
  readonly updated_ms: number
}

export interface FileRow {
  readonly id: number
  readonly job_id: string
  readonly number: number
  readonly collection_id: string
  readonly name: string
  /** The archive that it is an entry of. */
  readonly parent: number | null
  /** JSON of `ArchiveEntry`. */
  readonly entry: string | null
  /** NULL: an entry, or the original is gone. */
  readonly original_key: string | null
  readonly sha256: string
  readonly bytes: number
  readonly format: FileFormat | null
  readonly url: string | null
  readonly status: FileStatus
  readonly code: string | null
  readonly detail: string | null
  /** What was begun and not ended: 2 for reading, 1 for handing over what was read. See `file-run.ts`. */
  readonly strikes: number
  /** Faults of others in a row. */
  readonly failures: number
  readonly not_before_ms: number
  /** How often it is read from the beginning. */
  readonly pass: number
  /** Documents of this pass that need no second look. */
  readonly handled: number
  /** Whether more documents come: see `READING`. */
  readonly is_parsed: number
  /** The release whose parsers this pass is read by. */
  readonly parsed_by: string
  readonly document_id: string | null
  readonly pages: number | null
  readonly documents: number
  /** Of the documents, those that shards have not settled. */
  readonly waiting: number
  readonly failed_documents: number
  /** Documents left out because one of the file has their id. */
  readonly repeated: number
  readonly chunks: number
  readonly waiting_chunks: number
  /** Of settled documents. */
  readonly embedded_chunks: number
  /** Of waiting documents, as last asked. */
  readonly ready_chunks: number
  readonly reused_chunks: number
  readonly tokens: number
  /** In nano-dollars, by the prices of the models that read them. */
  readonly token_cost: number
  /** What shards wrote of it, all passes together: what it cost besides tokens. */
  readonly written_chunks: number
  readonly milliseconds: number
  readonly open_children: number
  /** 1: the documents that stand under its name are this file's. */
  readonly is_owner: number
  /** 0: others have changed or deleted some of its documents. */
  readonly is_whole: number
  /** When the original of a failed file goes. */
  readonly keep_until_ms: number | null
  /** Equal for equal bytes, options and rights. */
  readonly fingerprint: string
  readonly revision: number
  readonly created_ms: number
  readonly updated_ms: number
}

export type FilePatch = Partial<Omit<FileRow, 'id' | 'job_id' | 'number' | 'revision' | 'updated_ms'>>

/** `waiting`: handed to a shard, or about to be. */
export type DocumentStatus = 'waiting' | 'indexed' | 'unchanged' | 'failed' | 'superseded' | 'cancelled'

export interface DocumentRow {
  readonly file_id: number
  readonly document_id: string
  readonly collection_id: string
  readonly status: DocumentStatus
  readonly pass: number
  /** Its place in the file, from 0. */
  readonly ordinal: number
  readonly version: number
  readonly chunks: number
}

const SUCCEEDED: ReadonlySet<string> = new Set(['indexed', 'unchanged', 'superseded'])

/** Of the job's counts, the one that a file of this status belongs to. */
export function countedAs(status: FileStatus): 'open' | 'succeeded' | 'failed' | 'cancelled' {
  if (SUCCEEDED.has(status)) return 'succeeded'
  return status === 'failed' || status === 'cancelled' ? status : 'open'
}

export const isSettledFile = (status: FileStatus): boolean => countedAs(status) !== 'open'
