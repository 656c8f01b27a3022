/** The rows of one vector leg in storage. Several legs share the table; the rows of a leg lie together in chunk order. */
import { invariant } from '../core/invariant.ts'
import { wipedBlob } from '../core/overwriting.ts'
import type { SqlDatabase, SqlMigration } from '../core/sql-database.ts'

/** A vector's `id` is its leg's number times this plus its chunk number. */
const LEG_STRIDE = 2 ** 40

export interface VectorRow {
  readonly chunk: number
  readonly scale: number
  readonly vector: Uint8Array
}

interface StoredRow {
  readonly id: number
  readonly scale: number
  readonly vector: Uint8Array
}

export class VectorRows {
  static readonly migrations: readonly SqlMigration[] = [
    {
      id: 'vector/1 vectors',
      statements: [
        'CREATE TABLE vector_legs (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT',
        // Rows of a rowid table fill their pages; WITHOUT ROWID moves values above 1 KB to pages of their own.
        'CREATE TABLE vectors (id INTEGER PRIMARY KEY, scale REAL NOT NULL, vector BLOB NOT NULL) STRICT',
      ],
    },
  ]

  readonly #database: SqlDatabase
  readonly #leg: string
  #legStart: number | undefined

  constructor(database: SqlDatabase, leg: string) {
    this.#database = database
    this.#leg = leg
  }

  /** How many there are, and how long their vectors are together; no vector is read for it. */
  totals(): { readonly count: number; readonly bytes: number } {
    const start = this.#start()
    const none = { count: 0, bytes: 0 }
    if (start === undefined) return none
    const row = this.#database.get<{ count: number; bytes: number }>(
      `SELECT count(*) AS count, coalesce(sum(length(vector)), 0) AS bytes FROM vectors WHERE id >= ? AND id < ?`,
      start,
      start + LEG_STRIDE,
    )
    return row ?? none
  }

  count(): number {
    const start = this.#start()
    if (start === undefined) return 0
    const row = this.#database.get<{ count: number }>(
      'SELECT count(*) AS count FROM vectors WHERE id >= ? AND id < ?',
      start,
      start + LEG_STRIDE,
    )
    return row?.count ?? 0
  }

  put({ chunk, scale, vector }: VectorRow): void {
    this.#database.run(
      'INSERT OR REPLACE INTO vectors (id, scale, vector) VALUES (?, ?, ?)',
      this.#madeStart() + chunk,
      scale,
      vector,
    )
  }

  /** Overwrites them where they lie, then removes them. */
  remove(chunks: readonly number[]): void {
    const start = this.#start()
    if (start === undefined) return
    const list = JSON.stringify(chunks.map((chunk) => start + chunk))
    const rows = 'id IN (SELECT value FROM json_each(?))'
    this.#database.run(`UPDATE vectors SET ${wipedBlob('vector')} WHERE ${rows}`, list)
    this.#database.run(`DELETE FROM vectors WHERE ${rows}`, list)
  }

  clear(): void {
    const start = this.#start()
    if (start === undefined) return
    this.#database.run('DELETE FROM vectors WHERE id >= ? AND id < ?', start, start + LEG_STRIDE)
  }

  /** Those of the chunks that have one, by chunk. */
  find(chunks: readonly number[]): Map<number, VectorRow> {
    const start = this.#start()
    if (start === undefined) return new Map()
    const rows = this.#database.all<StoredRow>(
      'SELECT id, scale, vector FROM vectors WHERE id IN (SELECT value FROM json_each(?))',
      JSON.stringify(chunks.map((chunk) => start + chunk)),
    )
    return new Map(rows.map(({ id, scale, vector }) => [id - start, { chunk: id - start, scale, vector }]))
  }

  /** Visits every row in order of chunks, `pageRows` read at a time. */
  scan(pageRows: number, visit: (row: VectorRow) => void): void {
    const start = this.#start()
    if (start === undefined) return
    let from = start
    for (;;) {
      const rows = this.#database.all<StoredRow>(
        'SELECT id, scale, vector FROM vectors WHERE id >= ? AND id < ? ORDER BY id LIMIT ?',
        from,
        start + LEG_STRIDE,
        pageRows,
      )
      for (const { id, scale, vector } of rows) visit({ chunk: id - start, scale, vector })
      const last = rows.at(-1)
      if (last === undefined || rows.length < pageRows) return
      from = last.id + 1
    }
  }

  /** After a transaction that was rolled back: the leg's number may have gone with it. */
  forget(): void {
    this.#legStart = undefined
  }

  /** Where the leg's ids begin; `undefined` while nothing was ever stored in it. Looked up once. */
  #start(): number | undefined {
    if (this.#legStart === undefined) {
      const row = this.#database.get<{ number: number }>('SELECT number FROM vector_legs WHERE name = ?', this.#leg)
      if (row !== undefined) this.#legStart = row.number * LEG_STRIDE
    }
    return this.#legStart
  }

  #madeStart(): number {
    const known = this.#start()
    if (known !== undefined) return known
    this.#database.run('INSERT INTO vector_legs (name) VALUES (?)', this.#leg)
    const made = this.#start()
    invariant(made !== undefined, 'a leg that was just written is there')
    return made
  }
}
