/**
 * What a tenant's files object answers over RPC: plain data in, plain data out. It keeps the tenant's uploads, each file
 * of its jobs, and the sources that bring files by themselves; its alarm reads the files and hands their documents to the
 * shards. An erased object answers `not_found`.
 */
import type { CollectionId, JobId, TenantUid } from '../core/ids.ts'
import type { JsonObject } from '../core/canonical-json.ts'
import type { ChangeReport } from '../core/usage.ts'
import type { Filter } from '../metadata/filter.ts'
import type { FileJobs } from '../ingest/file-jobs.ts'
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

export interface FilesApi extends FileJobs {
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

  /**
   * Before a model's file is stored, before a part of it is (with the id of its storing), and before the model is deleted: a
   * file that has no model an hour later goes.
   */
  watchModelFile(tenantUid: TenantUid, modelUid: string, multipartId?: string): Promise<void>

  /** What the shards' logs say of files' documents; each entry counts once. Answers the position now known. */
  applyFileChanges(report: ChangeReport): Promise<number>
  /** There may be something to do: a hint, which may be lost, repeated or late. */
  wake(tenantUid: TenantUid): Promise<void>

  /** Forgets all of a collection and deletes its originals. Safe to repeat. Answers how many originals went. */
  collectionDeleted(tenantUid: TenantUid, collectionId: CollectionId): Promise<number>
  /** Empties the object for good and deletes all originals of the tenant. Safe to repeat. */
  erase(tenantUid: TenantUid): Promise<number>
}
