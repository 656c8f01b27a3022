/**
 * The Durable Object of a shard: opens its state, checks that it exists, calls, arms the alarm, returns. The rules are in
 * `shard-writes`, `shard-reads`, `shard-search` and `shard-alarm`, which run on plain Node as well.
 */
import { DurableObject } from 'cloudflare:workers'
import type { Clock } from '../core/clock.ts'
import { invariant } from '../core/invariant.ts'
import { Problem } from '../core/problem.ts'
import { residentMemory } from '../core/resident-memory.ts'
import { applyMigrations } from './apply-migrations.ts'
import { DurableSqlDatabase } from './durable-sql-database.ts'
import { MIGRATIONS } from './migrations.ts'
import type { EmbedPassages, Report } from './pending-work.ts'
import { REPORT_DELAY_MS } from './log-follower.ts'
import type { Project } from './projection.ts'
import { embeddingProgress, workItems } from './file-work.ts'
import { ShardAlarm } from './shard-alarm.ts'
import type {
  BeginItem,
  FetchRequest,
  PreparedDocument,
  ShardApi,
  ShardSearchRequest,
  ShardSetup,
  StageRequest,
  Ticket,
  Visibility,
  WriteContext,
} from './shard-api.ts'
import { ShardReads } from './shard-reads.ts'
import { ShardSearch } from './shard-search.ts'
import { findSetup, isSetUpAs, writeSetup } from './shard-setup.ts'
import { ShardTransfer } from './shard-transfer.ts'
import { ShardState } from './shard-state.ts'
import { ShardWrites } from './shard-writes.ts'
import type { ShardRpc } from './stub.ts'
import type { ReportChanges } from './tenant-report.ts'

/** A shard that is erased waits so long for its last report to be taken. */
const LAST_REPORT_MS = 2_000
/** An alarm that is overdue by this much is taken for lost and set again. */
const LOST_ALARM_MS = 60_000

export interface ShardDependencies {
  /** At most 32 texts, prefixes of the profile not yet added. */
  readonly embedPassages: EmbedPassages
  readonly project: Project
  readonly reportChanges: ReportChanges
  readonly reportFileChanges: ReportChanges
  readonly clock: Clock
  /** Hears of failures in the background, which no request can report. */
  readonly report?: Report
}

/** A shard that exists: one state and what works on it. */
interface OpenShard {
  readonly state: ShardState
  readonly writes: ShardWrites
  readonly reads: ShardReads
  readonly search: ShardSearch
  readonly transfer: ShardTransfer
  readonly alarm: ShardAlarm
}

const pause = async (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0))

export class ShardObject<Env = unknown> extends DurableObject<Env> implements ShardRpc {
  readonly #database: DurableSqlDatabase
  readonly #dependencies: ShardDependencies
  readonly #memoryKey: string
  #shard: OpenShard | undefined
  #isErased = false
  #alarmAtMs: number | undefined

  constructor(ctx: DurableObjectState, env: Env, dependencies: ShardDependencies) {
    super(ctx, env)
    this.#dependencies = dependencies
    this.#database = new DurableSqlDatabase(ctx.storage)
    this.#memoryKey = `shard/${ctx.id.toString()}`
    const setup = findSetup(this.#database)
    if (setup === undefined) return
    this.#shard = this.#open(setup)
    // An alarm may have been lost after its last retry; whoever wakes the object brings it back to work.
    void ctx.blockConcurrencyWhile(async () => {
      this.#alarmAtMs = (await ctx.storage.getAlarm()) ?? undefined
      await this.#armForWork()
    })
  }

  async initialise(setup: ShardSetup): Promise<void> {
    if (this.#isErased) throw new Problem('collection_gone')
    if (this.#shard === undefined) {
      this.#database.transaction(() => {
        applyMigrations(this.#database, MIGRATIONS)
        writeSetup(this.#database, setup)
      })
      this.#shard = this.#open(setup)
    }
    invariant(isSetUpAs(this.#shard.state.setup, setup), 'a shard is set up once')
  }

  async erase(): Promise<void> {
    const shard = this.#shard
    this.#shard = undefined
    this.#isErased = true
    // What was used counts, also in its last second. Where it cannot be told, or not soon, nothing is kept because of that.
    const told = shard?.alarm.flushChanges().catch((error: unknown) => this.#dependencies.report?.('report', error))
    await Promise.race([told, new Promise((resolve) => setTimeout(resolve, LAST_REPORT_MS))])
    shard?.alarm.stop()
    residentMemory.deletePrefix(`${this.#memoryKey}/`)
    await this.ctx.storage.deleteAlarm()
    await this.ctx.storage.deleteAll()
  }

  async begin(items: readonly BeginItem[], context: WriteContext) {
    return this.#opened().writes.begin(items, context)
  }

  async commit(document: PreparedDocument, context: WriteContext) {
    const result = this.#opened().writes.commit(document, context)
    await this.#arm(REPORT_DELAY_MS)
    return result
  }

  async release(tickets: readonly Ticket[]): Promise<void> {
    this.#opened().writes.release(tickets)
  }

  async stage(request: StageRequest, context: WriteContext) {
    const result = this.#opened().writes.stage(request, context)
    await this.#arm(0)
    return result
  }

  async deleteDocuments(...[selection, context]: Parameters<ShardApi['deleteDocuments']>) {
    const result = await this.#opened().writes.delete(selection, context, async () => {
      await pause()
      this.#opened()
    })
    await this.#arm(REPORT_DELAY_MS)
    return result
  }

  async jobCounts(jobIds: readonly string[]) {
    const { jobs } = this.#opened().state
    return Object.fromEntries(jobIds.map((jobId) => [jobId, jobs.counts(jobId)]))
  }

  async workItems(jobId: string, ids: readonly string[]) {
    return workItems(this.#opened().state, jobId, ids)
  }

  async embeddingProgress(jobIds: readonly string[]) {
    return embeddingProgress(this.#opened().state, jobIds)
  }

  async flushFileChanges(): Promise<void> {
    await this.#opened().alarm.flushFileChanges()
  }

  async cancelJob(jobId: string): Promise<void> {
    this.#opened().writes.cancelJob(jobId)
    await this.#arm(REPORT_DELAY_MS)
  }

  async document(...[id, options]: Parameters<ShardApi['document']>) {
    return this.#opened().reads.document(id, options)
  }

  async latestSource(id: string, visibility?: Visibility) {
    return this.#opened().reads.latestSource(id, visibility)
  }

  async listDocuments(...[options]: Parameters<ShardApi['listDocuments']>) {
    return this.#opened().reads.list(options)
  }

  async statistics(visibility?: Visibility) {
    return this.#opened().reads.statistics(visibility)
  }

  async keywordStatistics(words: readonly string[]) {
    return this.#opened().search.keywordStatistics(words)
  }

  async search(request: ShardSearchRequest) {
    return this.#opened().search.search(request)
  }

  async fetchChunks(request: FetchRequest) {
    return this.#opened().search.fetch(request)
  }

  async facets(fields: readonly string[], documentIds: readonly string[]) {
    return this.#opened().search.facets(fields, documentIds)
  }

  async flushChanges(): Promise<number> {
    return this.#opened().alarm.flushChanges()
  }

  async exportDocuments(...[options]: Parameters<ShardApi['exportDocuments']>) {
    return this.#opened().transfer.export(options)
  }

  async importDocuments(...[documents, context]: Parameters<ShardApi['importDocuments']>): Promise<void> {
    try {
      this.#opened().transfer.import(documents, context)
    } finally {
      await this.#arm(REPORT_DELAY_MS)
    }
  }

  async stateHash(): Promise<string> {
    return this.#opened().transfer.stateHash()
  }

  /** Never throws: after six failures the platform would give the alarm up. */
  override async alarm(): Promise<void> {
    this.#alarmAtMs = undefined
    try {
      await this.#shard?.alarm.run()
    } catch (error) {
      this.#dependencies.report?.('apply', error)
    }
    await this.#armForWork()
  }

  #open(setup: ShardSetup): OpenShard {
    applyMigrations(this.#database, MIGRATIONS)
    const {
      clock,
      embedPassages,
      project,
      report = () => undefined,
      reportChanges,
      reportFileChanges,
    } = this.#dependencies
    const state = new ShardState(this.#database, setup, { key: this.#memoryKey, clock })
    return {
      state,
      writes: new ShardWrites(state),
      reads: new ShardReads(state),
      search: new ShardSearch(state),
      transfer: new ShardTransfer(state),
      alarm: new ShardAlarm(state, { embedPassages, project, reportChanges, reportFileChanges, clock, pause, report }),
    }
  }

  #opened(): OpenShard {
    if (this.#shard === undefined) throw new Problem('collection_gone')
    return this.#shard
  }

  async #armForWork(): Promise<void> {
    const dueMs = this.#shard?.alarm.nextRunMs()
    if (dueMs !== undefined) await this.#arm(dueMs - this.#dependencies.clock())
  }

  /** Sees to an alarm within `delayMs`; one that is due earlier stays. */
  async #arm(delayMs: number): Promise<void> {
    if (this.#shard === undefined) return
    const now = this.#dependencies.clock()
    const dueMs = now + delayMs
    const known = this.#alarmAtMs
    if (known !== undefined && known <= dueMs && known > now - LOST_ALARM_MS) return
    this.#alarmAtMs = dueMs
    await this.ctx.storage.setAlarm(dueMs)
  }
}
