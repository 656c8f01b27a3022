/**
 * Uploads that are being received: a row with a lease stands before anything of an upload is stored. Taking the upload over
 * removes the row in the transaction that queues its files. What is not taken over within its lease is swept away, twice:
 * what a request stored while the first sweep ran goes with the second.
 */
import type { CollectionId, JobId, TenantUid } from '../core/ids.ts'
import { MAX_OPEN_UPLOADS, MAX_ORIGINAL_BYTES, MAX_WAITING_FILES } from '../core/limits.ts'
import { Problem } from '../core/problem.ts'
import type { TenantPart } from '../tenancy/tenant-part.ts'
import type { FileStore } from './file-store.ts'
import { UPLOAD_LEASE_MS, type OpenUpload } from './files-api.ts'
import { originalPrefix } from './original-key.ts'
import type { OriginalStore } from './original-store.ts'

/** A request that stops at its next sign of life has stored its last byte by then. */
const SECOND_SWEEP_MS = 30_000
const SWEEPS_PER_RUN = 20
/** In the place of the number of sweeps: none yet, but it may not be taken over. */
const CONDEMNED = -1

export interface UploadRow {
  readonly id: string
  readonly collection_id: CollectionId
  /** NULL: no row of the control plane goes with it. */
  readonly job_id: JobId | null
  readonly lease_ms: number
  /** How often it was swept, or that it will be although its lease goes on; unless 0 it cannot be taken over any more. */
  readonly swept: number
}

export interface UploadOptions {
  readonly originals: Pick<OriginalStore, 'deletePrefix' | 'abortMultipart'>
  /** Forgets a job that nobody was told of. Safe to repeat. */
  readonly removeJob: (tenantUid: TenantUid, jobId: JobId) => Promise<void>
}

export class Uploads implements TenantPart {
  readonly #store: FileStore
  readonly #options: UploadOptions

  constructor(store: FileStore, options: UploadOptions) {
    this.#store = store
    this.#options = options
  }

  find(id: string): UploadRow | undefined {
    return this.#store.database.get<UploadRow>('SELECT * FROM uploads WHERE id = ?', id)
  }

  /** @throws overloaded, originals_full */
  open({ tenantUid, uploadId, collectionId, jobId }: Omit<OpenUpload, 'jobId'> & { readonly jobId?: JobId }): void {
    const { database, clock, files } = this.#store
    database.transaction(() => {
      this.#store.belongsTo(tenantUid)
      if (files.unsettledCount() >= MAX_WAITING_FILES) {
        throw new Problem('overloaded', 'too many files wait for their turn', { retryAfterSeconds: 60 })
      }
      if (this.#openCount() >= MAX_OPEN_UPLOADS) {
        throw new Problem('overloaded', 'too many uploads are on their way', { retryAfterSeconds: 5 })
      }
      this.requireRoom(1)
      database.run(
        `INSERT INTO uploads (id, collection_id, job_id, lease_ms, swept) VALUES (?, ?, ?, ?, 0)
         ON CONFLICT (id) DO UPDATE SET lease_ms = excluded.lease_ms WHERE swept = 0`,
        uploadId,
        collectionId,
        jobId ?? null,
        clock() + UPLOAD_LEASE_MS,
      )
    })
  }

  /** Whether so many bytes more may be held. @throws originals_full */
  requireRoom(bytes: number): void {
    const held =
      this.#store.database.get<{ bytes: number | null }>(
        'SELECT sum(bytes) AS bytes FROM files WHERE original_key IS NOT NULL',
      )?.bytes ?? 0
    if (held + bytes <= MAX_ORIGINAL_BYTES) return
    throw new Problem(
      'originals_full',
      `a tenant holds at most ${MAX_ORIGINAL_BYTES} bytes of originals; those of files that failed go after seven days, others with their documents`,
    )
  }

  #openCount(): number {
    return (
      this.#store.database.get<{ count: number }>('SELECT count(*) AS count FROM uploads WHERE swept = 0')?.count ?? 0
    )
  }

  /** @throws not_found when it was swept away */
  noteMultipart(uploadId: string, key: string, multipartId: string): void {
    const { database } = this.#store
    if (!this.renew(uploadId)) throw new Problem('not_found')
    database.run(
      'INSERT OR IGNORE INTO upload_multiparts (upload_id, multipart_id, key) VALUES (?, ?, ?)',
      uploadId,
      multipartId,
      key,
    )
  }

  renew(id: string): boolean {
    const { database, clock } = this.#store
    return (
      database.get(
        'UPDATE uploads SET lease_ms = ? WHERE id = ? AND swept = 0 RETURNING id',
        clock() + UPLOAD_LEASE_MS,
        id,
      ) !== undefined
    )
  }

  /** Takes it over; false when it was swept away. Inside the transaction that queues its files. */
  take(id: string): boolean {
    const upload = this.find(id)
    if (upload === undefined || upload.swept !== 0) return false
    this.#forget(id)
    return true
  }

  /** Sweeps it now. What goes on under its id is swept later. */
  async drop(id: string): Promise<void> {
    const upload = this.find(id)
    if (upload !== undefined) await this.#sweep(upload)
  }

  /** Whatever is under way for the collection is swept, and can never be taken over. */
  dropCollection(collectionId: string): void {
    const { database, clock } = this.#store
    database.run(
      `UPDATE uploads SET swept = ${CONDEMNED}, lease_ms = ? WHERE collection_id = ? AND swept = 0`,
      clock(),
      collectionId,
    )
  }

  nextDueMs(): number | undefined {
    return (
      this.#store.database.get<{ due: number | null }>('SELECT min(lease_ms) AS due FROM uploads')?.due ?? undefined
    )
  }

  async run(nowMs: number): Promise<void> {
    const due = this.#store.database.all<UploadRow>(
      'SELECT * FROM uploads WHERE lease_ms <= ? ORDER BY lease_ms LIMIT ?',
      nowMs,
      SWEEPS_PER_RUN,
    )
    for (const upload of due) await this.#sweep(upload)
  }

  async #sweep({ id, collection_id, job_id, swept }: UploadRow): Promise<void> {
    const { database, clock, tenantUid } = this.#store
    if (tenantUid === undefined) return
    // From here on nobody takes it over.
    database.run(
      'UPDATE uploads SET swept = max(swept, 0) + 1, lease_ms = ? WHERE id = ?',
      clock() + SECOND_SWEEP_MS,
      id,
    )
    const multiparts = database.all<{ multipart_id: string; key: string }>(
      'SELECT multipart_id, key FROM upload_multiparts WHERE upload_id = ?',
      id,
    )
    const { originals, removeJob } = this.#options
    for (const { multipart_id, key } of multiparts) await originals.abortMultipart(key, multipart_id)
    await originals.deletePrefix(await originalPrefix(tenantUid, collection_id, id))
    if (job_id !== null) await removeJob(tenantUid, job_id)
    if (swept > 0) this.#forget(id)
  }

  #forget(id: string): void {
    this.#store.database.transaction(() => {
      this.#store.database.run('DELETE FROM upload_multiparts WHERE upload_id = ?', id)
      this.#store.database.run('DELETE FROM uploads WHERE id = ?', id)
    })
  }
}
