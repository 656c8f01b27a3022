/**
 * Open reservations: what writes under way may still use.
 *
 *   absent ── add ──> open ── settle ──> settled ── the ledger reaches its commits ──> absent
 *                      │  └─ add: more, for another term   └─ (or as below)
 *                      └─ nobody settled it: 30 s after its term its shards are asked for all they know ──> absent
 */
import type { CollectionId } from '../../core/ids.ts'
import type { SqlDatabase } from '../../core/sql-database.ts'
import type { PricedModel, ReportedChange, ShardPosition } from '../../core/usage.ts'
import { costOf, costOfTokens } from '../prices.ts'
import type { ReserveRequest, ShardRef } from './requests.ts'
import { METER_COLUMNS, WRITE_METERS, type WriteMeter } from './schema.ts'

/** The shards' clocks may be behind by less than this. */
export const RESOLVE_AFTER_MS = 30_000
/** Reservations resolved in one run. */
const RESOLVE_BATCH = 50

const COLUMNS = WRITE_METERS.map((meter) => METER_COLUMNS[meter])

/** What the ledger's positions are asked of. */
interface Positions {
  position(shard: ShardRef): number
}

export class Reservations {
  readonly #database: SqlDatabase

  constructor(database: SqlDatabase) {
    this.#database = database
  }

  isOpen(id: string): boolean {
    return this.#database.get('SELECT id FROM ledger_reservations WHERE id = ? AND settled = 0', id) !== undefined
  }

  add({ id, amounts, shards }: ReserveRequest, nowMs: number, expiresMs: number): void {
    const old = this.#database.get<{ shards: string }>('SELECT shards FROM ledger_reservations WHERE id = ?', id)
    const known = old === undefined ? [] : (JSON.parse(old.shards) as ShardRef[])
    const added = shards.filter((shard) => !known.some((other) => isSame(shard, other)))
    this.#database.run(
      `INSERT INTO ledger_reservations (id, created_ms, expires_ms, resolve_ms, settled, shards, ${COLUMNS.join(', ')})
       VALUES (?, ?, ?, ?, 0, ?, ${COLUMNS.map(() => '?').join(', ')})
       ON CONFLICT DO UPDATE SET expires_ms = excluded.expires_ms, resolve_ms = excluded.resolve_ms,
         shards = excluded.shards, ${COLUMNS.map((column) => `${column} = ${column} + excluded.${column}`).join(', ')}`,
      id,
      nowMs,
      expiresMs,
      expiresMs + RESOLVE_AFTER_MS,
      JSON.stringify([...known, ...added]),
      ...WRITE_METERS.map((meter) => amounts[meter] ?? 0),
    )
  }

  /** Lowers reservations by what their writes took, by the prices of their model. Answers when each was made, by id. */
  charge(changes: readonly ReportedChange[], model: PricedModel): Map<string, number> {
    const paid = new Map<string, number>()
    for (const [index, change] of changes.entries()) {
      const { reservation: id } = change
      const row = id === undefined ? undefined : this.#find(id)
      if (id === undefined || row === undefined) continue
      paid.set(id, row.created_ms)
      const taken = WRITE_METERS.map((meter) => takenBy(change, { changes, index, model }, meter))
      this.#database.run(
        `UPDATE ledger_reservations SET ${COLUMNS.map((column) => `${column} = max(0, ${column} - ?)`).join(', ')}
         WHERE id = ?`,
        ...taken,
        id,
      )
    }
    return paid
  }

  #find(id: string): { created_ms: number } | undefined {
    return this.#database.get('SELECT created_ms FROM ledger_reservations WHERE id = ?', id)
  }

  settle(id: string, positions: readonly ShardPosition[]): void {
    this.#database.run(
      'UPDATE ledger_reservations SET settled = 1, shards = ? WHERE id = ?',
      JSON.stringify(positions),
      id,
    )
  }

  /** Drops settled reservations whose commits are all counted. */
  dropReached(positions: Positions): void {
    const settled = this.#database.all<{ id: string; shards: string }>(
      'SELECT id, shards FROM ledger_reservations WHERE settled = 1',
    )
    for (const { id, shards } of settled) {
      const isReached = (JSON.parse(shards) as ShardPosition[]).every(
        (place) => positions.position(place) >= place.position,
      )
      if (isReached) this.#database.run('DELETE FROM ledger_reservations WHERE id = ?', id)
    }
  }

  dropOf(collectionId: CollectionId): void {
    for (const { id, shards } of this.#database.all<{ id: string; shards: string }>(
      'SELECT id, shards FROM ledger_reservations',
    )) {
      // A write is of one collection.
      const isOfIt = (JSON.parse(shards) as ShardRef[]).some((shard) => shard.collectionId === collectionId)
      if (isOfIt) this.#database.run('DELETE FROM ledger_reservations WHERE id = ?', id)
    }
  }

  toResolve(nowMs: number): { id: string; shards: ShardRef[] }[] {
    return this.#database
      .all<{ id: string; shards: string }>(
        'SELECT id, shards FROM ledger_reservations WHERE resolve_ms <= ? ORDER BY resolve_ms LIMIT ?',
        nowMs,
        RESOLVE_BATCH,
      )
      .map(({ id, shards }) => ({ id, shards: JSON.parse(shards) as ShardRef[] }))
  }

  /** Asks for it again at that time, unless it is dropped before; not sooner where it was renewed meanwhile. */
  postpone(id: string, untilMs: number): void {
    this.#database.run('UPDATE ledger_reservations SET resolve_ms = max(resolve_ms, ?) WHERE id = ?', untilMs, id)
  }

  /** Unless it was renewed meanwhile: what ended later than `RESOLVE_AFTER_MS` before `nowMs` may still be committed under. */
  drop(id: string, nowMs: number): void {
    this.#database.run('DELETE FROM ledger_reservations WHERE id = ? AND expires_ms <= ?', id, nowMs - RESOLVE_AFTER_MS)
  }

  nextDueMs(): number | undefined {
    const row = this.#database.get<{ next: number | null }>('SELECT min(resolve_ms) AS next FROM ledger_reservations')
    return row?.next ?? undefined
  }
}

/**
 * What a write takes from the reservation that paid for it: what is stored and held afterwards beyond what was before. The
 * work that it overtakes is dropped in the entries behind its own. Shrinking gives nothing back: others may use it.
 */
function takenBy(
  change: ReportedChange,
  {
    changes,
    index,
    model,
  }: { readonly changes: readonly ReportedChange[]; readonly index: number; readonly model: PricedModel },
  meter: WriteMeter,
): number {
  let taken = grownBy(change, model, meter) + (change.held[meter] ?? 0)
  for (let next = index + 1; next < changes.length; next++) {
    const other = changes[next]
    if (other?.kind !== 'dropped' || other.documentId !== change.documentId || other.reservation !== undefined) break
    taken += other.held[meter] ?? 0
  }
  return Math.max(0, taken)
}

function grownBy(change: ReportedChange, model: PricedModel, meter: WriteMeter): number {
  if (meter === 'storedBytes') return change.bytes
  if (meter !== 'spend') return change[meter]
  return costOf({ ...change, tokenCost: costOfTokens(model, change.embeddingTokens) })
}

const isSame = (a: ShardRef, b: ShardRef): boolean =>
  a.collectionId === b.collectionId && a.placementEpoch === b.placementEpoch && a.shard === b.shard
