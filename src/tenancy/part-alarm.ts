/**
 * The alarm of an object that is made of parts: runs those that are due, and sees to it that the next alarm comes for the
 * earliest. A part that fails is tried again later and stands in nobody's way. Parts run one after another, or side by side
 * where the run of one may take so long that the others must not wait for it.
 */
import type { Clock } from '../core/clock.ts'
import type { TenantPart } from './tenant-part.ts'
import { systemTimer, type Timer } from './timer.ts'

/** A part that failed is tried again after this long. */
const RETRY_MS = 30_000
/**
 * A part that may run for minutes begins no later in an alarm, and no more often: the platform ends an alarm after 15 minutes
 * and 10,000 calls.
 */
const BEGINNING_MS = 60_000
const MAX_BEGINNINGS = 8
/** Between two runs of a part in one alarm, so that one which is always due lets requests in. */
const REST_MS = 50

/** What it needs of `DurableObjectStorage`. */
export type AlarmStorage = Pick<DurableObjectStorage, 'getAlarm' | 'setAlarm'>

export interface PartAlarmOptions {
  readonly storage: AlarmStorage
  readonly clock: Clock
  /** The parts that do something by themselves, in the order in which they run; none once the object is erased. */
  readonly parts: () => readonly TenantPart[]
  /**
   * Lets parts run at the same time, each again as soon as it is due while others still run. They must bear that others
   * write between any two of their waits, as they bear requests.
   */
  readonly isSideBySide?: boolean
  readonly timer?: Timer
  readonly report: (error: unknown) => void
}

export class PartAlarm {
  readonly #options: PartAlarmOptions
  /** Has parts that run side by side looked at again. */
  #look: () => void = () => undefined

  constructor(options: PartAlarmOptions) {
    this.#options = options
  }

  /** Never throws: after six failures the platform would give the alarm up. */
  async run(): Promise<void> {
    const failed = new Map<TenantPart, number>()
    await (this.#options.isSideBySide === true ? this.#runSideBySide(failed) : this.#runInTurn(failed))
    await this.#armAfter(failed)
  }

  /** Sees to an alarm for the earliest part. */
  async arm(): Promise<void> {
    this.#look()
    await this.#armAfter(new Map())
  }

  async #runInTurn(failed: Map<TenantPart, number>): Promise<void> {
    const { clock, parts } = this.#options
    for (const part of parts()) {
      // A part may have erased the object, by itself or because the request that began it came to its end meanwhile.
      if (!parts().includes(part)) return
      if ((part.nextDueMs() ?? Infinity) <= clock()) await this.#runPart(part, failed)
    }
  }

  async #runSideBySide(failed: Map<TenantPart, number>): Promise<void> {
    const { clock, parts } = this.#options
    const lastBeginningMs = clock() + BEGINNING_MS
    const begun = new Map<TenantPart, number>()
    const restedMs = new Map<TenantPart, number>()
    const running = new Map<TenantPart, Promise<void>>()
    for (;;) {
      const nowMs = clock()
      let nextMs = Infinity
      for (const part of parts()) {
        const times = begun.get(part) ?? 0
        if (running.has(part)) continue
        if (part.isLong === true && (nowMs > lastBeginningMs || times >= MAX_BEGINNINGS)) continue
        const dueMs = Math.max(dueOf(part, failed), restedMs.get(part) ?? 0)
        if (dueMs > nowMs) nextMs = Math.min(nextMs, dueMs)
        // What has run already goes on in the next alarm, unless it would have to wait for another.
        else if (times === 0 || running.size > 0) {
          begun.set(part, times + 1)
          running.set(
            part,
            this.#runPart(part, failed).then(() => {
              running.delete(part)
              restedMs.set(part, clock() + REST_MS)
            }),
          )
        }
      }
      if (running.size === 0) return
      await this.#next([...running.values()], nextMs - nowMs)
    }
  }

  /** Until one of them ends, `waitMs` have passed, or something new may be due. */
  async #next(running: readonly Promise<void>[], waitMs: number): Promise<void> {
    const { timer = systemTimer } = this.#options
    let stop = (): void => undefined
    const other = new Promise<void>((resolve) => {
      this.#look = resolve
      if (waitMs < Infinity) stop = timer(Math.min(waitMs, RETRY_MS), resolve)
    })
    await Promise.race([...running, other])
    stop()
  }

  async #runPart(part: TenantPart, failed: Map<TenantPart, number>): Promise<void> {
    const { clock, report } = this.#options
    try {
      await part.run(clock())
      failed.delete(part)
    } catch (error) {
      report(error)
      failed.set(part, clock() + RETRY_MS)
    }
  }

  /** Those that have just failed wait a while. */
  async #armAfter(failed: ReadonlyMap<TenantPart, number>): Promise<void> {
    const { parts, storage } = this.#options
    // A part may say 0 for at once, which the platform takes for no time at all.
    const nextMs = Math.max(1, Math.min(...parts().map((part) => dueOf(part, failed))))
    if (nextMs === Infinity) return
    const alarmMs = await storage.getAlarm()
    if (alarmMs === null || alarmMs > nextMs) await storage.setAlarm(nextMs)
  }
}

const dueOf = (part: TenantPart, failed: ReadonlyMap<TenantPart, number>): number =>
  Math.max(part.nextDueMs() ?? Infinity, failed.get(part) ?? -Infinity)
