/** The keyword leg's tables: one row a chunk with its postings, and further rows for the few chunks with too many. */
import { wipedBlob } from '../core/overwriting.ts'
import type { SqlDatabase, SqlMigration } from '../core/sql-database.ts'
import type { KeywordChunk } from './inverted-index.ts'

/** Rows read at a time: usually 40 KB in all, 4 MB at worst. */
const PAGE_CHUNKS = 64

interface ChunkRow {
  readonly chunk: number
  readonly language: string
  readonly length: number
  readonly pieces: number
  readonly postings: Uint8Array
}

export class KeywordStorage {
  static readonly migrations: readonly SqlMigration[] = [
    {
      id: 'keyword/1 chunks',
      statements: [
        `CREATE TABLE keyword_chunks (
          chunk INTEGER PRIMARY KEY,
          language TEXT NOT NULL,
          length INTEGER NOT NULL,
          pieces INTEGER NOT NULL,
          postings BLOB NOT NULL
        ) STRICT`,
        `CREATE TABLE keyword_pieces (
          chunk INTEGER NOT NULL,
          piece INTEGER NOT NULL,
          postings BLOB NOT NULL,
          PRIMARY KEY (chunk, piece)
        ) STRICT, WITHOUT ROWID`,
      ],
    },
  ]

  readonly #database: SqlDatabase

  constructor(database: SqlDatabase) {
    this.#database = database
  }

  count(): number {
    return this.#database.get<{ count: number }>('SELECT count(*) AS count FROM keyword_chunks')?.count ?? 0
  }

  /** Writes one row, and one more for every piece after the first. */
  insert({ chunk, language, length, pieces }: KeywordChunk): void {
    const [first, ...rest] = pieces
    this.#database.run(
      'INSERT INTO keyword_chunks (chunk, language, length, pieces, postings) VALUES (?, ?, ?, ?, ?)',
      chunk,
      language,
      length,
      pieces.length,
      first!,
    )
    for (const [index, postings] of rest.entries()) {
      this.#database.run(
        'INSERT INTO keyword_pieces (chunk, piece, postings) VALUES (?, ?, ?)',
        chunk,
        index + 1,
        postings,
      )
    }
  }

  delete(chunks: readonly number[]): void {
    const list = JSON.stringify(chunks)
    for (const table of ['keyword_chunks', 'keyword_pieces']) {
      const rows = 'chunk IN (SELECT value FROM json_each(?))'
      this.#database.run(`UPDATE ${table} SET ${wipedBlob('postings')} WHERE ${rows}`, list)
      this.#database.run(`DELETE FROM ${table} WHERE ${rows}`, list)
    }
  }

  clear(): void {
    this.#database.run('DELETE FROM keyword_chunks')
    this.#database.run('DELETE FROM keyword_pieces')
  }

  /** Those of the given chunks that exist, a page at a time. */
  *read(chunks: readonly number[]): Iterable<KeywordChunk> {
    for (let from = 0; from < chunks.length; from += PAGE_CHUNKS) {
      const rows = this.#database.all<ChunkRow>(
        `SELECT chunk, language, length, pieces, postings FROM keyword_chunks
          WHERE chunk IN (SELECT value FROM json_each(?)) ORDER BY chunk`,
        JSON.stringify(chunks.slice(from, from + PAGE_CHUNKS)),
      )
      for (const row of rows) yield this.#assemble(row)
    }
  }

  /** Every chunk in order, a page at a time. */
  *each(): Iterable<KeywordChunk> {
    let after = -1
    for (;;) {
      const rows = this.#database.all<ChunkRow>(
        `SELECT chunk, language, length, pieces, postings FROM keyword_chunks
          WHERE chunk > ? ORDER BY chunk LIMIT ?`,
        after,
        PAGE_CHUNKS,
      )
      for (const row of rows) yield this.#assemble(row)
      const last = rows.at(-1)
      if (last === undefined || rows.length < PAGE_CHUNKS) return
      after = last.chunk
    }
  }

  #assemble({ chunk, language, length, pieces, postings }: ChunkRow): KeywordChunk {
    if (pieces === 1) return { chunk, language, length, pieces: [postings] }
    const rest = this.#database.all<{ postings: Uint8Array }>(
      'SELECT postings FROM keyword_pieces WHERE chunk = ? ORDER BY piece',
      chunk,
    )
    return { chunk, language, length, pieces: [postings, ...rest.map((row) => row.postings)] }
  }
}
