/**
 * What the files object does by itself: reads files whose turn it is, ends those of which nothing waits, calls off what was
 * cancelled. Oldest first, but small ones in between the parts of a large one; small files side by side, large ones alone, and
 * alone whatever was being read when the process died. One run is a slice of time.
 */
import type { CollectionRecord } from '../catalog/records.ts'
import type { Clock } from '../core/clock.ts'
import { asProblem } from '../core/problem.ts'
import type { FileFormat } from '../parsing/file-format.ts'
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
/** Files that wait: what the alarm asks again and again looks at each of them. */
const MAX_STAGED_FILES = 1_000
const RESUMED_SHARE = 0.25
/** Small files go on being read until so much more waits: they do not wait for a large one of their tenant. */
const SMALL_FILES_SHARE = 1.25
const SMALL_FILE_BYTES = 64_000
/**
 * Calls of other objects, the bucket and the catalogue that one run makes, about: a batch begins and ends its documents in
 * every shard. An alarm may have eight runs and make 10,000 calls.
 */
const MAX_CALLS = 800
const CALLS_PER_FILE = 6
const CALLS_PER_BATCH = 4
const CALLS_PER_SHARD = 2
/** How soon to look again whether shards have caught up; their reports wake the object earlier. */
const CONGESTED_MS = 5_000
/** Of files that are read side by side, together. */
const SMALL_BYTES = 1_000_000
const SMALL_FILES_AT_ONCE = 8
/** Formats whose files take about as much memory as they have bytes; of others a small file may unfold to what one may take. */
const PLAIN_FORMATS: ReadonlySet<FileFormat | null> = new Set([
  'text',
  'markdown',
  'code',
  'csv',
  'tsv',
  'jsonl',
  'srt',
  'vtt',
])
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
  /** Every other group, while a large file is at the head. */
  #isSmallTurn = false

  constructor(store: FileStore, ports: PipelinePorts) {
    this.#store = store
    this.#ports = ports
  }

  nextDueMs(): number | undefined {
    const { files } = this.#store
    const silentMs = files.oldestWaitingMs()
    const nowMs = this.#ports.clock()
    const share = this.#stagedShare()
    const isCongested = this.#isCongestedAt(share)
    const isSmallDue = isCongested && share < SMALL_FILES_SHARE && this.#small(1).length > 0
    const readableMs = files.nextReadableMs(nowMs)
    const notBeforeMs = isCongested && !isSmallDue ? nowMs + CONGESTED_MS : nowMs
    const due = [
      files.nextFinishedMs(),
      files.nextCancelledMs(),
      nextRemovalMs(this.#store),
      silentMs === undefined ? undefined : silentMs + SILENCE_MS,
      readableMs === undefined ? undefined : Math.max(readableMs, this.#store.pausedUntilMs, notBeforeMs),
    ].filter((timeMs) => timeMs !== undefined)
    return due.length === 0 ? undefined : Math.min(...due)
  }

  async run(nowMs: number): Promise<void> {
    const slice = new Slice(this.#ports.clock, nowMs + RUN_MS)
    const contexts = new Contexts(this.#store, this.#ports)
    await this.#callOff(contexts, slice)
    await this.#finish(contexts, slice)
    await runRemovals(this.#store, this.#ports, contexts)
    await this.#lookAfterSilent(contexts, slice)
    while (!slice.isUp && this.#store.tenantUid !== undefined) {
      const group = this.#nextGroup()
      if (group.length === 0) return
      const tenant = await contexts.tenant()
      if (tenant === undefined || tenant.suspended) {
        if (this.#store.tenantUid !== undefined) this.#store.pause(this.#ports.clock() + SUSPENDED_MS)
        return
      }
      await Promise.all(group.map((file) => this.#read(file, tenant, contexts, slice)))
      await this.#callOff(contexts, slice)
      await this.#finish(contexts, slice)
      await this.#ports.pause()
    }
  }

  /** Some small files, or one that is large, may unfold, or is under suspicion. */
  #nextGroup(): FileRow[] {
    const now = this.#ports.clock()
    if (this.#store.pausedUntilMs > now) return []
    const share = this.#stagedShare()
    if (this.#isCongestedAt(share)) {
      return share < SMALL_FILES_SHARE ? this.#together(this.#small(SMALL_FILES_AT_ONCE)) : []
    }
    const files = this.#store.files.readable(now, SMALL_FILES_AT_ONCE)
    this.#isSmallTurn = !this.#isSmallTurn && (files[0]?.bytes ?? 0) > SMALL_FILE_BYTES
    const small = this.#isSmallTurn ? this.#small(SMALL_FILES_AT_ONCE) : []
    return this.#together(small.length > 0 ? small : files)
  }

  #small(limit: number): FileRow[] {
    return this.#store.files.smallReadable(this.#ports.clock(), limit, SMALL_FILE_BYTES)
  }

  #together(files: readonly FileRow[]): FileRow[] {
    const group: FileRow[] = []
    const names = new Set<string>()
    let bytes = 0
    for (const file of files) {
      const key = `${file.collection_id}/${file.name}`
      const isPlain = PLAIN_FORMATS.has(file.format) && file.parent === null
      const isAlone = file.strikes > 0 || !isPlain || bytes + file.bytes > SMALL_BYTES
      if (group.length > 0 && (isAlone || names.has(key))) break
      group.push(file)
      names.add(key)
      bytes += file.bytes
      if (isAlone) break
    }
    return group
  }

  #isCongestedAt(share: number): boolean {
    this.#isCongested = share >= (this.#isCongested ? RESUMED_SHARE : 1)
    return this.#isCongested
  }

  /** 1 is as much as may wait in shards. */
  #stagedShare(): number {
    const { chunks, documents, files } = this.#store.files.staged()
    const { maxStaged = MAX_STAGED } = this.#ports
    // A waiting document whose chunks are not counted yet has one at least.
    return Math.max(chunks / maxStaged, documents / maxStaged, files / MAX_STAGED_FILES)
  }

  async #read(file: FileRow, tenant: TenantState, contexts: Contexts, slice: Slice): Promise<void> {
    slice.count(CALLS_PER_FILE)
    const found = await this.#placed(file, contexts)
    if (found === undefined) return
    const { collection, writer, options } = found
    const callsPerBatch = CALLS_PER_BATCH + CALLS_PER_SHARD * collection.generation.shards
    slice.count(callsPerBatch)
    const limits = {
      isTimeUp: () => {
        slice.count(callsPerBatch)
        return slice.isUp
      },
      isCongested: () => this.#isCongestedAt(this.#stagedShare()),
    }
    await new FileRun(this.#store, this.#ports, file, { collection, tenant, writer, options }, limits).run()
  }

  /** The collection, or a later try: it is being deleted, and the files go with it. */
  async #placed(file: FileRow, contexts: Contexts): Promise<Placed | undefined> {
    const placed = await contexts.of(file)
    if (placed === undefined) this.#postpone(file)
    return placed
  }

  async #finish(contexts: Contexts, slice: Slice): Promise<void> {
    const finished = this.#store.files.finished(this.#ports.clock(), FILES_PER_LOOK)
    await this.#each(finished, contexts, slice, (file, placed) =>
      finishFile(this.#store, this.#ports, file, placed.collection, placed.writer),
    )
  }

  async #callOff(contexts: Contexts, slice: Slice): Promise<void> {
    const cancelled = this.#store.files.cancelled(this.#ports.clock(), FILES_PER_LOOK)
    await this.#each(cancelled, contexts, slice, async (file, placed) => {
      slice.count(CALLS_PER_SHARD * placed.collection.generation.shards)
      await withdraw(this.#store, this.#ports, file, placed.collection)
    })
  }

  async #lookAfterSilent(contexts: Contexts, slice: Slice): Promise<void> {
    const silent = this.#store.files.silent(this.#ports.clock() - SILENCE_MS, FILES_PER_LOOK)
    await this.#each(silent, contexts, slice, async (file, placed) => {
      slice.count(CALLS_PER_SHARD * placed.collection.generation.shards)
      await lookAfter(this.#store, this.#ports, file, placed.collection)
    })
  }

  /** One after another, one at least; what fails is tried again later and stops none of the others. */
  async #each(
    files: readonly FileRow[],
    contexts: Contexts,
    slice: Slice,
    work: (file: FileRow, placed: Placed) => Promise<void>,
  ): Promise<void> {
    for (const [index, file] of files.entries()) {
      if (index > 0 && slice.isUp) return
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

/** What one run may take, in time and in calls. */
class Slice {
  readonly #clock: Clock
  readonly #deadlineMs: number
  #calls = 0

  constructor(clock: Clock, deadlineMs: number) {
    this.#clock = clock
    this.#deadlineMs = deadlineMs
  }

  count(calls: number): void {
    this.#calls += calls
  }

  get isUp(): boolean {
    return this.#clock() >= this.#deadlineMs || this.#calls >= MAX_CALLS
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
