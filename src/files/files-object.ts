/**
 * The files object of a tenant: a Durable Object of its own, because reading files must not hold up what the tenant's
 * object counts. Thin: every call is one method of one part, and its alarm runs the parts that are due.
 */
import { DurableObject } from 'cloudflare:workers'
import type { CollectionId, JobId, TenantUid } from '../core/ids.ts'
import { Problem } from '../core/problem.ts'
import type { SqlDatabase, SqlMigration } from '../core/sql-database.ts'
import type { ChangeReport } from '../core/usage.ts'
import type { NewSource, SourcePage, SourceRecord, SourcesApi, StartedSource } from '../sources/source.ts'
import { PartAlarm } from '../tenancy/part-alarm.ts'
import type { TenantPart } from '../tenancy/tenant-part.ts'
import { ALL_FILES_MIGRATIONS, fileParts, scheduledParts, type FileParts, type FilePartsPorts } from './file-parts.ts'
import type { AcceptFiles, FilesApi, OpenUpload } from './files-api.ts'
import type { FileCounts, FileItem, FilePage } from '../ingest/file-jobs.ts'
import { acceptFiles, cancelJob, fingerprintOf, retryJob } from './job-actions.ts'
import { LateSweep } from './late-sweep.ts'
import { applyReport } from './log-reports.ts'
import { ModelFiles, type ModelFilesOptions } from './model-files.ts'
import { originalPrefix } from './original-key.ts'

export interface FilesObjectDependencies extends FilePartsPorts, Pick<ModelFilesOptions, 'hasModel'> {
  /** Opens the object's SQLite and brings its schema up to the migrations given. */
  readonly openDatabase: (storage: DurableObjectStorage, migrations: readonly SqlMigration[]) => SqlDatabase
}

/** All that an erased object remembers, so that a late request does not fill it again. */
const ERASED = 'erased'

export class FilesObject<Env = unknown> extends DurableObject<Env> implements FilesApi, SourcesApi {
  readonly #dependencies: FilesObjectDependencies
  readonly #alarm: PartAlarm
  readonly #lateSweep: LateSweep
  readonly #modelFiles: ModelFiles
  #parts: FileParts | undefined

  constructor(state: DurableObjectState, env: Env, dependencies: FilesObjectDependencies) {
    super(state, env)
    this.#dependencies = dependencies
    const { clock, originals, report } = dependencies
    this.#lateSweep = new LateSweep(state.storage.kv, originals)
    this.#modelFiles = new ModelFiles(state.storage.kv, dependencies)
    const parts = (): TenantPart[] => this.#scheduled()
    this.#alarm = new PartAlarm({ storage: state.storage, clock, parts, isSideBySide: true, report })
    // An alarm may have been lost after its last retry; whoever wakes the object brings it back to work.
    void state.blockConcurrencyWhile(() => this.#alarm.arm())
  }

  async openUpload(upload: OpenUpload): Promise<void> {
    await this.#armed(({ uploads }) => uploads.open(upload))
  }

  async noteMultipart(uploadId: string, key: string, multipartId: string): Promise<void> {
    await this.#armed(({ uploads }) => uploads.noteMultipart(uploadId, key, multipartId))
  }

  async renewUpload(uploadId: string): Promise<boolean> {
    return this.#opened().uploads.renew(uploadId)
  }

  async acceptUpload(request: AcceptFiles): Promise<boolean> {
    const { files, options, writer } = request
    const fingerprints = await Promise.all(files.map((file) => fingerprintOf(file, options, writer)))
    return this.#armed(({ store, uploads }) => acceptFiles(store, uploads, request, fingerprints))
  }

  async dropUpload(uploadId: string): Promise<void> {
    await this.#opened().uploads.drop(uploadId)
  }

  async watchModelFile(tenantUid: TenantUid, modelUid: string, multipartId?: string): Promise<void> {
    await this.#armed(() => this.#modelFiles.watch(tenantUid, modelUid, this.#dependencies.clock(), multipartId))
  }

  async jobCounts(jobId: string): Promise<FileCounts | undefined> {
    return this.#opened().views.job(jobId)
  }

  async jobFiles(jobId: string, page: FilePage): Promise<FileItem[]> {
    return this.#opened().views.files(jobId, page)
  }

  async changedFiles(jobId: string, afterRevision: number, limit: number): Promise<FileItem[]> {
    return this.#opened().views.changed(jobId, afterRevision, limit)
  }

  async cancelJob(jobId: string): Promise<boolean> {
    return this.#armed(({ store }) => cancelJob(store, jobId))
  }

  async retryJob(jobId: string): Promise<number> {
    return this.#armed(({ store }) => retryJob(store, jobId))
  }

  async applyFileChanges(report: ChangeReport): Promise<number> {
    return this.#armed(({ store }) => applyReport(store, report))
  }

  async wake(_tenantUid: TenantUid): Promise<void> {
    await this.#alarm.arm()
  }

  async saveSource(operationId: string, source: NewSource): Promise<StartedSource> {
    const { store, sources } = this.#opened()
    store.belongsTo(source.tenantUid)
    try {
      return await sources.save(operationId, source)
    } finally {
      await this.#alarm.arm()
    }
  }

  async listSources(collectionId: CollectionId, page: SourcePage): Promise<SourceRecord[]> {
    return this.#opened().sources.list(collectionId, page)
  }

  async getSource(collectionId: CollectionId, id: string): Promise<SourceRecord | undefined> {
    return this.#opened().sources.find(collectionId, id)
  }

  async startSource(collectionId: CollectionId, id: string, operationId: string): Promise<JobId | undefined> {
    try {
      return await this.#opened().sources.start(collectionId, id, operationId)
    } finally {
      await this.#alarm.arm()
    }
  }

  async deleteSource(collectionId: CollectionId, id: string, documents: boolean): Promise<boolean> {
    return this.#armed(({ sources }) => sources.delete(collectionId, id, documents))
  }

  async inboxChanged(): Promise<void> {
    await this.#armed(({ sources }) => sources.inboxChanged())
  }

  async collectionDeleted(tenantUid: TenantUid, collectionId: CollectionId): Promise<number> {
    if (!this.#isErased()) {
      await this.#armed(({ store, sources, uploads }) =>
        store.database.transaction(() => {
          sources.collectionDeleted(collectionId)
          uploads.dropCollection(collectionId)
          store.removeCollection(collectionId)
        }),
      )
    }
    return this.#dependencies.originals.deletePrefix(await originalPrefix(tenantUid, collectionId))
  }

  async erase(tenantUid: TenantUid): Promise<number> {
    this.#parts = undefined
    await this.ctx.storage.deleteAlarm()
    await this.ctx.storage.deleteAll()
    this.ctx.storage.kv.put(ERASED, true)
    const prefix = await originalPrefix(tenantUid)
    this.#lateSweep.plan(prefix, this.#dependencies.clock())
    await this.#alarm.arm()
    return this.#dependencies.originals.deletePrefix(prefix)
  }

  override async alarm(): Promise<void> {
    await this.#alarm.run()
  }

  /** Does what may give a part something to do. */
  async #armed<T>(work: (parts: FileParts) => T): Promise<T> {
    const result = work(this.#opened())
    await this.#alarm.arm()
    return result
  }

  #isErased(): boolean {
    return this.ctx.storage.kv.get(ERASED) === true
  }

  #scheduled(): TenantPart[] {
    return this.#isErased() ? [this.#lateSweep] : [...scheduledParts(this.#opened()), this.#modelFiles]
  }

  #opened(): FileParts {
    if (this.#parts !== undefined) return this.#parts
    if (this.#isErased()) throw new Problem('not_found')
    const database = this.#dependencies.openDatabase(this.ctx.storage, ALL_FILES_MIGRATIONS)
    this.#parts = fileParts(database, this.#dependencies)
    return this.#parts
  }
}
