/** Ends of pending work without a version of its own: superseded, failed, cancelled. */
import type { ProblemCode } from '../core/problem.ts'
import { addAmounts, heldBy, sizeOf, topUp } from './held-amounts.ts'
import type { PendingRow } from './pending-store.ts'
import type { ItemStatus } from './shard-api.ts'
import type { LogWriter, ShardState } from './shard-state.ts'

export interface Ending {
  readonly status: Extract<ItemStatus, 'superseded' | 'failed' | 'cancelled' | 'unchanged'>
  readonly code?: ProblemCode
  /** Of vectors that were made for it all the same. */
  readonly embeddingTokens?: number
}

/** Removes the pending write, settles its job's item and logs that it holds nothing any more; inside the caller's transaction. */
export function dropPending(state: ShardState, writer: LogWriter, row: PendingRow, ending: Ending): void {
  const { documents, jobs, pending } = state
  const { id, job, sequence, version, key_id: keyId } = row
  const { status, code } = ending
  pending.remove(sequence)
  jobs.set(job, id, status, state.clock(), code)
  const applied = documents.find(id)
  const added = topUp(state, pending.ofDocument(id), applied && sizeOf(applied))
  writer.append({
    kind: 'dropped',
    sequence,
    id,
    version,
    embeddingTokens: ending.embeddingTokens ?? 0,
    held: addAmounts(added, heldBy(row), -1),
    code: code ?? status,
    keyId,
    job,
  })
}

/** Settles the document's pending writes that were accepted before `sequence`: they can never be applied any more. */
export function supersedeEarlier(state: ShardState, writer: LogWriter, id: string, sequence: number): void {
  for (const row of state.pending.earlier(id, sequence)) dropPending(state, writer, row, { status: 'superseded' })
}
