/** What each tenant used, for operators: sums of the days that the ledgers have written to D1. */
import type { TenantUsage } from '../catalog/usage.ts'
import { addUsage, NO_USAGE } from '../tenancy/ledger.ts'
import type { StoredAmounts, UsageCounts } from '../tenancy/ledger.ts'
import { costOf } from '../tenancy/prices.ts'
import { storageCosts } from '../tenancy/storage-costs.ts'

type Counted = UsageCounts & { readonly cost: number }

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
    const counts = (usedBy.get(tenant) ?? []).reduce<UsageCounts>(addUsage, NO_USAGE)
    const kept = [...storageCosts(storedBy.get(tenant) ?? [], range).day.values()].reduce((a, b) => a + b, 0)
    return { tenant, ...counts, cost: costOf(counts) + kept }
  })
  const totals = {
    ...rows.reduce<UsageCounts>(addUsage, NO_USAGE),
    cost: rows.reduce((sum, { cost }) => sum + cost, 0),
  }
  return { rows, totals, stored: lastOf(stored) }
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
