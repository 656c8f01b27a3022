/** Reading documents back: one, a page of them, the latest accepted source, and totals. */
import { utf8Length } from '../core/bytes.ts'
import type { JsonObject } from '../core/canonical-json.ts'
import { matches } from '../metadata/evaluate-filter.ts'
import { declaredLanguage } from './apply-document.ts'
import { locationField, type DocumentRow } from './document-store.ts'
import { etagOf } from './etag.ts'
import { aclOf, asFiltered, type PendingRow } from './pending-store.ts'
import type {
  DocumentInclude,
  ShardStatistics,
  SourceDocument,
  StoredChunk,
  StoredDocument,
  Visibility,
} from './shard-api.ts'
import type { ShardState } from './shard-state.ts'

/** Rows read at a time while a list looks for visible ones. */
const LIST_SLICE = 200

export class ShardReads {
  readonly #state: ShardState

  constructor(state: ShardState) {
    this.#state = state
  }

  /** The applied version, else the pending one of a document that was never applied. */
  document(
    id: string,
    options: { readonly include: readonly DocumentInclude[]; readonly visibility?: Visibility },
  ): StoredDocument | undefined {
    const row = this.#state.documents.find(id)
    if (row !== undefined) {
      return isVisible(row, options.visibility) ? this.#applied(row, options.include) : undefined
    }
    const waiting = this.#state.pending.latest(id)
    if (waiting === undefined || !isVisible(waiting, options.visibility)) return undefined
    return this.#pending(waiting, options.include)
  }

  latestSource(id: string, visibility?: Visibility): { source: SourceDocument; etag: string } | undefined {
    const waiting = this.#state.pending.latest(id)
    const row = this.#state.documents.find(id)
    const latest = waiting ?? row
    if (latest === undefined || !isVisible(latest, visibility)) return undefined
    const source =
      waiting === undefined
        ? row && this.#state.documents.source(row)
        : this.#state.pending.body(waiting.sequence).source
    return source && { source, etag: etagOf(latest.version, latest.content_hash) }
  }

  list(options: {
    readonly after?: string
    readonly limit: number
    readonly visibility?: Visibility
  }): StoredDocument[] {
    const found: StoredDocument[] = []
    let after = options.after ?? ''
    while (found.length < options.limit) {
      const rows = this.#state.documents.list(after, LIST_SLICE)
      for (const row of rows) {
        if (found.length < options.limit && isVisible(row, options.visibility)) found.push(this.#applied(row, []))
      }
      const last = rows.at(-1)
      if (last === undefined || rows.length < LIST_SLICE) break
      after = last.id
    }
    return found
  }

  statistics(visibility?: Visibility): ShardStatistics {
    const { directory, metadata, pending, position } = this.#state
    if (visibility !== undefined) {
      const waiting = pending.all().filter((row) => isVisible(row, visibility)).length
      return { ...directory.totals(metadata.matching(visibility)), pending: waiting, sequence: position }
    }
    return {
      documents: directory.documentCount,
      chunks: directory.chunkCount,
      bytes: directory.textBytes,
      pending: pending.count,
      sequence: position,
    }
  }

  #applied(row: DocumentRow, include: readonly DocumentInclude[]): StoredDocument {
    const { documents, vectors } = this.#state
    const text = include.includes('text') || include.includes('chunks') ? documents.text(row) : undefined
    const numbers = Array.from({ length: row.chunk_count }, (_, ordinal) => row.first_chunk + ordinal)
    return {
      id: row.id,
      ...(row.title === null ? {} : { title: row.title }),
      ...(row.url === null ? {} : { url: row.url }),
      language: row.language,
      metadata: JSON.parse(row.metadata) as JsonObject,
      ...aclOf(row),
      version: row.version,
      status: 'indexed',
      chunkCount: row.chunk_count,
      bytes: row.bytes,
      contentHash: row.content_hash,
      etag: etagOf(row.version, row.content_hash),
      createdAtMs: row.created_at,
      updatedAtMs: row.updated_at,
      ...(include.includes('text') && text !== undefined ? { text } : {}),
      ...(include.includes('chunks') && text !== undefined ? { chunks: this.#chunks(row, text) } : {}),
      ...(include.includes('vectors') ? { vectors: vectors.vectors(numbers) } : {}),
    }
  }

  #chunks(row: DocumentRow, text: string): StoredChunk[] {
    return this.#state.documents.chunks(row).map((chunk) => ({
      ordinal: chunk.ordinal,
      start: chunk.start_offset,
      end: chunk.end_offset,
      text: text.slice(chunk.start_offset, chunk.end_offset),
      headings: JSON.parse(chunk.headings) as string[],
      truncated: chunk.truncated === 1,
      ...locationField(chunk),
    }))
  }

  #pending(row: PendingRow, include: readonly DocumentInclude[]): StoredDocument {
    const { source } = this.#state.pending.body(row.sequence)
    return {
      id: row.id,
      ...(source.title === undefined ? {} : { title: source.title }),
      ...(source.url === undefined ? {} : { url: source.url }),
      language: declaredLanguage(source) ?? 'und',
      metadata: source.metadata,
      ...aclOf(row),
      version: row.version,
      status: 'pending',
      chunkCount: 0,
      bytes: utf8Length(source.text),
      contentHash: row.content_hash,
      etag: etagOf(row.version, row.content_hash),
      createdAtMs: row.accepted_at,
      updatedAtMs: row.accepted_at,
      ...(include.includes('text') ? { text: source.text } : {}),
      ...(include.includes('chunks') ? { chunks: [] } : {}),
      ...(include.includes('vectors') ? { vectors: [] } : {}),
    }
  }
}

function isVisible(row: DocumentRow | PendingRow, visibility: Visibility): boolean {
  return visibility === undefined || matches(visibility, asFiltered(row))
}
