/** One document on its way through a write, and what the answers of its shard make of it. */
import { PROBLEMS, type ProblemCode } from '../core/problem.ts'
import type { BeginResult, CommitResult, Ticket, VersionSize } from '../shard/shard-api.ts'
import type { CutChunk } from './prepare-chunks.ts'
import type { DocumentResult } from './put-request.ts'
import type { AcceptedDocument } from './source-document.ts'
import type { Reserved } from './write-quota.ts'

/** One `stage` call holds this much, or one document. */
const STAGE_BYTES = 8_000_000
/** Documents in one `begin` or `stage` call: a shard does nothing else meanwhile, and searches wait behind it. */
export const DOCUMENTS_PER_CALL = 50

/** One document on its way; settled once it has a result. */
export interface WriteItem {
  readonly document: AcceptedDocument
  readonly shard: number
  readonly ifMatch?: string
  result?: DocumentResult
  ticket?: Ticket
  chunks?: readonly CutChunk[]
  /** The document with its chunks as a message. */
  bytes?: number
  /** Chunks that its shard has room for. */
  room?: number
  /** Vectors that the current version has already. */
  known?: ReadonlySet<string>
  /** The version that it would replace. */
  current?: VersionSize | undefined
  /** Where the tenant's writes are limited. */
  reserved?: Reserved
  attempts: number
}

export const isOpen = (item: WriteItem): boolean => item.result === undefined

export function applyBegin(item: WriteItem, answer: BeginResult): void {
  const { id } = item.document.source
  if (answer.status === 'refused') return settleFailed(item, answer.code)
  if (answer.status === 'unchanged') {
    item.result = { id, status: 'unchanged', chunks: answer.chunks, version: answer.version }
    return
  }
  item.ticket = answer.ticket
  item.known = new Set(answer.knownVectorKeys)
  item.room = answer.room
  item.current = answer.current
}

export function applyCommit(item: WriteItem, outcome: CommitResult): void {
  const { id } = item.document.source
  if (outcome.status === 'retry') {
    delete item.ticket
  } else if (outcome.status === 'failed') {
    settleFailed(item, outcome.code, outcome.detail)
  } else {
    const { chunks, version } = outcome
    // A superseded write was accepted and has its version; a later one is what readers see.
    const status = outcome.status === 'superseded' ? (version === 1 ? 'created' : 'replaced') : outcome.status
    item.result = { id, status, chunks, version }
  }
}

export function settleFailed(item: WriteItem, code: ProblemCode, detail: string = PROBLEMS[code].title): void {
  item.result = { id: item.document.source.id, status: 'failed', chunks: 0, version: 0, error: { code, detail } }
}

/** What is done counts as `unchanged` in a job: nothing remains to do. */
export function settledItem({ result }: WriteItem): { id: string; status: 'unchanged' | 'failed'; code?: string }[] {
  if (result === undefined) return []
  const { id, status, error } = result
  return status === 'failed' ? [{ id, status, code: error?.code ?? 'internal' }] : [{ id, status: 'unchanged' }]
}

/** Cuts items into runs of at most `STAGE_BYTES` and `DOCUMENTS_PER_CALL`, or of one item. */
export function parts(items: readonly WriteItem[]): WriteItem[][] {
  const runs: WriteItem[][] = []
  let held = Infinity
  for (const item of items) {
    const bytes = isOpen(item) ? (item.bytes ?? 0) : 0
    if (held + bytes > STAGE_BYTES || runs.at(-1)?.length === DOCUMENTS_PER_CALL) {
      runs.push([])
      held = 0
    }
    held += bytes
    runs.at(-1)?.push(item)
  }
  return runs
}
