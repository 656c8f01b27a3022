/**
 * Tenants' files objects in memory: what an upload, its job and its files look like from outside, without reading any file.
 * A test says what becomes of them.
 */
import type { AcceptFiles, FilesApi, OpenUpload } from '../../src/files/files-api.ts'
import type { FileCounts, FileItem, FilePage } from '../../src/ingest/file-jobs.ts'
import type { FileStatus } from '../../src/ingest/job-view.ts'

interface HeldUpload extends OpenUpload {
  readonly parts: [key: string, multipartId: string][]
}

const unused = (): never => {
  throw new Error('the fake has no such call')
}

export class FakeFiles implements FilesApi {
  readonly uploads = new Map<string, HeldUpload>()
  readonly accepted = new Map<string, AcceptFiles>()
  readonly files = new Map<string, FileItem[]>()
  renewals = 0
  /** Answers to `acceptUpload` and `renewUpload`. */
  isSwept = false
  /** Deletes all originals of an upload. */
  forget: (upload: OpenUpload) => Promise<unknown> = () => Promise.resolve()
  /** Thrown by `openUpload`. */
  refusal: Error | undefined
  #revision = 0

  /** For every tenant. */
  readonly of = (): Promise<FilesApi> => Promise.resolve(this)

  async openUpload(upload: OpenUpload): Promise<void> {
    if (this.refusal !== undefined) throw this.refusal
    this.uploads.set(upload.uploadId, { ...upload, parts: [] })
  }

  async noteMultipart(uploadId: string, key: string, multipartId: string): Promise<void> {
    this.uploads.get(uploadId)?.parts.push([key, multipartId])
  }

  async watchModelFile(): Promise<void> {
    unused()
  }

  async renewUpload(uploadId: string): Promise<boolean> {
    this.renewals++
    return !this.isSwept && this.uploads.has(uploadId)
  }

  async acceptUpload(request: AcceptFiles): Promise<boolean> {
    if (this.isSwept) await this.dropUpload(request.uploadId)
    if (!this.uploads.delete(request.uploadId)) return false
    this.accepted.set(request.jobId, request)
    this.files.set(
      request.jobId,
      request.files.map(({ name, bytes, format }, i) => ({
        number: i + 1,
        name,
        status: 'queued',
        ...(format === undefined ? {} : { format }),
        bytes,
        documents: 0,
        failedDocuments: 0,
        tokenCost: 0,
        chunks: 0,
        embeddedChunks: 0,
        reusedChunks: 0,
        tokens: 0,
        writtenChunks: 0,
        milliseconds: 0,
        revision: ++this.#revision,
      })),
    )
    return true
  }

  async dropUpload(uploadId: string): Promise<void> {
    const upload = this.uploads.get(uploadId)
    if (upload !== undefined) await this.forget(upload)
    this.uploads.delete(uploadId)
  }

  /** What becomes of a file. */
  change(jobId: string, number: number, change: Partial<FileItem> & { readonly status: FileStatus }): void {
    const files = this.files.get(jobId) ?? []
    this.files.set(
      jobId,
      files.map((file) => (file.number === number ? { ...file, ...change, revision: ++this.#revision } : file)),
    )
  }

  async jobCounts(jobId: string): Promise<FileCounts | undefined> {
    const files = this.files.get(jobId)
    if (files === undefined) return undefined
    const count = (...statuses: FileStatus[]): number => files.filter(({ status }) => statuses.includes(status)).length
    return {
      total: files.length,
      queued: count('queued', 'parsing', 'embedding'),
      succeeded: count('indexed', 'unchanged', 'superseded'),
      failed: count('failed'),
      cancelled: count('cancelled'),
      updatedAtMs: Date.now(),
    }
  }

  async jobFiles(jobId: string, { limit, after = 0, status }: FilePage): Promise<FileItem[]> {
    return (this.files.get(jobId) ?? [])
      .filter((file) => file.number > after && (status === undefined || file.status === status))
      .slice(0, limit)
  }

  async changedFiles(jobId: string, afterRevision: number, limit: number): Promise<FileItem[]> {
    return (this.files.get(jobId) ?? [])
      .filter(({ revision }) => revision > afterRevision)
      .sort((a, b) => a.revision - b.revision)
      .slice(0, limit)
  }

  async cancelJob(jobId: string): Promise<boolean> {
    for (const { number, status } of this.files.get(jobId) ?? []) {
      if (['queued', 'parsing', 'embedding'].includes(status)) this.change(jobId, number, { status: 'cancelled' })
    }
    return this.files.has(jobId)
  }

  async retryJob(jobId: string): Promise<number> {
    const failed = (this.files.get(jobId) ?? []).filter(({ status }) => status === 'failed')
    for (const { number } of failed) this.change(jobId, number, { status: 'queued' })
    return failed.length
  }

  applyFileChanges = unused
  wake = unused
  collectionDeleted = unused
  erase = unused
}
