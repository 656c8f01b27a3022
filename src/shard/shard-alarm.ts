/**
 * What a shard does by itself: index what is pending, bring the catalogue up to date, prune. One run is a slice of time;
 * it says when the next one is due. Everything it does can be repeated, because alarms come at least once.
 */
import type { Clock } from '../core/clock.ts'
import { CATALOGUE_READER, isProjectionBehind, PROJECTION_DELAY_MS, type Project, projectNext } from './projection.ts'
import { type EmbedPassages, PendingWork, type Report } from './pending-work.ts'
import type { ShardState } from './shard-state.ts'

/** A run of the alarm stays well below the platform's limit, and lets the next one follow at once. */
const RUN_MS = 10_000
const PRUNE_INTERVAL_MS = 3_600_000
const MAX_PROJECTION_RETRY_MS = 5 * 60_000

export interface ShardAlarmOptions {
  readonly embedPassages: EmbedPassages
  readonly project: Project
  readonly report: Report
  readonly clock: Clock
  readonly pause: () => Promise<void>
}

export class ShardAlarm {
  readonly #state: ShardState
  readonly #options: ShardAlarmOptions
  readonly #work: PendingWork
  #projectionFailures = 0
  #projectNotBeforeMs = 0
  #prunedAtMs = 0
  #isStopped = false

  constructor(state: ShardState, options: ShardAlarmOptions) {
    this.#state = state
    this.#options = options
    this.#work = new PendingWork(state, options)
  }

  stop(): void {
    this.#isStopped = true
    this.#work.stop()
  }

  async run(): Promise<void> {
    await this.#work.run(this.#options.clock() + RUN_MS)
    if (!this.#isStopped) await this.#project()
    if (!this.#isStopped) this.#prune()
  }

  /** When the next run is due; undefined when there is nothing to do. */
  nextRunMs(): number | undefined {
    const now = this.#options.clock()
    const due: number[] = []
    const pendingMs = this.#state.pending.nextDueMs()
    if (pendingMs !== undefined) due.push(pendingMs)
    if (isProjectionBehind(this.#state)) due.push(Math.max(now + PROJECTION_DELAY_MS, this.#projectNotBeforeMs))
    const pruneMs = [
      this.#state.log.nextPruneMs(),
      this.#state.tombstones.nextPruneMs(),
      this.#state.jobs.nextPruneMs(),
    ]
    for (const timeMs of pruneMs) if (timeMs !== undefined) due.push(Math.max(timeMs, now + PRUNE_INTERVAL_MS))
    return due.length === 0 ? undefined : Math.max(Math.min(...due), now)
  }

  async #project(): Promise<void> {
    const { clock, project } = this.#options
    if (clock() < this.#projectNotBeforeMs) return
    try {
      while (!this.#isStopped && (await projectNext(this.#state, project))) await this.#options.pause()
      this.#projectionFailures = 0
    } catch (error) {
      this.#options.report('project', error)
      // The catalogue is a projection: whatever is wrong with it, documents stay as they are and it is tried again.
      this.#projectNotBeforeMs = clock() + Math.min(2_000 * 2 ** this.#projectionFailures, MAX_PROJECTION_RETRY_MS)
      this.#projectionFailures = Math.min(this.#projectionFailures + 1, 16)
    }
  }

  #prune(): void {
    const now = this.#options.clock()
    if (now < this.#prunedAtMs + PRUNE_INTERVAL_MS) return
    this.#prunedAtMs = now
    this.#state.database.transaction(() => {
      this.#state.log.prune([CATALOGUE_READER], now)
      this.#state.tombstones.prune(now)
      // What the catalogue has not heard of yet must not be forgotten here.
      if (!isProjectionBehind(this.#state)) this.#state.jobs.prune(now)
    })
  }
}
