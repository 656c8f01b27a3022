/**
 * What a shard does by itself: index what is pending, bring the catalogue up to date, prune. One run is a slice of time;
 * it says when the next one is due. Everything it does can be repeated, because alarms come at least once.
 */
import type { Clock } from '../core/clock.ts'
import { Problem } from '../core/problem.ts'
import { FILES_READER, isFileReportBehind, reportFilesNext } from './file-work.ts'
import { LogFollower } from './log-follower.ts'
import { CATALOGUE_READER, isProjectionBehind, type Project, projectNext } from './projection.ts'
import { type EmbedPassages, PendingWork, type Report } from './pending-work.ts'
import type { ShardState } from './shard-state.ts'
import { isReportBehind, type ReportChanges, reportNext, TENANT_READER } from './tenant-report.ts'

/** A run of the alarm stays well below the platform's limit, and lets the next one follow at once. */
const RUN_MS = 10_000
const PRUNE_INTERVAL_MS = 3_600_000

export interface ShardAlarmOptions {
  readonly embedPassages: EmbedPassages
  readonly project: Project
  readonly reportChanges: ReportChanges
  /** Tells the files object of the work of its files. */
  readonly reportFileChanges: ReportChanges
  readonly report: Report
  readonly clock: Clock
  readonly pause: () => Promise<void>
}

export class ShardAlarm {
  readonly #state: ShardState
  readonly #options: ShardAlarmOptions
  readonly #work: PendingWork
  /** Each goes its own way: what one of them pushes to may be down. */
  readonly #catalogue: LogFollower
  readonly #tenant: LogFollower
  readonly #files: LogFollower
  #prunedAtMs = 0
  #isStopped = false

  constructor(state: ShardState, options: ShardAlarmOptions) {
    this.#state = state
    this.#options = options
    this.#work = new PendingWork(state, options)
    const { clock, pause, project, report, reportChanges, reportFileChanges } = options
    this.#catalogue = new LogFollower({
      pushNext: async () => projectNext(state, project),
      isBehind: () => isProjectionBehind(state),
      report: (error) => report('project', error),
      clock,
      pause,
    })
    this.#tenant = new LogFollower({
      pushNext: async () => reportNext(state, TENANT_READER, reportChanges),
      isBehind: () => isReportBehind(state, TENANT_READER),
      report: (error) => report('report', error),
      clock,
      pause,
    })
    this.#files = new LogFollower({
      pushNext: async () => reportFilesNext(state, reportFileChanges),
      isBehind: () => isFileReportBehind(state),
      report: (error) => report('report', error),
      clock,
      pause,
    })
  }

  stop(): void {
    this.#isStopped = true
    this.#work.stop()
    this.#catalogue.stop()
    this.#tenant.stop()
    this.#files.stop()
  }

  async run(): Promise<void> {
    await this.#work.run(this.#options.clock() + RUN_MS)
    await Promise.all([this.#catalogue.run(), this.#tenant.run(), this.#files.run()])
    if (!this.#isStopped) this.#prune()
  }

  /** Tells the tenant's object everything; answers the position up to which it knows. @throws what reporting throws */
  async flushChanges(): Promise<number> {
    try {
      await this.#tenant.flush()
    } catch (error) {
      if (!this.#isStopped) throw error
    }
    if (this.#isStopped) throw new Problem('collection_gone')
    return this.#state.log.readerPosition(TENANT_READER)
  }

  /** Tells the files object everything. @throws what reporting throws */
  async flushFileChanges(): Promise<void> {
    await this.#files.flush()
  }

  /** When the next run is due; undefined when there is nothing to do. */
  nextRunMs(): number | undefined {
    const now = this.#options.clock()
    const due: number[] = []
    const pendingMs = this.#state.pending.nextDueMs()
    if (pendingMs !== undefined) due.push(pendingMs)
    for (const follower of [this.#catalogue, this.#tenant, this.#files]) {
      const timeMs = follower.nextRunMs()
      if (timeMs !== undefined) due.push(timeMs)
    }
    const pruneMs = [
      this.#state.log.nextPruneMs(),
      this.#state.tombstones.nextPruneMs(),
      this.#state.jobs.nextPruneMs(),
    ]
    for (const timeMs of pruneMs) if (timeMs !== undefined) due.push(Math.max(timeMs, now + PRUNE_INTERVAL_MS))
    return due.length === 0 ? undefined : Math.max(Math.min(...due), now)
  }

  #prune(): void {
    const now = this.#options.clock()
    if (now < this.#prunedAtMs + PRUNE_INTERVAL_MS) return
    this.#prunedAtMs = now
    this.#state.database.transaction(() => {
      const readers = [CATALOGUE_READER, TENANT_READER]
      if (this.#state.log.hasReader(FILES_READER)) readers.push(FILES_READER)
      this.#state.log.prune(readers, now)
      this.#state.tombstones.prune(now)
      // What the catalogue has not heard of yet must not be forgotten here.
      if (!isProjectionBehind(this.#state)) this.#state.jobs.prune(now)
    })
  }
}
