/**
 * What the files object does by itself: reads files whose turn it is, ends those of which nothing waits, calls off what was
 * cancelled. Oldest first; small files side by side, large ones alone, and alone whatever was being read when the process
 * died. One run is a slice of time.
 */
import type { CollectionRecord } from '../catalog/records.ts'
import { asProblem } from '../core/problem.ts'
import type { TenantPart } from '../tenancy/tenant-part.ts'
import type { TenantState } from '../tenancy/key-store.ts'
import { FileRun } from './file-run.ts'
import type { FileStore } from './file-store.ts'
import type { FileOptions, FileWriter } from './files-api.ts'
import { finishFile, lookAfter, withdraw } from './finish-file.ts'
import type { PipelinePorts } from './pipeline-ports.ts'
import { runRemovals, nextRemovalMs } from './removals.ts'
import type { FileRow } from './rows/file-row.ts'

/** A run stays well below the platform's limits, and lets other parts in. */
const RUN_MS = 5_000
/** While so much waits in shards nothing more is read; reading goes on when they have come down to a part of it. */
const MAX_STAGED = 8_000
const RESUMED_SHARE = 0.25
/** How soon to look again whether shards have caught up; their reports wake the object earlier. */
const CONGESTED_MS = 5_000
const SMALL_BYTES = 1_000_000
const SMALL_FILES_AT_ONCE = 3
const FILES_PER_LOOK = 50
const SUSPENDED_MS = 30_000
const RETRY_MS = 5_000
/** Shards report within seconds: after so long a file is looked after. */
const SILENCE_MS = 10 * 60_000

export class Pipeline implements TenantPart {
  readonly isLong = true
  readonly #store: FileStore
  readonly #ports: PipelinePorts
  #isCongested = false

  constructor(store: FileStore, ports: PipelinePorts) {
    this.#store = store
    this.#ports = ports
  }

  nextDueMs(): number | undefined {
    const { files } = this.#store
    const silentMs = files.oldestWaitingMs()
    const readableMs = files.nextReadableMs(this.#ports.clock())
    const due = [
      files.nextFinishedMs(),
      files.nextCancelledMs(),
      nextRemovalMs(this.#store),
      silentMs === undefined ? undefined : silentMs + SILENCE_MS,
      readableMs === undefined ? undefined : Math.max(readableMs, this.#notBeforeMs()),
    ].filter((timeMs) => timeMs !== undefined)
    return due.length === 0 ? undefined : Math.min(...due)
  }

  #notBeforeMs(): number {
    const congestedMs = this.#congested() ? this.#ports.clock() + CONGESTED_MS : 0
    return Math.max(this.#store.pausedUntilMs, congestedMs)
  }

  async run(nowMs: number): Promise<void> {
    const deadlineMs = nowMs + RUN_MS
    const contexts = new Contexts(this.#store, this.#ports)
    await this.#callOff(contexts)
    await this.#finish(contexts)
    await runRemovals(this.#store, this.#ports, contexts)
    await this.#lookAfterSilent(contexts)
    while (this.#ports.clock() < deadlineMs && this.#store.tenantUid !== undefined) {
      const group = this.#nextGroup()
      if (group.length === 0) return
      const tenant = await contexts.tenant()
      if (tenant === undefined || tenant.suspended) {
        if (this.#store.tenantUid !== undefined) this.#store.pause(this.#ports.clock() + SUSPENDED_MS)
        return
      }
      await Promise.all(group.map((file) => this.#read(file, tenant, contexts, deadlineMs)))
      await this.#callOff(contexts)
      await this.#finish(contexts)
      await this.#ports.pause()
    }
  }

  /** Some small files, or one that is large or under suspicion. */
  #nextGroup(): FileRow[] {
    if (this.#congested()) return []
    const now = this.#ports.clock()
    if (this.#store.pausedUntilMs > now) return []
    const group: FileRow[] = []
    const names = new Set<string>()
    for (const file of this.#store.files.readable(now, SMALL_FILES_AT_ONCE)) {
      const key = `${file.collection_id}/${file.name}`
      const isAlone = file.strikes > 0 || file.bytes > SMALL_BYTES
      if (group.length > 0 && (isAlone || names.has(key))) break
      group.push(file)
      names.add(key)
      if (isAlone) break
    }
    return group
  }

  #congested(): boolean {
    const { chunks, documents } = this.#store.files.staged()
    // A waiting document whose chunks are not counted yet has one at least.
    const staged = Math.max(chunks, documents)
    const { maxStaged = MAX_STAGED } = this.#ports
    this.#isCongested = staged >= (this.#isCongested ? maxStaged * RESUMED_SHARE : maxStaged)
    return this.#isCongested
  }

  async #read(file: FileRow, tenant: TenantState, contexts: Contexts, deadlineMs: number): Promise<void> {
    const found = await this.#placed(file, contexts)
    if (found === undefined) return
    const { collection, writer, options } = found
    const limits = {
      isTimeUp: () => this.#ports.clock() >= deadlineMs,
      isCongested: () => this.#congested(),
    }
    await new FileRun(this.#store, this.#ports, file, { collection, tenant, writer, options }, limits).run()
  }

  /** The collection, or a later try: it is being deleted, and the files go with it. */
  async #placed(file: FileRow, contexts: Contexts): Promise<Placed | undefined> {
    const placed = await contexts.of(file)
    if (placed === undefined) this.#postpone(file)
    return placed
  }

  async #finish(contexts: Contexts): Promise<void> {
    await this.#each(this.#store.files.finished(this.#ports.clock(), FILES_PER_LOOK), contexts, (file, placed) =>
      finishFile(this.#store, this.#ports, file, placed.collection, placed.writer),
    )
  }

  async #callOff(contexts: Contexts): Promise<void> {
    await this.#each(this.#store.files.cancelled(this.#ports.clock(), FILES_PER_LOOK), contexts, (file, placed) =>
      withdraw(this.#store, this.#ports, file, placed.collection),
    )
  }

  async #lookAfterSilent(contexts: Contexts): Promise<void> {
    const silent = this.#store.files.silent(this.#ports.clock() - SILENCE_MS, FILES_PER_LOOK)
    await this.#each(silent, contexts, (file, placed) => lookAfter(this.#store, this.#ports, file, placed.collection))
  }

  /** One after another; what fails is tried again later and stops none of the others. */
  async #each(
    files: readonly FileRow[],
    contexts: Contexts,
    work: (file: FileRow, placed: Placed) => Promise<void>,
  ): Promise<void> {
    for (const file of files) {
      try {
        const placed = await this.#placed(file, contexts)
        if (placed !== undefined) await work(file, placed)
      } catch (error) {
        if (asProblem(error)?.code !== 'not_found') this.#ports.report(error)
        this.#postpone(file)
      }
    }
  }

  #postpone({ id }: FileRow): void {
    const { database, files } = this.#store
    database.transaction(() => {
      if (files.find(id) !== undefined) files.update(id, { not_before_ms: this.#ports.clock() + RETRY_MS })
    })
  }
}

interface Placed {
  readonly collection: CollectionRecord
  readonly writer: FileWriter
  readonly options: FileOptions
}

/** What one run has looked up: the tenant, its collections, the jobs. */
export class Contexts {
  readonly #store: FileStore
  readonly #ports: PipelinePorts
  readonly #collections = new Map<string, Promise<CollectionRecord | undefined>>()
  #tenant: Promise<TenantState | undefined> | undefined

  constructor(store: FileStore, ports: PipelinePorts) {
    this.#store = store
    this.#ports = ports
  }

  async tenant(): Promise<TenantState | undefined> {
    const { tenantUid } = this.#store
    if (tenantUid === undefined) return undefined
    this.#tenant ??= this.#ports.tenantOf(tenantUid)
    return this.#tenant
  }

  async collection(id: string): Promise<CollectionRecord | undefined> {
    const { tenantUid } = this.#store
    if (tenantUid === undefined) return undefined
    let found = this.#collections.get(id)
    if (found === undefined) this.#collections.set(id, (found = this.#ports.collections.find(tenantUid, id)))
    return found
  }

  async of({ collection_id, job_id }: FileRow): Promise<Placed | undefined> {
    const collection = await this.collection(collection_id)
    const job = this.#store.jobs.find(job_id)
    if (collection === undefined || job === undefined) return undefined
    return {
      collection,
      writer: JSON.parse(job.writer) as FileWriter,
      options: JSON.parse(job.options) as FileOptions,
    }
  }
}
