/**
 * Accepting writes: begin, commit, stage, delete, cancel. Each method runs to completion without waiting (deletion by
 * filter in slices), so that what it checked still holds when it writes. The rules of order are those of the write
 * promise: the later sequence number wins, whatever finishes first.
 */
import { utf8Length } from '../core/bytes.ts'
import { isWorkId } from '../core/ids.ts'
import { Problem } from '../core/problem.ts'
import { type FilteredDocument, matches } from '../metadata/evaluate-filter.ts'
import type { Filter } from '../metadata/filter.ts'
import { applyDocument, knownVectors, removeFromIndexes, resolveVectors, roomFor } from './apply-document.ts'
import type { DocumentRow } from './document-store.ts'
import type { DeleteContext, DeleteSelection } from './write-context.ts'
import { startFileReader } from './file-work.ts'
import { etagOf, matchesEtag } from './etag.ts'
import { addAmounts, basisOf, isCovered, sizeOf } from './held-amounts.ts'
import { dropPending, supersedeEarlier } from './settle-pending.ts'
import { asFiltered, isOutside, type PendingRow } from './pending-store.ts'
import type {
  BeginItem,
  BeginResult,
  CommitResult,
  PreparedDocument,
  StageRequest,
  StageResult,
  Ticket,
  WriteContext,
} from './shard-api.ts'
import { requireSpace, requireWritable } from './shard-setup.ts'
import type { ShardState } from './shard-state.ts'

/** Documents deleted in one transaction, so that searches get their turn in between. */
const DELETE_SLICE = 200

/** What a document must be like to be deleted. */
interface DeleteCondition {
  readonly filter: Filter | undefined
  readonly versions: ReadonlyMap<string, number | undefined> | undefined
}

export class ShardWrites {
  readonly #state: ShardState

  constructor(state: ShardState) {
    this.#state = state
  }

  begin(items: readonly BeginItem[], context: WriteContext): BeginResult[] {
    this.#state.adopt(context.chosen)
    requireSpace(this.#state.setup, context.space)
    return items.map((item) => this.#begin(item, context))
  }

  #begin(item: BeginItem, context: WriteContext): BeginResult {
    const { documents, pending, tickets, tombstones } = this.#state
    const applied = documents.find(item.id)
    const waiting = pending.latest(item.id)
    const refusal = refuse(item, applied, waiting, context, item.ifMatch)
    if (refusal !== undefined) return { status: 'refused', code: refusal }
    const inFlight = tickets.latest(item.id)
    const done = applied?.version ?? tombstones.find(item.id)?.version ?? 0
    const last = Math.max(done, waiting?.version ?? 0, inFlight?.version ?? 0)
    if (applied?.version === last && applied.content_hash === item.contentHash) {
      return { status: 'unchanged', version: applied.version, chunks: applied.chunk_count }
    }
    // The same write, sent again while the first one is under way, is the same version.
    const isUnderWay =
      last > done &&
      (inFlight?.version === last
        ? inFlight.contentHash === item.contentHash
        : waiting?.content_hash === item.contentHash)
    const latest = waiting ?? applied
    const current = latest && sizeOf(latest)
    const known = applied === undefined ? [] : [...knownVectors(this.#state, applied).keys()]
    return {
      status: 'accepted',
      ticket: tickets.issue(item, isUnderWay ? last : last + 1),
      knownVectorKeys: known,
      room: roomFor(this.#state, applied),
      ...(current && { current }),
    }
  }

  /** Uses the ticket up, whatever comes of it. */
  commit(document: PreparedDocument, context: WriteContext): CommitResult {
    const { source, chunks, ticket } = document
    const { sequence, version } = ticket
    try {
      this.#state.adopt(context.chosen)
      requireWritable(this.#state.setup, context.space)
      const applied = this.#state.documents.find(source.id)
      if (applied?.version === version && applied.content_hash === source.contentHash) {
        // This very commit, whose reply was lost, or the same write through another request.
        const status = applied.version === 1 ? 'created' : 'replaced'
        return { status, version: applied.version, chunks: applied.chunk_count, sequence: applied.position }
      }
      if (!this.#isGood(document, context)) return { status: 'retry' }
      const { vectors, missing, embeddingTokens } = resolveVectors(this.#state, source.id, chunks)
      if (missing.length > 0) return { status: 'retry' }
      const { keyId } = context
      const reservation = reservationOf(context)
      return applyDocument(
        this.#state,
        { source, chunks, sequence, version, keyId, embeddingTokens, reservation },
        vectors,
      )
    } finally {
      this.release([ticket])
    }
  }

  /** Gives up tickets that will not be committed, so that their versions are free again. */
  release(tickets: readonly Ticket[]): void {
    for (const { epoch, sequence } of tickets) {
      if (epoch === this.#state.tickets.epoch) this.#state.tickets.release(sequence)
    }
  }

  stage(request: StageRequest, context: WriteContext): StageResult {
    const { jobs, pending } = this.#state
    const { jobId } = request
    this.#state.adopt(context.chosen)
    requireWritable(this.#state.setup, context.space)
    const isStaged = ({ ticket, source }: PreparedDocument): boolean => {
      const row = pending.find(ticket.sequence)
      return row?.job === jobId && row.id === source.id
    }
    const fresh = request.documents.filter((document) => !isStaged(document))
    if (!fresh.every((document) => this.#isGood(document, context))) {
      this.release(fresh.map(({ ticket }) => ticket))
      return { status: 'retry' }
    }
    this.#state.transaction((writer) => {
      const now = this.#state.clock()
      const { keyId, filter, mayWriteAcl } = context
      const reservation = reservationOf(context)
      if (isWorkId(jobId)) startFileReader(this.#state)
      for (const { source, chunks, ticket, reserved } of fresh) {
        const { sequence, version } = ticket
        const held = reservation === undefined ? undefined : addAmounts({}, reserved)
        pending.add({ sequence, version, job: jobId, keyId, filter, mayWriteAcl, source, chunks, held }, now)
        jobs.set(jobId, source.id, 'queued', now)
        writer.append({
          kind: 'staged',
          sequence,
          id: source.id,
          version,
          ...(held && { held }),
          reservation,
          keyId,
          job: jobId,
        })
      }
      for (const { id, status, code } of request.settled) jobs.set(jobId, id, status, now, code)
      const failed = request.settled.filter(({ status }) => status === 'failed')
      for (const { id, code } of failed)
        writer.append({ kind: 'dropped', id, ...(code && { code }), keyId, job: jobId })
      // Whoever counts the job's items hears of them.
      if (fresh.length + failed.length === 0) writer.append({ kind: 'job', job: jobId, keyId })
      return { result: undefined }
    })
    this.release(fresh.map(({ ticket }) => ticket))
    return { status: 'staged' }
  }

  /**
   * Whether a ticket is still good and `begin` would not refuse the write now: between the two, other writes may have
   * been accepted, which the key's filter or `If-Match` must hold against too, or which make the write grow by more than
   * was reserved for it.
   */
  #isGood({ source, chunks, ticket, reserved = {} }: PreparedDocument, context: WriteContext): boolean {
    const live = this.#state.tickets.find(ticket, source.id)
    if (live === undefined || live.version !== ticket.version) return false
    const { documents, pending, tombstones } = this.#state
    const applied = documents.find(source.id)
    const waiting = pending.latest(source.id)
    if (context.allowance.kind === 'reserved') {
      if (this.#state.clock() > context.allowance.expiresAtMs) return false
      // What is overtaken already will not grow anything.
      const overtaken = (applied?.sequence ?? tombstones.find(source.id)?.sequence ?? 0) > ticket.sequence
      const size = { chunks: chunks.length, bytes: utf8Length(source.text), tokens: 0 }
      const basis = basisOf(this.#state, source.id, ticket.sequence)
      if (!overtaken && !isCovered(reserved, size, basis)) return false
    }
    return refuse(source, applied, waiting, context, live.ifMatch) === undefined
  }

  /** `pause` lets other requests in between two slices. */
  async delete(
    selection: DeleteSelection,
    context: DeleteContext,
    pause: () => Promise<void>,
  ): Promise<{ deleted: number; sequence: number }> {
    const ids = 'ids' in selection ? [...new Set(selection.ids)] : this.#matching(selection.filter)
    const filter = 'ids' in selection ? undefined : selection.filter
    const versions =
      'ids' in selection && selection.versions !== undefined
        ? new Map(selection.ids.map((id, index) => [id, selection.versions?.[index]]))
        : undefined
    if (context.ifMatch !== undefined) for (const id of ids) this.#checkEtag(id, context.ifMatch, context)
    let deleted = 0
    for (let from = 0; from < ids.length; from += DELETE_SLICE) {
      if (from > 0) await pause()
      deleted += this.#deleteSlice(ids.slice(from, from + DELETE_SLICE), { filter, versions }, context)
    }
    return { deleted, sequence: this.#state.position }
  }

  /** Ids of documents whose last accepted version matches. */
  #matching(filter: Filter): string[] {
    const { directory, metadata, pending } = this.#state
    const ids = new Set<string>()
    for (const document of metadata.matching(filter)) {
      const id = directory.idOf(document)
      if (id !== undefined) ids.add(id)
    }
    for (const row of pending.latestOfAll()) {
      if (matches(filter, asFiltered(row))) ids.add(row.id)
      else ids.delete(row.id)
    }
    return [...ids]
  }

  #checkEtag(id: string, ifMatch: string, context: DeleteContext): void {
    const applied = this.#state.documents.find(id)
    const waiting = this.#state.pending.latest(id)
    const latest = waiting ?? applied
    if (latest === undefined || !isVisible(applied, waiting, context)) return
    if (!matchesEtag(ifMatch, etagOf(latest.version, latest.content_hash))) throw new Problem('precondition_failed')
  }

  #deleteSlice(ids: readonly string[], { filter, versions }: DeleteCondition, context: DeleteContext): number {
    const { directory, documents, pending, tickets, tombstones } = this.#state
    return this.#state.transaction((writer) => {
      const removed: number[] = []
      let deleted = 0
      for (const id of ids) {
        const applied = documents.find(id)
        const waiting = pending.latest(id)
        const latest = waiting ?? applied
        if (latest === undefined || !isVisible(applied, waiting, context)) continue
        if (filter !== undefined && !matches(filter, asFiltered(latest))) continue
        // A write that has its version and is not accepted yet counts, too: it is newer than what is to go.
        const newest = Math.max(latest.version, tickets.latest(id)?.version ?? 0)
        if (versions !== undefined && versions.get(id) !== newest) continue
        const sequence = tickets.takeSequence()
        supersedeEarlier(this.#state, writer, id, sequence)
        if (applied !== undefined) {
          removeFromIndexes(this.#state, applied)
          documents.remove(applied)
          removed.push(applied.document)
        }
        const version = Math.max(applied?.version ?? 0, waiting?.version ?? 0, tickets.latest(id)?.version ?? 0)
        tombstones.write(id, { version, sequence }, this.#state.clock())
        writer.append({
          kind: 'deleted',
          sequence,
          id,
          version,
          documents: applied === undefined ? 0 : -1,
          bytes: -(applied?.bytes ?? 0),
          chunks: -(applied?.chunk_count ?? 0),
          tokens: -(applied?.tokens ?? 0),
          keyId: context.keyId,
        })
        deleted++
      }
      const after = (): void => {
        for (const document of removed) directory.delete(document)
      }
      return { result: deleted, after }
    })
  }

  /** Ends what is still pending of a job; what was applied stays. */
  cancelJob(jobId: string): void {
    const { pending } = this.#state
    const rows = pending.ofJob(jobId)
    if (rows.length === 0) return
    this.#state.transaction((writer) => {
      for (const { sequence } of rows) {
        // Read anew: a row may have come to hold what one before it held.
        const row = pending.find(sequence)
        if (row !== undefined) dropPending(this.#state, writer, [row], { status: 'cancelled' })
      }
      return { result: undefined }
    })
  }
}

const reservationOf = ({ allowance }: WriteContext): string | undefined =>
  allowance.kind === 'reserved' ? allowance.id : undefined

/** Why a write may not be accepted, judged against the new version and the ones that exist. */
function refuse(
  item: FilteredDocument,
  applied: DocumentRow | undefined,
  waiting: PendingRow | undefined,
  context: WriteContext,
  ifMatch: string | undefined,
): 'outside_filter' | 'precondition_failed' | undefined {
  const versions = [applied, waiting].flatMap((row) => (row === undefined ? [] : [asFiltered(row)]))
  if (isOutside(context, item, versions)) return 'outside_filter'
  if (ifMatch === undefined) return undefined
  const latest = waiting ?? applied
  const etag = latest && etagOf(latest.version, latest.content_hash)
  return matchesEtag(ifMatch, etag) ? undefined : 'precondition_failed'
}

/** A document is there for a deleter only if every version of it that exists is visible to it. */
function isVisible(applied: DocumentRow | undefined, waiting: PendingRow | undefined, context: DeleteContext): boolean {
  const versions = [applied, waiting].flatMap((row) => (row === undefined ? [] : [asFiltered(row)]))
  return [context.filter, context.visibility].every(
    (filter) => filter === undefined || versions.every((version) => matches(filter, version)),
  )
}
