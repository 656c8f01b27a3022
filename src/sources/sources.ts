/**
 * The sources of one tenant, as a part of its files object: sites and parts of the inbox from which collections are fed,
 * on request or by a schedule. All that a run does is rows, so that the object's alarm goes on with it after a crash; at
 * most one step of it is repeated. Hosts are asked one request at a time, whatever runs.
 */
import type { CollectionId, JobId } from '../core/ids.ts'
import { newJobId } from '../core/ids.ts'
import { MAX_SOURCES } from '../core/limits.ts'
import { Problem } from '../core/problem.ts'
import type { SqlDatabase, SqlMigration } from '../core/sql-database.ts'
import type { TenantPart } from '../tenancy/tenant-part.ts'
import { BucketSync } from './bucket/bucket-sync.ts'
import { Crawler } from './crawl/crawler.ts'
import type { NewSource, SourcePage, SourceRecord, StartedSource } from './source.ts'
import type { SourcePorts } from './source-ports.ts'
import { KnownFiles } from './state/known-files.ts'
import { SOURCE_MIGRATIONS } from './state/schema.ts'
import { SourceRows } from './state/source-rows.ts'
import type { Run } from './state/source-rows.ts'

/** Runs that are worked on at the same time. */
const CONCURRENT = 4
/** No step begins later in one call of `run`, because the object's other work waits for its end. */
const RUN_MS = 5_000
/** A step that failed on our side is made again after this long. */
const FAILED_MS = 30_000
/** While the tenant's files wait for their turn, a run looks again after this long. */
const NO_ROOM_MS = 10_000
/** A suspension holds everywhere within ten seconds: so often a run looks whether it may go on. */
const STANDING_MS = 5_000
/** Vanished files that are removed in one transaction. */
const REMOVED_PER_STEP = 500
/** Notifications of the inbox that come together are answered by one look at it. */
const NOTICE_MS = 2_000
const NOTICED_PAUSE_MS = 30_000

export class Sources implements TenantPart {
  static readonly migrations: readonly SqlMigration[] = SOURCE_MIGRATIONS

  readonly isLong = true
  readonly #database: SqlDatabase
  readonly #ports: SourcePorts
  readonly #rows: SourceRows
  readonly #crawler: Crawler
  readonly #bucket: BucketSync
  /** Until then the tenant counts as active. */
  #activeUntilMs = 0

  constructor(database: SqlDatabase, ports: SourcePorts) {
    this.#database = database
    this.#ports = ports
    this.#rows = new SourceRows(database)
    this.#crawler = new Crawler(database, this.#rows, ports)
    this.#bucket = new BucketSync(database, this.#rows, ports)
  }

  /**
   * Makes a source, or replaces the settings of the one that begins at the same place in the collection, and lets it run.
   * Answers the job of that run, which is known when this returns. `operationId` makes the ids.
   * @throws quota_exceeded, not_found
   */
  async save(operationId: string, source: NewSource): Promise<StartedSource> {
    const nowMs = this.#ports.clock()
    const started = this.#database.transaction((): StartedSource => {
      const same = this.#rows.same(source)
      const sourceId = same ?? `src_${operationId}`
      if (same === undefined && this.#rows.count() >= MAX_SOURCES) {
        throw new Problem('quota_exceeded', `a tenant has at most ${MAX_SOURCES} sources`)
      }
      if (this.#rows.save(sourceId, source, nowMs)) new KnownFiles(this.#database, sourceId).forgetValidators()
      return { sourceId, jobId: this.#rows.start(sourceId, newJobId(operationId), nowMs) }
    })
    await this.#beginNow(started.sourceId)
    return started
  }

  /** By id, ascending. */
  list(collectionId: CollectionId, { limit, after = '' }: SourcePage): SourceRecord[] {
    return this.#rows.list(collectionId, after, limit)
  }

  find(collectionId: CollectionId, id: string): SourceRecord | undefined {
    return this.#rows.find(collectionId, id)
  }

  /** Lets it run now; the job is that of the run under way where there is one. `undefined` without such a source. */
  async start(collectionId: CollectionId, id: string, operationId: string): Promise<JobId | undefined> {
    if (this.#rows.find(collectionId, id) === undefined) return undefined
    const nowMs = this.#ports.clock()
    const jobId = this.#database.transaction(() => this.#rows.start(id, newJobId(operationId), nowMs))
    await this.#beginNow(id)
    return jobId
  }

  /** False without such a source. Its run ends; with `documents` what it brought goes as well. */
  delete(collectionId: CollectionId, id: string, documents: boolean): boolean {
    return this.#database.transaction((): boolean => {
      const owner = this.#rows.find(collectionId, id) && this.#rows.ownerOf(id)
      if (owner === undefined) return false
      const run = this.#rows.run(id)
      if (run !== undefined && this.#ports.intake.isOpen(run.jobId)) this.#ports.intake.end(run.jobId)
      if (documents) {
        for (const name of new KnownFiles(this.#database, id).names(Number.MAX_SAFE_INTEGER)) {
          this.#ports.intake.remove(collectionId, name, owner.writer)
        }
      }
      this.#rows.remove(id)
      return true
    })
  }

  /** Forgets all sources of a collection; its documents go with it. */
  collectionDeleted(collectionId: CollectionId): void {
    this.#database.transaction((): void => {
      for (const id of this.#rows.idsOf(collectionId)) this.#rows.remove(id)
    })
  }

  /** Something in the tenant's part of the inbox changed: a hint, which may be lost, repeated or late. */
  inboxChanged(): void {
    this.#rows.hastenBuckets(this.#ports.clock() + NOTICE_MS, NOTICED_PAUSE_MS)
  }

  nextDueMs(): number | undefined {
    return this.#rows.nextDueMs()
  }

  /** Works for some seconds on what is due. Never throws. */
  async run(nowMs: number): Promise<void> {
    const { clock, report } = this.#ports
    for (const id of this.#rows.dueSources(nowMs)) {
      this.#database.transaction(() => this.#rows.start(id, newJobId(), nowMs))
    }
    const busy = new Set<string>()
    const work = async (): Promise<void> => {
      while (clock() < nowMs + RUN_MS) {
        const run = this.#rows.dueRun(clock(), busy)
        if (run === undefined) return
        busy.add(run.sourceId)
        try {
          await this.#step(run)
        } catch (error) {
          report(error)
          if (this.#rows.isCurrent(run)) this.#rows.set(run.sourceId, { nextMs: clock() + FAILED_MS })
        } finally {
          busy.delete(run.sourceId)
        }
      }
    }
    await Promise.all(Array.from({ length: CONCURRENT }, work))
  }

  /** Whoever asked for the run can ask for its job at once. */
  async #beginNow(id: string): Promise<void> {
    const run = this.#rows.run(id)
    if (run?.phase !== 'starting') return
    await this.#begin(run)
    if (this.#rows.ownerOf(id) === undefined) throw new Problem('not_found')
  }

  async #begin(run: Run): Promise<void> {
    const { tenantUid, collectionId, jobId, writer, settings, sourceId } = run
    const kind = settings.kind === 'crawl' ? 'crawl' : 'sync'
    const result = await this.#ports.intake.begin({ tenantUid, collectionId, jobId, kind, writer })
    this.#database.transaction((): void => {
      // Two calls may have begun it.
      if (!this.#rows.isCurrent(run) || this.#rows.run(sourceId)?.phase !== 'starting') return
      if (result === 'gone') this.#rows.remove(sourceId)
      else if (result === 'suspended') {
        this.#rows.setGap(sourceId, 'suspended')
        this.#rows.end(sourceId, this.#ports.clock())
      } else if (settings.kind === 'crawl') {
        this.#crawler.begin(run, settings)
        this.#rows.set(sourceId, { phase: 'fetching' })
      } else this.#rows.set(sourceId, { phase: 'listing' })
    })
  }

  async #step(run: Run): Promise<void> {
    const { intake, clock } = this.#ports
    const { sourceId, phase, settings } = run
    if (phase === 'starting') return this.#begin(run)
    const isSuspended = await this.#isSuspended()
    if (!this.#rows.isCurrent(run)) return
    if (!intake.isOpen(run.jobId)) {
      this.#rows.setGap(sourceId, 'cancelled')
      this.#rows.end(sourceId, clock())
    } else if (isSuspended) this.#suspend(run)
    else if (phase === 'ending') this.#finish(run)
    else if (!intake.hasRoom()) this.#rows.set(sourceId, { nextMs: clock() + NO_ROOM_MS })
    else if (settings.kind === 'bucket' && phase === 'listing') await this.#bucket.list(run, settings)
    else {
      const result = await (settings.kind === 'crawl'
        ? this.#crawler.step(run, settings)
        : this.#bucket.step(run, settings))
      if (!this.#rows.isCurrent(run)) return
      if (result === 'done') this.#rows.set(sourceId, { phase: 'ending' })
      else this.#rows.set(sourceId, { nextMs: result === 'again' ? clock() : result.waitUntilMs })
    }
  }

  async #isSuspended(): Promise<boolean> {
    const { intake, clock } = this.#ports
    if (clock() < this.#activeUntilMs) return false
    const askedMs = clock()
    const isSuspended = await intake.isSuspended()
    if (!isSuspended) this.#activeUntilMs = askedMs + STANDING_MS
    return isSuspended
  }

  /** What it has brought so far stays. */
  #suspend(run: Run): void {
    const { intake, clock } = this.#ports
    this.#database.transaction((): void => {
      this.#rows.setGap(run.sourceId, 'suspended')
      intake.end(run.jobId)
      this.#rows.end(run.sourceId, clock())
    })
  }

  /** Removes what has vanished, some in each step, and ends the run. */
  #finish(run: Run): void {
    const { sourceId, collectionId, number, gap, writer, jobId } = run
    const { intake, clock } = this.#ports
    this.#database.transaction((): void => {
      const files = new KnownFiles(this.#database, sourceId)
      const vanished = gap === undefined ? files.unseen(number, REMOVED_PER_STEP) : []
      for (const name of vanished) {
        intake.remove(collectionId, name, writer)
        files.remove(name)
      }
      this.#rows.add(sourceId, 'removed', vanished.length)
      if (vanished.length === REMOVED_PER_STEP) return
      intake.end(jobId)
      this.#rows.end(sourceId, clock())
    })
  }
}
