/** Where sources put what they fetch: jobs of the files object that stay open while more comes, and their files. */
import { canonicalJson } from '../core/canonical-json.ts'
import { randomBase62 } from '../core/bytes.ts'
import type { CollectionId, JobId } from '../core/ids.ts'
import { invariant } from '../core/invariant.ts'
import { asProblem, Problem } from '../core/problem.ts'
import { detectFormat } from '../parsing/detect-format.ts'
import { FileFault } from '../parsing/file-fault.ts'
import type { FileFormat } from '../parsing/file-format.ts'
import type {
  BeginResult,
  FileIntake,
  IntakeFile,
  IntakeJob,
  IntakeOutcome,
  IntakeWriter,
  StoredOriginal,
} from '../sources/file-intake.ts'
import type { FileStore } from './file-store.ts'
import { UPLOAD_LEASE_MS } from './files-api.ts'
import { holdsFile, queueFile } from './job-actions.ts'
import { originalPrefix } from './original-key.ts'
import type { PipelinePorts } from './pipeline-ports.ts'
import { maxFileBytes } from './receive-upload.ts'
import { addRemoval } from './removals.ts'
import type { JobRow } from './rows/file-row.ts'
import type { Uploads } from './uploads.ts'

/** Sources rest while so many files wait. */
const MAX_WAITING = 500
const RENEW_MS = UPLOAD_LEASE_MS / 6

export interface IntakePorts extends Pick<PipelinePorts, 'originals' | 'collections' | 'tenantOf' | 'clock'> {
  /** Makes the job's row in the control plane. Safe to repeat. @throws not_found when the collection was deleted */
  readonly createJob: (job: IntakeJob) => Promise<void>
}

export class Intake implements FileIntake {
  readonly #store: FileStore
  readonly #uploads: Uploads
  readonly #ports: IntakePorts

  constructor(store: FileStore, uploads: Uploads, ports: IntakePorts) {
    this.#store = store
    this.#uploads = uploads
    this.#ports = ports
  }

  async begin(job: IntakeJob): Promise<BeginResult> {
    const { tenantUid, collectionId, jobId, kind, writer } = job
    const tenant = await this.#ports.tenantOf(tenantUid)
    if (tenant === undefined) return 'gone'
    if (tenant.suspended) return 'suspended'
    try {
      await this.#ports.createJob(job)
    } catch (error) {
      if (asProblem(error)?.code === 'not_found') return 'gone'
      throw error
    }
    this.#store.database.transaction(() => {
      this.#store.belongsTo(tenantUid)
      const { keyId } = writer
      this.#store.jobs.add({
        id: jobId,
        collectionId,
        kind,
        writer: { keyId, mayWriteAcl: true },
        options: {},
        isOpen: true,
      })
    })
    return 'begun'
  }

  async store(jobId: JobId, body: ReadableStream<Uint8Array>): Promise<StoredOriginal> {
    const { tenantUid } = this.#store
    const collectionId = this.#job(jobId).collection_id as CollectionId
    invariant(tenantUid !== undefined, 'a job has a tenant')
    const uploadId = `upl_${randomBase62(16)}`
    const key = `${await originalPrefix(tenantUid, collectionId, uploadId)}1`
    this.#open({ tenantUid, collectionId, uploadId })
    let format: FileFormat | undefined
    try {
      const stored = await this.#ports.originals.store(key, this.#renewing(uploadId, body), {
        maxBytes: (head) => {
          format = detectFormat(head, '')?.format
          return maxFileBytes(format)
        },
        noteMultipart: async (multipartId) => this.#uploads.noteMultipart(uploadId, key, multipartId),
      })
      await this.#requireUpload(uploadId, key)
      return { key, bytes: stored.bytes, sha256: stored.sha256, format }
    } catch (error) {
      throw asProblem(error)?.code === 'body_too_large' ? new FileFault('file_too_large') : error
    }
  }

  /** A source is not asked to wait for what only its owner can change. */
  #open(upload: Parameters<Uploads['open']>[0]): void {
    try {
      this.#uploads.open(upload)
    } catch (error) {
      const problem = asProblem(error)
      throw problem?.code === 'originals_full' ? new FileFault('not_fetched', problem.message) : error
    }
  }

  /** An object that was erased meanwhile, or a sweep, has looked at the bucket already. */
  async #requireUpload(uploadId: string, key: string): Promise<void> {
    let isThere = false
    try {
      isThere = this.#uploads.renew(uploadId)
    } finally {
      if (!isThere) await this.#ports.originals.delete([key])
    }
    if (!isThere) throw new Problem('overloaded', 'the original was swept away')
  }

  /** A long body is a sign of life as long as it comes. */
  #renewing(uploadId: string, body: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
    let renewedMs = this.#ports.clock()
    return body.pipeThrough(
      new TransformStream<Uint8Array, Uint8Array>({
        transform: (piece, controller) => {
          if (this.#ports.clock() >= renewedMs + RENEW_MS) {
            renewedMs = this.#ports.clock()
            if (!this.#uploads.renew(uploadId)) throw new Problem('overloaded', 'the file came too slowly')
          }
          controller.enqueue(piece)
        },
      }),
    )
  }

  add(jobId: JobId, { name, key, bytes, sha256, format, url }: IntakeFile): void {
    const { collection_id: collectionId } = this.#job(jobId)
    this.#store.database.transaction(() => {
      const uploadId = key.split('/').at(-2) ?? ''
      if (!this.#uploads.take(uploadId)) throw new Problem('overloaded', 'the original was swept away')
      queueFile(this.#store, jobId, {
        jobId,
        collectionId,
        name,
        bytes,
        sha256,
        format,
        url,
        fingerprint: canonicalJson({ content: sha256, url }),
        originalKey: key,
      })
    })
  }

  settle(jobId: JobId, name: string, outcome: IntakeOutcome): void {
    const { collection_id: collectionId } = this.#job(jobId)
    this.#store.database.transaction(() => {
      const file = { jobId, collectionId, name, bytes: 0, sha256: '', format: undefined, fingerprint: '' }
      for (const id of this.#store.files.add(jobId, [file])) this.#store.settle(id, outcome)
    })
  }

  remove(collectionId: CollectionId, name: string, { keyId }: IntakeWriter): void {
    this.#store.database.transaction(() => addRemoval(this.#store, collectionId, name, keyId))
  }

  end(jobId: JobId): void {
    this.#store.database.transaction(() => this.#store.jobs.close(jobId))
  }

  isOpen(jobId: JobId): boolean {
    return this.#store.jobs.find(jobId)?.is_open === 1
  }

  holds(collectionId: CollectionId, name: string, sha256: string): boolean {
    return holdsFile(this.#store, collectionId, name, sha256)
  }

  async isSuspended(): Promise<boolean> {
    const { tenantUid } = this.#store
    if (tenantUid === undefined) return true
    return (await this.#ports.tenantOf(tenantUid))?.suspended ?? true
  }

  hasRoom(): boolean {
    return this.#store.files.unsettledCount() < MAX_WAITING
  }

  /** @throws not_found once the collection was deleted */
  #job(jobId: string): JobRow {
    const job = this.#store.jobs.find(jobId)
    if (job === undefined) throw new Problem('not_found')
    return job
  }
}
