/** Originals that nobody needs any more are deleted, and those of failed files once they have been kept long enough. */
import { JOB_RETENTION_MS } from '../core/limits.ts'
import type { TenantPart } from '../tenancy/tenant-part.ts'
import type { FileStore } from './file-store.ts'
import type { OriginalStore } from './original-store.ts'

const KEYS_PER_RUN = 1_000
const FILES_PER_RUN = 500
const PRUNE_INTERVAL_MS = 3_600_000

export class SpentOriginals implements TenantPart {
  readonly #store: FileStore
  readonly #originals: Pick<OriginalStore, 'delete'>
  #prunedAtMs = 0

  constructor(store: FileStore, originals: Pick<OriginalStore, 'delete'>) {
    this.#store = store
    this.#originals = originals
  }

  nextDueMs(): number | undefined {
    return this.#keys(1).length > 0 ? 0 : this.#store.files.nextOutlivedMs()
  }

  async run(nowMs: number): Promise<void> {
    const { database, files } = this.#store
    database.transaction(() => {
      for (const { id } of files.outlived(nowMs, FILES_PER_RUN)) {
        this.#store.releaseOriginal(files.update(id, { keep_until_ms: null }))
      }
      this.#prune(nowMs)
    })
    const keys = this.#keys(KEYS_PER_RUN)
    if (keys.length === 0) return
    await this.#originals.delete(keys)
    database.run('DELETE FROM spent_originals WHERE key IN (SELECT value FROM json_each(?))', JSON.stringify(keys))
  }

  /** Rows that only told how something ended, long ago. */
  #prune(nowMs: number): void {
    if (nowMs < this.#prunedAtMs + PRUNE_INTERVAL_MS) return
    this.#prunedAtMs = nowMs
    this.#store.jobs.prune(nowMs - JOB_RETENTION_MS)
    this.#store.files.prune(nowMs - JOB_RETENTION_MS)
  }

  #keys(limit: number): string[] {
    return this.#store.database
      .all<{ key: string }>('SELECT key FROM spent_originals LIMIT ?', limit)
      .map(({ key }) => key)
  }
}
