/** A share of a quota that an isolate may use up, and what was done under it; and counts of reads by whom and where. */
import type { CollectionId } from '../../core/ids.ts'
import type { ReadCount, ReadLeaseRequest } from '../ledger.ts'

/** A request that shows no end so long after its lease did was cancelled. */
const LOST_READ_MS = 60_000

/** Reads that were done and not told yet, by collection, key and day. */
export class ReadCounts {
  readonly #counts = new Map<string, ReadCount>()

  add(collectionId: CollectionId, keyId: string, day: string, meter: ReadLeaseRequest['meter']): void {
    this.put({ collectionId, keyId, day, searches: 0, answers: 0, [meter]: 1 })
  }

  put(count: ReadCount): void {
    const id = `${count.collectionId}/${count.keyId}/${count.day}`
    const { searches, answers } = this.#counts.get(id) ?? { searches: 0, answers: 0 }
    this.#counts.set(id, { ...count, searches: count.searches + searches, answers: count.answers + answers })
  }

  takeAll(): ReadCount[] {
    const all = [...this.#counts.values()]
    this.#counts.clear()
    return all
  }
}

export class OpenLease {
  readonly id: string
  readonly counts = new ReadCounts()
  readonly #expiresAtMs: number
  #endsMs: number
  #free: number
  #underWay = 0

  constructor({
    id,
    count,
    expiresAtMs,
  }: {
    readonly id: string
    readonly count: number
    readonly expiresAtMs: number
  }) {
    this.id = id
    this.#free = count
    this.#expiresAtMs = expiresAtMs
    this.#endsMs = expiresAtMs
  }

  get isSpent(): boolean {
    return this.#free === 0
  }

  /** Begins one read under the lease, where it allows one more. */
  take(nowMs: number): boolean {
    if (this.#free === 0 || nowMs >= this.#endsMs) return false
    this.#free--
    this.#underWay++
    return true
  }

  /** A read came to its end. */
  use(): void {
    this.#underWay--
  }

  /** A read failed: another may be done instead. */
  giveBack(): void {
    this.#underWay--
    this.#free++
  }

  /** Allows nothing more. Whether it can be reported as ended: nothing is under way, or only what was cancelled long ago. */
  end(nowMs: number): boolean {
    this.#endsMs = -Infinity
    return this.#underWay === 0 || nowMs >= this.#expiresAtMs + LOST_READ_MS
  }
}
