/**
 * What a tenant's files object answers over RPC: plain data in, plain data out. It keeps the tenant's uploads, each file
 * of its jobs, and the sources that bring files by themselves; its alarm reads the files and hands their documents to the
 * shards. An erased object answers `not_found`.
 */
import type { CollectionId, JobId, TenantUid } from '../core/ids.ts'
import type { JsonObject } from '../core/canonical-json.ts'
import type { ChangeReport } from '../core/usage.ts'
import type { Filter } from '../metadata/filter.ts'
import type { FileFormat } from '../parsing/file-format.ts'
import type { ParseOptions } from '../parsing/parsed-document.ts'

/** An upload that is being received: what it has stored is swept away unless it is accepted within its lease. */
export interface OpenUpload {
  readonly tenantUid: TenantUid
  readonly collectionId: CollectionId
  /** `upl_…`; its originals lie under `originalPrefix(…)`. */
  readonly uploadId: string
  readonly jobId: JobId
}

/** An upload is swept this long after its last sign of life. */
export const UPLOAD_LEASE_MS = 30_000

/** What holds for all documents of a file beside how it is read. */
export interface FileOptions extends ParseOptions {
  readonly metadata?: JsonObject
  readonly acl?: readonly string[]
  readonly language?: string
}

/** A file whose original is durable. */
export interface ReceivedFile {
  /** With its path; the document's id unless the file makes several. */
  readonly name: string
  readonly key: string
  readonly bytes: number
  /** Hex SHA-256 of the bytes. */
  readonly sha256: string
  /** As told from its first bytes. */
  readonly format: FileFormat | undefined
  /** A page's own address. */
  readonly url?: string
}

/** Who sent the files, as the shards must know. */
export interface FileWriter {
  readonly keyId: string
  readonly filter?: Filter
  readonly mayWriteAcl: boolean
}

export interface AcceptFiles extends OpenUpload {
  readonly files: readonly ReceivedFile[]
  readonly options: FileOptions
  readonly writer: FileWriter
}

export const FILE_STATUSES = [
  'queued',
  'parsing',
  'embedding',
  'indexed',
  'unchanged',
  'superseded',
  'failed',
  'cancelled',
] as const
export type FileStatus = (typeof FILE_STATUSES)[number]

/** One file of a job, as far as it has come. */
export interface FileRecord {
  /** Place in the job, from 1; entries of an archive come behind what was uploaded. */
  readonly number: number
  readonly name: string
  /** Of files that are one document. */
  readonly documentId?: string
  readonly status: FileStatus
  /** A `FileFaultCode` or `ProblemCode`, with a sentence that a person can act on. */
  readonly code?: string
  readonly detail?: string
  readonly format?: FileFormat
  readonly bytes: number
  /** Pages, slides or sheets. */
  readonly pages?: number
  readonly documents: number
  readonly failedDocuments: number
  readonly chunks: number
  /** Of the chunks, those that have their vectors. */
  readonly embeddedChunks: number
  /** Of the chunks, those whose vectors the version before had. */
  readonly reusedChunks: number
  /** Model tokens of the chunks that were embedded. */
  readonly tokens: number
  /** Spent on reading and cutting it. */
  readonly milliseconds: number
  /** Rises with every change, over all files of the tenant. */
  readonly revision: number
}

export interface FileJob {
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

export interface FilesApi {
  /** Before anything of the upload is stored. @throws overloaded when too many files wait already */
  openUpload(upload: OpenUpload): Promise<void>
  /** Before the first part of an original that is stored in parts, so that a sweep can abort it. */
  noteMultipart(uploadId: string, key: string, multipartId: string): Promise<void>
  /** False when the upload was swept away: stop. */
  renewUpload(uploadId: string): Promise<boolean>
  /** Takes the files over: from here on they end as indexed or failed, whatever crashes. False when it was swept away. */
  acceptUpload(request: AcceptFiles): Promise<boolean>
  /** Sweeps it away now. */
  dropUpload(uploadId: string): Promise<void>

  jobCounts(jobId: string): Promise<FileJob | undefined>
  jobFiles(jobId: string, page: FilePage): Promise<FileRecord[]>
  /** Files whose revision is higher, in its order. */
  changedFiles(jobId: string, afterRevision: number, limit: number): Promise<FileRecord[]>
  /** Ends what has not been indexed; false without such a job. */
  cancelJob(jobId: string): Promise<boolean>
  /** Queues failed files again whose originals are still there; how many. */
  retryJob(jobId: string): Promise<number>

  /** What the shards' logs say of files' documents; each entry counts once. Answers the position now known. */
  applyFileChanges(report: ChangeReport): Promise<number>
  /** There may be something to do: a hint, which may be lost, repeated or late. */
  wake(tenantUid: TenantUid): Promise<void>

  /** Forgets all of a collection and deletes its originals. Safe to repeat. Answers how many originals went. */
  collectionDeleted(tenantUid: TenantUid, collectionId: CollectionId): Promise<number>
  /** Empties the object for good and deletes all originals of the tenant. Safe to repeat. */
  erase(tenantUid: TenantUid): Promise<number>
}
