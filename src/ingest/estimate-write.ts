/** What a write would use, from documents that were begun and cut and went no further. */
import type { CollectionRecord } from '../catalog/records.ts'
import { utf8Length } from '../core/bytes.ts'
import { dollars } from '../tenancy/prices.ts'
import type { WriteEstimate } from './put-request.ts'
import { isOpen, type WriteItem } from './write-item.ts'
import { growthOf } from './write-quota.ts'

export function estimateWrite(items: readonly WriteItem[], collection: CollectionRecord): WriteEstimate {
  const written = items.filter(isOpen)
  const sumOf = (amount: (item: WriteItem) => number): number => written.reduce((sum, item) => sum + amount(item), 0)
  const chunks = sumOf((item) => item.chunks?.length ?? 0)
  const growth = written.map((item) => growthOf(item, collection, item.known))
  const embeddingTokens = growth.reduce((sum, amounts) => sum + amounts.embeddingTokens, 0)
  const spend = growth.reduce((sum, amounts) => sum + amounts.spend, 0)
  return {
    dryRun: true,
    documents: written.length,
    chunks,
    bytes: sumOf(({ document }) => utf8Length(document.source.text)),
    embeddingTokens,
    unchanged: items.filter(({ result }) => result?.status === 'unchanged').length,
    failed: items.filter(({ result }) => result?.status === 'failed').length,
    estimatedCost: { currency: 'USD', amount: dollars(spend) },
  }
}
