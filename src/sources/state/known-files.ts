/** What a source has brought so far: each file that is or will be in the collection because of it. */
import type { SqlDatabase } from '../../core/sql-database.ts'

export interface KnownFile {
  readonly name: string
  readonly address: string
  readonly etag?: string
  /** Of a page its `Last-Modified`, of an object its size. */
  readonly modified?: string
  readonly sha256: string
  /** Where a page leads, within its sites. */
  readonly links: readonly string[]
  /** Number of the last run that saw it. */
  readonly run: number
}

interface Row {
  readonly name: string
  readonly address: string
  readonly etag: string | null
  readonly modified: string | null
  readonly sha256: string
  readonly links: string
  readonly run: number
}

export class KnownFiles {
  readonly #database: SqlDatabase
  readonly #sourceId: string

  constructor(database: SqlDatabase, sourceId: string) {
    this.#database = database
    this.#sourceId = sourceId
  }

  find(name: string): KnownFile | undefined {
    const row = this.#database.get<Row>(
      'SELECT * FROM source_files WHERE source_id = ? AND name = ?',
      this.#sourceId,
      name,
    )
    return row && knownOf(row)
  }

  put({ name, address, etag, modified, sha256, links, run }: KnownFile): void {
    this.#database.run(
      'INSERT OR REPLACE INTO source_files VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
      this.#sourceId,
      name,
      address,
      etag ?? null,
      modified ?? null,
      sha256,
      JSON.stringify(links),
      run,
    )
  }

  /** It is still there. */
  see(name: string, run: number): void {
    this.#database.run('UPDATE source_files SET run = ? WHERE source_id = ? AND name = ?', run, this.#sourceId, name)
  }

  remove(name: string): void {
    this.#database.run('DELETE FROM source_files WHERE source_id = ? AND name = ?', this.#sourceId, name)
  }

  /** Names that a run has not seen. */
  unseen(run: number, limit: number): string[] {
    return this.#names('AND run <> ?', run, limit)
  }

  names(limit: number): string[] {
    return this.#names('', limit)
  }

  /** Everything is looked at anew, because other things are wanted of it. */
  forgetValidators(): void {
    this.#database.run('UPDATE source_files SET etag = NULL, modified = NULL WHERE source_id = ?', this.#sourceId)
  }

  #names(condition: string, ...parameters: number[]): string[] {
    return this.#database
      .all<{ name: string }>(
        `SELECT name FROM source_files WHERE source_id = ? ${condition} ORDER BY name LIMIT ?`,
        this.#sourceId,
        ...parameters,
      )
      .map(({ name }) => name)
  }
}

function knownOf({ name, address, etag, modified, sha256, links, run }: Row): KnownFile {
  return {
    name,
    address,
    ...(etag === null ? {} : { etag }),
    ...(modified === null ? {} : { modified }),
    sha256,
    links: JSON.parse(links) as string[],
    run,
  }
}
