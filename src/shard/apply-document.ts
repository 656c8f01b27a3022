/**
 * Puts one accepted document version in place: document, chunks, vectors, postings, metadata, tombstone, older pending
 * writes, job items and log entry in one transaction. Synchronous commits and the alarm both go through here, so there is
 * one rule for what is later, what is superseded and what fits.
 */
import { utf8Length } from '../core/bytes.ts'
import { indexedText } from '../chunking/indexed-text.ts'
import { MAX_CHUNKS_PER_SHARD } from '../core/limits.ts'
import { BRING_YOUR_OWN } from '../models/profiles.ts'
import type { DocumentRow } from './document-store.ts'
import { addAmounts, heldBy, topUp } from './held-amounts.ts'
import { dropPending, supersedeEarlier } from './settle-pending.ts'
import type { CommitResult, PreparedChunk, SourceDocument } from './shard-api.ts'
import type { ShardState } from './shard-state.ts'

export interface AcceptedWrite {
  readonly source: SourceDocument
  readonly chunks: readonly PreparedChunk[]
  readonly sequence: number
  readonly version: number
  readonly keyId: string
  /** Of the chunks that got new vectors. */
  readonly embeddingTokens: number
  /** The reservation that pays for a synchronous write. */
  readonly reservation?: string | undefined
  /** Those of an imported document; else the present. */
  readonly times?: { readonly createdAtMs: number; readonly updatedAtMs: number }
  /** The staged write that this is, whose pending row and job item are settled with it. */
  readonly job?: string
}

/** One vector per chunk, `undefined` exactly where the chunk has none. */
export type ChunkVectors = readonly (Float32Array | undefined)[]

export interface ResolvedVectors {
  vectors: (Float32Array | undefined)[]
  /** Ordinals that are still without one. */
  missing: number[]
  /** Model tokens of the chunks that use no vector of the current version; equal chunks once. */
  embeddingTokens: number
}

/**
 * Collects a vector for every chunk: its own, one of `ready` by ordinal, or the one that the current version has under
 * the same key.
 */
export function resolveVectors(
  state: ShardState,
  id: string,
  chunks: readonly PreparedChunk[],
  ready: ReadonlyMap<number, Float32Array> = new Map(),
): ResolvedVectors {
  const vectors = chunks.map((chunk, ordinal) => chunk.vector ?? ready.get(ordinal))
  const isMissing = (ordinal: number): boolean =>
    vectors[ordinal] === undefined && chunks[ordinal]?.withoutVector !== true
  let missing = [...chunks.keys()].filter(isMissing)
  const reused = new Set<string>()
  const current = missing.length === 0 ? undefined : state.documents.find(id)
  if (current !== undefined) {
    const known = knownVectors(state, current)
    const numbers = missing.map((ordinal) => known.get(chunks[ordinal]?.vectorKey ?? ''))
    const found = state.vectors.vectors(numbers.filter((number) => number !== undefined))
    let next = 0
    for (const [index, ordinal] of missing.entries()) {
      if (numbers[index] === undefined) continue
      vectors[ordinal] = found[next++]
      reused.add(chunks[ordinal]?.vectorKey ?? '')
    }
    missing = missing.filter(isMissing)
  }
  return { vectors, missing, embeddingTokens: newTokens(state, chunks, reused) }
}

function newTokens(state: ShardState, chunks: readonly PreparedChunk[], reused: ReadonlySet<string>): number {
  if (state.setup.profileId === BRING_YOUR_OWN) return 0
  const made = new Map<string, number>()
  for (const { vectorKey, tokens, withoutVector } of chunks) {
    if (withoutVector !== true && !reused.has(vectorKey)) made.set(vectorKey, tokens)
  }
  return [...made.values()].reduce((sum, tokens) => sum + tokens, 0)
}

/** Chunk numbers of a version by the key of their vectors. */
export function knownVectors(state: ShardState, row: DocumentRow): Map<string, number> {
  const known = new Map<string, number>()
  for (const chunk of state.documents.chunks(row))
    if (chunk.vector_key !== null) known.set(chunk.vector_key, chunk.chunk)
  return known
}

/** How many chunks a new version of the document may have; its current ones make room for it. */
export function roomFor(state: ShardState, current: DocumentRow | undefined): number {
  return MAX_CHUNKS_PER_SHARD - state.directory.chunkCount + (current?.chunk_count ?? 0)
}

/** Never waits. `vectors` holds one for every chunk that wants one. */
export function applyDocument(
  state: ShardState,
  accepted: AcceptedWrite,
  vectors: ChunkVectors,
): Exclude<CommitResult, { status: 'retry' }> {
  const { source, chunks, sequence, version } = accepted
  const current = state.documents.find(source.id)
  const applied = current?.sequence ?? state.tombstones.find(source.id)?.sequence ?? 0
  if (applied > sequence) {
    settleWithout(state, accepted, 'superseded')
    return { status: 'superseded', version, chunks: chunks.length, sequence: state.position }
  }
  if (current?.version === version && current.content_hash === source.contentHash) {
    // The same write was applied through another request.
    settleWithout(state, accepted, 'unchanged')
    const status = version === 1 ? 'created' : 'replaced'
    return { status, version, chunks: current.chunk_count, sequence: current.position }
  }
  if (chunks.length > roomFor(state, current)) {
    return { status: 'failed', code: 'shard_full', detail: `a shard holds at most ${MAX_CHUNKS_PER_SHARD} chunks` }
  }
  return state.transaction((writer) => {
    const now = state.clock()
    if (current !== undefined) removeChunks(state, current)
    const firstChunk = writer.takeChunks(chunks.length)
    const stamp = {
      version,
      sequence,
      position: writer.nextPosition,
      language: declaredLanguage(source) ?? mainLanguage(chunks),
      bytes: utf8Length(source.text),
      tokens: chunks.reduce((sum, chunk) => sum + chunk.tokens, 0),
      firstChunk,
      createdAtMs: accepted.times?.createdAtMs ?? current?.created_at ?? now,
      updatedAtMs: accepted.times?.updatedAtMs ?? now,
    }
    const document = state.documents.write(source, chunks, stamp, current)
    for (const [ordinal, chunk] of chunks.entries()) {
      const vector = vectors[ordinal]
      if (vector !== undefined) state.vectors.add(firstChunk + ordinal, vector)
      const text = indexedText(chunk.prefix, source.text.slice(chunk.start, chunk.end))
      state.keywords.add(firstChunk + ordinal, text, chunk.language)
    }
    state.metadata.add(document, source.id, source.metadata, source.acl)
    if (current === undefined) state.tombstones.remove(source.id)
    const waiting = state.pending.ofDocument(source.id)
    const staged = waiting.find((row) => row.sequence === sequence)
    if (accepted.job !== undefined) {
      state.pending.remove(sequence)
      state.jobs.set(accepted.job, source.id, 'indexed', now)
    }
    const later = waiting.filter((row) => row.sequence > sequence)
    const added = topUp(state, later, { chunks: chunks.length, bytes: stamp.bytes, tokens: stamp.tokens })
    writer.append({
      kind: current === undefined ? 'created' : 'replaced',
      sequence,
      id: source.id,
      version,
      documents: current === undefined ? 1 : 0,
      bytes: stamp.bytes - (current?.bytes ?? 0),
      chunks: chunks.length - (current?.chunk_count ?? 0),
      tokens: stamp.tokens - (current?.tokens ?? 0),
      written: { chunks: chunks.length, bytes: stamp.bytes },
      embeddingTokens: accepted.embeddingTokens,
      held: staged === undefined ? added : addAmounts(added, heldBy(staged), -1),
      reservation: accepted.reservation,
      keyId: accepted.keyId,
      ...(accepted.job === undefined ? {} : { job: accepted.job }),
    })
    supersedeEarlier(state, writer, source.id, sequence)
    const entry = {
      document,
      id: source.id,
      firstChunk,
      languages: chunks.map(({ language }) => language),
      position: stamp.position,
      bytes: stamp.bytes,
    }
    const status = current === undefined ? ('created' as const) : ('replaced' as const)
    return {
      result: { status, version, chunks: chunks.length, sequence: stamp.position },
      after: () => state.directory.set(entry),
    }
  })
}

/** Takes a version's chunks and metadata out of every index; inside the caller's transaction. */
export function removeFromIndexes(state: ShardState, row: DocumentRow): void {
  removeChunks(state, row)
  state.metadata.remove(row.document)
}

function removeChunks(state: ShardState, row: DocumentRow): void {
  const numbers = Array.from({ length: row.chunk_count }, (_, ordinal) => row.first_chunk + ordinal)
  state.vectors.remove(numbers)
  state.keywords.remove(numbers)
}

/** Settles an accepted write that leaves the document as it is; the vectors that were made for it are paid for. */
function settleWithout(state: ShardState, accepted: AcceptedWrite, status: 'superseded' | 'unchanged'): void {
  const { embeddingTokens, keyId, reservation, sequence, source, version } = accepted
  const row = accepted.job === undefined ? undefined : state.pending.find(sequence)
  if (row === undefined && embeddingTokens === 0) return
  state.transaction((writer) => {
    if (row !== undefined) dropPending(state, writer, [row], { status, embeddingTokens })
    else {
      const change = { sequence, id: source.id, version, embeddingTokens, code: status, reservation, keyId }
      writer.append({ kind: 'dropped', ...change })
    }
    return { result: undefined }
  })
}

/** What the caller said; `auto` says nothing. */
export function declaredLanguage({ language }: SourceDocument): string | undefined {
  return language === 'auto' ? undefined : language
}

/** The language of most tokens, `und` without any. */
function mainLanguage(chunks: readonly PreparedChunk[]): string {
  const tokens = new Map<string, number>()
  for (const chunk of chunks) tokens.set(chunk.language, (tokens.get(chunk.language) ?? 0) + chunk.tokens)
  let main = 'und'
  let most = 0
  for (const [language, count] of tokens) {
    if (count > most) [main, most] = [language, count]
  }
  return main
}
