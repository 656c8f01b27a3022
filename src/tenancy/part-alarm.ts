/**
 * The alarm of an object that is made of parts: runs those that are due, one after another, and sees to it that the next
 * alarm comes for the earliest. A part that fails is tried again later and stands in nobody's way.
 */
import type { Clock } from '../core/clock.ts'
import type { TenantPart } from './tenant-part.ts'

/** A part that failed is tried again after this long. */
const RETRY_MS = 30_000

/** What it needs of `DurableObjectStorage`. */
export type AlarmStorage = Pick<DurableObjectStorage, 'getAlarm' | 'setAlarm'>

export interface PartAlarmOptions {
  readonly storage: AlarmStorage
  readonly clock: Clock
  /** The parts that do something by themselves, in the order in which they run; none once the object is erased. */
  readonly parts: () => readonly TenantPart[]
  readonly report: (error: unknown) => void
}

export class PartAlarm {
  readonly #options: PartAlarmOptions

  constructor(options: PartAlarmOptions) {
    this.#options = options
  }

  /** Never throws: after six failures the platform would give the alarm up. */
  async run(): Promise<void> {
    const { clock, parts, report } = this.#options
    const failed = new Set<TenantPart>()
    for (const part of parts()) {
      // A part may have erased the object, by itself or because the request that began it came to its end meanwhile.
      if (!parts().includes(part)) return
      if ((part.nextDueMs() ?? Infinity) > clock()) continue
      try {
        await part.run(clock())
      } catch (error) {
        report(error)
        failed.add(part)
      }
    }
    await this.arm(failed)
  }

  /** Sees to an alarm for the earliest part; those that have just failed wait a while. */
  async arm(failed: ReadonlySet<TenantPart> = new Set()): Promise<void> {
    const { clock, parts, storage } = this.#options
    const retryMs = clock() + RETRY_MS
    const due = parts().map((part) => {
      const dueMs = part.nextDueMs() ?? Infinity
      return failed.has(part) ? Math.max(dueMs, retryMs) : dueMs
    })
    // A part may say 0 for at once, which the platform takes for no time at all.
    const nextMs = Math.max(1, Math.min(...due))
    if (nextMs === Infinity) return
    const alarmMs = await storage.getAlarm()
    if (alarmMs === null || alarmMs > nextMs) await storage.setAlarm(nextMs)
  }
}
