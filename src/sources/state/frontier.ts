/** What a run still has to look at, and what it has looked at: each address once. */
import type { SqlDatabase } from '../../core/sql-database.ts'

export type FrontierKind = 'page' | 'sitemap' | 'object'
/** `other`: a page that wants to be known under another address. */
export type FrontierOutcome = 'done' | 'redirect' | 'other' | 'failed'

export interface FrontierEntry {
  readonly number: number
  readonly address: string
  readonly kind: FrontierKind
  /** Links from the beginning; of a sitemap those from the first one. */
  readonly depth: number
  /** Redirects that led here. */
  readonly hops: number
  /** Number of the entry from which they led; its own where none did. */
  readonly root: number
  /** Begun before, each of which ended without a result. */
  readonly attempts: number
  readonly outcome?: FrontierOutcome
}

type NewEntry = Pick<FrontierEntry, 'address' | 'kind' | 'depth'> & Partial<Pick<FrontierEntry, 'hops' | 'root'>>

type Row = Omit<FrontierEntry, 'outcome'> & {
  readonly outcome: FrontierOutcome | null
  readonly next_ms: number | null
}

export class Frontier {
  readonly #database: SqlDatabase
  readonly #sourceId: string

  constructor(database: SqlDatabase, sourceId: string) {
    this.#database = database
    this.#sourceId = sourceId
  }

  /** False where the address is known already, or there are `most` entries. */
  add({ address, kind, depth, hops = 0, root }: NewEntry, nowMs: number, most: number): 'added' | 'known' | 'full' {
    if (this.find(address) !== undefined) return 'known'
    const last = this.#database.get<{ number: number | null }>(
      'SELECT MAX(number) AS number FROM source_frontier WHERE source_id = ?',
      this.#sourceId,
    )
    const number = (last?.number ?? 0) + 1
    if (number > most) return 'full'
    this.#database.run(
      'INSERT INTO source_frontier VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?, NULL)',
      this.#sourceId,
      number,
      address,
      kind,
      depth,
      hops,
      root ?? number,
      nowMs,
    )
    return 'added'
  }

  find(address: string): FrontierEntry | undefined {
    const row = this.#database.get<Row>(
      'SELECT * FROM source_frontier WHERE source_id = ? AND address = ?',
      this.#sourceId,
      address,
    )
    return row && entryOf(row)
  }

  /** The one that waits longest, and since when it may be looked at; those found first come first. */
  next(): (FrontierEntry & { readonly dueMs: number }) | undefined {
    const row = this.#database.get<Row>(
      `SELECT * FROM source_frontier WHERE source_id = ? AND next_ms IS NOT NULL ORDER BY next_ms, number LIMIT 1`,
      this.#sourceId,
    )
    return row && { ...entryOf(row), dueMs: row.next_ms ?? 0 }
  }

  /** Before it is looked at, so that one which ends the process each time is given up. */
  attempt(number: number): void {
    this.#database.run(
      'UPDATE source_frontier SET attempts = attempts + 1 WHERE source_id = ? AND number = ?',
      this.#sourceId,
      number,
    )
  }

  /** It is looked at again by then. */
  postpone(number: number, nextMs: number): void {
    this.#database.run(
      'UPDATE source_frontier SET next_ms = ? WHERE source_id = ? AND number = ?',
      nextMs,
      this.#sourceId,
      number,
    )
  }

  settle(number: number, outcome: FrontierOutcome): void {
    this.#database.run(
      'UPDATE source_frontier SET next_ms = NULL, outcome = ? WHERE source_id = ? AND number = ?',
      outcome,
      this.#sourceId,
      number,
    )
  }
}

function entryOf({ number, address, kind, depth, hops, root, attempts, outcome }: Row): FrontierEntry {
  return { number, address, kind, depth, hops, root, attempts, ...(outcome === null ? {} : { outcome }) }
}
