/**
 * What pending work holds of its tenant's allowance. For every document, the applied version's size and what its pending
 * writes hold, summed up to any one of them, is at least that one's size: so whichever of them are applied, fail or are
 * cancelled, what is stored never grows beyond what was counted before.
 */
import type { Amounts, Meter } from '../core/usage.ts'
import type { DocumentRow } from './document-store.ts'
import type { PendingRow } from './pending-store.ts'
import type { VersionSize } from './shard-api.ts'
import type { ShardState } from './shard-state.ts'

/** `a + sign · b`, without zeros. */
export function addAmounts(a: Amounts, b: Amounts, sign: 1 | -1 = 1): Amounts {
  const sum: Partial<Record<Meter, number>> = { ...a }
  for (const [meter, amount] of Object.entries(b) as [Meter, number][]) sum[meter] = (sum[meter] ?? 0) + sign * amount
  return Object.fromEntries(Object.entries(sum).filter(([, amount]) => amount !== 0))
}

export const heldBy = (row: PendingRow): Amounts => (row.held === null ? {} : (JSON.parse(row.held) as Amounts))

export function sizeOf(row: PendingRow | DocumentRow): VersionSize {
  const { bytes, tokens } = row
  return { chunks: 'chunk_count' in row ? row.chunk_count : row.chunks, bytes, tokens }
}

/** The version that a write with this place in the order would replace if all before it were applied. */
export function basisOf(state: ShardState, id: string, sequence: number): VersionSize | undefined {
  const row = state.pending.earlier(id, sequence).at(-1) ?? state.documents.find(id)
  return row && sizeOf(row)
}

/** Whether `reserved` covers what a version of this size adds to the one that it would replace. */
export function isCovered(reserved: Amounts, size: VersionSize, basis: VersionSize | undefined): boolean {
  const growth = addAmounts(stored(size), stored(basis), -1)
  return STORED.every((meter) => (growth[meter] ?? 0) <= (reserved[meter] ?? 0))
}

/**
 * Makes pending writes of one document hold what they lack after the version before them has changed or one of them has
 * gone; `rows` in order of acceptance. Returns what was added, for the log entry of that change. Never more than what the
 * change itself set free. Inside the caller's transaction.
 */
export function topUp(state: ShardState, rows: readonly PendingRow[], applied: VersionSize | undefined): Amounts {
  let added: Amounts = {}
  let reached = stored(applied)
  for (const row of rows) {
    // Work of a tenant without limits holds nothing.
    if (row.held === null) continue
    reached = addAmounts(reached, heldBy(row))
    const size = stored(sizeOf(row))
    const lacking = Object.fromEntries(
      STORED.map((meter) => [meter, Math.max(0, (size[meter] ?? 0) - (reached[meter] ?? 0))]),
    )
    const missing = addAmounts({}, lacking)
    if (Object.keys(missing).length === 0) continue
    state.pending.hold(row.sequence, addAmounts(heldBy(row), missing))
    reached = addAmounts(reached, missing)
    added = addAmounts(added, missing)
  }
  return added
}

const STORED = ['documents', 'chunks', 'storedBytes'] as const

const stored = (size: VersionSize | undefined): Amounts =>
  size === undefined ? {} : { documents: 1, chunks: size.chunks, storedBytes: size.bytes }
