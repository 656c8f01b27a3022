/**
 * Indexing what was staged: embeds pending documents in order of acceptance, a few passages a call, keeps the vectors of
 * long documents as they come, and applies each document as soon as it is whole. Between any two calls other requests get
 * their turn, so after every wait a row is looked up again: it may have been superseded or cancelled.
 */
import { indexedText } from '../chunking/indexed-text.ts'
import type { Clock } from '../core/clock.ts'
import { invariant } from '../core/invariant.ts'
import { MAX_PASSAGES_PER_CALL } from '../core/limits.ts'
import { asProblem, type Problem, PROBLEMS, type ProblemCode } from '../core/problem.ts'
import type { Filter } from '../metadata/filter.ts'
import { applyDocument, resolveVectors, roomFor } from './apply-document.ts'
import { dropPending } from './settle-pending.ts'
import { asFiltered, isOutside, type PendingRow } from './pending-store.ts'
import type { PreparedChunk, ShardSetup, SourceDocument } from './shard-api.ts'
import type { ShardState } from './shard-state.ts'

/**
 * A document whose embedding has failed this often in a row ends as failed. The waits between add up to 63 minutes, so that
 * pending work survives a provider that is down for an hour.
 */
export const MAX_ATTEMPTS = 20
const FIRST_RETRY_MS = 2_000
const MAX_RETRY_MS = 5 * 60_000
/** However long a provider asks for. */
const MAX_PATIENCE_MS = 60 * 60_000
/** Documents looked at for one call of the embedder. */
const MAX_DOCUMENTS_PER_CALL = 32

/** Embeds with the model that the shard's collection was built with. */
export type EmbedPassages = (setup: ShardSetup, texts: readonly string[]) => Promise<readonly Float32Array[]>

/** Told of what went wrong in the background, for the log; never content. */
export type Report = (what: 'embed' | 'apply' | 'project' | 'report', error: unknown) => void

export interface PendingWorkOptions {
  readonly embedPassages: EmbedPassages
  readonly report: Report
  readonly clock: Clock
  /** Lets other requests in. */
  readonly pause: () => Promise<void>
}

/** A pending document in memory, with the vectors that are known and the ordinals that still want one. */
interface Loaded {
  readonly row: PendingRow
  readonly source: SourceDocument
  readonly chunks: readonly PreparedChunk[]
  readonly vectors: (Float32Array | undefined)[]
  missing: number[]
  /** Of the chunks that get new vectors. */
  readonly embeddingTokens: number
}

interface Share {
  readonly loaded: Loaded
  readonly ordinals: readonly number[]
}

export class PendingWork {
  readonly #state: ShardState
  readonly #options: PendingWorkOptions
  /** The long document that is half embedded, so that it is not parsed anew for each call. */
  #current: Loaded | undefined
  #isStopped = false
  /** Every other call, while a long document is at the head. */
  #isShortTurn = false

  constructor(state: ShardState, options: PendingWorkOptions) {
    this.#state = state
    this.#options = options
  }

  /** Ends `run` after its present call; the shard was erased. */
  stop(): void {
    this.#isStopped = true
  }

  /** Works until nothing is due or `deadlineMs` has passed. */
  async run(deadlineMs: number): Promise<void> {
    try {
      while (!this.#isStopped && this.#options.clock() < deadlineMs) {
        const shares = this.#nextCall()
        if (shares === undefined) return
        if (shares.length === 0) await this.#options.pause()
        else await this.#embed(shares)
      }
    } finally {
      this.#current = undefined
    }
  }

  /**
   * Applies what is whole and gathers the next passages to embed, at most one call's worth; undefined when nothing is due.
   */
  #nextCall(): Share[] | undefined {
    const rows = this.#state.pending.due(this.#options.clock(), MAX_DOCUMENTS_PER_CALL)
    const [first] = rows
    if (first === undefined) return undefined
    const short = this.#shortShares(first)
    if (short.length > 0) return short
    const shares: Share[] = []
    const ids = new Set<string>()
    let passages = 0
    for (const row of rows) {
      // A second version of a document waits for the first: each is applied in its turn.
      if (passages >= MAX_PASSAGES_PER_CALL || ids.has(row.id)) break
      const share = this.#share(row, MAX_PASSAGES_PER_CALL - passages)
      if (share === undefined) continue
      passages += share.ordinals.length
      ids.add(row.id)
      shares.push(share)
      if (share.ordinals.length < share.loaded.missing.length) break
    }
    return shares
  }

  /**
   * A long document takes minutes. Short ones that were accepted after it go in between, a call for them after each call for
   * it: those that one call holds whole.
   */
  #shortShares(first: PendingRow): Share[] {
    this.#isShortTurn = !this.#isShortTurn && first.chunks > MAX_PASSAGES_PER_CALL
    if (!this.#isShortTurn) return []
    const shares: Share[] = []
    let passages = 0
    for (const row of this.#state.pending.shortest(this.#options.clock(), MAX_DOCUMENTS_PER_CALL)) {
      if (passages + row.chunks > MAX_PASSAGES_PER_CALL) break
      passages += row.chunks
      const share = this.#share(row, MAX_PASSAGES_PER_CALL)
      if (share !== undefined) shares.push(share)
    }
    return shares
  }

  /** What a call embeds of a document, at most `room` passages; `undefined` where it is settled without one. */
  #share(row: PendingRow, room: number): Share | undefined {
    const loaded = this.#load(row)
    // What cannot be applied is not worth a single call of the embedder.
    if (loaded.chunks.length > roomFor(this.#state, this.#state.documents.find(row.id))) {
      this.#settleFailed(row, 'shard_full')
      return undefined
    }
    if (loaded.missing.length === 0) {
      this.#finish(loaded)
      return undefined
    }
    return { loaded, ordinals: loaded.missing.slice(0, room) }
  }

  #load(row: PendingRow): Loaded {
    if (this.#current?.row.sequence === row.sequence) return this.#current
    const { source, chunks } = this.#state.pending.body(row.sequence)
    const ready = this.#state.pending.vectors(row.sequence)
    return { row, source, chunks, ...resolveVectors(this.#state, row.id, chunks, ready) }
  }

  async #embed(shares: readonly Share[]): Promise<void> {
    const texts = shares.flatMap(({ loaded, ordinals }) =>
      ordinals.map((ordinal) => {
        const chunk = loaded.chunks[ordinal]
        return chunk === undefined ? '' : indexedText(chunk.prefix, loaded.source.text.slice(chunk.start, chunk.end))
      }),
    )
    let vectors: readonly Float32Array[]
    try {
      vectors = await this.#options.embedPassages(this.#state.setup, texts)
      invariant(vectors.length === texts.length, 'every passage gets a vector')
    } catch (error) {
      this.#options.report('embed', error)
      if (!this.#isStopped) await this.#failed(shares, error)
      return
    }
    if (this.#isStopped) return
    let next = 0
    for (const { loaded, ordinals } of shares) {
      const ready = new Map<number, Float32Array>()
      for (const ordinal of ordinals) {
        const vector = vectors[next++]
        if (vector !== undefined) ready.set(ordinal, vector)
      }
      this.#embedded(loaded, ready)
    }
  }

  #embedded(loaded: Loaded, ready: ReadonlyMap<number, Float32Array>): void {
    const row = this.#state.pending.find(loaded.row.sequence)
    if (row === undefined) return
    for (const [ordinal, vector] of ready) loaded.vectors[ordinal] = vector
    loaded.missing = loaded.missing.filter((ordinal) => !ready.has(ordinal))
    if (loaded.missing.length === 0) {
      this.#current = undefined
      this.#finish(loaded)
      return
    }
    this.#current = loaded
    this.#state.database.transaction(() => {
      const { sequence } = loaded.row
      this.#state.pending.addVectors(sequence, ready)
      // A provider that fails now and then must not use a long document's attempts up.
      if (row.attempts > 0) this.#state.pending.postpone(sequence, 0, row.not_before)
    })
  }

  /** A document that cannot be applied must not stand in the way of the others: it is tried again later, like any. */
  #finish(loaded: Loaded): void {
    try {
      this.#apply(loaded)
    } catch (error) {
      this.#options.report('apply', error)
      this.#postpone(loaded.row.sequence, false, asProblem(error))
    }
  }

  #apply({ row, source, chunks, vectors, embeddingTokens }: Loaded): void {
    const applied = this.#state.documents.find(row.id)
    const filter = row.filter === null ? undefined : (JSON.parse(row.filter) as Filter)
    const writer = { filter, mayWriteAcl: row.may_write_acl === 1 }
    if (applied !== undefined && isOutside(writer, asFiltered(row), [asFiltered(applied)])) {
      this.#settleFailed(row, 'outside_filter')
      return
    }
    const { sequence, version, key_id: keyId, job } = row
    const result = applyDocument(
      this.#state,
      { source, chunks, sequence, version, keyId, job, embeddingTokens },
      vectors,
    )
    if (result.status === 'failed') this.#settleFailed(row, result.code)
  }

  /** One poisoned text must not fail its neighbours: after a final refusal each document is tried alone. */
  async #failed(shares: readonly Share[], error: unknown): Promise<void> {
    const problem = asProblem(error)
    const isFinal = problem !== undefined && !PROBLEMS[problem.code].retryable
    if (isFinal && shares.length > 1) {
      for (const share of shares) if (!this.#isStopped) await this.#embed([share])
      return
    }
    for (const { loaded } of shares) this.#postpone(loaded.row.sequence, isFinal, problem)
  }

  #postpone(sequence: number, isFinal: boolean, problem: Problem | undefined): void {
    const row = this.#state.pending.find(sequence)
    if (row === undefined) return
    const attempts = row.attempts + 1
    if (isFinal || attempts >= MAX_ATTEMPTS) {
      this.#settleFailed(row, isFinal && problem !== undefined ? problem.code : 'embedding_failed')
      return
    }
    const waitMs = Math.max(
      Math.min(FIRST_RETRY_MS * 2 ** (attempts - 1), MAX_RETRY_MS),
      Math.min((problem?.retryAfterSeconds ?? 0) * 1_000, MAX_PATIENCE_MS),
    )
    this.#state.database.transaction(() =>
      this.#state.pending.postpone(sequence, attempts, this.#options.clock() + waitMs),
    )
  }

  #settleFailed(row: PendingRow, code: ProblemCode): void {
    this.#state.transaction((writer) => {
      dropPending(this.#state, writer, [row], { status: 'failed', code })
      return { result: undefined }
    })
  }
}
