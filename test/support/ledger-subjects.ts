/** Whose ledger tests look at, and what it counts. */
import type { CollectionId, TenantUid } from '../../src/core/ids.ts'
import type { PricedModel } from '../../src/core/usage.ts'

export const TENANT = 'ten_model' as TenantUid
export const COLLECTIONS = ['col_a', 'col_b'] as CollectionId[]
/** Of the collections, in their order: one inside the Worker, one with a price that is no whole number. */
export const MODELS: readonly [PricedModel, PricedModel] = [
  { id: 'edge-en', pricePerMillionTokens: 0 },
  { id: 'bge-m3', pricePerMillionTokens: 0.0118 },
]
