/**
 * Carries a set of documents through the shards: begin (take a place in the order), embed, commit; or leave the rest as
 * pending work. Documents are atomic one by one and are committed as soon as their vectors are there, so that a caller who
 * goes away keeps what was done. One writer serves one request.
 */
import type { CollectionRecord } from '../catalog/records.ts'
import { invariant } from '../core/invariant.ts'
import { MAX_PASSAGES_PER_CALL, MAX_PREPARED_BYTES } from '../core/limits.ts'
import { PROBLEMS, Problem, asProblem } from '../core/problem.ts'
import type { CountTokens } from '../models/embedder.ts'
import type { CommitResult, PreparedDocument, StageRequest, StagedDocument, WriteContext } from '../shard/shard-api.ts'
import type { IngestDependencies, WriteShard } from './ingest-dependencies.ts'
import { Lanes } from './lanes.ts'
import { nextTurn, prepareChunks, type CutChunk } from './prepare-chunks.ts'
import { chosenModel } from '../shard/placement.ts'
import { asked } from '../shard/shard-call.ts'
import {
  applyBegin,
  applyCommit,
  DOCUMENTS_PER_CALL,
  isOpen,
  parts,
  settledItem,
  settleFailed,
  type WriteItem,
} from './write-item.ts'
import type { WriteQuota } from './write-quota.ts'

/** How often a write is begun again after a shard lost its place in the order. */
const MAX_ATTEMPTS = 4
/** Commits under way at once in one shard. */
const COMMITS_PER_SHARD = 4
/** Text cut, in UTF-16 units, before other requests of the isolate get their turn. */
const UNITS_PER_TURN = 10_000

type Writing = Pick<IngestDependencies, 'models'> & {
  readonly placement: Pick<IngestDependencies['placement'], 'forWrite'>
}

export class DocumentWriter {
  readonly #deps: Writing
  readonly #collection: CollectionRecord
  readonly #context: WriteContext
  /** Vectors made in this request, by key. */
  readonly #vectors = new Map<string, Float32Array>()
  readonly #quota: WriteQuota | undefined
  readonly #stagedShards = new Set<number>()
  /** The first thing that stopped the embedding of passages. */
  #embeddingFailure: Problem | undefined
  /** Why documents found no room in the tenant's quotas; a budget or quota that passes before one that does not. */
  #quotaRefusal: Problem | undefined

  constructor(deps: Writing, collection: CollectionRecord, context: WriteContext, quota?: WriteQuota) {
    this.#deps = deps
    this.#collection = collection
    const chosen = chosenModel(collection)
    this.#context = chosen === undefined ? context : { ...context, chosen }
    this.#quota = quota
  }

  get embeddingFailure(): Problem | undefined {
    return this.#embeddingFailure
  }

  get quotaRefusal(): Problem | undefined {
    return this.#quotaRefusal
  }

  /** Gives every open item a ticket and chunks, or its result. */
  async begin(items: readonly WriteItem[]): Promise<void> {
    await this.#beginAll(items.filter(isOpen))
    const uncut = items.filter((item) => isOpen(item) && item.chunks === undefined)
    // A request that changes nothing needs no model.
    if (uncut.length > 0) await this.#cutAll(uncut)
    // What its shard has no room for fails before anything is spent on its vectors.
    for (const item of items) {
      if (isOpen(item) && (item.chunks?.length ?? 0) > (item.room ?? Infinity)) settleFailed(item, 'shard_full')
    }
    await this.#claim(items.filter(isOpen))
  }

  /** Before anything is spent on vectors; what does not fit the tenant's quotas fails. */
  async #claim(items: readonly WriteItem[], options: { readonly isStaged?: boolean } = {}): Promise<void> {
    const refuse = (item: WriteItem, problem: Problem): void => {
      if (this.#quotaRefusal === undefined || PROBLEMS[problem.code].retryable) this.#quotaRefusal = problem
      settleFailed(item, problem.code, problem.message)
    }
    await this.#quota?.claim(items, refuse, options)
  }

  /** Gives back what was reserved and not used, once nothing more is written. Never throws. */
  async finish(): Promise<void> {
    const quota = this.#quota
    if (quota === undefined) return
    // What staged documents hold must be counted as held before it is no longer counted as reserved.
    const flushes = [...this.#stagedShards].map(async (shard) => {
      quota.committed(shard, await this.#shard(shard).flushChanges())
    })
    await Promise.all(flushes).catch(() => quota.unsure())
    await quota.settle()
  }

  async #cutAll(items: readonly WriteItem[]): Promise<void> {
    const countTokens = await this.#deps.models.countTokens(this.#collection.generation.model)
    let units = 0
    for (const item of items) {
      await this.#cut(item, countTokens)
      units += item.document.source.text.length
      if (units < UNITS_PER_TURN) continue
      // Cutting is computing only: without a pause a large request would keep every search of the isolate waiting.
      await nextTurn()
      units = 0
    }
  }

  /** What is too large to be carried fails before anything is spent on its vectors. */
  async #cut(item: WriteItem, countTokens: CountTokens): Promise<void> {
    try {
      const { chunks, bytes } = await prepareChunks(item.document, this.#collection, countTokens)
      item.chunks = chunks
      item.bytes = bytes
    } catch (error) {
      const problem = asProblem(error)
      if (problem?.code !== 'document_too_large') throw error
      settleFailed(item, problem.code, problem.message)
    }
  }

  async #beginAll(items: readonly WriteItem[]): Promise<void> {
    await Promise.all(
      [...Map.groupBy(items, (item) => item.shard)].map(async ([shard, members]) => {
        for (let from = 0; from < members.length; from += DOCUMENTS_PER_CALL) {
          await this.#beginSome(shard, members.slice(from, from + DOCUMENTS_PER_CALL))
        }
      }),
    )
  }

  async #beginSome(shard: number, members: readonly WriteItem[]): Promise<void> {
    const requests = members.map(({ document: { source }, ifMatch }) => ({
      id: source.id,
      contentHash: source.contentHash,
      metadata: source.metadata,
      ...(source.acl === undefined ? {} : { acl: source.acl }),
      ...(ifMatch === undefined ? {} : { ifMatch }),
    }))
    const answers = await asked(this.#shard(shard).begin(requests, this.#context))
    invariant(answers.length === members.length, 'a shard answers each document that is begun')
    for (const [index, item] of members.entries()) {
      const answer = answers[index]
      if (answer !== undefined) applyBegin(item, answer)
    }
  }

  /** Passages that no vector exists for, by key, in the items' order; equal ones once. */
  missing(items: readonly WriteItem[]): Map<string, string> {
    const missing = new Map<string, string>()
    for (const item of items) {
      if (isOpen(item)) for (const { chunk, passage } of this.#lacking(item)) missing.set(chunk.vectorKey, passage)
    }
    return missing
  }

  #lacking(item: WriteItem): CutChunk[] {
    return (item.chunks ?? []).filter(
      ({ chunk }) =>
        chunk.vector === undefined &&
        chunk.withoutVector !== true &&
        item.known?.has(chunk.vectorKey) !== true &&
        !this.#vectors.has(chunk.vectorKey),
    )
  }

  /**
   * Embeds and commits until every item has a result or `isTimeUp` says so between two calls of the embedder. Where the
   * embedder fails, what needs it fails with `embedding_failed` and the rest is still committed.
   */
  async write(items: readonly WriteItem[], isTimeUp: () => boolean = () => false): Promise<void> {
    for (;;) {
      await this.#embedAndCommit(items, isTimeUp)
      if (this.#embeddingFailure !== undefined) {
        for (const item of items) if (isOpen(item) && this.#lacking(item).length > 0) this.#failEmbedding(item)
      }
      const again = items.filter((item) => isOpen(item) && item.ticket === undefined)
      if (again.length === 0) return this.release(items.filter((item) => !isOpen(item)))
      await this.begin(again)
    }
  }

  /** Hands back the tickets of what failed or is given up, so that its versions are free again. They also expire. */
  async release(items: readonly WriteItem[]): Promise<void> {
    const held = items.filter(({ ticket, result }) => ticket !== undefined && (result?.status ?? 'failed') === 'failed')
    const tickets = Map.groupBy(held, (item) => item.shard)
    await Promise.allSettled(
      [...tickets].map(([shard, members]) => {
        const given = members.flatMap(({ ticket }) => ticket ?? [])
        for (const item of members) delete item.ticket
        return this.#shard(shard).release(given)
      }),
    )
  }

  #failEmbedding(item: WriteItem): void {
    settleFailed(item, 'embedding_failed', this.#embeddingFailure?.message)
  }

  async #embedAndCommit(items: readonly WriteItem[], isTimeUp: () => boolean): Promise<void> {
    const lanes = new Lanes(COMMITS_PER_SHARD)
    const waiting = new Set(items.filter((item) => isOpen(item) && item.ticket !== undefined))
    const commitReady = (): void => {
      for (const item of waiting) {
        if (this.#lacking(item).length > 0) continue
        waiting.delete(item)
        lanes.run(item.shard, () => this.#commit(item))
      }
    }
    commitReady()
    const passages = [...this.missing(items)]
    for (let from = 0; from < passages.length && !isTimeUp(); from += MAX_PASSAGES_PER_CALL) {
      const isEmbedded = await this.#embed(passages.slice(from, from + MAX_PASSAGES_PER_CALL), lanes)
      if (!isEmbedded) break
      commitReady()
    }
    await lanes.finish()
  }

  async #embed(passages: readonly (readonly [string, string])[], lanes: Lanes): Promise<boolean> {
    try {
      const { tenantUid, generation } = this.#collection
      const embedder = this.#deps.models.passageEmbedder(generation.model, { tenantUid })
      const texts = passages.map(([, passage]) => passage)
      const vectors = await embedder.embed(texts, { kind: 'passage' })
      invariant(vectors.length === passages.length, 'an embedder answers each passage')
      for (const [index, [key]] of passages.entries()) {
        const vector = vectors[index]
        if (vector !== undefined) this.#vectors.set(key, vector)
      }
      return true
    } catch (error) {
      const problem = asProblem(error)
      if (problem === undefined) {
        await lanes.finish()
        throw error
      }
      this.#embeddingFailure = problem
      return false
    }
  }

  async #commit(item: WriteItem): Promise<void> {
    item.attempts++
    let reason = new Problem('overloaded', 'the document kept changing')
    try {
      await this.#quota?.keep()
      // A reservation that was lost is made again when the document is begun again.
      if (this.#isUncovered(item)) delete item.ticket
      else await this.#commitNow(item)
    } catch (error) {
      const problem = asProblem(error)
      if (problem === undefined || !PROBLEMS[problem.code].retryable) throw error
      // Whether it was written is unknown; beginning again finds out.
      delete item.ticket
      reason = problem
    }
    if (isOpen(item) && item.attempts >= MAX_ATTEMPTS) settleFailed(item, reason.code, reason.message)
  }

  #isUncovered(item: WriteItem): boolean {
    return this.#quota !== undefined && this.#quota.reservedFor(item) === undefined
  }

  async #commitNow(item: WriteItem): Promise<void> {
    let outcome: CommitResult
    try {
      outcome = await asked(this.#shard(item.shard).commit(this.#prepared(item), this.#contextNow()))
    } catch (error) {
      this.#quota?.unsure()
      throw error
    }
    if ('sequence' in outcome) this.#quota?.committed(item.shard, outcome.sequence)
    applyCommit(item, outcome)
  }

  /** With the allowance as it stands: it changes when it is renewed. */
  #contextNow(): WriteContext {
    return this.#quota === undefined ? this.#context : { ...this.#context, allowance: this.#quota.allowance }
  }

  #prepared(item: WriteItem): PreparedDocument {
    const { ticket } = item
    invariant(ticket !== undefined, 'an item that is written has a ticket')
    const chunks = (item.chunks ?? []).map(({ chunk }) => {
      const vector = item.known?.has(chunk.vectorKey) === true ? undefined : this.#vectors.get(chunk.vectorKey)
      return vector === undefined ? chunk : { ...chunk, vector }
    })
    const reserved = this.#quota?.reservedFor(item)
    return { source: item.document.source, chunks, ticket, ...(reserved && { reserved }) }
  }

  /**
   * Leaves the open items in their shards as pending work of a job, beside what was settled already. Nothing is
   * acknowledged unless this returns; where a shard fails, what others took is cancelled as far as possible, unless the
   * caller will go on with the job.
   */
  async stage(items: readonly WriteItem[], jobId: string, { isResumed = false } = {}): Promise<void> {
    const shards = [...Map.groupBy(items, (item) => item.shard)]
    const outcomes = await Promise.allSettled(shards.map(([shard, members]) => this.#stageShard(shard, members, jobId)))
    const failure = outcomes.find((outcome) => outcome.status === 'rejected')
    if (failure === undefined) return this.release(items.filter((item) => !isOpen(item)))
    if (!isResumed) await Promise.allSettled(shards.map(([shard]) => this.#shard(shard).cancelJob(jobId)))
    throw failure.reason
  }

  async #stageShard(shard: number, items: readonly WriteItem[], jobId: string): Promise<void> {
    for (const part of parts(items)) {
      let isStaged = false
      for (let attempt = 0; attempt < MAX_ATTEMPTS && !isStaged; attempt++) {
        // Tickets of an earlier run of the shard are no good; so are those of a first call whose documents moved on.
        if (attempt > 0) await this.begin(part)
        await this.#claim(part.filter(isOpen), { isStaged: true })
        const documents = part.filter(isOpen).map((item) => this.#staged(item))
        const settled = part.flatMap(settledItem)
        isStaged = await this.#stageNow(shard, { jobId, documents, settled })
      }
      if (!isStaged) throw new Problem('overloaded', 'the documents keep changing', { retryAfterSeconds: 1 })
    }
  }

  async #stageNow(shard: number, request: StageRequest): Promise<boolean> {
    try {
      const { status } = await asked(this.#shard(shard).stage(request, this.#contextNow()))
      if (status === 'staged') this.#stagedShards.add(shard)
      return status === 'staged'
    } catch (error) {
      this.#quota?.unsure()
      throw error
    }
  }

  /** Where the vectors made so far would not fit the message as well, they are made again. */
  #staged(item: WriteItem): StagedDocument {
    const document = { reserved: {}, ...this.#prepared(item) }
    const made = document.chunks.reduce((sum, { vector }) => sum + (vector?.byteLength ?? 0), 0)
    if ((item.bytes ?? 0) + made <= MAX_PREPARED_BYTES) return document
    return { ...document, chunks: (item.chunks ?? []).map(({ chunk }) => chunk) }
  }

  #shard(shard: number): WriteShard {
    return this.#deps.placement.forWrite(this.#collection, shard)
  }
}
