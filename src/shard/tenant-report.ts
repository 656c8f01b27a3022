/**
 * Readers of the change log that are told what changed, entry by entry: the tenant's object, and the files object where the
 * shard has work of files. Each counts every entry exactly once by its position. The receiver says how far it got, and the next report goes on from there, whatever this side thought.
 */
import type { CollectionId, TenantUid } from '../core/ids.ts'
import { Problem } from '../core/problem.ts'
import type { Amounts, ChangeReport, ReportedChange } from '../core/usage.ts'
import type { LoggedChange } from './change-log.ts'
import type { ShardState } from './shard-state.ts'

export const TENANT_READER = 'tenant'
/** Entries in one report; a transaction that alone has more is told in several. */
const REPORT_ENTRIES = 200

/** Answers the position up to which the receiver now knows the shard's log. */
export type ReportChanges = (report: ChangeReport) => Promise<number>

/** Whether entries wait for the reader. */
export const isReportBehind = (state: ShardState, reader: string): boolean =>
  state.log.readerPosition(reader) < state.log.position()

/**
 * Sends one report; false when there was nothing to tell.
 * @throws overloaded when the receiver did not move; what `reportChanges` throws. The position is then unchanged
 */
export async function reportNext(state: ShardState, reader: string, reportChanges: ReportChanges): Promise<boolean> {
  const known = state.log.readerPosition(reader)
  const entries = wholeTransactions(state.log.after(known, REPORT_ENTRIES + 1))
  const [first] = entries
  if (first === undefined) return false
  const { tenantUid, collectionId, placementEpoch, shard, profileId, pricePerMillionTokens = 0 } = state.setup
  // Entries that nobody will ever be told of again are made up for by what was stored after them.
  const isCut = first.seq > known + 1
  const held = await reportChanges({
    tenantUid: tenantUid as TenantUid,
    collectionId: collectionId as CollectionId,
    placementEpoch,
    shard,
    after: first.seq - 1,
    ...(isCut ? { baseline: storedAt(state, first.seq - 1) } : {}),
    model: { id: profileId, pricePerMillionTokens },
    changes: entries.map(reportedChange),
  })
  if (held === known) throw new Problem('overloaded', 'the report was not taken')
  state.database.transaction(() => state.log.advanceReader(reader, held))
  return true
}

/** At most `REPORT_ENTRIES` of the entries, and no transaction in part unless it is the first. */
function wholeTransactions(entries: readonly LoggedChange[]): readonly LoggedChange[] {
  if (entries.length <= REPORT_ENTRIES) return entries
  const cut = entries[REPORT_ENTRIES]?.batch
  const end = entries.findIndex(({ batch }) => batch !== null && batch === cut)
  return entries.slice(0, end > 0 ? end : REPORT_ENTRIES)
}

/** What is stored now less what the entries after `position` changed. */
function storedAt(state: ShardState, position: number): NonNullable<ChangeReport['baseline']> {
  const since = state.log.sumsAfter(position)
  const { documentCount, chunkCount, textBytes } = state.directory
  return {
    documents: documentCount - since.documents,
    chunks: chunkCount - since.chunks,
    bytes: textBytes - since.bytes,
  }
}

function reportedChange(entry: LoggedChange): ReportedChange {
  return {
    position: entry.seq,
    // What only settled items of a job neither stores nor holds anything. What an earlier release wrote counts as stored,
    // not as written: its entries do not say how much it was.
    kind: entry.kind === 'job' || entry.batch === null ? 'dropped' : entry.kind,
    atMs: entry.at,
    keyId: entry.key_id,
    ...(entry.id === null ? {} : { documentId: entry.id }),
    ...(entry.version === null ? {} : { version: entry.version }),
    ...(entry.job === null ? {} : { jobId: entry.job }),
    ...(entry.code === null ? {} : { code: entry.code }),
    documents: entry.documents,
    chunks: entry.chunks,
    bytes: entry.bytes,
    chunksWritten: entry.chunks_written,
    bytesWritten: entry.bytes_written,
    embeddingTokens: entry.embedding_tokens,
    held: entry.held === null ? {} : (JSON.parse(entry.held) as Amounts),
    ...(entry.reservation === null ? {} : { reservation: entry.reservation }),
  }
}
