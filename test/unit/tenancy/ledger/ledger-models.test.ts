/** What models read and cost, by model: writes, reads, leases, reports of earlier releases. */
import { beforeEach, describe, expect, it } from 'vitest'
import type { CollectionId, TenantUid } from '../../../../src/core/ids.ts'
import type { PricedModel, ReportedChange } from '../../../../src/core/usage.ts'
import { applyMigrations } from '../../../../src/shard/apply-migrations.ts'
import { NodeSqlDatabase } from '../../../../src/shard/node-sql-database.ts'
import { Ledger, type ModelCount, type RollUpBatch } from '../../../../src/tenancy/ledger.ts'
import { costOfTokens, PRICES } from '../../../../src/tenancy/prices.ts'
import type { TenantLimits } from '../../../../src/tenancy/tenant-limits.ts'

const TENANT = 'ten_1' as TenantUid
const SHARD = { collectionId: 'col_1' as CollectionId, placementEpoch: 1, shard: 0 }
const NOON = Date.UTC(2026, 10, 22, 12)
const DAY = '2026-11-22'
const EDGE: PricedModel = { id: 'edge-en', pricePerMillionTokens: 0 }
const HOSTED: PricedModel = { id: 'bge-m3', pricePerMillionTokens: 0.0118 }

let database: NodeSqlDatabase
let ledger: Ledger
let batches: RollUpBatch[]

beforeEach(() => {
  database = new NodeSqlDatabase()
  applyMigrations(database, [...Ledger.migrations, ...Ledger.laterMigrations])
  batches = []
  ledger = new Ledger(database, {
    flushChanges: async () => 0,
    pause: async () => undefined,
    rollUp: async (batch) => void batches.push(batch),
    warn: () => undefined,
  })
})

const change = (position: number, embeddingTokens: number, extra: Partial<ReportedChange> = {}): ReportedChange => ({
  position,
  kind: 'created',
  atMs: NOON,
  keyId: 'key1',
  held: {},
  documents: 1,
  chunks: 1,
  bytes: 1,
  chunksWritten: 1,
  bytesWritten: 1,
  embeddingTokens,
  ...extra,
})

const apply = (after: number, changes: readonly ReportedChange[], model?: PricedModel): number =>
  ledger.applyChanges({ tenantUid: TENANT, ...SHARD, after, ...(model && { model }), changes }, NOON)

const usage = (groupBy: 'day' | 'collection' | 'key' = 'day', limits: TenantLimits = {}) =>
  ledger.usage({ fromDay: '2026-11-01', toDay: '2026-11-30', groupBy, limits }, NOON)

const count = (tokens: number, extra: Partial<ModelCount> = {}): ModelCount => ({
  keyId: 'key1',
  day: DAY,
  model: HOSTED.id,
  requests: 1,
  tokens,
  cost: costOfTokens(HOSTED, tokens),
  quotaTokens: tokens,
  ...extra,
})

let told = 0
const record = (models: readonly ModelCount[], leaseIds: readonly string[] = []): void =>
  ledger.recordReads(TENANT, { id: `report${++told}`, reads: [], models, leaseIds }, NOON)

describe('writes', () => {
  it('count and cost by the model of their shard, once for each document that got vectors', () => {
    apply(0, [change(1, 1_000), change(2, 0), change(3, 500, { keyId: 'key2' })], HOSTED)
    expect(usage().models).toEqual([{ model: 'bge-m3', requests: 2, tokens: 1_500, cost: 17_700 }])
    expect(usage('key').rows.map(({ group, models }) => [group, models])).toEqual([
      ['key1', [{ model: 'bge-m3', requests: 1, tokens: 1_000, cost: 11_800 }]],
      ['key2', [{ model: 'bge-m3', requests: 1, tokens: 500, cost: 5_900 }]],
    ])
    const budget: TenantLimits = { dailyBudget: { usd: 1, whenSpent: 'reject' } }
    expect(usage('day', budget).limits[0]?.used).toBe(17_700 + 3 * PRICES.chunkWritten)
    // With the storage of the day.
    expect(usage().totals).toMatchObject({ embeddingTokens: 1_500, tokenCost: 17_700 })
  })

  it('of a shard that names no model are of the one that there was', () => {
    apply(0, [change(1, 1_000)])
    expect(usage().models).toEqual([{ model: 'edge-en', requests: 1, tokens: 1_000, cost: costOfTokens(EDGE, 1_000) }])
  })

  it('take from their reservation what their own model costs', () => {
    const limits: TenantLimits = { dailyBudget: { usd: 1, whenSpent: 'reject' } }
    const spend = PRICES.chunkWritten + costOfTokens(HOSTED, 1_000)
    ledger.reserve({ id: 'r1', tenantUid: TENANT, amounts: { spend }, limits, shards: [SHARD] }, NOON)
    apply(0, [change(1, 1_000, { reservation: 'r1' })], HOSTED)
    expect(usage('day', limits).limits).toMatchObject([{ used: spend, reserved: 0 }])
  })
})

describe('reads', () => {
  it('count by model, beside a collection or in none, and only what a quota limits against the quota', () => {
    apply(0, [change(1, 100)], HOSTED)
    record([count(30), count(7, { ...SHARD, quotaTokens: 0 }), count(2, { model: 'reranker', cost: 9 })])
    const limits: TenantLimits = { embeddingTokensPerMonth: 1_000, dailyBudget: { usd: 1, whenSpent: 'reject' } }
    const { models, totals, limits: uses } = usage('day', limits)
    expect(models).toEqual([
      { model: 'bge-m3', requests: 3, tokens: 137, cost: 1_180 + 354 + 83 },
      { model: 'reranker', requests: 1, tokens: 2, cost: 9 },
    ])
    // The field counts what was stored, as it always did.
    expect(totals.embeddingTokens).toBe(100)
    expect(uses.map(({ meter, used }) => [meter, used])).toEqual([
      ['embeddingTokens', 132],
      ['spend', 1_180 + 354 + 83 + 9 + PRICES.chunkWritten],
    ])
    const rows = usage('collection').rows.map(({ group, models: own }) => [group, own.map(({ tokens }) => tokens)])
    expect(rows).toEqual([
      ['', [30, 2]],
      ['col_1', [107]],
    ])
  })

  it('are leased, and the lease holds tokens and money until it ends', () => {
    const limits: TenantLimits = { embeddingTokensPerMonth: 100, dailyBudget: { usd: 2e-6, whenSpent: 'reject' } }
    const lease = (tokens: number, spend: number) =>
      ledger.leaseTokens({ tenantUid: TENANT, tokens, spend, limits }, NOON)
    const granted = lease(60, 700)
    if (granted.status !== 'granted') throw new Error('not granted')
    expect(granted.expiresAtMs).toBe(NOON + 10_000)
    expect(usage('day', limits).limits.map(({ reserved }) => reserved)).toEqual([60, 700])
    expect(lease(41, 0)).toMatchObject({ status: 'refused', meter: 'embeddingTokens', retryAfterSeconds: 8.5 * 86_400 })
    expect(lease(40, 1_301)).toMatchObject({ status: 'refused', meter: 'spend', retryAfterSeconds: 43_200 })
    expect(ledger.leaseReads({ tenantUid: TENANT, meter: 'searches', want: 9, limits }, NOON)).toMatchObject({
      count: 1,
    })
    record([count(50)], [granted.id])
    expect(usage('day', limits).limits[0]).toMatchObject({ used: 50, reserved: 0 })
    expect(lease(50, 0).status).toBe('granted')
  })

  it('of isolates that died count as used, and as nobody’s usage', async () => {
    const limits: TenantLimits = { embeddingTokensPerMonth: 100, dailyBudget: { usd: 1, whenSpent: 'reject' } }
    ledger.leaseTokens({ tenantUid: TENANT, tokens: 60, spend: 700, limits }, NOON)
    await ledger.run(NOON + 600_000)
    const { limits: uses, models } = usage('day', limits)
    expect(uses.map(({ used, reserved }) => [used, reserved])).toEqual([
      [60, 0],
      [700, 0],
    ])
    expect(models).toEqual([])
  })

  it('are told to the control plane as money', async () => {
    record([count(1_000)])
    await ledger.run(NOON + 60_000)
    expect(batches[0]?.usage).toMatchObject([{ collectionId: '', tokenCost: 11_800, embeddingTokens: 0 }])
  })

  it('are kept as long as the usage', async () => {
    record([count(1_000)])
    await ledger.run(NOON + 60_000)
    record([count(1, { day: '2028-04-05' })])
    await ledger.run(NOON + 500 * 86_400_000)
    expect(database.all('SELECT day FROM ledger_models')).toEqual([{ day: '2028-04-05' }])
  })
})

describe('the ledger of the release before', () => {
  it('keeps its tokens as those of the one model, at the price that was counted', () => {
    const former = new NodeSqlDatabase()
    applyMigrations(former, Ledger.migrations)
    former.run(
      `INSERT INTO ledger_usage VALUES ('${DAY}', 'col_1', 'key1', 3, 0, 2, 0, 4, 9, 50, 2, 1), ('${DAY}', 'col_2', 'key1', 1, 0, 0, 0, 0, 0, 0, 1, 1)`,
    )
    former.run("INSERT INTO ledger_leases VALUES ('l1', 'searches', 5, ?)", NOON)
    applyMigrations(former, [...Ledger.migrations, ...Ledger.laterMigrations])
    database = former
    ledger = new Ledger(former, {
      flushChanges: async () => 0,
      pause: async () => undefined,
      rollUp: async () => undefined,
      warn: () => undefined,
    })
    expect(usage().models).toEqual([{ model: 'edge-en', requests: 2, tokens: 50, cost: 600 }])
    expect(usage().totals.cost).toBe(4 * PRICES.search + 4 * PRICES.chunkWritten + 600)
    expect(usage('day', { searchesPerMonth: 9 }).limits[0]?.reserved).toBe(5)
  })
})
