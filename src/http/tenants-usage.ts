/** What each tenant used, for operators: sums of the days that the ledgers have written to D1. */
import type { TenantUsage } from '../catalog/usage.ts'
import type { StoredAmounts, UsageCounts } from '../tenancy/ledger.ts'
import { costOf } from '../tenancy/prices.ts'
import { storageCosts } from '../tenancy/storage-costs.ts'

type Counted = UsageCounts & { readonly cost: number }

const NOTHING: Counted = {
  searches: 0,
  answers: 0,
  documentsWritten: 0,
  documentsDeleted: 0,
  chunksWritten: 0,
  bytesWritten: 0,
  embeddingTokens: 0,
  cost: 0,
}

export function tenantsUsage(
  { used, stored }: TenantUsage,
  range: { readonly fromDay: string; readonly toDay: string },
): {
  readonly rows: readonly (Counted & { tenant: string })[]
  readonly totals: Counted
  readonly stored: StoredAmounts
} {
  const usedBy = Map.groupBy(used, ({ tenant }) => tenant)
  const storedBy = Map.groupBy(stored, ({ tenant }) => tenant)
  const names = [...new Set([...usedBy.keys(), ...storedBy.keys()])].sort()
  const rows = names.map((tenant) => {
    const counts = (usedBy.get(tenant) ?? []).map((day) => ({ ...day, cost: costOf(day) })).reduce(sum, NOTHING)
    const kept = [...storageCosts(storedBy.get(tenant) ?? [], range).day.values()].reduce((a, b) => a + b, 0)
    return { tenant, ...counts, cost: counts.cost + kept }
  })
  return { rows, totals: rows.reduce(sum, NOTHING), stored: lastOf(stored) }
}

/** What the last row of each collection says. */
function lastOf(stored: TenantUsage['stored']): StoredAmounts {
  const last = new Map(stored.map((row) => [row.collectionId, row]))
  return [...last.values()].reduce<StoredAmounts>(
    (total, { documents, chunks, bytes }) => ({
      documents: total.documents + documents,
      chunks: total.chunks + chunks,
      bytes: total.bytes + bytes,
    }),
    { documents: 0, chunks: 0, bytes: 0 },
  )
}

const sum = (a: Counted, b: Counted): Counted => ({
  searches: a.searches + b.searches,
  answers: a.answers + b.answers,
  documentsWritten: a.documentsWritten + b.documentsWritten,
  documentsDeleted: a.documentsDeleted + b.documentsDeleted,
  chunksWritten: a.chunksWritten + b.chunksWritten,
  bytesWritten: a.bytesWritten + b.bytesWritten,
  embeddingTokens: a.embeddingTokens + b.embeddingTokens,
  cost: a.cost + b.cost,
})
