/**
 * A tenant's ledger beside a naive model that knows the truth: shards with logs that are reported when a test says so,
 * writers that may stop at any moment, and what all of it adds up to.
 */
import { expect } from 'vitest'
import type { Amounts, PricedModel, ReportedChange } from '../../src/core/usage.ts'
import { applyMigrations } from '../../src/shard/apply-migrations.ts'
import { NodeSqlDatabase } from '../../src/shard/node-sql-database.ts'
import { WRITE_METERS, type WriteMeter } from '../../src/tenancy/ledger/schema.ts'
import { dayOf, Ledger, monthOf, RESERVATION_MS, type ShardRef } from '../../src/tenancy/ledger.ts'
import { costOf, costOfTokens } from '../../src/tenancy/prices.ts'
import type { TenantLimits } from '../../src/tenancy/tenant-limits.ts'
import { COLLECTIONS, MODELS, TENANT } from './ledger-subjects.ts'
import { ModelReads } from './model-reads.ts'

export const SHARDS = 2
const modelOf = ({ collectionId }: ShardRef): PricedModel => MODELS[COLLECTIONS.indexOf(collectionId)] ?? MODELS[0]
/** A limit on every meter of writes, so that all of them are told. */
const WIDE: TenantLimits = {
  documents: 1e9,
  chunks: 1e9,
  storedBytes: 1e9,
  embeddingTokensPerMonth: 1e9,
  dailyBudget: { usd: 1e6, whenSpent: 'reject' },
}
const START_MS = Date.UTC(2026, 0, 31, 23, 50)
/** One document of the true world: what is applied, and staged work above it. */
interface Doc {
  applied?: Size
  staged?: Size & { held: Amounts; keyId: string }
}
export interface Size {
  readonly chunks: number
  readonly bytes: number
  readonly tokens: number
}
interface TrueShard {
  readonly ref: ShardRef
  readonly log: ReportedChange[]
  readonly docs: Map<string, Doc>
  isGone: boolean
}
/** A write whose reservation was granted and which has not ended: its document is committed at most once. */
interface Write {
  readonly id: string
  readonly shard: TrueShard
  readonly document: string
  readonly size: Size
  readonly reserved: Amounts
  readonly expiresAtMs: number
  position?: number
}

export class LedgerWorld {
  readonly database = new NodeSqlDatabase()
  ledger: Ledger
  nowMs = START_MS
  readonly shards: TrueShard[] = COLLECTIONS.flatMap((collectionId) =>
    Array.from({ length: SHARDS }, (_, shard) => ({
      ref: { collectionId, placementEpoch: 1, shard },
      log: [],
      docs: new Map<string, Doc>(),
      isGone: false,
    })),
  )
  writes: Write[] = []
  readonly tokensByMonth = new Map<string, number>()
  readonly spendByDay = new Map<string, number>()
  readonly usage = new Map<
    string,
    { documents: number; deleted: number; chunks: number; bytes: number; tokens: number }
  >()
  readonly modelUse = new Map<string, { requests: number; tokens: number; cost: number }>()
  readonly reads = new ModelReads(this)
  readonly limits: TenantLimits
  #ids = 0

  constructor(limits: TenantLimits) {
    this.limits = limits
    applyMigrations(this.database, [...Ledger.migrations, ...Ledger.laterMigrations])
    this.ledger = this.open()
  }

  /** Also what a restart of the object does. */
  open(): Ledger {
    this.ledger = new Ledger(this.database, {
      flushChanges: async (ref) => this.flush(this.find(ref)),
      pause: async () => undefined,
      rollUp: async () => undefined,
      warn: () => undefined,
    })
    return this.ledger
  }

  find(ref: ShardRef): TrueShard {
    const found = this.shards.find(
      (shard) => shard.ref.collectionId === ref.collectionId && shard.ref.shard === ref.shard,
    )
    if (found === undefined) throw new Error('no such shard')
    return found
  }

  /** Reports the log's entries from `after` on, as far as `upTo`: whatever was reported before. */
  report(shard: TrueShard, after: number, upTo: number): void {
    const held = this.ledger.applyChanges(
      { tenantUid: TENANT, ...shard.ref, after, model: modelOf(shard.ref), changes: shard.log.slice(after, upTo) },
      this.nowMs,
    )
    expect(held).toBeGreaterThanOrEqual(Math.min(upTo, shard.log.length))
  }

  async flush(shard: TrueShard): Promise<number | 'gone'> {
    if (shard.isGone) return 'gone'
    this.report(shard, 0, shard.log.length)
    return shard.log.length
  }

  /** Appends to the log as the shard does, and counts what the entry uses. */
  append(shard: TrueShard, change: Partial<ReportedChange> & Pick<ReportedChange, 'kind' | 'keyId'>): number {
    const entry: ReportedChange = {
      position: shard.log.length + 1,
      atMs: this.nowMs,
      documents: 0,
      chunks: 0,
      bytes: 0,
      chunksWritten: 0,
      bytesWritten: 0,
      embeddingTokens: 0,
      held: {},
      ...change,
    }
    shard.log.push(entry)
    const day = dayOf(this.nowMs)
    const key = `${day}/${shard.ref.collectionId}/${entry.keyId}`
    const old = this.usage.get(key) ?? { documents: 0, deleted: 0, chunks: 0, bytes: 0, tokens: 0 }
    this.usage.set(key, {
      documents: old.documents + (entry.kind === 'created' || entry.kind === 'replaced' ? 1 : 0),
      deleted: old.deleted + Math.max(0, -entry.documents),
      chunks: old.chunks + entry.chunksWritten,
      bytes: old.bytes + entry.bytesWritten,
      tokens: old.tokens + entry.embeddingTokens,
    })
    const model = modelOf(shard.ref)
    const tokens = entry.embeddingTokens
    const cost = costOfTokens(model, tokens)
    this.spent(day, tokens, costOf({ ...entry, tokenCost: cost }))
    if (tokens > 0) this.readByModel(`${key}/${model.id}`, { requests: 1, tokens, cost })
    return entry.position
  }

  /** Against the quota of the month and the budget of the day. */
  spent(day: string, tokens: number, money: number): void {
    const month = day.slice(0, 7)
    this.tokensByMonth.set(month, (this.tokensByMonth.get(month) ?? 0) + tokens)
    this.spendByDay.set(day, (this.spendByDay.get(day) ?? 0) + money)
  }

  readByModel(key: string, added: { readonly requests: number; readonly tokens: number; readonly cost: number }): void {
    const { requests, tokens, cost } = this.modelUse.get(key) ?? { requests: 0, tokens: 0, cost: 0 }
    this.modelUse.set(key, {
      requests: requests + added.requests,
      tokens: tokens + added.tokens,
      cost: cost + added.cost,
    })
  }

  /** One reservation for several documents, as a request of several makes it. */
  async reserve(shard: TrueShard, drafts: readonly (readonly [string, Size])[]): Promise<void> {
    // One writer a document: what happens between two is the shard's business, and tested there.
    const isBusy = ([document]: readonly [string, Size]): boolean =>
      shard.docs.get(document)?.staged !== undefined || this.writes.some((write) => write.document === document)
    if (shard.isGone || drafts.some(isBusy)) return
    const id = `write-${++this.#ids}`
    const planned = drafts.map(([document, size]) => {
      const applied = shard.docs.get(document)?.applied
      const reserved: Amounts = {
        documents: applied === undefined ? 1 : 0,
        chunks: Math.max(0, size.chunks - (applied?.chunks ?? 0)),
        storedBytes: Math.max(0, size.bytes - (applied?.bytes ?? 0)),
        embeddingTokens: size.tokens,
        spend: costOf({ chunksWritten: size.chunks, tokenCost: costOfTokens(modelOf(shard.ref), size.tokens) }),
      }
      return { id, shard, document, size, reserved }
    })
    const amounts: Record<string, number> = {}
    for (const { reserved } of planned) {
      for (const [meter, amount] of Object.entries(reserved)) amounts[meter] = (amounts[meter] ?? 0) + amount
    }
    const request = { id, tenantUid: TENANT, amounts, limits: this.limits, shards: [shard.ref] }
    const result = await this.ledger.reserveFresh(request, () => this.nowMs)
    if (result.status !== 'granted') return
    for (const write of planned) this.writes.push({ ...write, expiresAtMs: result.expiresAtMs })
  }

  /** Puts the version of a write in place, or stages it: what the shard does within the reservation's term. */
  commit(write: Write, isStaged: boolean): void {
    const { shard, document, size, id } = write
    if (write.position !== undefined || shard.isGone || this.nowMs > write.expiresAtMs) return
    const doc = shard.docs.get(document) ?? {}
    if (isStaged) {
      shard.docs.set(document, { ...doc, staged: { ...size, held: write.reserved, keyId: 'key2' } })
      write.position = this.append(shard, {
        kind: 'staged',
        keyId: 'key2',
        documentId: document,
        held: write.reserved,
        reservation: id,
      })
      return
    }
    write.position = this.#apply(shard, document, size, { keyId: 'key1', held: {}, reservation: id })
  }

  #apply(
    shard: TrueShard,
    document: string,
    size: Size,
    extra: Pick<ReportedChange, 'keyId' | 'held' | 'reservation'>,
  ) {
    const old = shard.docs.get(document)?.applied
    shard.docs.set(document, { applied: size })
    return this.append(shard, {
      kind: old === undefined ? 'created' : 'replaced',
      documentId: document,
      documents: old === undefined ? 1 : 0,
      chunks: size.chunks - (old?.chunks ?? 0),
      bytes: size.bytes - (old?.bytes ?? 0),
      chunksWritten: size.chunks,
      bytesWritten: size.bytes,
      embeddingTokens: size.tokens,
      ...extra,
    })
  }

  /** The shard's alarm: staged work is applied, or fails. */
  finishStaged(shard: TrueShard, document: string, isApplied: boolean): void {
    const doc = shard.docs.get(document)
    if (doc?.staged === undefined || shard.isGone) return
    const { held, keyId, ...size } = doc.staged
    const released = Object.fromEntries(Object.entries(held).map(([meter, amount]) => [meter, -amount]))
    if (isApplied) return void this.#apply(shard, document, size, { keyId, held: released })
    shard.docs.set(document, doc.applied === undefined ? {} : { applied: doc.applied })
    this.append(shard, { kind: 'dropped', keyId, documentId: document, held: released, code: 'embedding_failed' })
  }

  delete(shard: TrueShard, document: string): void {
    const doc = shard.docs.get(document)
    // A write that was begun before comes to nothing, as one that a deletion overtook.
    if (doc?.applied === undefined || doc.staged !== undefined || shard.isGone) return
    this.writes = this.writes.filter((write) => write.document !== document || write.position !== undefined)
    shard.docs.delete(document)
    this.append(shard, {
      kind: 'deleted',
      keyId: 'key1',
      documentId: document,
      documents: -1,
      chunks: -doc.applied.chunks,
      bytes: -doc.applied.bytes,
    })
  }

  /** Of all documents of the write's request. */
  settle(write: Write): void {
    const siblings = this.writes.filter(({ id }) => id === write.id)
    this.crash(write)
    this.ledger.settle(
      write.id,
      siblings.flatMap(({ shard, position }) => (position === undefined ? [] : [{ ...shard.ref, position }])),
    )
  }

  crash(write: Write): void {
    this.writes = this.writes.filter(({ id }) => id !== write.id)
  }

  /** The truth against the limits, at every moment: what is stored, and what each window has used. */
  check(): void {
    const { documents = Infinity, chunks = Infinity, storedBytes = Infinity, dailyBudget } = this.limits
    const docs = this.shards.flatMap(({ docs: all, isGone }) => (isGone ? [] : [...all.values()]))
    const applied = docs.flatMap((doc) => doc.applied ?? [])
    expect(applied.length).toBeLessThanOrEqual(documents)
    expect(applied.reduce((sum, size) => sum + size.chunks, 0)).toBeLessThanOrEqual(chunks)
    expect(applied.reduce((sum, size) => sum + size.bytes, 0)).toBeLessThanOrEqual(storedBytes)
    for (const tokens of this.tokensByMonth.values()) {
      expect(tokens).toBeLessThanOrEqual(this.limits.embeddingTokensPerMonth ?? Infinity)
    }
    for (const spend of this.spendByDay.values()) {
      expect(spend).toBeLessThanOrEqual((dailyBudget?.usd ?? Infinity) * 1e9)
    }
    this.#checkCovered(docs, applied)
  }

  /**
   * What the ledger counts as used and reserved covers, on every meter, what is used in truth, what staged work holds and
   * what writers may still commit: so what it grants is never granted twice, whoever asks next.
   */
  #checkCovered(docs: readonly Doc[], applied: readonly Size[]): void {
    const open = this.writes
      .filter(
        ({ position, shard, expiresAtMs }) => position === undefined && !shard.isGone && this.nowMs <= expiresAtMs,
      )
      .map(({ reserved }) => reserved)
    const today = dayOf(this.nowMs)
    const reading = this.reads.open
      .filter(({ madeMs }) => dayOf(madeMs) === today)
      .map(({ model, tokens }) => ({
        embeddingTokens: tokens,
        spend: costOfTokens(MODELS[model] ?? MODELS[0], tokens),
      }))
    const awaited: Amounts[] = [...open, ...reading, ...docs.flatMap(({ staged }) => staged?.held ?? [])]
    const truth: Record<WriteMeter, number> = {
      documents: applied.length,
      chunks: applied.reduce((sum, size) => sum + size.chunks, 0),
      storedBytes: applied.reduce((sum, size) => sum + size.bytes, 0),
      embeddingTokens: this.tokensByMonth.get(monthOf(this.nowMs)) ?? 0,
      spend: this.spendByDay.get(dayOf(this.nowMs)) ?? 0,
    }
    const { limits } = this.ledger.usage({ fromDay: today, toDay: today, groupBy: 'day', limits: WIDE }, this.nowMs)
    const covered = Object.fromEntries(limits.map(({ meter, used, reserved }) => [meter, used + reserved]))
    for (const meter of WRITE_METERS) {
      const needed = awaited.reduce((sum, amounts) => sum + (amounts[meter] ?? 0), truth[meter])
      expect(covered[meter], meter).toBeGreaterThanOrEqual(needed)
    }
  }

  /** All writers are gone, all logs reported, all terms over: nothing is reserved, and the sums are the truth. */
  async checkAtRest(): Promise<void> {
    this.writes = []
    for (const shard of this.shards) {
      for (const [document, { staged }] of shard.docs) if (staged) this.finishStaged(shard, document, true)
      if (!shard.isGone) this.report(shard, 0, shard.log.length)
    }
    while (this.reads.open.length > 0) this.reads.lose()
    this.nowMs += RESERVATION_MS + 700_000
    await this.ledger.run(this.nowMs)
    const report = this.ledger.usage(
      { fromDay: '2026-01-01', toDay: '2026-12-31', groupBy: 'day', limits: this.limits },
      this.nowMs,
    )
    expect(report.limits.map(({ reserved }) => reserved)).toEqual(report.limits.map(() => 0))
    const docs = this.shards.flatMap(({ docs: all, isGone }) => (isGone ? [] : [...all.values()]))
    const applied = docs.flatMap((doc) => doc.applied ?? [])
    expect(report.stored).toEqual({
      documents: applied.length,
      chunks: applied.reduce((sum, { chunks }) => sum + chunks, 0),
      bytes: applied.reduce((sum, { bytes }) => sum + bytes, 0),
    })
    expect(this.database.all('SELECT id FROM ledger_reservations')).toEqual([])
    const rows = this.database.all<Record<string, string | number>>(
      'SELECT day, collection_id, key_id, documents_written AS documents, documents_deleted AS deleted, chunks_written AS chunks, bytes_written AS bytes, embedding_tokens AS tokens FROM ledger_usage WHERE key_id <> ?',
      'key3',
    )
    const counted = rows.map(({ day, collection_id: collection, key_id: key, ...counts }) => [
      `${day}/${collection}/${key}`,
      counts,
    ])
    const models = this.database.all<Record<string, string | number>>(
      'SELECT day, collection_id, key_id, model, requests, tokens, cost FROM ledger_models',
    )
    const byModel = models.map(({ day, collection_id: collection, key_id: key, model, ...counts }) => [
      `${day}/${collection}/${key}/${model}`,
      counts,
    ])
    expect(Object.fromEntries(byModel)).toEqual(Object.fromEntries(this.modelUse))
    const expected = [...this.usage].filter(([, counts]) => Object.values(counts).some((count) => count > 0))
    expect(Object.fromEntries(counted)).toEqual(Object.fromEntries(expected))
    for (const [day, money] of this.spendByDay) {
      const row = this.database.get<{ amount: number }>(
        "SELECT amount FROM ledger_counters WHERE meter = 'spend' AND period = ?",
        day,
      )
      expect(row?.amount ?? 0).toBe(money)
    }
    for (const [month, tokens] of this.tokensByMonth) {
      const row = this.database.get<{ amount: number }>(
        "SELECT amount FROM ledger_counters WHERE meter = 'embeddingTokens' AND period = ?",
        month,
      )
      expect(row?.amount ?? 0).toBe(tokens)
    }
  }
}
