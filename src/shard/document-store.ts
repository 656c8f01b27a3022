/**
 * Documents and their chunks as rows. A chunk's text is a slice of its document's text and is not stored twice. The chunk
 * numbers of a document are consecutive and never used again, so no index on `chunks` is needed and a number that a
 * search has handed out can only mean the chunk it meant. Every method runs inside the caller's transaction.
 */
import type { Location } from '../chunking/document-text.ts'
import type { JsonObject } from '../core/canonical-json.ts'
import { wipedText } from '../core/overwriting.ts'
import type { SqlDatabase } from '../core/sql-database.ts'
import type { OutlineBlock, PreparedChunk, SourceDocument, TextFormat } from './shard-api.ts'
import { cutText, sliceOfPieces, type TextPiece } from './text-pieces.ts'

/**
 * Longer texts lie in `document_pieces`. Small, because a search reads a whole piece for each hit that it shows: at most
 * 48 KB, far below a row's limit.
 */
const PIECE_UNITS = 16_384

/** The one build of the index that exists until generations can be re-embedded inside a shard. */
const BUILD = 1

export interface DocumentRow {
  /** The number under which chunks and indexes know the document; stays when it is replaced. */
  readonly document: number
  readonly id: string
  readonly version: number
  /** The place in the order of writes of the write that is applied. */
  readonly sequence: number
  /** The change log's position at which it was applied. */
  readonly position: number
  readonly content_hash: string
  /** As declared, else the language of most of the chunks' tokens. */
  readonly language: string
  readonly declared_language: string | null
  readonly format: TextFormat
  readonly bytes: number
  readonly tokens: number
  readonly first_chunk: number
  readonly chunk_count: number
  readonly created_at: number
  readonly updated_at: number
  readonly title: string | null
  readonly url: string | null
  readonly metadata: string
  /** A JSON array, or null: visible to everyone. */
  readonly acl: string | null
}

export interface ChunkRow {
  readonly chunk: number
  readonly document: number
  readonly ordinal: number
  readonly start_offset: number
  readonly end_offset: number
  readonly tokens: number
  readonly truncated: number
  readonly language: string
  readonly vector_key: string | null
  readonly prefix: string
  readonly headings: string
  /** A JSON object, or null: its file has no pages, rows or times. */
  readonly location: string | null
}

/** What `write` stores beside the source itself. */
export interface DocumentStamp {
  readonly version: number
  readonly sequence: number
  readonly position: number
  readonly language: string
  readonly bytes: number
  readonly tokens: number
  readonly firstChunk: number
  readonly createdAtMs: number
  readonly updatedAtMs: number
}

const COLUMNS = `document, id, version, sequence, position, content_hash, language, declared_language, format, bytes,
  tokens, first_chunk, chunk_count, created_at, updated_at, title, url, metadata, acl`
const CHUNK_COLUMNS =
  'chunk, document, ordinal, start_offset, end_offset, tokens, truncated, language, vector_key, prefix, headings, location'

export class DocumentStore {
  readonly #database: SqlDatabase

  constructor(database: SqlDatabase) {
    this.#database = database
  }

  find(id: string): DocumentRow | undefined {
    return this.#database.get<DocumentRow>(`SELECT ${COLUMNS} FROM documents WHERE id = ?`, id)
  }

  /** Rows with `id > after` in order of the ids' UTF-8 bytes, which is how SQLite compares text. */
  list(after: string, limit: number): DocumentRow[] {
    return this.#database.all<DocumentRow>(
      `SELECT ${COLUMNS} FROM documents WHERE id > ? ORDER BY id LIMIT ?`,
      after,
      limit,
    )
  }

  /** Numbers of those of the ids that exist. */
  numbers(ids: readonly string[]): number[] {
    const numbers: number[] = []
    for (let from = 0; from < ids.length; from += 1_000) {
      const rows = this.#database.all<{ document: number }>(
        'SELECT document FROM documents WHERE id IN (SELECT value FROM json_each(?))',
        JSON.stringify(ids.slice(from, from + 1_000)),
      )
      for (const { document } of rows) numbers.push(document)
    }
    return numbers
  }

  text(row: DocumentRow): string {
    return this.#long(row, 'text') ?? ''
  }

  outline(row: DocumentRow): OutlineBlock[] | undefined {
    const outline = this.#long(row, 'outline')
    return outline === undefined ? undefined : (JSON.parse(outline) as OutlineBlock[])
  }

  /** The text from `start` to `end` in UTF-16 units, reading only the pieces that hold it. */
  slice(row: DocumentRow, start: number, end: number, cache: Map<number, TextPiece[]>): string {
    const cached = cache.get(row.document)
    if (cached?.some((piece) => piece.start <= start && piece.start + piece.text.length >= end)) {
      return sliceOfPieces(cached, start, end)
    }
    const inline = this.#inline(row.id, 'text')
    const pieces =
      inline === undefined
        ? this.#database.all<{ start: number; text: string }>(
            `SELECT start, text FROM document_pieces
             WHERE document = ? AND part = 'text' AND start < ? AND start + units > ? ORDER BY start`,
            row.document,
            end,
            start,
          )
        : [{ start: 0, text: inline }]
    cache.set(row.document, pieces)
    return sliceOfPieces(pieces, start, end)
  }

  source(row: DocumentRow): SourceDocument {
    const outline = this.outline(row)
    return {
      id: row.id,
      ...(row.title === null ? {} : { title: row.title }),
      ...(row.url === null ? {} : { url: row.url }),
      ...(row.declared_language === null ? {} : { language: row.declared_language }),
      metadata: JSON.parse(row.metadata) as JsonObject,
      ...(row.acl === null ? {} : { acl: JSON.parse(row.acl) as string[] }),
      format: row.format,
      text: this.text(row),
      ...(outline === undefined ? {} : { outline }),
      contentHash: row.content_hash,
    }
  }

  chunks(row: Pick<DocumentRow, 'first_chunk' | 'chunk_count'>): ChunkRow[] {
    return this.#database.all<ChunkRow>(
      `SELECT ${CHUNK_COLUMNS} FROM chunks WHERE chunk >= ? AND chunk < ? ORDER BY chunk`,
      row.first_chunk,
      row.first_chunk + row.chunk_count,
    )
  }

  chunk(chunk: number): ChunkRow | undefined {
    return this.#database.get<ChunkRow>(`SELECT ${CHUNK_COLUMNS} FROM chunks WHERE chunk = ?`, chunk)
  }

  /** Every row's part that the resident directory needs, chunks in order. */
  directory(): { document: number; id: string; first_chunk: number; position: number; bytes: number }[] {
    return this.#database.all('SELECT document, id, first_chunk, position, bytes FROM documents')
  }

  chunkLanguages(): { document: number; language: string }[] {
    return this.#database.all('SELECT document, language FROM chunks ORDER BY chunk')
  }

  /** Puts the source in the place of `previous`, or in a new row with a new number; returns the document's number. */
  write(
    source: SourceDocument,
    chunks: readonly PreparedChunk[],
    stamp: DocumentStamp,
    previous: DocumentRow | undefined,
  ): number {
    const long = longColumns(source)
    // The position of the entry that creates a document is a number that no other document ever has.
    const document = previous?.document ?? stamp.position
    const values = [
      stamp.version,
      stamp.sequence,
      stamp.position,
      source.contentHash,
      stamp.language,
      source.language ?? null,
      source.format,
      stamp.bytes,
      stamp.tokens,
      stamp.firstChunk,
      chunks.length,
      stamp.createdAtMs,
      stamp.updatedAtMs,
      source.title ?? null,
      source.url ?? null,
      JSON.stringify(source.metadata),
      long.inline.outline ?? null,
      long.inline.text ?? null,
      source.acl === undefined ? null : JSON.stringify(source.acl),
    ]
    if (previous === undefined) {
      this.#database.run(
        `INSERT INTO documents (id, document, version, sequence, position, content_hash, language, declared_language,
           format, bytes, tokens, first_chunk, chunk_count, created_at, updated_at, title, url, metadata, outline, text, acl)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
        source.id,
        document,
        ...values,
      )
    } else {
      this.#removeParts(previous)
      this.#database.run(
        `UPDATE documents SET version = ?, sequence = ?, position = ?, content_hash = ?, language = ?,
           declared_language = ?, format = ?, bytes = ?, tokens = ?, first_chunk = ?, chunk_count = ?, created_at = ?,
           updated_at = ?, title = ?, url = ?, metadata = ?, outline = ?, text = ?, acl = ? WHERE id = ?`,
        ...values,
        source.id,
      )
    }
    for (const { part, start, text } of long.pieces) {
      this.#database.run(
        'INSERT INTO document_pieces (document, part, start, units, text) VALUES (?, ?, ?, ?, ?)',
        document,
        part,
        start,
        text.length,
        text,
      )
    }
    for (const [ordinal, chunk] of chunks.entries())
      this.#writeChunk(document, stamp.firstChunk + ordinal, ordinal, chunk)
    return document
  }

  remove(row: DocumentRow): void {
    this.#removeParts(row)
    this.#database.run('DELETE FROM documents WHERE id = ?', row.id)
  }

  #writeChunk(document: number, number: number, ordinal: number, chunk: PreparedChunk): void {
    this.#database.run(
      `INSERT INTO chunks (chunk, document, ordinal, start_offset, end_offset, tokens, truncated, language, vector_key,
         build, prefix, headings, location) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      number,
      document,
      ordinal,
      chunk.start,
      chunk.end,
      chunk.tokens,
      chunk.truncated ? 1 : 0,
      chunk.language,
      chunk.withoutVector === true ? null : chunk.vectorKey,
      BUILD,
      chunk.prefix,
      JSON.stringify(chunk.headings),
      chunk.location === undefined ? null : JSON.stringify(chunk.location),
    )
  }

  /** Overwrites the document's content where it lies, and removes what stands beside its row. */
  #removeParts(row: DocumentRow): void {
    const wiped = ['title', 'url', 'metadata', 'outline', 'text', 'acl'].map(wipedText).join(', ')
    this.#database.run(`UPDATE documents SET ${wiped} WHERE id = ?`, row.id)
    const chunks = [row.first_chunk, row.first_chunk + row.chunk_count]
    this.#database.run(
      `UPDATE chunks SET ${wipedText('prefix')}, ${wipedText('headings')}, ${wipedText('location')}
       WHERE chunk >= ? AND chunk < ? AND (prefix <> '' OR headings <> '[]' OR location IS NOT NULL)`,
      ...chunks,
    )
    this.#database.run('DELETE FROM chunks WHERE chunk >= ? AND chunk < ?', ...chunks)
    this.#database.run(`UPDATE document_pieces SET ${wipedText('text')} WHERE document = ?`, row.document)
    this.#database.run('DELETE FROM document_pieces WHERE document = ?', row.document)
  }

  #long(row: DocumentRow, part: 'text' | 'outline'): string | undefined {
    const inline = this.#inline(row.id, part)
    if (inline !== undefined) return inline
    const pieces = this.#database.all<{ text: string }>(
      'SELECT text FROM document_pieces WHERE document = ? AND part = ? ORDER BY start',
      row.document,
      part,
    )
    return pieces.length === 0 ? undefined : pieces.map(({ text }) => text).join('')
  }

  #inline(id: string, part: 'text' | 'outline'): string | undefined {
    return (
      this.#database.get<{ value: string | null }>(`SELECT ${part} AS value FROM documents WHERE id = ?`, id)?.value ??
      undefined
    )
  }
}

/** A chunk's location as a field, where it has one. */
export function locationField({ location }: Pick<ChunkRow, 'location'>): { location?: Location } {
  return location === null ? {} : { location: JSON.parse(location) as Location }
}

interface LongColumns {
  readonly inline: { text?: string; outline?: string }
  readonly pieces: { part: 'text' | 'outline'; start: number; text: string }[]
}

/** A short text stands in the document's own row, which saves a row for most documents; a long one is cut. */
function longColumns(source: SourceDocument): LongColumns {
  const columns: LongColumns = { inline: {}, pieces: [] }
  const values = { text: source.text, outline: source.outline && JSON.stringify(source.outline) }
  for (const part of ['text', 'outline'] as const) {
    const value = values[part]
    if (value === undefined) continue
    if (value.length <= PIECE_UNITS) columns.inline[part] = value
    else for (const piece of cutText(value, PIECE_UNITS)) columns.pieces.push({ part, ...piece })
  }
  return columns
}
