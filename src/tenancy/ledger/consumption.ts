/**
 * What was done: exact sums by UTC day, collection, key and model, counters of the months and days that meters count in, what each
 * collection held at the end of each day, and which of these days the control plane has not been told of.
 */
import type { CollectionId, TenantUid } from '../../core/ids.ts'
import { invariant } from '../../core/invariant.ts'
import { MAX_USAGE_DAYS } from '../../core/limits.ts'
import type { SqlDatabase } from '../../core/sql-database.ts'
import type { Meter, PricedModel, ReportedChange } from '../../core/usage.ts'
import { costOf, costOfTokens } from '../prices.ts'
import type { ModelCount, ReadCount, ReadMeter, RollUpBatch, StoredAmounts, UsageCounts } from './requests.ts'
import { DAY_MS, dayOf, monthOf } from './windows.ts'

/** Rows told to the control plane at once. */
const ROLL_UP_BATCH = 200
/** Counters of windows before this are looked at by nobody. */
const COUNTER_DAYS = 70

/** In the tables, of calls that name no collection. */
const NO_COLLECTION = '' as CollectionId

export const NO_USAGE: UsageCounts = {
  searches: 0,
  answers: 0,
  documentsWritten: 0,
  documentsDeleted: 0,
  chunksWritten: 0,
  bytesWritten: 0,
  embeddingTokens: 0,
  tokenCost: 0,
}

/** The columns of the counts, in the order of `UsageCounts`. */
export const USAGE_COLUMNS = [
  'searches',
  'answers',
  'documents_written',
  'documents_deleted',
  'chunks_written',
  'bytes_written',
  'embedding_tokens',
  'token_cost',
] as const

export class Consumption {
  readonly #database: SqlDatabase

  constructor(database: SqlDatabase) {
    this.#database = database
  }

  /** An object has one tenant only; it learns from its callers which. */
  remember(tenantUid: TenantUid): void {
    this.#database.run('UPDATE ledger_state SET tenant_uid = ? WHERE tenant_uid IS NULL', tenantUid)
  }

  tenantUid(): TenantUid {
    const uid = this.#state().tenant_uid
    invariant(uid !== null, 'a ledger that holds something was told whose it is')
    return uid
  }

  /** `paidAtMs`: when a reservation was made. A write counts in no window before the one that was asked for it. */
  countWrites(
    { collectionId, model }: { readonly collectionId: CollectionId; readonly model: PricedModel },
    changes: readonly ReportedChange[],
    paidAtMs: ReadonlyMap<string, number>,
  ): void {
    const countsOf = (change: ReportedChange): UsageCounts => writeCounts(change, model)
    const days = Map.groupBy(changes, ({ atMs, reservation = '' }) =>
      dayOf(Math.max(atMs, paidAtMs.get(reservation) ?? 0)),
    )
    for (const [day, ofDay] of days) {
      for (const [keyId, entries] of Map.groupBy(ofDay, (change) => change.keyId)) {
        const counts = entries.map(countsOf).reduce(addUsage)
        if (Object.values(counts).some((count) => count > 0)) this.#add(day, collectionId, keyId, counts)
        const requests = entries.filter(({ embeddingTokens }) => embeddingTokens > 0).length
        const { embeddingTokens: tokens, tokenCost: cost } = counts
        const done = { model: model.id, requests, tokens, cost, quotaTokens: tokens }
        if (requests > 0) this.#addModel({ ...done, day, collectionId, keyId })
      }
      const total = ofDay.map(countsOf).reduce(addUsage)
      this.#raise('embeddingTokens', day.slice(0, 7), total.embeddingTokens)
      this.#raise('spend', day, costOf(total))
    }
  }

  countReads(reads: readonly ReadCount[]): void {
    for (const { collectionId, keyId, searches, answers, day } of reads) {
      this.#add(day, collectionId, keyId, { ...NO_USAGE, searches, answers })
      this.raiseReads({ searches, answers }, day)
    }
  }

  /** What models read for requests that write nothing. */
  countModels(counts: readonly ModelCount[]): void {
    for (const count of counts) {
      const { collectionId = NO_COLLECTION, keyId, day, cost, quotaTokens } = count
      this.#addModel(count)
      this.#add(day, collectionId, keyId, { ...NO_USAGE, tokenCost: cost })
      this.raiseTokens({ tokens: quotaTokens, spend: cost }, day)
    }
  }

  /** As `raiseReads`. */
  raiseTokens({ tokens, spend }: { readonly tokens: number; readonly spend: number }, day: string): void {
    this.#raise('embeddingTokens', day.slice(0, 7), tokens)
    this.#raise('spend', day, spend)
  }

  /** Counts them against quota and budget, and nobody's usage. */
  raiseReads({ searches = 0, answers = 0 }: Partial<Record<ReadMeter, number>>, day: string): void {
    this.#raise('searches', day.slice(0, 7), searches)
    this.#raise('answers', day.slice(0, 7), answers)
    this.#raise('spend', day, costOf({ searches, answers }))
  }

  #raise(meter: Meter, period: string, amount: number): void {
    if (amount === 0) return
    this.#database.run(
      `INSERT INTO ledger_counters (meter, period, amount) VALUES (?, ?, ?)
       ON CONFLICT DO UPDATE SET amount = amount + excluded.amount`,
      meter,
      period,
      amount,
    )
  }

  #addModel({ day, collectionId = NO_COLLECTION, keyId, model, requests, tokens, cost }: ModelCount): void {
    this.#database.run(
      `INSERT INTO ledger_models (day, collection_id, key_id, model, requests, tokens, cost) VALUES (?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET requests = requests + excluded.requests, tokens = tokens + excluded.tokens,
         cost = cost + excluded.cost`,
      day,
      collectionId,
      keyId,
      model,
      requests,
      tokens,
      cost,
    )
  }

  #add(day: string, collectionId: CollectionId, keyId: string, counts: UsageCounts): void {
    this.#database.run(
      `INSERT INTO ledger_usage (day, collection_id, key_id, ${USAGE_COLUMNS.join(', ')}, revision, rolled_up)
       VALUES (?, ?, ?, ${USAGE_COLUMNS.map(() => '?').join(', ')}, 1, 0)
       ON CONFLICT DO UPDATE SET revision = revision + 1,
         ${USAGE_COLUMNS.map((column) => `${column} = ${column} + excluded.${column}`).join(', ')}`,
      day,
      collectionId,
      keyId,
      counts.searches,
      counts.answers,
      counts.documentsWritten,
      counts.documentsDeleted,
      counts.chunksWritten,
      counts.bytesWritten,
      counts.embeddingTokens,
      counts.tokenCost,
    )
  }

  /** What the collection holds now is what it held on this day, unless more comes. */
  noteStored(collectionId: CollectionId, { documents, chunks, bytes }: StoredAmounts, nowMs: number): void {
    this.#database.run(
      `INSERT INTO ledger_stored_daily (day, collection_id, documents, chunks, bytes, revision, rolled_up)
       VALUES (?, ?, ?, ?, ?, 1, 0)
       ON CONFLICT DO UPDATE SET documents = excluded.documents, chunks = excluded.chunks, bytes = excluded.bytes,
         revision = revision + 1`,
      dayOf(nowMs),
      collectionId,
      documents,
      chunks,
      bytes,
    )
  }

  /** The next rows that changed since they were rolled up; `undefined` when it is not time yet, or there are none. */
  toRollUp(nowMs: number, intervalMs: number): RollUpBatch | undefined {
    return this.#database.transaction((): RollUpBatch | undefined => {
      if ((this.nextDueMs(intervalMs) ?? Infinity) > nowMs) return undefined
      this.#database.run('UPDATE ledger_state SET rolled_up_ms = ?', nowMs)
      this.#prune(nowMs)
      return {
        tenantUid: this.tenantUid(),
        atMs: nowMs,
        usage: this.#database.all<RollUpBatch['usage'][number]>(
          `SELECT day, collection_id AS collectionId, key_id AS keyId, searches, answers,
             documents_written AS documentsWritten, documents_deleted AS documentsDeleted,
             chunks_written AS chunksWritten, bytes_written AS bytesWritten, embedding_tokens AS embeddingTokens,
             token_cost AS tokenCost, revision
           FROM ledger_usage WHERE revision > rolled_up LIMIT ?`,
          ROLL_UP_BATCH,
        ),
        stored: this.#database.all<RollUpBatch['stored'][number]>(
          `SELECT day, collection_id AS collectionId, documents, chunks, bytes, revision
           FROM ledger_stored_daily WHERE revision > rolled_up LIMIT ?`,
          ROLL_UP_BATCH,
        ),
      }
    })
  }

  /** The control plane has the batch; rows that changed meanwhile go again. */
  rolledUp({ usage, stored }: RollUpBatch): void {
    this.#database.transaction(() => {
      for (const { day, collectionId, keyId, revision } of usage) {
        this.#database.run(
          'UPDATE ledger_usage SET rolled_up = ? WHERE day = ? AND collection_id = ? AND key_id = ?',
          revision,
          day,
          collectionId,
          keyId,
        )
      }
      for (const { day, collectionId, revision } of stored) {
        this.#database.run(
          'UPDATE ledger_stored_daily SET rolled_up = ? WHERE day = ? AND collection_id = ?',
          revision,
          day,
          collectionId,
        )
      }
    })
  }

  /** When rows wait for the control plane: `intervalMs` after it was last told. */
  nextDueMs(intervalMs: number): number | undefined {
    const waiting = this.#database.get<{ rows: number }>(
      `SELECT EXISTS (SELECT 1 FROM ledger_usage WHERE revision > rolled_up)
         OR EXISTS (SELECT 1 FROM ledger_stored_daily WHERE revision > rolled_up) AS rows`,
    )
    return waiting?.rows === 1 ? this.#state().rolled_up_ms + intervalMs : undefined
  }

  #prune(nowMs: number): void {
    const firstDay = dayOf(nowMs - MAX_USAGE_DAYS * DAY_MS)
    this.#database.run('DELETE FROM ledger_usage WHERE day < ? AND revision = rolled_up', firstDay)
    this.#database.run('DELETE FROM ledger_models WHERE day < ?', firstDay)
    // The last row before the first day says what was held on it.
    this.#database.run(
      `DELETE FROM ledger_stored_daily WHERE day < ?1 AND revision = rolled_up AND (documents + chunks = 0 OR EXISTS (
         SELECT 1 FROM ledger_stored_daily AS later WHERE later.collection_id = ledger_stored_daily.collection_id
           AND later.day > ledger_stored_daily.day AND later.day <= ?1))`,
      firstDay,
    )
    this.#database.run('DELETE FROM ledger_counters WHERE period < ?', monthOf(nowMs - COUNTER_DAYS * DAY_MS))
  }

  #state(): { tenant_uid: TenantUid | null; rolled_up_ms: number } {
    const row = this.#database.get<{ tenant_uid: TenantUid | null; rolled_up_ms: number }>(
      'SELECT tenant_uid, rolled_up_ms FROM ledger_state',
    )
    invariant(row !== undefined, 'the ledger has a state')
    return row
  }
}

function writeCounts(change: ReportedChange, model: PricedModel): UsageCounts {
  const { kind, documents, chunksWritten, bytesWritten, embeddingTokens } = change
  return {
    ...NO_USAGE,
    documentsWritten: kind === 'created' || kind === 'replaced' ? 1 : 0,
    documentsDeleted: Math.max(0, -documents),
    chunksWritten,
    bytesWritten,
    embeddingTokens,
    tokenCost: costOfTokens(model, embeddingTokens),
  }
}

/** Sums two counts, member by member. */
export const addUsage = (a: UsageCounts, b: UsageCounts): UsageCounts => ({
  searches: a.searches + b.searches,
  answers: a.answers + b.answers,
  documentsWritten: a.documentsWritten + b.documentsWritten,
  documentsDeleted: a.documentsDeleted + b.documentsDeleted,
  chunksWritten: a.chunksWritten + b.chunksWritten,
  bytesWritten: a.bytesWritten + b.bytesWritten,
  embeddingTokens: a.embeddingTokens + b.embeddingTokens,
  tokenCost: a.tokenCost + b.tokenCost,
})
