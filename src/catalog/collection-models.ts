/** Which model a collection was built with, for work in the background, that asks again and again. */
import type { Clock } from '../core/clock.ts'
import type { TenantUid } from '../core/ids.ts'
import { Problem } from '../core/problem.ts'
import type { EmbeddingModel } from '../models/model.ts'
import type { Collections } from './collections.ts'

/** After it another key or address of a provider holds; as long as any change of the control plane takes. */
const TRUSTED_MS = 10_000
const MAX_KEPT = 1_000

interface Kept {
  readonly model: EmbeddingModel
  readonly readAtMs: number
}

/** One per isolate. Only values are shared between requests, never a read under way. */
export class CollectionModels {
  readonly #collections: Pick<Collections, 'find'>
  readonly #clock: Clock
  readonly #kept = new Map<string, Kept>()

  constructor(collections: Pick<Collections, 'find'>, clock: Clock) {
    this.#collections = collections
    this.#clock = clock
  }

  /** @throws collection_gone; overloaded when D1 does not answer */
  async modelOf(tenantUid: string, collectionId: string): Promise<EmbeddingModel> {
    const nowMs = this.#clock()
    const kept = this.#kept.get(collectionId)
    if (kept !== undefined && nowMs >= kept.readAtMs && nowMs - kept.readAtMs < TRUSTED_MS) return kept.model
    this.#kept.delete(collectionId)
    const collection = await this.#collections.find(tenantUid as TenantUid, collectionId)
    if (collection === undefined) throw new Problem('collection_gone')
    const { model } = collection.generation
    if (this.#kept.size >= MAX_KEPT) this.#kept.clear()
    this.#kept.set(collectionId, { model, readAtMs: nowMs })
    return model
  }
}
