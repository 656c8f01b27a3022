/** Files and jobs as the API shows them. How far the embedding is, the shards are asked now and then. */
import type { CollectionRecord } from '../catalog/records.ts'
import { asked } from '../shard/shard-call.ts'
import type { FileStore } from './file-store.ts'
import { workOf } from './file-run.ts'
import type { FileCounts, FileItem, FilePage } from '../ingest/file-jobs.ts'
import type { PipelinePorts } from './pipeline-ports.ts'
import { countedAs, type FileRow } from './rows/file-row.ts'

/** Shards are asked about one job at most this often. */
const PROGRESS_INTERVAL_MS = 1_000
/** Files of a job whose progress is asked at a time. */
const PROGRESS_FILES = 100
/** Jobs whose last question is remembered. */
const REMEMBERED_JOBS = 1_000

type ViewPorts = Pick<PipelinePorts, 'placement' | 'collections'>

export class FileViews {
  readonly #store: FileStore
  readonly #ports: ViewPorts
  readonly #askedMs = new Map<string, number>()

  constructor(store: FileStore, ports: ViewPorts) {
    this.#store = store
    this.#ports = ports
  }

  job(jobId: string): FileCounts | undefined {
    const job = this.#store.jobs.find(jobId)
    if (job === undefined) return undefined
    const { succeeded, failed, cancelled, updated_ms: updatedAtMs } = job
    // While more may come, what is known is never all there is.
    const total = job.total + (job.is_open === 1 ? 1 : 0)
    return { total, queued: total - succeeded - failed - cancelled, succeeded, failed, cancelled, updatedAtMs }
  }

  async files(jobId: string, { limit, after = 0, status }: FilePage): Promise<FileItem[]> {
    await this.#refresh(jobId)
    return this.#store.files.page(jobId, { limit, after, ...(status && { status }) }).map(recordOf)
  }

  async changed(jobId: string, afterRevision: number, limit: number): Promise<FileItem[]> {
    await this.#refresh(jobId)
    return this.#store.files.changedAfter(jobId, afterRevision, limit).map(recordOf)
  }

  /** Never fails: what shards do not answer stays as it was. */
  async #refresh(jobId: string): Promise<void> {
    const { clock, database, files, tenantUid } = this.#store
    const job = this.#store.jobs.find(jobId)
    const nowMs = clock()
    if (job === undefined || tenantUid === undefined) return
    if (nowMs < (this.#askedMs.get(jobId) ?? -Infinity) + PROGRESS_INTERVAL_MS) return
    const waiting = files.waitingOf(jobId, PROGRESS_FILES)
    if (waiting.length === 0) return
    if (this.#askedMs.size >= REMEMBERED_JOBS) this.#askedMs.clear()
    this.#askedMs.set(jobId, nowMs)
    try {
      const collection = await this.#ports.collections.find(tenantUid, job.collection_id)
      if (collection === undefined) return
      const ready = await this.#ready(collection, waiting)
      database.transaction(() => {
        for (const { id, ready_chunks } of waiting) {
          const chunks = ready.get(id) ?? 0
          if (chunks !== ready_chunks && files.find(id) !== undefined) files.update(id, { ready_chunks: chunks })
        }
      })
    } catch {
      // Only progress is less exact for a moment.
    }
  }

  async #ready(collection: CollectionRecord, waiting: readonly FileRow[]): Promise<Map<number, number>> {
    const workIds = waiting.map(workOf)
    const shards = Array.from({ length: collection.generation.shards }, (_, shard) =>
      asked(this.#ports.placement.forWrite(collection, shard).embeddingProgress(workIds)),
    )
    const answers = await Promise.all(shards)
    return new Map(
      waiting.map((file) => [file.id, answers.reduce((sum, answer) => sum + (answer[workOf(file)] ?? 0), 0)]),
    )
  }
}

export function recordOf(row: FileRow): FileItem {
  const hasFault = countedAs(row.status) === 'failed' || row.failed_documents > 0
  return {
    number: row.number,
    name: row.name,
    ...(row.document_id === null || row.documents !== 1 ? {} : { documentId: row.document_id }),
    status: row.status,
    ...(hasFault && row.code !== null ? { code: row.code, detail: row.detail ?? row.code } : {}),
    ...(row.format === null ? {} : { format: row.format }),
    bytes: row.bytes,
    ...(row.pages === null ? {} : { pages: row.pages }),
    documents: row.documents,
    failedDocuments: row.failed_documents,
    chunks: row.chunks,
    embeddedChunks: row.embedded_chunks + Math.min(row.ready_chunks, row.waiting_chunks),
    reusedChunks: row.reused_chunks,
    tokens: row.tokens,
    tokenCost: row.token_cost,
    writtenChunks: row.written_chunks,
    milliseconds: row.milliseconds,
    revision: row.revision,
  }
}
