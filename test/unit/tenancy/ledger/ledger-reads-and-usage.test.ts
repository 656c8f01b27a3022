/** Reads, warnings and what usage says. */
import { beforeEach, describe, expect, it } from 'vitest'
import type { CollectionId, TenantUid } from '../../../../src/core/ids.ts'
import type { Amounts, ReportedChange } from '../../../../src/core/usage.ts'
import { applyMigrations } from '../../../../src/shard/apply-migrations.ts'
import { NodeSqlDatabase } from '../../../../src/shard/node-sql-database.ts'
import {
  Ledger,
  type LedgerOptions,
  type QuotaWarning,
  type ReadCount,
  type ReserveRequest,
  type RollUpBatch,
} from '../../../../src/tenancy/ledger.ts'
import { PRICES } from '../../../../src/tenancy/prices.ts'
import type { TenantLimits } from '../../../../src/tenancy/tenant-limits.ts'

const TENANT = 'ten_1' as TenantUid
const SHARD = { collectionId: 'col_1' as CollectionId, placementEpoch: 1, shard: 0 }
const NOON = Date.UTC(2026, 10, 22, 12)
const DAY = 86_400_000

let database: NodeSqlDatabase
let ledger: Ledger
let flush: LedgerOptions['flushChanges']
let rollUp: LedgerOptions['rollUp']
let warnings: QuotaWarning[]
let batches: RollUpBatch[]
let heard: number[]

beforeEach(() => {
  database = new NodeSqlDatabase()
  applyMigrations(database, [...Ledger.migrations, ...Ledger.laterMigrations])
  warnings = []
  batches = []
  heard = []
  flush = async () => 0
  rollUp = async (batch) => void batches.push(batch)
  ledger = new Ledger(database, {
    flushChanges: async (shard) => {
      return flush(shard)
    },
    pause: async () => undefined,
    rollUp: async (batch) => rollUp(batch),
    warn: (warning) => void warnings.push(warning),
    changed: (_report, fresh) => void heard.push(...fresh.map(({ position }) => position)),
  })
})

function change(position: number, extra: Partial<ReportedChange> = {}): ReportedChange {
  const counts = { documents: 1, chunks: 2, bytes: 10, chunksWritten: 2, bytesWritten: 10, embeddingTokens: 5 }
  return {
    position,
    kind: 'created',
    atMs: NOON,
    keyId: 'key1',
    held: {},
    documentId: `d${position}`,
    ...counts,
    ...extra,
  }
}

const apply = (after: number, changes: readonly ReportedChange[], nowMs = NOON): number =>
  ledger.applyChanges({ tenantUid: TENANT, ...SHARD, after, changes }, nowMs)

const reserve = (amounts: Amounts, limits: TenantLimits, extra: Partial<ReserveRequest> = {}, nowMs = NOON) =>
  ledger.reserve({ id: 'r1', tenantUid: TENANT, amounts, limits, shards: [SHARD], ...extra }, nowMs)

const use = (limits: TenantLimits, nowMs = NOON) =>
  ledger.usage({ fromDay: '2026-11-01', toDay: '2026-11-30', groupBy: 'day', limits }, nowMs)

let told = 0
const record = (
  reads: readonly ReadCount[],
  leaseIds: readonly string[],
  nowMs: number,
  id = `report${++told}`,
): void => ledger.recordReads(TENANT, { id, reads, leaseIds }, nowMs)

describe('reads', () => {
  const lease = (limits: TenantLimits, want = 100, meter: 'searches' | 'answers' = 'searches', nowMs = NOON) =>
    ledger.leaseReads({ tenantUid: TENANT, meter, want, limits }, nowMs)
  const read = (searches: number, answers = 0) => ({
    collectionId: SHARD.collectionId,
    keyId: 'key1',
    searches,
    answers,
    day: '2026-11-22',
  })

  it('are lent in shares of what is left, down to single ones, and never beyond the quota', () => {
    const limits = { searchesPerMonth: 100 }
    let lent = 0
    for (let answer = lease(limits); answer.status === 'granted'; answer = lease(limits)) lent += answer.count
    expect(lent).toBe(100)
    expect(lease(limits)).toEqual({ status: 'refused', meter: 'searches', retryAfterSeconds: 8.5 * 86_400 })
    expect(lease({ searchesPerMonth: 1e6 })).toMatchObject({ count: 64, expiresAtMs: NOON + 10_000 })
    expect(lease({ answersPerMonth: 0 }, 1, 'answers')).toMatchObject({ status: 'refused', meter: 'answers' })
  })

  it('give back what a lease did not use', () => {
    const limits = { searchesPerMonth: 40 }
    const answer = lease(limits)
    if (answer.status !== 'granted') throw new Error('not granted')
    expect(use(limits).limits[0]).toMatchObject({ used: 0, reserved: 2 })
    record([read(1)], [answer.id], NOON)
    expect(use(limits).limits[0]).toMatchObject({ used: 1, reserved: 0 })
    expect(use(limits).totals).toMatchObject({ searches: 1, answers: 0, cost: PRICES.search })
  })

  it('count once however often they are told, and what was remembered of it goes', () => {
    const limits = { searchesPerMonth: 40 }
    const searches = () => use(limits).totals.searches
    const reports = () =>
      database.all<{ id: string }>('SELECT id FROM ledger_read_reports ORDER BY taken_ms, id').map(({ id }) => id)
    record([read(3)], [], NOON, 'one')
    const answer = lease(limits)
    if (answer.status !== 'granted') throw new Error('not granted')
    record([read(3)], [answer.id], NOON, 'one')
    expect([searches(), use(limits).limits[0]?.reserved]).toEqual([3, 1])
    record([read(4)], [answer.id], NOON + 599_999, 'two')
    record([read(3)], [], NOON + 599_999, 'one')
    expect([searches(), use(limits).limits[0]?.reserved, reports()]).toEqual([7, 0, ['one', 'two']])
    record([], [], NOON + 600_000, 'three')
    expect(reports()).toEqual(['two', 'three'])
  })

  it('spend the budget of the day, and say what the tenant chose once it is spent', () => {
    const limits = { dailyBudget: { usd: (3 * PRICES.search) / 1e9, whenSpent: 'keyword' as const } }
    record([read(2)], [], NOON)
    expect(lease(limits)).toMatchObject({ count: 1 })
    expect(lease(limits)).toEqual({
      status: 'refused',
      meter: 'spend',
      retryAfterSeconds: 43_200,
      whenSpent: 'keyword',
    })
    // Searches by keyword go on, and are counted.
    const request = { tenantUid: TENANT, meter: 'searches' as const, want: 5, limits }
    expect(ledger.leaseReads({ ...request, beyondBudget: true }, NOON)).toMatchObject({ status: 'granted', count: 5 })
    expect(lease(limits, 1, 'searches', NOON + DAY).status).toBe('granted')
  })

  it('of isolates that died count as used, in the window of their lease', async () => {
    const limits = { searchesPerMonth: 40, answersPerMonth: 40 }
    lease(limits)
    lease(limits, 1, 'answers')
    expect(ledger.nextDueMs()).toBe(NOON + 600_000)
    await ledger.run(NOON + 600_000)
    expect(use(limits).limits.map(({ used, reserved }) => [used, reserved])).toEqual([
      [2, 0],
      [1, 0],
    ])
    expect(use(limits).totals.searches).toBe(0)
  })
})

describe('warnings', () => {
  it('come once at 80 and at 100 percent of a window, and again after what is stored has fallen', () => {
    const limits = { documents: 5 }
    reserve({}, limits)
    apply(0, [change(1), change(2), change(3)])
    expect(warnings).toEqual([])
    apply(3, [change(4)])
    expect(warnings).toEqual([
      { type: 'quota.warning', meter: 'documents', percent: 80, limit: 5, used: 4, window: 'stored', atMs: NOON },
    ])
    apply(4, [change(5)])
    expect(warnings.map(({ percent }) => percent)).toEqual([80, 100])
    const deleted = { kind: 'deleted' as const, documents: -1 }
    apply(5, [change(6, deleted), change(7, deleted)])
    apply(7, [change(8)])
    expect(warnings.map(({ percent }) => percent)).toEqual([80, 100, 80])
    expect(use(limits).limits[0]?.warning).toBe(80)
  })

  it('tell money in dollars, and stay away while a raised limit is far off', () => {
    const budget = (usd: number): TenantLimits => ({ dailyBudget: { usd, whenSpent: 'reject' } })
    reserve({}, budget(0.00002))
    apply(0, [change(1, { chunksWritten: 4, embeddingTokens: 0 })])
    expect(warnings).toMatchObject([
      { meter: 'spend', percent: 80, limit: 0.00002, used: 0.00002, window: '2026-11-22' },
      { percent: 100 },
    ])
    reserve({}, budget(1), { id: 'r2' })
    expect(warnings).toHaveLength(2)
  })

  it('come again in the same window where the limit was raised meanwhile, and for a limit that was lowered at once', () => {
    const told = () => warnings.map(({ meter, percent, limit }) => [meter, percent, limit])
    reserve({}, { embeddingTokensPerMonth: 10 })
    apply(0, [change(1, { embeddingTokens: 8 })])
    ledger.limitsChanged(TENANT, { embeddingTokensPerMonth: 100 }, NOON)
    apply(1, [change(2, { embeddingTokens: 71 })])
    expect(told()).toEqual([['embeddingTokens', 80, 10]])
    apply(2, [change(3, { embeddingTokens: 1 })])
    ledger.limitsChanged(TENANT, { documents: 3 }, NOON)
    expect(told().slice(1)).toEqual([
      ['embeddingTokens', 80, 100],
      ['documents', 80, 3],
      ['documents', 100, 3],
    ])
  })

  it('do not come of limits that were taken away', () => {
    reserve({}, { documents: 5 })
    ledger.limitsChanged(TENANT, {}, NOON)
    apply(
      0,
      [1, 2, 3, 4, 5].map((position) => change(position)),
    )
    expect(warnings).toEqual([])
  })

  it('come again in the next window', () => {
    const limits = { searchesPerMonth: 10 }
    ledger.leaseReads({ tenantUid: TENANT, meter: 'searches', want: 1, limits }, NOON)
    const read = (day: string) => ({ collectionId: SHARD.collectionId, keyId: 'k', searches: 8, answers: 0, day })
    record([read('2026-11-22')], [], NOON)
    record([read('2026-12-01')], [], Date.UTC(2026, 11, 1))
    expect(warnings.map(({ percent, window }) => [percent, window])).toEqual([
      [80, '2026-11'],
      [80, '2026-12'],
    ])
  })
})

describe('usage', () => {
  it('is grouped by day, collection and key, with storage where it belongs', () => {
    apply(0, [change(1), change(2, { keyId: 'key2', atMs: NOON + DAY })])
    const query = { fromDay: '2026-11-01', toDay: '2026-11-30', limits: {} }
    const later = NOON + 2 * DAY
    const by = (groupBy: 'day' | 'collection' | 'key') => ledger.usage({ ...query, groupBy }, later)
    expect(by('day').rows.map(({ group, documentsWritten }) => [group, documentsWritten])).toEqual([
      ['2026-11-22', 1],
      ['2026-11-23', 1],
      ['2026-11-24', 0],
    ])
    expect(by('collection').rows.map(({ group }) => group)).toEqual(['col_1'])
    expect(by('key').rows.map(({ group }) => group)).toEqual(['key1', 'key2'])
    const sum = by('day').rows.reduce((total, { cost }) => total + cost, 0)
    expect(sum).toBeCloseTo(by('day').totals.cost, 6)
    expect(by('key').rows.every(({ cost }) => Number.isInteger(cost))).toBe(true)
    expect(ledger.usage({ ...query, fromDay: '2026-10-01', toDay: '2026-10-31', groupBy: 'day' }, later).rows).toEqual(
      [],
    )
  })

  it('is rolled up as absolute sums, at most once a minute, and again until it was taken', async () => {
    apply(0, [change(1)])
    const dueMs = ledger.nextDueMs() ?? Infinity
    expect(dueMs).toBeLessThanOrEqual(NOON)
    rollUp = async () => Promise.reject(new Error('D1 is away'))
    await expect(ledger.run(NOON)).rejects.toThrow('D1 is away')
    rollUp = async (batch) => {
      batches.push(batch)
      apply(1, [change(2)])
    }
    await ledger.run(NOON + 30_000)
    expect(batches).toEqual([])
    await ledger.run(NOON + 60_000)
    expect(batches[0]?.usage).toMatchObject([{ day: '2026-11-22', keyId: 'key1', documentsWritten: 1 }])
    expect(batches[0]?.stored).toMatchObject([{ collectionId: 'col_1', documents: 1 }])
    rollUp = async (batch) => void batches.push(batch)
    await ledger.run(NOON + 120_000)
    expect(batches[1]?.usage).toMatchObject([{ documentsWritten: 2 }])
    expect(ledger.nextDueMs()).toBeUndefined()
  })

  it('is kept 400 days; what was stored last stays known', async () => {
    apply(0, [change(1)])
    await ledger.run(NOON + 60_000)
    const lateMs = NOON + 500 * DAY
    record([{ ...SHARD, keyId: 'k', searches: 1, answers: 0, day: '2028-04-05' }], [], lateMs)
    await ledger.run(lateMs)
    expect(use({}).totals.documentsWritten).toBe(0)
    expect(use({}).stored.documents).toBe(1)
    const then = { fromDay: '2028-04-05', toDay: '2028-04-05', groupBy: 'day' as const, limits: {} }
    expect(ledger.usage(then, lateMs).totals.cost).toBeGreaterThan(PRICES.search)
  })
})
