/**
 * What sources need of the files object that they are parts of: a place for what they have fetched. A run of a source is a
 * job; each page or object of it is one file of the job. Everything that answers at once writes to the object's own
 * database and may stand in the caller's transaction, so that a source's rows and its files never disagree.
 */
import type { CollectionId, JobId, TenantUid } from '../core/ids.ts'
import type { FileFaultCode } from '../parsing/file-fault.ts'
import type { FileFormat } from '../parsing/file-format.ts'

/** Sources are made with keys that have no filter. */
export interface IntakeWriter {
  readonly keyId: string
}

export interface IntakeJob {
  readonly tenantUid: TenantUid
  readonly collectionId: CollectionId
  readonly jobId: JobId
  readonly kind: 'crawl' | 'sync'
  readonly writer: IntakeWriter
}

/** `suspended`: the tenant is; nothing is fetched for it. `gone`: the collection or the tenant was deleted. */
export type BeginResult = 'begun' | 'suspended' | 'gone'

/** An original that is durable, but swept away unless it is added soon. */
export interface StoredOriginal {
  readonly key: string
  readonly bytes: number
  /** Hex SHA-256 of the bytes. */
  readonly sha256: string
  /** As told from its first bytes. */
  readonly format: FileFormat | undefined
}

export interface IntakeFile extends StoredOriginal {
  /** The document's id unless the file makes several: at most `MAX_FILE_NAME_BYTES`. */
  readonly name: string
  /** A page's own address. */
  readonly url?: string
}

/** How a file of the job ended without being read. */
export type IntakeOutcome =
  | { readonly status: 'unchanged' }
  | { readonly status: 'failed'; readonly code: FileFaultCode; readonly detail: string }

export interface FileIntake {
  /** Makes the job known to the control plane, running and without files. Safe to repeat. */
  begin(job: IntakeJob): Promise<BeginResult>
  /**
   * Keeps a body as an original of the job's. Called again for the same file after a crash, what the first call stored is
   * swept away. @throws FileFault file_too_large, not_fetched where there is no room for it
   */
  store(jobId: JobId, body: ReadableStream<Uint8Array>): Promise<StoredOriginal>
  /** The file is queued and ends as indexed, unchanged or failed, whatever crashes. Sources add each name once a job. */
  add(jobId: JobId, file: IntakeFile): void
  /** Notes a file of the job that needs no reading. */
  settle(jobId: JobId, name: string, outcome: IntakeOutcome): void
  /** Deletes the documents that the file of this name made, soon and whatever crashes; a file that waits is withdrawn. */
  remove(collectionId: CollectionId, name: string, writer: IntakeWriter): void
  /** No more files come: the job settles when all that it has are settled; one without files has succeeded. */
  end(jobId: JobId): void
  /** False once the job was cancelled or its collection deleted: nothing more is to be fetched for it. */
  isOpen(jobId: JobId): boolean
  /** Whether the file of this name with these bytes is indexed, or waits to be; then it needs no second look. */
  holds(collectionId: CollectionId, name: string, sha256: string): boolean
  /** Whether the tenant is suspended, or was erased: then nothing more is to be fetched. */
  isSuspended(): Promise<boolean>
  /** False while so many files of the tenant wait that sources should. */
  hasRoom(): boolean
}
