/** A share of a quota that an isolate may use up, and what was done under it; and counts of reads and of tokens by whom and where. */
import type { CollectionId } from '../../core/ids.ts'
import type { ModelCount, ReadCount, ReadLeaseRequest } from '../ledger.ts'

/** A request that shows no end so long after its lease did was cancelled. */
const LOST_READ_MS = 60_000

const NOTHING_READ = { requests: 0, tokens: 0, cost: 0, quotaTokens: 0 }

/** What was done and not told yet, by collection, key and day, and what models read for it. */
export class ReadCounts {
  readonly #counts = new Map<string, ReadCount>()
  readonly #models = new Map<string, ModelCount>()

  add(collectionId: CollectionId, keyId: string, day: string, meter: ReadLeaseRequest['meter']): void {
    this.put({ collectionId, keyId, day, searches: 0, answers: 0, [meter]: 1 })
  }

  put(count: ReadCount): void {
    const id = `${count.collectionId}/${count.keyId}/${count.day}`
    const { searches, answers } = this.#counts.get(id) ?? { searches: 0, answers: 0 }
    this.#counts.set(id, { ...count, searches: count.searches + searches, answers: count.answers + answers })
  }

  addModel(count: ModelCount): void {
    const { collectionId = '', keyId, day, model } = count
    const id = `${collectionId}/${keyId}/${day}/${model}`
    const { requests, tokens, cost, quotaTokens } = this.#models.get(id) ?? NOTHING_READ
    this.#models.set(id, {
      ...count,
      requests: count.requests + requests,
      tokens: count.tokens + tokens,
      cost: count.cost + cost,
      quotaTokens: count.quotaTokens + quotaTokens,
    })
  }

  takeModels(): ModelCount[] {
    const all = [...this.#models.values()]
    this.#models.clear()
    return all
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
