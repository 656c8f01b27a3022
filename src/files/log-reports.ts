/**
 * What the shards' logs say of documents that came from files. Every entry counts once, by its position: a report that
 * comes again, or begins earlier, changes nothing.
 */
import { isWorkId, jobOfWork } from '../core/ids.ts'
import { PROBLEMS, type ProblemCode } from '../core/problem.ts'
import type { ChangeReport, ReportedChange } from '../core/usage.ts'
import { costOfTokens, FORMER_MODEL } from '../tenancy/prices.ts'
import type { FileStore } from './file-store.ts'
import { CountSum } from './rows/documents.ts'
import type { DocumentRow, DocumentStatus, FileRow } from './rows/file-row.ts'

/** Codes of dropped work that was no failure. */
const ENDINGS: ReadonlyMap<string, DocumentStatus> = new Map([
  ['superseded', 'superseded'],
  ['unchanged', 'unchanged'],
  ['cancelled', 'cancelled'],
] as const)

/** Changes of one file that a report makes, written together at its end. */
interface Gathered {
  readonly sum: CountSum
  tokens: number
  tokenCost: number
  written: number
  code?: string
}

/** Answers the position up to which the shard's log is counted now. */
export function applyReport(store: FileStore, report: ChangeReport): number {
  return store.database.transaction(() => {
    const known = positionOf(store, report)
    // What lies between was pruned: nobody will ever tell of it.
    if (known !== undefined && report.after > known && report.baseline === undefined) return known
    const gathered = new Map<number, Gathered>()
    let position = Math.max(known ?? 0, report.after)
    for (const change of report.changes) {
      if (change.position <= position) continue
      position = change.position
      apply(store, report, change, gathered)
    }
    for (const [id, { sum, tokens, tokenCost, written, code }] of gathered) {
      const file = store.files.find(id)
      if (file === undefined || (sum.isNothing && tokens === 0 && written === 0)) continue
      store.files.update(id, {
        ...sum.appliedTo(file),
        tokens: file.tokens + tokens,
        token_cost: file.token_cost + tokenCost,
        written_chunks: file.written_chunks + written,
        ...(code === undefined || file.code !== null ? {} : faultOf(code)),
      })
    }
    store.database.run(
      'INSERT OR REPLACE INTO file_logs (collection_id, placement_epoch, shard, position) VALUES (?, ?, ?, ?)',
      report.collectionId,
      report.placementEpoch,
      report.shard,
      position,
    )
    return position
  })
}

/** A code with the sentence that stands for it. */
export const faultOf = (code: string): { readonly code: string; readonly detail: string } => ({
  code,
  detail: Object.hasOwn(PROBLEMS, code) ? PROBLEMS[code as ProblemCode].title : PROBLEMS.internal.title,
})

function positionOf(store: FileStore, { collectionId, placementEpoch, shard }: ChangeReport): number | undefined {
  return store.database.get<{ position: number }>(
    'SELECT position FROM file_logs WHERE collection_id = ? AND placement_epoch = ? AND shard = ?',
    collectionId,
    placementEpoch,
    shard,
  )?.position
}

function apply(
  store: FileStore,
  { collectionId, model = FORMER_MODEL }: ChangeReport,
  change: ReportedChange,
  gathered: Map<number, Gathered>,
): void {
  const { documentId, kind } = change
  if (documentId === undefined || kind === 'staged') return
  const file = fileOf(store, change.jobId)
  if (file !== undefined) {
    let part = gathered.get(file.id)
    if (part === undefined) gathered.set(file.id, (part = { sum: new CountSum(), tokens: 0, tokenCost: 0, written: 0 }))
    part.tokens += change.embeddingTokens
    part.tokenCost += costOfTokens(model, change.embeddingTokens)
    part.written += change.chunksWritten
    const row = store.documents.find(file.id, documentId)
    if (row !== undefined) settleDocument(store, file, row, change, part)
  }
  if (kind === 'dropped') return
  for (const row of store.documents.ofDocument(collectionId, documentId)) {
    if (row.file_id !== file?.id && isOvertaken(row, change)) loseDocument(store, row)
  }
}

function fileOf(store: FileStore, workId: string | undefined): FileRow | undefined {
  if (workId === undefined || !isWorkId(workId)) return undefined
  const jobId = jobOfWork(workId)
  return store.files.ofNumber(jobId, Number(workId.slice(jobId.length + 1)))
}

function settleDocument(
  { documents }: FileStore,
  file: FileRow,
  row: DocumentRow,
  { kind, code, version = 0 }: ReportedChange,
  part: Gathered,
): void {
  if (kind === 'created' || kind === 'replaced') {
    documents.change(file, row, { status: 'indexed', version }, part.sum)
  } else if (kind === 'dropped' && row.status === 'waiting') {
    const status = ENDINGS.get(code ?? '') ?? 'failed'
    documents.change(file, row, { status }, part.sum)
    if (status === 'failed') part.code ??= code ?? 'internal'
  }
}

/** Whether the change came after what the file made of the document. What still waits hears of its own end. */
function isOvertaken({ status, version }: DocumentRow, change: ReportedChange): boolean {
  if (status === 'waiting') return false
  return change.kind === 'deleted' ? (change.version ?? 0) >= version : (change.version ?? 0) > version
}

function loseDocument(store: FileStore, row: DocumentRow): void {
  store.documents.remove(row)
  const file = store.files.find(row.file_id)
  if (file !== undefined) store.lost(file)
}
