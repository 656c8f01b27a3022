/** Cuts an accepted document into chunks with their languages and vector keys; the vectors themselves come later. */
import type { CollectionRecord } from '../catalog/records.ts'
import { chunk, type Chunk, type ChunkingSettings } from '../chunking/chunk.ts'
import { indexedText } from '../chunking/indexed-text.ts'
import { MAX_CHUNKS_PER_DOCUMENT, MAX_PREPARED_BYTES } from '../core/limits.ts'
import { Problem } from '../core/problem.ts'
import type { CountTokens, ModelProfile } from '../models/embedder.ts'
import { BRING_YOUR_OWN } from '../models/profiles.ts'
import type { PreparedChunk, SourceDocument } from '../shard/shard-api.ts'
import { detectLanguage, primarySubtag } from '../text/language.ts'
import { preparedBytes } from './prepared-bytes.ts'
import type { AcceptedDocument } from './source-document.ts'
import { vectorKeyOfText, vectorKeyOfVector } from './vector-key.ts'

/** A chunk with the string that is embedded and indexed for it. */
export interface CutChunk {
  readonly chunk: PreparedChunk
  readonly passage: string
}

/** All chunks of a document, and how large it is with them as a message, without vectors that are still to be made. */
export interface CutDocument {
  readonly chunks: readonly CutChunk[]
  readonly bytes: number
}

const WHOLE: ChunkingSettings = { strategy: 'none', size: 200, overlap: 0 }
/** Chunks hashed side by side, before other requests of the isolate get their turn. */
const CHUNKS_PER_TURN = 256
/** Enough text to tell a language by. */
const LANGUAGE_SAMPLE = 4_000

export const nextTurn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0))

/** The profile that a collection's generation was made with. */
export const profileOf = ({
  generation,
}: {
  readonly generation: Pick<CollectionRecord['generation'], 'model'>
}): ModelProfile => generation.model.profile

/**
 * A document with a vector of its own is one chunk; without one, in a collection of such vectors, its words alone count.
 * @throws document_too_large when it makes too many chunks, or more than one message to its shard holds
 */
export async function prepareChunks(
  { source, vector }: AcceptedDocument,
  collection: CollectionRecord,
  countTokens: CountTokens,
): Promise<CutDocument> {
  const profile = profileOf(collection)
  const { text, title } = source
  const settings = vector === undefined ? collection.generation.chunking : WHOLE
  const options = { countTokens, maxTokens: profile.maxTokens, maxChunks: MAX_CHUNKS_PER_DOCUMENT }
  const pieces = text.trim() === '' ? [] : chunk(source, settings, options)
  if (pieces.length > MAX_CHUNKS_PER_DOCUMENT) {
    throw new Problem('document_too_large', `a document makes at most ${MAX_CHUNKS_PER_DOCUMENT} chunks`)
  }
  if (pieces.length === 0 && vector !== undefined) pieces.push(emptyChunk(text, title))
  const languageOf = chunkLanguage(source.language, text)
  const finish = async (piece: Chunk): Promise<CutChunk> => {
    const passage = indexedText(piece.prefix, text.slice(piece.start, piece.end))
    const vectorKey = vector === undefined ? await vectorKeyOfText(profile, passage) : await vectorKeyOfVector(vector)
    const { start, end, headings, prefix, tokens, truncated, location } = piece
    return {
      passage,
      chunk: {
        start,
        end,
        headings,
        prefix,
        tokens,
        truncated,
        language: languageOf(text.slice(start, end)),
        vectorKey,
        ...(location === undefined ? {} : { location }),
        ...(vector === undefined ? {} : { vector }),
        ...(vector === undefined && profile.id === BRING_YOUR_OWN ? { withoutVector: true } : {}),
      },
    }
  }
  const chunks: CutChunk[] = []
  for (let from = 0; from < pieces.length; from += CHUNKS_PER_TURN) {
    if (from > 0) await nextTurn()
    for (const cut of await Promise.all(pieces.slice(from, from + CHUNKS_PER_TURN).map(finish))) chunks.push(cut)
  }
  return { chunks, bytes: measured(source, chunks) }
}

/** @throws document_too_large */
function measured(source: SourceDocument, chunks: readonly CutChunk[]): number {
  const bytes = preparedBytes(
    source,
    chunks.map(({ chunk }) => chunk),
  )
  if (bytes <= MAX_PREPARED_BYTES) return bytes
  throw new Problem(
    'document_too_large',
    'the document is too large together with its chunks, their titles and headings',
  )
}

/** A vector alone still needs a chunk to belong to; its title is what the keyword leg sees. */
function emptyChunk(text: string, title: string | undefined): Chunk {
  return { start: 0, end: text.length, headings: [], prefix: title ?? '', tokens: 0, truncated: false }
}

/** A declared language wins; else a chunk's own, and where the chunk is too short to tell, its document's. */
function chunkLanguage(declared: string | undefined, text: string): (chunkText: string) => string {
  if (declared !== undefined && declared !== 'auto') return () => primarySubtag(declared)
  let ofDocument: string | undefined
  return (chunkText) => {
    const own = detectLanguage(chunkText)
    if (own !== 'und') return own
    ofDocument ??= detectLanguage(text.slice(0, LANGUAGE_SAMPLE).toWellFormed())
    return ofDocument
  }
}
