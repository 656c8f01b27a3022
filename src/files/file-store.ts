/** All rows of the files object, and the rules that hold between them. Every method runs inside the caller's transaction. */
import type { Clock } from '../core/clock.ts'
import type { CollectionId, TenantUid } from '../core/ids.ts'
import { FAILED_FILE_RETENTION_MS } from '../core/limits.ts'
import type { SqlDatabase } from '../core/sql-database.ts'
import { DocumentRows } from './rows/documents.ts'
import type { FilePatch, FileRow } from './rows/file-row.ts'
import { FileRows } from './rows/files.ts'
import { JobRows } from './rows/jobs.ts'

export class FileStore {
  readonly database: SqlDatabase
  readonly clock: Clock
  readonly jobs: JobRows
  readonly files: FileRows
  readonly documents: DocumentRows

  constructor(database: SqlDatabase, clock: Clock) {
    this.database = database
    this.clock = clock
    this.jobs = new JobRows(database, clock)
    this.files = new FileRows(database, clock, this.jobs)
    this.documents = new DocumentRows(database)
  }

  /** `undefined` while the object was never told whose it is: then it holds nothing. */
  get tenantUid(): TenantUid | undefined {
    return this.database.get<{ tenant_uid: TenantUid }>('SELECT tenant_uid FROM files_state WHERE one = 1')?.tenant_uid
  }

  belongsTo(tenantUid: TenantUid): void {
    this.database.run(
      'INSERT INTO files_state (one, tenant_uid, revision, paused_until_ms) VALUES (1, ?, 0, 0) ON CONFLICT DO NOTHING',
      tenantUid,
    )
  }

  /** Nothing is read before then: its tenant is suspended. */
  get pausedUntilMs(): number {
    return this.database.get<{ ms: number }>('SELECT paused_until_ms AS ms FROM files_state WHERE one = 1')?.ms ?? 0
  }

  pause(untilMs: number): void {
    this.database.run('UPDATE files_state SET paused_until_ms = ? WHERE one = 1', untilMs)
  }

  /** Ends a file, with what follows for its original. */
  settle(id: number, patch: FilePatch & { readonly status: FileRow['status'] }): FileRow {
    const keepUntilMs = patch.status === 'failed' ? this.clock() + FAILED_FILE_RETENTION_MS : null
    const file = this.files.update(id, { strikes: 0, failures: 0, keep_until_ms: keepUntilMs, ...patch })
    this.releaseOriginal(file)
    return file
  }

  /** What is queued under the name will not be read any more: something newer came that may take its place. */
  supersedeQueued(
    { collection_id, name, id }: Pick<FileRow, 'collection_id' | 'name' | 'id'>,
    mayReplace: (file: FileRow) => boolean = () => true,
  ): void {
    for (const file of this.files.queuedBefore({ collection_id, name, id }))
      if (mayReplace(file)) this.settle(file.id, { status: 'superseded' })
  }

  /** The index no longer shows the file's documents as the file made them. */
  disown(file: FileRow): void {
    if (file.is_owner === 1) this.releaseOriginal(this.files.update(file.id, { is_owner: 0, is_whole: 0 }))
    const parent = file.parent === null ? undefined : this.files.find(file.parent)
    if (parent?.is_owner !== 1) return
    if (this.files.children(parent.id).every(({ is_owner }) => is_owner === 0)) this.disown(parent)
  }

  /** One of its documents was changed or deleted by others. */
  lost(file: FileRow): void {
    if (file.is_whole === 1) this.files.update(file.id, { is_whole: 0 })
    const parent = file.parent === null ? undefined : this.files.find(file.parent)
    if (parent?.is_whole === 1) this.files.update(parent.id, { is_whole: 0 })
    if (!this.documents.hasAny(file.id)) this.disown(file)
  }

  /** Lets the original go once nobody needs it: it is deleted soon. */
  releaseOriginal({ id, parent }: FileRow): void {
    const top = this.files.find(parent ?? id)
    if (top?.original_key === undefined || top.original_key === null || this.files.needsOriginal(top.id)) return
    this.database.run('INSERT OR IGNORE INTO spent_originals (key) VALUES (?)', top.original_key)
    this.files.update(top.id, { original_key: null })
  }

  /** Whatever is under way for it finds nothing when it looks again. */
  removeCollection(collectionId: CollectionId): void {
    this.jobs.removeCollection(collectionId)
    this.files.removeCollection(collectionId)
    this.documents.removeCollection(collectionId)
    this.database.run('DELETE FROM file_removals WHERE collection_id = ?', collectionId)
    this.database.run('DELETE FROM file_logs WHERE collection_id = ?', collectionId)
  }
}
