/** Ends of pending work without a version of its own: superseded, failed, cancelled. */
import type { ProblemCode } from '../core/problem.ts'
import { addAmounts, heldBy, sizeOf, topUp } from './held-amounts.ts'
import type { PendingRow } from './pending-store.ts'
import type { ItemStatus } from './file-work-api.ts'
import type { LogWriter, ShardState } from './shard-state.ts'

export interface Ending {
  readonly status: Extract<ItemStatus, 'superseded' | 'failed' | 'cancelled' | 'unchanged'>
  readonly code?: ProblemCode
  /** Of vectors that were made for it all the same. */
  readonly embeddingTokens?: number
}

/**
 * Removes pending writes of one document, settles their jobs' items and logs that they hold nothing any more; inside the
 * caller's transaction.
 */
export function dropPending(
  state: ShardState,
  writer: LogWriter,
  rows: readonly PendingRow[],
  { status, code, embeddingTokens = 0 }: Ending,
): void {
  const { documents, jobs, pending } = state
  for (const { id, job, sequence } of rows) {
    pending.remove(sequence)
    jobs.set(job, id, status, state.clock(), code)
  }
  for (const [index, row] of rows.entries()) {
    const { id, job, sequence, version, key_id: keyId } = row
    const applied = documents.find(id)
    const added = index === 0 ? topUp(state, pending.ofDocument(id), applied && sizeOf(applied)) : {}
    writer.append({
      kind: 'dropped',
      sequence,
      id,
      version,
      embeddingTokens,
      held: addAmounts(added, heldBy(row), -1),
      code: code ?? status,
      keyId,
      job,
    })
  }
}

/** Settles the document's pending writes that were accepted before `sequence`: they can never be applied any more. */
export function supersedeEarlier(state: ShardState, writer: LogWriter, id: string, sequence: number): void {
  dropPending(state, writer, state.pending.earlier(id, sequence), { status: 'superseded' })
}
