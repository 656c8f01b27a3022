/**
 * Accepted writes that are not applied yet, as rows: the whole prepared document in pieces, and the vectors that are
 * ready, batch by batch, so that a kill loses one batch at most. A row leaves when its document is applied, superseded,
 * cancelled or failed. Every method runs inside the caller's transaction.
 */
import { utf8Length } from '../core/bytes.ts'
import type { JsonObject } from '../core/canonical-json.ts'
import { wipedBlob, wipedText } from '../core/overwriting.ts'
import type { SqlDatabase } from '../core/sql-database.ts'
import type { Amounts } from '../core/usage.ts'
import { type FilteredDocument, matches } from '../metadata/evaluate-filter.ts'
import type { Filter } from '../metadata/filter.ts'
import type { PreparedChunk, SourceDocument } from './shard-api.ts'
import { cutText } from './text-pieces.ts'

/** At most 1 MB of UTF-8. */
const PIECE_UNITS = 333_333
/** Bytes of one `pending_vectors` row, well below a row's limit. */
const MAX_VECTORS_BYTES = 1_000_000

export interface PendingRow {
  readonly sequence: number
  readonly id: string
  readonly version: number
  readonly job: string
  readonly key_id: string
  readonly content_hash: string
  readonly attempts: number
  readonly not_before: number
  readonly accepted_at: number
  /** The key's forced filter as JSON, which the version that is replaced must match. */
  readonly filter: string | null
  readonly metadata: string
  readonly acl: string | null
  readonly may_write_acl: number
  readonly bytes: number
  readonly chunks: number
  readonly tokens: number
  /** JSON of the amounts that it holds; null: its tenant had no limits. */
  readonly held: string | null
}

/** What an accepted write carries: the row's columns and the document itself. */
export interface PendingDocument {
  readonly sequence: number
  readonly version: number
  readonly job: string
  readonly keyId: string
  readonly filter: Filter | undefined
  readonly mayWriteAcl: boolean
  readonly source: SourceDocument
  readonly chunks: readonly PreparedChunk[]
  /** `undefined` where the tenant has no limits. */
  readonly held: Amounts | undefined
}

const COLUMNS = `sequence, id, version, job, key_id, content_hash, attempts, not_before, accepted_at, filter, metadata, acl,
  may_write_acl, bytes, chunks, tokens, held`

export class PendingStore {
  readonly #database: SqlDatabase
  readonly #dimensions: number | undefined

  /** Without `dimensions` vectors are as long as they come, as packed ones do. */
  constructor(database: SqlDatabase, dimensions: number | undefined) {
    this.#database = database
    this.#dimensions = dimensions
  }

  get count(): number {
    return this.#database.get<{ count: number }>('SELECT count(*) AS count FROM pending')?.count ?? 0
  }

  find(sequence: number): PendingRow | undefined {
    return this.#database.get<PendingRow>(`SELECT ${COLUMNS} FROM pending WHERE sequence = ?`, sequence)
  }

  /** The last accepted of the document's pending writes. */
  latest(id: string): PendingRow | undefined {
    return this.#database.get<PendingRow>(
      `SELECT ${COLUMNS} FROM pending WHERE id = ? ORDER BY sequence DESC LIMIT 1`,
      id,
    )
  }

  /** Pending writes of the document, in order of acceptance. */
  ofDocument(id: string): PendingRow[] {
    return this.#database.all<PendingRow>(`SELECT ${COLUMNS} FROM pending WHERE id = ? ORDER BY sequence`, id)
  }

  /** Those that were accepted before `sequence`. */
  earlier(id: string, sequence: number): PendingRow[] {
    return this.ofDocument(id).filter((row) => row.sequence < sequence)
  }

  /** Found by the job's items, because an index by job would be one more row written for every document. */
  ofJob(job: string): PendingRow[] {
    return this.#database.all<PendingRow>(
      `SELECT ${COLUMNS} FROM pending
       WHERE id IN (SELECT id FROM job_items WHERE job_items.job = ?1) AND job = ?1`,
      job,
    )
  }

  /** By job, chunks whose vectors are ready: of long documents that are half embedded, or came with vectors. */
  readyVectors(): Map<string, number> {
    const rows = this.#database.all<{ job: string; bytes: number; batches: number }>(
      `SELECT pending.job AS job, sum(length(pending_vectors.vectors)) AS bytes, count(*) AS batches
       FROM pending_vectors CROSS JOIN pending ON pending.sequence = pending_vectors.sequence GROUP BY pending.job`,
    )
    const entryBytes = this.#entryBytes
    return new Map(
      rows.map(({ job, bytes, batches }) => [job, entryBytes === undefined ? batches : bytes / entryBytes]),
    )
  }

  all(): PendingRow[] {
    return this.#database.all<PendingRow>(`SELECT ${COLUMNS} FROM pending`)
  }

  /** Last accepted pending write of each document. */
  latestOfAll(): PendingRow[] {
    return this.#database.all<PendingRow>(
      `SELECT ${COLUMNS} FROM pending WHERE sequence IN (SELECT max(sequence) FROM pending GROUP BY id) ORDER BY id`,
    )
  }

  /** The next due ones in order of acceptance. */
  due(nowMs: number, limit: number): PendingRow[] {
    return this.#database.all<PendingRow>(
      `SELECT ${COLUMNS} FROM pending WHERE not_before <= ? ORDER BY sequence LIMIT ?`,
      nowMs,
      limit,
    )
  }

  /** The due ones of fewest chunks; a version waits for those of its document that were accepted before it. */
  shortest(nowMs: number, limit: number): PendingRow[] {
    return this.#database.all<PendingRow>(
      `SELECT ${COLUMNS} FROM pending AS p WHERE not_before <= ?
         AND NOT EXISTS (SELECT 1 FROM pending AS e WHERE e.id = p.id AND e.sequence < p.sequence)
       ORDER BY chunks, sequence LIMIT ?`,
      nowMs,
      limit,
    )
  }

  nextDueMs(): number | undefined {
    return this.#database.get<{ due: number | null }>('SELECT min(not_before) AS due FROM pending')?.due ?? undefined
  }

  add(pending: PendingDocument, nowMs: number): void {
    const { source, sequence } = pending
    this.#database.run(
      `INSERT INTO pending (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, 0, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      sequence,
      source.id,
      pending.version,
      pending.job,
      pending.keyId,
      source.contentHash,
      nowMs,
      pending.filter === undefined ? null : JSON.stringify(pending.filter),
      JSON.stringify(source.metadata),
      source.acl === undefined ? null : JSON.stringify(source.acl),
      pending.mayWriteAcl ? 1 : 0,
      utf8Length(source.text),
      pending.chunks.length,
      pending.chunks.reduce((sum, { tokens }) => sum + tokens, 0),
      pending.held === undefined ? null : JSON.stringify(pending.held),
    )
    const withoutVectors = pending.chunks.map(({ vector: _vector, ...chunk }) => chunk)
    const body = JSON.stringify({ source, chunks: withoutVectors })
    for (const [piece, { text }] of cutText(body, PIECE_UNITS).entries()) {
      this.#database.run('INSERT INTO pending_pieces (sequence, piece, text) VALUES (?, ?, ?)', sequence, piece, text)
    }
    const vectors = new Map<number, Float32Array>()
    for (const [ordinal, { vector }] of pending.chunks.entries()) if (vector !== undefined) vectors.set(ordinal, vector)
    this.addVectors(sequence, vectors)
  }

  body(sequence: number): { source: SourceDocument; chunks: PreparedChunk[] } {
    const pieces = this.#database.all<{ text: string }>(
      'SELECT text FROM pending_pieces WHERE sequence = ? ORDER BY piece',
      sequence,
    )
    return JSON.parse(pieces.map(({ text }) => text).join('')) as { source: SourceDocument; chunks: PreparedChunk[] }
  }

  /** Vectors that are ready, by ordinal. */
  vectors(sequence: number): Map<number, Float32Array> {
    const vectors = new Map<number, Float32Array>()
    const batches = this.#database.all<{ vectors: Uint8Array }>(
      'SELECT vectors FROM pending_vectors WHERE sequence = ? ORDER BY batch',
      sequence,
    )
    for (const batch of batches)
      for (const [ordinal, vector] of this.#decode(batch.vectors)) vectors.set(ordinal, vector)
    return vectors
  }

  addVectors(sequence: number, vectors: ReadonlyMap<number, Float32Array>): void {
    const entries = [...vectors]
    const perRow = Math.max(1, Math.floor(MAX_VECTORS_BYTES / (this.#entryBytes ?? Infinity)))
    for (let from = 0; from < entries.length; from += perRow) {
      this.#database.run(
        `INSERT INTO pending_vectors (sequence, batch, vectors)
         VALUES (?1, (SELECT coalesce(max(batch), 0) + 1 FROM pending_vectors WHERE sequence = ?1), ?2)`,
        sequence,
        this.#encode(entries.slice(from, from + perRow)),
      )
    }
  }

  /** Notes what it holds from now on. */
  hold(sequence: number, held: Amounts): void {
    this.#database.run('UPDATE pending SET held = ? WHERE sequence = ?', JSON.stringify(held), sequence)
  }

  /** Counts a failed attempt and waits until `notBeforeMs`. */
  postpone(sequence: number, attempts: number, notBeforeMs: number): void {
    this.#database.run(
      'UPDATE pending SET attempts = ?, not_before = ? WHERE sequence = ?',
      attempts,
      notBeforeMs,
      sequence,
    )
  }

  remove(sequence: number): void {
    const wiped = ['filter', 'metadata', 'acl'].map(wipedText).join(', ')
    this.#database.run(`UPDATE pending SET ${wiped} WHERE sequence = ?`, sequence)
    this.#database.run(`UPDATE pending_pieces SET ${wipedText('text')} WHERE sequence = ?`, sequence)
    this.#database.run(`UPDATE pending_vectors SET ${wipedBlob('vectors')} WHERE sequence = ?`, sequence)
    this.#database.run('DELETE FROM pending WHERE sequence = ?', sequence)
    this.#database.run('DELETE FROM pending_pieces WHERE sequence = ?', sequence)
    this.#database.run('DELETE FROM pending_vectors WHERE sequence = ?', sequence)
  }

  /** `undefined` where each vector has a row of its own. */
  get #entryBytes(): number | undefined {
    return this.#dimensions === undefined ? undefined : 4 + 4 * this.#dimensions
  }

  /** Little-endian, per vector: ordinal (u32), then its values as f32. */
  #encode(entries: readonly (readonly [number, Float32Array])[]): Uint8Array {
    const bytes = new Uint8Array(entries.reduce((sum, [, vector]) => sum + 4 + vector.byteLength, 0))
    const view = new DataView(bytes.buffer)
    let offset = 0
    for (const [ordinal, vector] of entries) {
      view.setUint32(offset, ordinal, true)
      for (const value of vector) view.setFloat32((offset += 4), value, true)
      offset += 4
    }
    return bytes
  }

  #decode(bytes: Uint8Array): [number, Float32Array][] {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const entryBytes = this.#entryBytes ?? bytes.length
    const entries: [number, Float32Array][] = []
    for (let offset = 0; offset < bytes.length; offset += entryBytes) {
      const vector = new Float32Array(entryBytes / 4 - 1)
      for (let i = 0; i < vector.length; i++) vector[i] = view.getFloat32(offset + 4 + 4 * i, true)
      entries.push([view.getUint32(offset, true), vector])
    }
    return entries
  }
}

/** An accepted or applied version, as filters see it. */
export function asFiltered(row: Pick<PendingRow, 'id' | 'metadata' | 'acl'>): FilteredDocument {
  return { id: row.id, metadata: JSON.parse(row.metadata) as JsonObject, ...aclOf(row) }
}

/** The acl as a field, where there is one. */
export function aclOf({ acl }: Pick<PendingRow, 'acl'>): { acl?: readonly string[] } {
  return acl === null ? {} : { acl: JSON.parse(acl) as string[] }
}

/**
 * Whether a writer may not put `next` in the place of `versions`: its filter must match all of them, and where it cannot
 * write an acl it must not drop one.
 */
export function isOutside(
  { filter, mayWriteAcl }: { readonly filter?: Filter | undefined; readonly mayWriteAcl: boolean },
  next: FilteredDocument,
  versions: readonly FilteredDocument[],
): boolean {
  if (!mayWriteAcl && next.acl === undefined && versions.some(({ acl }) => acl !== undefined)) return true
  return filter !== undefined && ![next, ...versions].every((version) => matches(filter, version))
}
