/**
 * A tenant's files object on plain Node: its real parts over `node:sqlite`, real shards, a bucket and a control plane in
 * memory, and a clock that moves when a test says so. It can die at any call of a port and at any statement; what died has
 * no further effect, and another one goes on over the same rows.
 */
import type { CollectionRecord } from '../../src/catalog/records.ts'
import { hex, sha256 } from '../../src/core/bytes.ts'
import type { CollectionId, JobId, TenantUid } from '../../src/core/ids.ts'
import type { SqlDatabase, SqlValue } from '../../src/core/sql-database.ts'
import { ALL_FILES_MIGRATIONS, fileParts, scheduledParts, type FileParts } from '../../src/files/file-parts.ts'
import type { FileOptions, FileWriter } from '../../src/files/files-api.ts'
import { acceptFiles, fingerprintOf } from '../../src/files/job-actions.ts'
import type { JobProgress } from '../../src/files/job-reports.ts'
import { applyReport } from '../../src/files/log-reports.ts'
import { originalPrefix } from '../../src/files/original-key.ts'
import type { OriginalStore } from '../../src/files/original-store.ts'
import type { FileConverter } from '../../src/parsing/converter.ts'
import { memoryBytes } from '../../src/parsing/memory-bytes.ts'
import { parseFile } from '../../src/parsing/parse-file.ts'
import { applyMigrations } from '../../src/shard/apply-migrations.ts'
import { embeddingProgress, workItems } from '../../src/shard/file-work.ts'
import { NodeSqlDatabase } from '../../src/shard/node-sql-database.ts'
import { collectionRecord } from '../unit/search/fake-shards.ts'
import { NodeShard, SETUP } from './node-shard.ts'
import { DIMENSIONS } from './shard-documents.ts'

export const TENANT = 'ten_0000000000000001' as TenantUid
const WRITER = { keyId: 'key1', mayWriteAcl: true }

/** What ends a process: nothing it does afterwards counts. */
export class Killed extends Error {
  override readonly name = 'Killed'
}

/** Counts down to the death of one life of the object. */
class Life {
  isDead = false
  #left: number

  constructor(steps: number) {
    this.#left = steps
  }

  step(): void {
    if (this.isDead || this.#left-- <= 0) {
      this.isDead = true
      throw new Killed('killed')
    }
  }

  /** A call of a port may die before it or after it, with the reply lost. */
  async call<T>(work: () => Promise<T>): Promise<T> {
    this.step()
    const result = await work()
    this.step()
    return result
  }
}

class MortalDatabase implements SqlDatabase {
  readonly #inner: SqlDatabase
  readonly #life: Life

  constructor(inner: SqlDatabase, life: Life) {
    this.#inner = inner
    this.#life = life
  }

  run(statement: string, ...parameters: SqlValue[]): void {
    this.#life.step()
    this.#inner.run(statement, ...parameters)
  }

  all<Row extends object>(statement: string, ...parameters: SqlValue[]): Row[] {
    this.#life.step()
    return this.#inner.all<Row>(statement, ...parameters)
  }

  get<Row extends object>(statement: string, ...parameters: SqlValue[]): Row | undefined {
    this.#life.step()
    return this.#inner.get<Row>(statement, ...parameters)
  }

  transaction<T>(work: () => T extends PromiseLike<unknown> ? never : T): T {
    return this.#inner.transaction(work)
  }
}

/** A bucket in memory. */
export class MemoryOriginals implements OriginalStore {
  readonly objects = new Map<string, Uint8Array<ArrayBuffer>>()
  readonly multiparts = new Set<string>()

  async store(key: string, body: ReadableStream<Uint8Array>): ReturnType<OriginalStore['store']> {
    const bytes = new Uint8Array(await new Response(body as ReadableStream<Uint8Array<ArrayBuffer>>).arrayBuffer())
    this.objects.set(key, bytes)
    return { bytes: bytes.length, sha256: hex(await sha256(bytes)), head: bytes.slice(0, 65_536) }
  }

  async open(key: string): ReturnType<OriginalStore['open']> {
    const bytes = this.objects.get(key)
    return bytes && memoryBytes(bytes)
  }

  async delete(keys: readonly string[]): Promise<void> {
    for (const key of keys) this.objects.delete(key)
  }

  async deletePrefix(prefix: string): Promise<number> {
    const keys = [...this.objects.keys()].filter((key) => key.startsWith(prefix))
    await this.delete(keys)
    return keys.length
  }

  async abortMultipart(key: string, multipartId: string): Promise<void> {
    this.multiparts.delete(`${key} ${multipartId}`)
  }
}

export interface WorldOptions {
  readonly shards?: number
  readonly maxStaged?: number
}

export class FileWorld {
  readonly database = new NodeSqlDatabase()
  readonly originals = new MemoryOriginals()
  readonly shards: NodeShard[]
  readonly collection: CollectionRecord
  /** The control plane's jobs, with the last that was told of each. */
  readonly jobs = new Map<string, JobProgress | undefined>()
  readonly reports: unknown[] = []
  nowMs = 1_800_000_000_000
  isSuspended = false
  isCollectionGone = false
  parts!: FileParts
  /** Parsers as they are, unless a test has them die. */
  parse: typeof parseFile = parseFile
  release = '1.0.0'
  converter: FileConverter | undefined
  #life = new Life(Infinity)
  #serial = 0
  readonly #maxStaged: number

  constructor({ shards = 2, maxStaged = 8_000 }: WorldOptions = {}) {
    this.#maxStaged = maxStaged
    const base = collectionRecord('docs', shards)
    this.collection = {
      ...base,
      id: 'col_test' as CollectionId,
      tenantUid: TENANT,
      generation: { ...base.generation, profileId: 'edge-en', dimensions: DIMENSIONS, shards },
    }
    this.shards = Array.from({ length: shards }, (_, shard) => {
      const node = new NodeShard({ setup: { ...SETUP, tenantUid: TENANT, collectionId: 'col_test', shard } })
      node.receiveFiles = (report) => applyReport(this.parts.store, report)
      return node
    })
    applyMigrations(this.database, ALL_FILES_MIGRATIONS)
    this.restart()
  }

  /** Another life over the same rows; it dies after so many steps. */
  restart(steps = Infinity): void {
    const life = new Life(steps)
    this.#life.isDead = true
    this.#life = life
    const through = <T extends object>(port: T): T =>
      new Proxy(port, {
        get: (target, name) => {
          const member: unknown = Reflect.get(target, name)
          if (typeof member !== 'function') return member
          return (...parameters: unknown[]): unknown =>
            life.call(async () => (member as (...all: unknown[]) => Promise<unknown>).apply(target, parameters))
        },
      })
    const shardPorts = this.shards.map((shard) => through(shardPort(shard)))
    this.parts = fileParts(new MortalDatabase(this.database, life), {
      originals: through(this.originals),
      placement: { forWrite: (_, shard) => shardPorts[shard] as never },
      models: {
        passageEmbedder: () => undefined as never,
        countTokens: async () => (text) => text.split(/\s+/).filter(Boolean).length,
      },
      allowances: { forWrite: () => undefined },
      collections: {
        find: async () => (this.isCollectionGone ? undefined : this.collection),
        chooseModel: async () => (this.isCollectionGone ? undefined : this.collection),
      },
      tenantOf: async (uid) => ({ id: 'acme', uid, suspended: this.isSuspended, limits: {} }),
      parse: (file) => this.parse(file),
      readCMap: async () => undefined,
      release: this.release,
      maxStaged: this.#maxStaged,
      ...(this.converter && { converter: this.converter }),
      clock: () => this.nowMs,
      pause: async () => undefined,
      report: (error) => {
        if (!life.isDead) this.reports.push(error)
      },
      removeJob: (_, jobId) => life.call(async () => void this.jobs.delete(jobId)),
      createJob: ({ jobId }) => life.call(async () => void this.jobs.set(jobId, undefined)),
      tellJob: (progress) => life.call(async () => void this.jobs.set(progress.jobId, progress)),
      sources: { fetchPage: undefined as never, inbox: undefined as never },
    })
  }

  /** Ends this life now. */
  kill(): Killed {
    this.#life.isDead = true
    return new Killed('killed')
  }

  get isDead(): boolean {
    return this.#life.isDead
  }

  /** A whole upload, or its beginning: `until` counts its calls, after which the request dies. */
  async upload(
    files: Readonly<Record<string, string | Uint8Array<ArrayBuffer>>>,
    {
      options = {},
      until = Infinity,
      writer = WRITER,
    }: { options?: FileOptions; until?: number; writer?: FileWriter } = {},
  ): Promise<JobId | undefined> {
    const number = String(++this.#serial).padStart(16, '0')
    const [uploadId, jobId] = [`upl_${number}`, `job_${number}` as JobId]
    const upload = { tenantUid: TENANT, collectionId: this.collection.id, uploadId, jobId }
    let calls = 0
    const goesOn = (): boolean => calls++ < until
    if (!goesOn()) return undefined
    this.parts.uploads.open(upload)
    const received = []
    for (const [name, content] of Object.entries(files)) {
      if (!goesOn()) return undefined
      const key: string = `${await originalPrefix(TENANT, this.collection.id, uploadId)}${received.length + 1}`
      const body = new Blob([content]).stream()
      received.push({ name, key, format: undefined, ...(await this.originals.store(key, body)) })
    }
    if (!goesOn()) return undefined
    this.jobs.set(jobId, undefined)
    if (!goesOn()) return undefined
    const fingerprints = await Promise.all(received.map((file) => fingerprintOf(file, options, writer)))
    const request = { ...upload, files: received, options, writer }
    return acceptFiles(this.parts.store, this.parts.uploads, request, fingerprints) ? jobId : undefined
  }

  /** What the object's alarm does, once. A life that ends in it is over; the next one is begun by `restart`. */
  async alarm(): Promise<void> {
    for (const part of scheduledParts(this.parts)) {
      try {
        if ((part.nextDueMs() ?? Infinity) <= this.nowMs) await part.run(this.nowMs)
      } catch (error) {
        if (this.isDead) return
        this.reports.push(error)
      }
    }
  }

  async advance(byMs: number): Promise<void> {
    this.nowMs += byMs
    for (const shard of this.shards) {
      shard.nowMs = this.nowMs
      await shard.alarm.run()
    }
  }

  /** Alarms and time until nothing is left to do; at most `rounds` of them. */
  async settle(rounds = 400): Promise<void> {
    for (let round = 0; round < rounds; round++) {
      if (this.isDead) this.restart()
      await this.alarm()
      await this.advance(1_000)
      if (!this.isDead && this.#isQuiet()) return
    }
    throw new Error('the world does not come to rest')
  }

  #isQuiet(): boolean {
    const { store, uploads, jobReports } = this.parts
    const isDone = [uploads, jobReports].every((part) => part.nextDueMs() === undefined)
    const spent = this.database.all('SELECT key FROM spent_originals').length
    const removals = this.database.all('SELECT id FROM file_removals').length
    return isDone && spent + removals === 0 && store.files.unsettledCount() === 0
  }

  /** Id and text of every document in the index. */
  documents(): Record<string, string> {
    const found = this.shards.flatMap((shard) =>
      shard.reads
        .list({ limit: 10_000 })
        .map(({ id }): [string, string] => [id, shard.reads.document(id, { include: ['text'] })?.text ?? '']),
    )
    return Object.fromEntries(found.sort(([a], [b]) => (a < b ? -1 : 1)))
  }
}

function shardPort(shard: NodeShard) {
  const { writes, state, alarm } = shard
  const over = <T>(work: () => T): Promise<T> => Promise.resolve().then(() => structuredClone(work()))
  return {
    begin: (...[items, context]: Parameters<typeof writes.begin>) => over(() => writes.begin(items, context)),
    release: (...[tickets]: Parameters<typeof writes.release>) => over(() => writes.release(tickets)),
    stage: (...[request, context]: Parameters<typeof writes.stage>) =>
      over(() => writes.stage(structuredClone(request), context)),
    deleteDocuments: (...[selection, context]: Parameters<typeof writes.delete>) =>
      writes.delete(selection, context, () => Promise.resolve()),
    cancelJob: (jobId: string) => over(() => writes.cancelJob(jobId)),
    flushChanges: () => over(() => 0),
    flushFileChanges: () => alarm.flushFileChanges(),
    workItems: (jobId: string, ids: readonly string[]) => over(() => workItems(state, jobId, ids)),
    embeddingProgress: (jobIds: readonly string[]) => over(() => embeddingProgress(state, jobIds)),
  }
}
