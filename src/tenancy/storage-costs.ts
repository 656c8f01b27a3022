/** What keeping documents costs, from rows that stand only for the days on which something changed. */
import { DAY_MS, dayOf } from './ledger/windows.ts'
import { storageCostOfDay } from './prices.ts'

/** What a collection held on a day, and on every day after it until its next row. */
export interface StoredDay {
  readonly collectionId: string
  readonly day: string
  readonly chunks: number
  readonly bytes: number
}

export interface StorageCosts {
  readonly day: ReadonlyMap<string, number>
  readonly collection: ReadonlyMap<string, number>
}

/** Nano-dollars by day and by collection, from the first day to the last one, both included. Rows by collection and day. */
export function storageCosts(
  rows: readonly StoredDay[],
  { fromDay, toDay }: { readonly fromDay: string; readonly toDay: string },
): StorageCosts {
  const day = new Map<string, number>()
  const collection = new Map<string, number>()
  for (const [index, row] of rows.entries()) {
    const cost = storageCostOfDay(row)
    if (cost === 0) continue
    const next = rows[index + 1]
    const endMs = next?.collectionId === row.collectionId ? Date.parse(next.day) : Date.parse(toDay) + DAY_MS
    for (let timeMs = Math.max(Date.parse(row.day), Date.parse(fromDay)); timeMs < endMs; timeMs += DAY_MS) {
      raise(day, dayOf(timeMs), cost)
      raise(collection, row.collectionId, cost)
    }
  }
  return { day, collection }
}

function raise(sums: Map<string, number>, key: string, amount: number): void {
  sums.set(key, (sums.get(key) ?? 0) + amount)
}
