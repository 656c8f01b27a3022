/**
 * The one place where long-lived bytes are held: model weights and the resident parts of indexes. It is module-level, so
 * that all objects that share an isolate share one budget, and it is never an instance field of a Durable Object.
 * Entries are evicted least recently used first; a pinned entry (a model in use) is evicted last.
 */
import { MAX_RESIDENT_BYTES } from './limits.ts'

interface Resident {
  readonly value: unknown
  bytes: number
  readonly isPinned: boolean
}

/** A cache of rebuildable values under one byte budget. Iteration order of the map is the order of use. */
export class ResidentMemory {
  readonly #budgetBytes: number
  readonly #residents = new Map<string, Resident>()
  #heldBytes = 0
  #peakBytes = 0

  constructor(budgetBytes: number) {
    this.#budgetBytes = budgetBytes
  }

  get heldBytes(): number {
    return this.#heldBytes
  }

  get peakBytes(): number {
    return this.#peakBytes
  }

  get budgetBytes(): number {
    return this.#budgetBytes
  }

  /** Returns the value and marks it as just used. */
  get<T>(key: string): T | undefined {
    const resident = this.#residents.get(key)
    if (resident === undefined) return undefined
    this.#residents.delete(key)
    this.#residents.set(key, resident)
    return resident.value as T
  }

  /**
   * Holds `value`, counted as `bytes`; evicts others, oldest use first, until the budget holds. The value itself stays even
   * where it alone is above the budget: its owner needs it now.
   */
  set(key: string, value: unknown, bytes: number, options: { readonly isPinned?: boolean } = {}): void {
    this.delete(key)
    this.#residents.set(key, { value, bytes, isPinned: options.isPinned ?? false })
    this.#heldBytes += bytes
    this.#evict(key)
    this.#peakBytes = Math.max(this.#peakBytes, this.#heldBytes)
  }

  /** Corrects the size of a value that grew or shrank in place; does nothing when it was evicted meanwhile. */
  resize(key: string, bytes: number): void {
    const resident = this.#residents.get(key)
    if (resident === undefined) return
    this.#heldBytes += bytes - resident.bytes
    resident.bytes = bytes
    this.#evict(key)
    this.#peakBytes = Math.max(this.#peakBytes, this.#heldBytes)
  }

  delete(key: string): void {
    const resident = this.#residents.get(key)
    if (resident === undefined) return
    this.#heldBytes -= resident.bytes
    this.#residents.delete(key)
  }

  /** Drops every entry whose key starts with `prefix`, such as everything of one shard. */
  deletePrefix(prefix: string): void {
    for (const key of this.#residents.keys()) if (key.startsWith(prefix)) this.delete(key)
  }

  #evict(keep: string): void {
    for (const isPinned of [false, true]) {
      for (const [key, resident] of this.#residents) {
        if (this.#heldBytes <= this.#budgetBytes) return
        if (key !== keep && resident.isPinned === isPinned) this.delete(key)
      }
    }
  }
}

/** The isolate's own. */
export const residentMemory = new ResidentMemory(MAX_RESIDENT_BYTES)
