/** Reports, reservations, windows and deletions: the ledger's rules one by one. */
import { beforeEach, describe, expect, it } from 'vitest'
import type { CollectionId, TenantUid } from '../../../../src/core/ids.ts'
import type { Amounts, ReportedChange } from '../../../../src/core/usage.ts'
import { applyMigrations } from '../../../../src/shard/apply-migrations.ts'
import { NodeSqlDatabase } from '../../../../src/shard/node-sql-database.ts'
import {
  Ledger,
  RESERVATION_MS,
  type LedgerOptions,
  type QuotaWarning,
  type ReserveRequest,
  type RollUpBatch,
} from '../../../../src/tenancy/ledger.ts'
import type { TenantLimits } from '../../../../src/tenancy/tenant-limits.ts'

const TENANT = 'ten_1' as TenantUid
const SHARD = { collectionId: 'col_1' as CollectionId, placementEpoch: 1, shard: 0 }
const NOON = Date.UTC(2026, 10, 22, 12)
const DAY = 86_400_000

let database: NodeSqlDatabase
let ledger: Ledger
let flush: LedgerOptions['flushChanges']
/** What was waited for before shards were asked again. */
let pauses: number[]
let rollUp: LedgerOptions['rollUp']
let flushed: number
let warnings: QuotaWarning[]
let batches: RollUpBatch[]
let heard: number[]

beforeEach(() => {
  database = new NodeSqlDatabase()
  applyMigrations(database, [...Ledger.migrations, ...Ledger.laterMigrations])
  flushed = 0
  pauses = []
  warnings = []
  batches = []
  heard = []
  flush = async () => 0
  rollUp = async (batch) => void batches.push(batch)
  ledger = new Ledger(database, {
    flushChanges: async (shard) => {
      flushed++
      return flush(shard)
    },
    pause: async (delayMs) => void pauses.push(delayMs),
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

const LIMITS: TenantLimits = { documents: 10, chunks: 10, storedBytes: 100 }

describe('reports of changes', () => {
  it('count once, however often and in whatever parts they come', () => {
    const log = [
      change(1),
      change(2),
      change(3, {
        kind: 'deleted',
        documents: -1,
        chunks: -2,
        bytes: -10,
        chunksWritten: 0,
        bytesWritten: 0,
        embeddingTokens: 0,
      }),
    ]
    expect(apply(0, log.slice(0, 2))).toBe(2)
    expect(apply(0, log)).toBe(3)
    expect(apply(1, log.slice(1))).toBe(3)
    expect(heard).toEqual([1, 2, 3])
    expect(use({}).stored).toEqual({ documents: 1, chunks: 2, bytes: 10 })
    expect(use({}).totals).toMatchObject({
      documentsWritten: 2,
      documentsDeleted: 1,
      chunksWritten: 4,
      embeddingTokens: 10,
    })
  })

  it('are refused where entries are missing in between, and change nothing then', () => {
    expect(() => apply(0, [change(2)])).toThrow('invariant')
    expect(() => apply(0, [change(1), change(3)])).toThrow('invariant')
    expect(use({}).stored.documents).toBe(0)
  })

  it('that begin too late count nothing, and are told where to begin again', () => {
    expect(apply(0, [change(1)])).toBe(1)
    expect(apply(2, [change(3)])).toBe(1)
    expect(use({}).stored.documents).toBe(1)
    expect(apply(1, [change(2), change(3)])).toBe(3)
  })

  it('replace what was counted where the log was pruned further than that', () => {
    apply(0, [change(1)])
    const baseline = { documents: 7, chunks: 70, bytes: 700 }
    ledger.applyChanges({ tenantUid: TENANT, ...SHARD, after: 50, baseline, changes: [change(51)] }, NOON)
    expect(use({}).stored).toEqual({ documents: 8, chunks: 72, bytes: 710 })
  })

  it('begin with what was stored where the log was pruned before', () => {
    const baseline = { documents: 7, chunks: 70, bytes: 700 }
    const report = { tenantUid: TENANT, ...SHARD, after: 50, baseline, changes: [change(51)] }
    expect(ledger.applyChanges(report, NOON)).toBe(51)
    expect(ledger.applyChanges(report, NOON)).toBe(51)
    expect(use({}).stored).toEqual({ documents: 8, chunks: 72, bytes: 710 })
    expect(use({}).totals.documentsWritten).toBe(1)
  })
})

describe('a reservation', () => {
  it('is granted up to the limit and not beyond it', () => {
    expect(reserve({ documents: 10 }, LIMITS)).toEqual({ status: 'granted', expiresAtMs: NOON + RESERVATION_MS })
    expect(reserve({ documents: 1 }, LIMITS, { id: 'r2' })).toEqual({
      status: 'refused',
      meter: 'documents',
      limit: 10,
      used: 10,
      available: { documents: 0, chunks: 10, storedBytes: 100 },
    })
    expect(reserve({ chunks: 10 }, LIMITS, { id: 'r3' }).status).toBe('granted')
  })

  it('is lowered by exactly what its writes took, and by what they overtake', () => {
    reserve({ documents: 3, chunks: 9, storedBytes: 90 }, LIMITS)
    apply(0, [change(1, { reservation: 'r1' })])
    expect(use(LIMITS).limits.map(({ used, reserved }) => [used, reserved])).toEqual([
      [1, 2],
      [2, 7],
      [10, 80],
    ])
    // Another's work of the same document held two chunks and is dropped in the same transaction: one more was taken.
    apply(1, [
      change(2, {
        kind: 'staged',
        documents: 0,
        chunks: 0,
        bytes: 0,
        documentId: 'd3',
        held: { documents: 1, chunks: 2 },
      }),
    ])
    apply(2, [
      change(3, { reservation: 'r1', chunks: 3 }),
      change(4, {
        kind: 'dropped',
        documents: 0,
        chunks: 0,
        bytes: 0,
        documentId: 'd3',
        held: { documents: -1, chunks: -2 },
      }),
    ])
    expect(use(LIMITS).limits.map(({ used, reserved }) => [used, reserved])).toEqual([
      [2, 2],
      [5, 6],
      [20, 70],
    ])
  })

  it('goes with its settlement, but not before its commits are counted', () => {
    reserve({ documents: 5 }, LIMITS)
    ledger.settle('r1', [{ ...SHARD, position: 2 }])
    expect(use(LIMITS).limits[0]?.reserved).toBe(5)
    apply(0, [change(1, { reservation: 'r1' })])
    expect(use(LIMITS).limits[0]).toMatchObject({ used: 1, reserved: 4 })
    apply(1, [change(2, { reservation: 'r1' })])
    expect(use(LIMITS).limits[0]).toMatchObject({ used: 2, reserved: 0 })
    reserve({ documents: 5 }, LIMITS, { id: 'unused' })
    ledger.settle('unused', [])
    expect(use(LIMITS).limits[0]?.reserved).toBe(0)
  })

  it('grows and is renewed under its id; one that is gone is not brought back', () => {
    reserve({ documents: 2 }, LIMITS)
    const other = { ...SHARD, shard: 1 }
    const later = reserve({ documents: 3 }, LIMITS, { renews: true, shards: [SHARD, other] }, NOON + 50_000)
    expect(later).toEqual({ status: 'granted', expiresAtMs: NOON + 50_000 + RESERVATION_MS })
    expect(use(LIMITS).limits[0]?.reserved).toBe(5)
    expect(reserve({}, LIMITS, { id: 'lost', renews: true })).toEqual({ status: 'gone' })
  })

  it('that nobody settles is dropped once its shards have told all, and kept while one does not answer', async () => {
    reserve({ documents: 5 }, LIMITS)
    const dueMs = NOON + RESERVATION_MS + 30_000
    expect(ledger.nextDueMs()).toBe(dueMs)
    flush = async () => Promise.reject(new Error('away'))
    await expect(ledger.run(dueMs)).rejects.toThrow('away')
    expect(use(LIMITS).limits[0]?.reserved).toBe(5)
    expect(ledger.nextDueMs()).toBe(dueMs + 30_000)
    flush = async () => apply(0, [change(1, { reservation: 'r1' })])
    await ledger.run(dueMs + 30_000)
    expect(use(LIMITS).limits[0]).toMatchObject({ used: 1, reserved: 0 })
  })

  it('that is renewed while it is being resolved stays', async () => {
    reserve({ documents: 5 }, LIMITS)
    const dueMs = NOON + RESERVATION_MS + 30_000
    flush = async () => {
      reserve({}, LIMITS, { renews: true }, dueMs)
      return 0
    }
    await ledger.run(dueMs)
    expect(use(LIMITS).limits[0]?.reserved).toBe(5)
  })

  it('that was renewed before its turn came is not resolved before the clocks of its shards have passed its new term', async () => {
    reserve({ documents: 1 }, LIMITS, { id: 'a' })
    reserve({ documents: 5 }, LIMITS, { id: 'b' })
    const dueMs = NOON + RESERVATION_MS + 30_000
    flush = async () => {
      if (flushed === 1) reserve({}, LIMITS, { id: 'b', renews: true }, dueMs + 5_000)
      return 0
    }
    await ledger.run(dueMs)
    expect(use(LIMITS).limits[0]?.reserved).toBe(5)
    expect(ledger.nextDueMs()).toBe(dueMs + 5_000 + RESERVATION_MS + 30_000)
    await ledger.run(dueMs + 5_000 + RESERVATION_MS + 29_999)
    expect(use(LIMITS).limits[0]?.reserved).toBe(5)
    await ledger.run(dueMs + 5_000 + RESERVATION_MS + 30_000)
    expect(use(LIMITS).limits[0]?.reserved).toBe(0)
  })

  it('asks the shards before it refuses what is stored: refusals share the answer, and the next waits a second', async () => {
    const limits = { documents: 2 }
    apply(0, [change(1), change(2)])
    const deletion = change(3, { kind: 'deleted', documents: -1, chunks: -2, bytes: -10 })
    flush = async () => {
      await Promise.resolve()
      return apply(2, [deletion])
    }
    let nowMs = NOON
    const ask = (id: string) =>
      ledger.reserveFresh({ id, tenantUid: TENANT, amounts: { documents: 1 }, limits, shards: [SHARD] }, () => nowMs)
    const answers = await Promise.all([ask('a'), ask('b')])
    expect(answers.map(({ status }) => status).sort()).toEqual(['granted', 'refused'])
    expect([flushed, pauses]).toEqual([1, [0]])
    nowMs += 400
    const late = change(4, { kind: 'deleted', documents: -1, chunks: -2, bytes: -10 })
    flush = async () => apply(3, [late])
    expect((await ask('c')).status).toBe('granted')
    expect([flushed, pauses]).toEqual([2, [0, 600]])
  })

  it('does not ask them for quotas of the month', async () => {
    apply(0, [change(1, { embeddingTokens: 100 })])
    const request = { id: 'a', tenantUid: TENANT, amounts: { embeddingTokens: 1 }, shards: [SHARD] }
    const answer = await ledger.reserveFresh({ ...request, limits: { embeddingTokensPerMonth: 100 } }, () => NOON)
    expect(answer).toMatchObject({ status: 'refused', meter: 'embeddingTokens', retryAfterSeconds: 8.5 * 86_400 })
    expect(flushed).toBe(0)
  })
})

describe('windows', () => {
  it('turn by UTC at the time of the entry, and count no write before the window that was asked for it', () => {
    const limits = { embeddingTokensPerMonth: 100 }
    const endMs = Date.UTC(2026, 11, 1)
    apply(0, [change(1, { atMs: endMs - 1, embeddingTokens: 90 }), change(2, { atMs: endMs, embeddingTokens: 30 })])
    expect(use(limits, endMs - 1).limits[0]?.used).toBe(90)
    expect(use(limits, endMs).limits[0]?.used).toBe(30)
    expect(reserve({ embeddingTokens: 70 }, limits, {}, endMs).status).toBe('granted')
    // Its shard's clock is behind: the entry counts where the reservation did.
    apply(2, [change(3, { atMs: endMs - 5, embeddingTokens: 70, reservation: 'r1' })])
    expect(use(limits, endMs).limits[0]).toMatchObject({
      used: 100,
      reserved: 0,
      resetsAtMs: Date.UTC(2027, 0, 1),
      warning: 100,
    })
  })
})

describe('a deleted collection', () => {
  it('holds and reserves nothing any more, and late reports of it count as usage only', () => {
    apply(0, [change(1), change(2, { kind: 'staged', documents: 0, chunks: 0, bytes: 0, held: { documents: 1 } })])
    reserve({ documents: 5 }, LIMITS)
    ledger.collectionDeleted(SHARD.collectionId, NOON)
    expect(use(LIMITS).limits.map(({ used, reserved }) => used + reserved)).toEqual([0, 0, 0])
    expect(apply(2, [change(3)])).toBe(3)
    expect(use(LIMITS).stored.documents).toBe(0)
    expect(use(LIMITS).totals.documentsWritten).toBe(2)
  })

  it('is noticed after a crash by asking its shards, until it is gone or the plan is too old', async () => {
    apply(0, [change(1)])
    ledger.deletionPlanned(SHARD.collectionId, NOON)
    flush = async () => 1
    await ledger.run(NOON + 60_000)
    expect(use(LIMITS).stored.documents).toBe(1)
    flush = async () => 'gone'
    await ledger.run(NOON + 120_000)
    expect(use(LIMITS).stored.documents).toBe(0)
    await ledger.run(NOON + 2 * DAY)
    expect(database.all('SELECT * FROM ledger_shards')).toEqual([])
    ledger.deletionPlanned('col_never' as CollectionId, NOON + 2 * DAY)
    await ledger.run(NOON + 2 * DAY + 60_000)
    await ledger.run(NOON + 4 * DAY)
    expect(database.all('SELECT * FROM ledger_deletions')).toEqual([])
  })

  it('is asked for as long after a second plan as after the first', async () => {
    apply(0, [change(1)])
    ledger.deletionPlanned(SHARD.collectionId, NOON)
    flush = async () => 1
    await ledger.run(NOON + 60_000)
    ledger.deletionPlanned(SHARD.collectionId, NOON + DAY - 1_000)
    flush = async () => 'gone'
    await ledger.run(NOON + DAY)
    await ledger.run(NOON + DAY + 59_000)
    expect(use(LIMITS).stored.documents).toBe(0)
    ledger.deletionPlanned(SHARD.collectionId, NOON + DAY + 60_000)
    expect(apply(1, [change(2)], NOON + DAY + 60_000)).toBe(2)
    expect(use(LIMITS).stored.documents).toBe(0)
  })

  it('that never reported anything leaves nothing to tell', async () => {
    ledger.deletionPlanned(SHARD.collectionId, NOON)
    ledger.collectionDeleted(SHARD.collectionId, NOON)
    await ledger.run(NOON + 60_000)
    expect(batches).toEqual([])
  })

  it('is noticed, too, when a reservation is resolved', async () => {
    apply(0, [change(1)])
    reserve({ documents: 5 }, LIMITS)
    flush = async () => 'gone'
    await ledger.run(NOON + RESERVATION_MS + 30_000)
    expect(use(LIMITS).limits[0]).toMatchObject({ used: 0, reserved: 0 })
  })
})
