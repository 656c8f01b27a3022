/**
 * Puts one accepted document version in place: document, chunks, vectors, postings, metadata, tombstone, older pending
 * writes, job items and log entry in one transaction. Synchronous commits and the alarm both go through here, so there is
 * one rule for what is later, what is superseded and what fits.
 */
import { utf8Length } from '../core/bytes.ts'
import { indexedText } from '../chunking/indexed-text.ts'
import { MAX_CHUNKS_PER_SHARD } from '../core/limits.ts'
import type { DocumentRow } from './document-store.ts'
import type { CommitResult, PreparedChunk, SourceDocument } from './shard-api.ts'
import type { LogWriter, ShardState } from './shard-state.ts'

export interface AcceptedWrite {
  readonly source: SourceDocument
  readonly chunks: readonly PreparedChunk[]
  readonly sequence: number
  readonly version: number
  readonly keyId: string
  /** The staged write that this is, whose pending row and job item are settled with it. */
  readonly job?: string
}

/** One vector per chunk, `undefined` exactly where the chunk has none. */
export type ChunkVectors = readonly (Float32Array | undefined)[]

/**
 * Collects a vector for every chunk: its own, one of `ready` by ordinal, or the one that the current version has under
 * the same key. Returns the ordinals that are still without one.
 */
export function resolveVectors(
  state: ShardState,
  id: string,
  chunks: readonly PreparedChunk[],
  ready: ReadonlyMap<number, Float32Array> = new Map(),
): { vectors: (Float32Array | undefined)[]; missing: number[] } {
  const vectors = chunks.map((chunk, ordinal) => chunk.vector ?? ready.get(ordinal))
  const isMissing = (ordinal: number): boolean =>
    vectors[ordinal] === undefined && chunks[ordinal]?.withoutVector !== true
  let missing = [...chunks.keys()].filter(isMissing)
  const current = missing.length === 0 ? undefined : state.documents.find(id)
  if (current !== undefined) {
    const known = knownVectors(state, current)
    const numbers = missing.map((ordinal) => known.get(chunks[ordinal]?.vectorKey ?? ''))
    const found = state.vectors.vectors(numbers.filter((number) => number !== undefined))
    let next = 0
    for (const [index, ordinal] of missing.entries()) {
      if (numbers[index] !== undefined) vectors[ordinal] = found[next++]
    }
    missing = missing.filter(isMissing)
  }
  return { vectors, missing }
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
      createdAtMs: current?.created_at ?? now,
      updatedAtMs: now,
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
    supersedeEarlier(state, writer, source.id, sequence)
    if (accepted.job !== undefined) {
      state.pending.remove(sequence)
      state.jobs.set(accepted.job, source.id, 'indexed', now)
    }
    writer.append({
      kind: current === undefined ? 'created' : 'replaced',
      sequence,
      id: source.id,
      version,
      bytes: stamp.bytes - (current?.bytes ?? 0),
      chunks: chunks.length - (current?.chunk_count ?? 0),
      tokens: stamp.tokens - (current?.tokens ?? 0),
      keyId: accepted.keyId,
      ...(accepted.job === undefined ? {} : { job: accepted.job }),
    })
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
      result: { status, version, chunks: chunks.length, sequence: writer.position },
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

/**
 * Settles the document's pending writes that were accepted before `sequence`: they can never be applied any more. Inside
 * the caller's transaction.
 */
export function supersedeEarlier(state: ShardState, writer: LogWriter, id: string, sequence: number): void {
  for (const row of state.pending.earlier(id, sequence)) {
    state.pending.remove(row.sequence)
    state.jobs.set(row.job, id, 'superseded', state.clock())
    writer.append({ kind: 'job', job: row.job, keyId: row.key_id })
  }
}

/** Settles a staged write that leaves the document as it is. */
function settleWithout(state: ShardState, accepted: AcceptedWrite, status: 'superseded' | 'unchanged'): void {
  const { job } = accepted
  if (job === undefined) return
  state.transaction((writer) => {
    state.pending.remove(accepted.sequence)
    state.jobs.set(job, accepted.source.id, status, state.clock())
    writer.append({ kind: 'job', job, keyId: accepted.keyId })
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
