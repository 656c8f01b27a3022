/** A document as the API shows it: RFC 3339 times, chunk ids, `null` for what it does not have. */
import type { JsonObject } from '../core/canonical-json.ts'
import { rfc3339 } from '../core/clock.ts'
import type { Location } from '../chunking/document-text.ts'
import type { NamedVectors } from '../models/named-vectors.ts'
import type { StoredDocument } from '../shard/shard-api.ts'
import { isRestricted, type Principal } from '../tenancy/principal.ts'
import { callerVectorsOf, type CallerVectors } from './caller-vectors.ts'

/** `page`, `sheet`, `row`, `startTime`, `endTime`: where the chunk stands in the file that it comes from. */
export interface ChunkView extends Location {
  /** `<documentId>#<ordinal>`. */
  readonly id: string
  readonly ordinal: number
  /** UTF-16 offsets into the document's text, half-open. */
  readonly start: number
  readonly end: number
  readonly text: string
  readonly headings: readonly string[]
  /** Present and true where the model cuts the chunk. */
  readonly truncated?: true
}

export interface DocumentView {
  readonly id: string
  readonly title: string | null
  readonly url: string | null
  /** As declared; where that is `auto`, the language of most of the chunks' tokens, `und` when undetermined. */
  readonly language: string
  readonly metadata: JsonObject
  /** For secret keys, of documents that have one. */
  readonly acl?: readonly string[]
  readonly version: number
  readonly status: 'indexed' | 'pending'
  readonly chunkCount: number
  /** UTF-8 bytes of the stored text. */
  readonly bytes: number
  readonly contentHash: string
  readonly createdAt: string
  readonly updatedAt: string
  readonly text?: string
  readonly chunks?: readonly ChunkView[]
  /** One a chunk in ordinal order, `null` where the chunk has no vector; named ones by their names, as they were sent. */
  readonly vectors?: readonly (readonly number[] | null)[] | CallerVectors
}

export const chunkId = (documentId: string, ordinal: number): string => `${documentId}#${ordinal}`

/**
 * Shows a stored document; the parts that were not read stay absent. Whom else it is for is not every reader's business.
 * `named` are the vectors that its collection names.
 */
export function documentView(
  document: StoredDocument,
  reader: Pick<Principal, 'kind'>,
  named?: NamedVectors,
): DocumentView {
  const { acl, text, chunks, vectors } = document
  return {
    id: document.id,
    title: document.title ?? null,
    url: document.url ?? null,
    language: document.language,
    metadata: document.metadata,
    ...(acl === undefined || isRestricted(reader) ? {} : { acl }),
    version: document.version,
    status: document.status,
    chunkCount: document.chunkCount,
    bytes: document.bytes,
    contentHash: document.contentHash,
    createdAt: rfc3339(document.createdAtMs),
    updatedAt: rfc3339(document.updatedAtMs),
    ...(text === undefined ? {} : { text }),
    ...(chunks === undefined
      ? {}
      : {
          chunks: chunks.map(({ ordinal, start, end, text, headings, truncated, location }) => ({
            id: chunkId(document.id, ordinal),
            ordinal,
            start,
            end,
            text,
            headings,
            ...location,
            ...(truncated ? { truncated } : {}),
          })),
        }),
    ...(vectors === undefined ? {} : { vectors: vectorsView(vectors, named) }),
  }
}

/** A document that brings named vectors is one chunk, which has them all. */
function vectorsView(
  vectors: NonNullable<StoredDocument['vectors']>,
  named: NamedVectors | undefined,
): NonNullable<DocumentView['vectors']> {
  if (named === undefined) return vectors.map((vector) => (vector ? [...vector] : null))
  const [own] = vectors
  return own === undefined ? {} : callerVectorsOf(named, own)
}
