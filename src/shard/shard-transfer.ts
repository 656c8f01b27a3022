/** Documents out of one shard and into another exactly as they are, with chunks and vectors as stored, without a model. */
import { canonicalJson } from '../core/canonical-json.ts'
import { base64url } from '../core/bytes.ts'
import { unpackVectors } from '../core/packed-vectors.ts'
import { Problem } from '../core/problem.ts'
import { encodeVector, precisionBytes } from '../vector/vector-codec.ts'
import { applyDocument } from './apply-document.ts'
import { locationField, type DocumentRow } from './document-store.ts'
import type { ExportedChunk, ExportedDocument, PreparedChunk, WriteContext } from './shard-api.ts'
import { requireWritable } from './shard-setup.ts'
import type { ShardState } from './shard-state.ts'
import { addStateHashes, documentHash } from './state-hash.ts'

/** Rows read at a time. */
const PAGE_DOCUMENTS = 50
/** Documents hashed at a time: their texts and vectors are in memory together. */
const HASHED_BYTES = 4_000_000

export class ShardTransfer {
  readonly #state: ShardState

  constructor(state: ShardState) {
    this.#state = state
  }

  export(options: { readonly after?: string; readonly limit: number; readonly maxBytes: number }): ExportedDocument[] {
    const { documents } = this.#state
    const found: ExportedDocument[] = []
    let held = 0
    for (let after = options.after ?? ''; ;) {
      const rows = documents.list(after, Math.min(PAGE_DOCUMENTS, options.limit - found.length))
      for (const row of rows) {
        const document = this.#exported(row)
        held += document.chunks.reduce((sum, { vector }) => sum + (vector?.length ?? 0), row.bytes)
        if (found.length > 0 && held > options.maxBytes) return found
        found.push(document)
      }
      const last = rows.at(-1)
      if (last === undefined || found.length >= options.limit) return found
      after = last.id
    }
  }

  /**
   * Never waits. @throws conflict, shard_full, invalid_request when vectors are not of this shard's kind; documents before
   * the one that failed are in place
   */
  import(documents: readonly ExportedDocument[], { keyId, chosen }: Pick<WriteContext, 'keyId' | 'chosen'>): void {
    this.#state.adopt(chosen)
    requireWritable(this.#state.setup, undefined)
    for (const document of documents) this.#import(document, keyId)
  }

  async stateHash(): Promise<string> {
    let sum = addStateHashes([])
    for (let after: string | undefined; ;) {
      const page = this.export({
        limit: PAGE_DOCUMENTS,
        maxBytes: HASHED_BYTES,
        ...(after === undefined ? {} : { after }),
      })
      const last = page.at(-1)
      if (last === undefined) return sum
      sum = addStateHashes([sum, ...(await Promise.all(page.map(documentHash)))])
      after = last.source.id
    }
  }

  #import(document: ExportedDocument, keyId: string): void {
    const { source, version, createdAtMs, updatedAtMs } = document
    const { documents, pending, tickets } = this.#state
    const current = documents.find(source.id)
    if (current !== undefined && comparable(this.#exported(current)) === comparable(document)) return
    if (current !== undefined || pending.latest(source.id) !== undefined) {
      throw new Problem('conflict', 'a document of this id is there already')
    }
    const vectors = document.chunks.map((chunk) => this.#vector(chunk, document.precision))
    const result = applyDocument(
      this.#state,
      {
        source,
        chunks: document.chunks.map(preparedChunk),
        sequence: tickets.takeSequence(),
        version,
        keyId,
        embeddingTokens: 0,
        times: { createdAtMs, updatedAtMs },
      },
      vectors,
    )
    if (result.status === 'failed') throw new Problem(result.code, result.detail)
  }

  #exported(row: DocumentRow): ExportedDocument {
    const { documents, setup, vectors } = this.#state
    const chunks = documents.chunks(row)
    const stored = vectors.vectors(chunks.map(({ chunk }) => chunk))
    return {
      source: documents.source(row),
      version: row.version,
      createdAtMs: row.created_at,
      updatedAtMs: row.updated_at,
      precision: setup.precision,
      chunks: chunks.map((chunk, ordinal) => {
        const vector = stored[ordinal]
        return {
          start: chunk.start_offset,
          end: chunk.end_offset,
          headings: JSON.parse(chunk.headings) as string[],
          prefix: chunk.prefix,
          language: chunk.language,
          tokens: chunk.tokens,
          truncated: chunk.truncated === 1,
          ...locationField(chunk),
          ...(chunk.vector_key === null ? {} : { vectorKey: chunk.vector_key }),
          // Encoding what was decoded gives the stored bytes again.
          ...(vector === undefined ? {} : { vector: encodeVector(vector, setup.precision).bytes }),
        }
      }),
    }
  }

  /** The bytes as numbers; their length does not matter to an index. */
  #vector({ vector }: ExportedChunk, precision: ExportedDocument['precision']): Float32Array | undefined {
    if (vector === undefined) return undefined
    const { setup } = this.#state
    const view = new DataView(vector.buffer, vector.byteOffset, vector.byteLength)
    const values = Float32Array.from({ length: Math.floor(vector.length / precisionBytes(precision)) }, (_, i) =>
      precision === 'int8' ? view.getInt8(i) : view.getFloat32(4 * i, true),
    )
    const isWhole =
      setup.vectors === undefined
        ? vector.length === setup.dimensions * precisionBytes(precision)
        : unpackVectors(setup.vectors, values) !== undefined
    if (precision !== setup.precision || !isWhole) {
      throw new Problem('invalid_request', 'the vectors are not of the kind that the collection holds')
    }
    return values
  }
}

function preparedChunk({ vector: _vector, vectorKey, ...chunk }: ExportedChunk): PreparedChunk {
  return vectorKey === undefined ? { ...chunk, vectorKey: '', withoutVector: true } : { ...chunk, vectorKey }
}

function comparable({ chunks, ...rest }: ExportedDocument): string {
  const encoded = chunks.map(({ vector, ...chunk }) => ({ ...chunk, vector: vector && base64url(vector) }))
  return canonicalJson({ ...rest, chunks: encoded })
}
