/**
 * The archive of a tenant: JSON lines that hold everything needed to put its documents in place elsewhere, without a model:
 * collections with their settings, documents with their text, chunks and vectors as stored. No keys, no usage, no audit.
 *
 *   {"type": "archive", …} · for each collection {"type": "collection", …} and its {"type": "document", …} · {"type": "end", …}
 */
import type { CollectionRecord } from '../catalog/records.ts'
import { base64url, fromBase64url } from '../core/bytes.ts'
import type { JsonObject } from '../core/canonical-json.ts'
import { rfc3339 } from '../core/clock.ts'
import { namedVectorsOf, type NamedVectors } from '../models/named-vectors.ts'
import { archivedModel, type ArchivedModel } from './archived-model.ts'
import type { ExportedChunk, ExportedDocument, SourceDocument } from '../shard/shard-api.ts'

/** Of the lines; an older reader refuses a newer one. */
export const ARCHIVE_FORMAT = 1

export interface ArchivedCollection {
  readonly name: string
  readonly language: string
  readonly settings: CollectionRecord['settings']
  readonly profileId: string
  readonly dimensions: number
  /** The vectors that the collection names, where it does; `dimensions` are those of the first. */
  readonly vectors?: NamedVectors
  /** What made its vectors, where that is no model inside the Worker and no caller. */
  readonly model?: ArchivedModel
  readonly chunking: CollectionRecord['generation']['chunking']
  readonly shards: number
  readonly precision: 'int8' | 'f32'
  /** Where the first documents are still to choose the model; absent where it is chosen, whoever did. */
  readonly modelChoice?: 'open'
}

/** As much of a collection as its documents are checked against, whether it exists or is only planned. */
export interface PlannedCollection {
  readonly generation: Omit<CollectionRecord['generation'], 'id'>
}

/** A chunk as stored; the vector's bytes are base64url, of named ones the packed singles (`core/packed-vectors.ts`). */
export interface ArchivedChunk extends Omit<ExportedChunk, 'vector'> {
  readonly vector?: string
}

export interface ArchivedDocument {
  readonly collection: string
  readonly id: string
  readonly title?: string
  readonly url?: string
  readonly language?: string
  readonly metadata: JsonObject
  readonly acl?: readonly string[]
  readonly format: SourceDocument['format']
  readonly text: string
  readonly outline?: NonNullable<SourceDocument['outline']>
  readonly contentHash: string
  readonly version: number
  readonly createdAt: string
  readonly updatedAt: string
  readonly chunks: readonly ArchivedChunk[]
}

export function archivedCollection({
  name,
  language,
  settings,
  generation,
  modelChoice,
}: CollectionRecord): ArchivedCollection {
  const { profileId, dimensions, chunking, shards, precision } = generation
  const vectors = namedVectorsOf(generation.model)
  const model = archivedModel(generation)
  return {
    name,
    language,
    settings,
    profileId,
    dimensions,
    ...(vectors === undefined ? {} : { vectors }),
    ...(model === undefined ? {} : { model }),
    chunking,
    shards,
    precision,
    ...(modelChoice === 'open' ? { modelChoice } : {}),
  }
}

export function archivedDocument(collection: string, document: ExportedDocument): ArchivedDocument {
  const { source, version, createdAtMs, updatedAtMs, chunks } = document
  return {
    collection,
    ...source,
    version,
    createdAt: rfc3339(createdAtMs),
    updatedAt: rfc3339(updatedAtMs),
    chunks: chunks.map(({ vector, ...chunk }) => ({
      ...chunk,
      ...(vector === undefined ? {} : { vector: base64url(vector) }),
    })),
  }
}

/** The bytes of a chunk's vector; `undefined` where the text is no base64url. */
export function vectorBytes({ vector }: ArchivedChunk): Uint8Array<ArrayBuffer> | undefined {
  return vector === undefined ? new Uint8Array() : fromBase64url(vector)
}
