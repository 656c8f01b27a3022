/**
 * Takes files in: each goes to the bucket as a stream while the upload stands in the tenant's files object, whose lease is
 * renewed until all are durable. Then comes the job's row, then the hand-over, after which they end as indexed or failed,
 * whatever crashes. What is not handed over is dropped here, or swept away when the lease ends.
 */
import type { CollectionRecord } from '../catalog/records.ts'
import type { Jobs } from '../catalog/jobs.ts'
import { canonicalJson } from '../core/canonical-json.ts'
import { randomBase62, sha256, utf8 } from '../core/bytes.ts'
import { newJobId } from '../core/ids.ts'
import type { JobId } from '../core/ids.ts'
import { MAX_FILE_BYTES, MAX_STREAMED_FILE_BYTES, MAX_UPLOAD_BYTES } from '../core/limits.ts'
import { asProblem, Problem } from '../core/problem.ts'
import { detectFormat } from '../parsing/detect-format.ts'
import { STREAMED_FORMATS } from '../parsing/file-format.ts'
import type { FileFormat } from '../parsing/file-format.ts'
import { systemTimer } from '../tenancy/timer.ts'
import type { Timer } from '../tenancy/timer.ts'
import { UPLOAD_LEASE_MS } from './files-api.ts'
import type { FileOptions, FilesApi, FileWriter, OpenUpload, ReceivedFile } from './files-api.ts'
import { originalPrefix } from './original-key.ts'
import type { OriginalStore } from './original-store.ts'

/** Several renewals may be lost. */
const RENEW_MS = UPLOAD_LEASE_MS / 6

export interface ReceiveDependencies {
  readonly files: Pick<FilesApi, 'openUpload' | 'noteMultipart' | 'renewUpload' | 'acceptUpload' | 'dropUpload'>
  readonly originals: OriginalStore
  readonly jobs: Pick<Jobs, 'create' | 'remove'>
  readonly timer?: Timer
}

/** The largest that a file of the format may be; what is not read here may be as large as what is read whole. */
export const maxFileBytes = (format: FileFormat | undefined): number =>
  format !== undefined && STREAMED_FORMATS.has(format) ? MAX_STREAMED_FILE_BYTES : MAX_FILE_BYTES

export class ReceivingUpload {
  readonly #deps: ReceiveDependencies
  readonly #upload: OpenUpload
  readonly #options: FileOptions
  readonly #prefix: string
  readonly #files: ReceivedFile[] = []
  #stopRenewing: () => void
  #bytes = 0
  #isSwept = false
  #isOver = false

  private constructor(deps: ReceiveDependencies, upload: OpenUpload, options: FileOptions, prefix: string) {
    this.#deps = deps
    this.#upload = upload
    this.#options = options
    this.#prefix = prefix
    this.#stopRenewing = this.#renew()
  }

  /** @throws overloaded when too many files wait already, originals_full */
  static async open(
    deps: ReceiveDependencies,
    { tenantUid, id: collectionId }: CollectionRecord,
    options: FileOptions,
  ): Promise<ReceivingUpload> {
    const upload = { tenantUid, collectionId, uploadId: `upl_${randomBase62(16)}`, jobId: newJobId() }
    const prefix = await originalPrefix(tenantUid, collectionId, upload.uploadId)
    await deps.files.openUpload(upload)
    return new ReceivingUpload(deps, upload, options, prefix)
  }

  get count(): number {
    return this.#files.length
  }

  /**
   * Stores one file. Its body is read to the end, or cancelled.
   * @throws body_too_large, overloaded when the upload was swept away, what the body throws
   */
  async add(name: string, body: ReadableStream<Uint8Array>): Promise<void> {
    const key = `${this.#prefix}${this.#files.length + 1}`
    let format: FileFormat | undefined
    const left = MAX_UPLOAD_BYTES - this.#bytes
    const storing = this.#deps.originals.store(key, body, {
      maxBytes: (head) => {
        format = detectFormat(head, name)?.format
        return Math.min(maxFileBytes(format), left)
      },
      noteMultipart: (multipartId) => this.#noteMultipart(key, multipartId),
    })
    const stored = await storing.catch((error: unknown) => {
      if (asProblem(error)?.code !== 'body_too_large' || left >= maxFileBytes(format)) throw error
      throw new Problem('body_too_large', `the files of an upload may have ${MAX_UPLOAD_BYTES} bytes together`)
    })
    this.#requireLease()
    this.#bytes += stored.bytes
    this.#files.push({ name, key, bytes: stored.bytes, sha256: stored.sha256, format })
  }

  /** Of options, names and contents: whether two requests say the same. */
  digest(): Promise<Uint8Array<ArrayBuffer>> {
    const files = this.#files.map(({ name, sha256: content }) => [name, content])
    return sha256(utf8(canonicalJson({ options: this.#options, files })))
  }

  /** @throws not_found when the collection was deleted meanwhile, overloaded when the upload was swept away, originals_full */
  async accept(writer: FileWriter): Promise<JobId> {
    this.#requireLease()
    const { files, jobs } = this.#deps
    const { tenantUid, collectionId, jobId } = this.#upload
    const { keyId } = writer
    await jobs.create({ id: jobId, tenantUid, collectionId, kind: 'files', total: this.#files.length, keyId })
    // Once asked, only the files object knows whose they are: without an answer it keeps or sweeps them.
    this.#end()
    const request = { ...this.#upload, files: this.#files, options: this.#options, writer }
    try {
      if (await files.acceptUpload(request)) return jobId
    } catch (error) {
      // An erased object takes nothing over.
      if (asProblem(error)?.code === 'not_found') await this.#deleteStored()
      throw error
    }
    await this.#deleteStored()
    await jobs.remove(tenantUid, jobId)
    throw sweptAway()
  }

  /** Deletes what came, unless it was handed over. Never throws: what is left is swept away. */
  async drop(): Promise<void> {
    if (this.#isOver) return
    this.#end()
    await this.#deps.files.dropUpload(this.#upload.uploadId).catch(() => {})
    await this.#deleteStored()
  }

  /** After a sweep, and once the tenant was erased, nobody else knows of what was stored since. Never throws. */
  async #deleteStored(): Promise<void> {
    await this.#deps.originals.deletePrefix(this.#prefix).catch(() => {})
  }

  async #noteMultipart(key: string, multipartId: string): Promise<void> {
    try {
      await this.#deps.files.noteMultipart(this.#upload.uploadId, key, multipartId)
    } catch (error) {
      throw asProblem(error)?.code === 'not_found' ? sweptAway() : error
    }
  }

  #end(): void {
    this.#isOver = true
    this.#stopRenewing()
  }

  #requireLease(): void {
    if (this.#isSwept) throw sweptAway()
  }

  #renew(): () => void {
    const { timer = systemTimer, files } = this.#deps
    return timer(RENEW_MS, () => {
      this.#stopRenewing = this.#renew()
      files.renewUpload(this.#upload.uploadId).then(
        (isAlive) => {
          this.#isSwept ||= !isAlive
        },
        // A lost renewal shows when the upload is handed over; a problem is an object that says no.
        (error: unknown) => {
          this.#isSwept ||= asProblem(error)?.code === 'not_found'
        },
      )
    })
  }
}

const sweptAway = (): Problem =>
  new Problem('overloaded', 'the upload stood still for too long; repeat it', { retryAfterSeconds: 1 })
