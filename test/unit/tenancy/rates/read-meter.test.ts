/** Searches and answers as an isolate counts them: reported soon and once, leased where they are limited, never waited for. */
import { beforeEach, describe, expect, it } from 'vitest'
import type { CollectionId, TenantUid } from '../../../../src/core/ids.ts'
import { asProblem } from '../../../../src/core/problem.ts'
import type { TenantState } from '../../../../src/tenancy/key-store.ts'
import type { ReadCount } from '../../../../src/tenancy/ledger.ts'
import { REPORT_MS, REPORT_READS, ReadMeter } from '../../../../src/tenancy/read-meter.ts'
import type { ReadMeterName, ReadTicket } from '../../../../src/tenancy/read-meter.ts'
import { LOST_LEASE_MS, REFUSED_MS } from '../../../../src/tenancy/rates/read-lane.ts'
import type { TenantLimits } from '../../../../src/tenancy/tenant-limits.ts'
import { FakeTime, settle } from '../../../support/fake-timer.ts'
import { LEASE_MS, NaiveReadObject } from '../../../support/naive-read-object.ts'

const KEY = '0123456789abcdef'
const DOCS = 'col_docs' as CollectionId
const FAQ = 'col_faq' as CollectionId
const LIMITED: TenantLimits = { searchesPerMonth: 100 }

const tenantWith = (limits: TenantLimits): TenantState => ({
  id: 't',
  uid: 'ten_a' as TenantUid,
  suspended: false,
  limits,
})

let time: FakeTime
let object: NaiveReadObject
let failures: unknown[]
let carried: Promise<unknown>[]

beforeEach(() => {
  time = new FakeTime()
  object = new NaiveReadObject(time)
  failures = []
  carried = []
})

const isolate = (): ReadMeter =>
  new ReadMeter({
    objectOf: async () => object,
    clock: time.clock,
    timer: time.timer,
    report: (error) => failures.push(error),
  })

const keepAlive = (work: Promise<unknown>): unknown => carried.push(work)

const begin = (
  meter: ReadMeter,
  limits: TenantLimits,
  name: ReadMeterName = 'searches',
): ReadTicket | Promise<ReadTicket> =>
  meter.begin({ tenant: tenantWith(limits), keyId: KEY }, name, (work) => void keepAlive(work))

/** One search that succeeds; its refusal's code otherwise. */
async function search(meter: ReadMeter, limits = LIMITED, name: ReadMeterName = 'searches'): Promise<string> {
  try {
    const ticket = await begin(meter, limits, name)
    await settle()
    ticket.count(DOCS)
    return ticket.keywordOnly === undefined ? 'done' : 'keyword'
  } catch (error) {
    return asProblem(error)?.code ?? String(error)
  }
}

const times = (count: number, work: () => Promise<string>): Promise<string[]> =>
  Promise.all(Array.from({ length: count }, work))

const rowsOf = (reads: readonly ReadCount[]): unknown[] =>
  reads.map(({ collectionId, keyId, searches, answers, day }) => [collectionId, keyId, searches, answers, day])

describe('reads of a tenant without limits', () => {
  it('wait for nothing and are told within a second, once', async () => {
    const meter = isolate()
    const ticket = begin(meter, {})
    expect(ticket).not.toBeInstanceOf(Promise)
    const other = begin(meter, { documents: 5 }, 'answers')
    if (ticket instanceof Promise || other instanceof Promise) throw new Error('waits')
    ticket.count(DOCS)
    ticket.count(DOCS)
    ticket.count(FAQ)
    other.count(FAQ)
    expect(object.reports).toEqual([])
    // The request that ends a quiet period carries the report.
    expect(carried).toHaveLength(1)
    await time.advance(REPORT_MS)
    expect(object.reports.map(rowsOf)).toEqual([
      [
        [DOCS, KEY, 2, 0, '2027-01-15'],
        [FAQ, KEY, 1, 1, '2027-01-15'],
      ],
    ])
    await time.advance(10 * REPORT_MS)
    expect([object.reports.length, object.asked.length, time.armed]).toEqual([1, 0, 0])
  })

  it('are told at once when somebody asks, of the tenant asked for', async () => {
    const meter = isolate()
    await meter.tellNow('ten_a' as TenantUid)
    await search(meter, {})
    await meter.tellNow('ten_other' as TenantUid)
    expect(object.used.searches).toBe(0)
    await meter.tellNow('ten_a' as TenantUid)
    expect(object.used.searches).toBe(1)
  })

  it('of a tenant that was erased meanwhile are told to nobody, once', async () => {
    const meter = isolate()
    await search(meter, {})
    object.state = 'erased'
    await time.advance(10 * REPORT_MS)
    expect([object.reports, failures, time.armed]).toEqual([[], [], 0])
  })

  it('that fail count nothing', async () => {
    const ticket = await begin(isolate(), {})
    ticket.release()
    await time.advance(REPORT_MS)
    expect(object.reports).toEqual([])
  })

  it('are told at once when there are many', async () => {
    const meter = isolate()
    for (let i = 0; i < REPORT_READS; i++) (await begin(meter, {})).count(DOCS)
    await settle()
    expect(object.reports.map(rowsOf)).toEqual([[[DOCS, KEY, REPORT_READS, 0, '2027-01-15']]])
  })

  it('are kept while the object does not answer, and told when it does', async () => {
    const meter = isolate()
    object.state = 'down'
    await search(meter, {})
    await time.advance(2 * REPORT_MS)
    await search(meter, {})
    object.state = 'up'
    await time.advance(REPORT_MS)
    expect(object.used.searches).toBe(2)
    expect(failures).toHaveLength(2)
  })

  it('are told with the next read when the object was away for long', async () => {
    const meter = isolate()
    object.state = 'down'
    await search(meter, {})
    await time.advance(60 * REPORT_MS)
    expect([failures.length, time.armed]).toEqual([5, 0])
    object.state = 'up'
    await search(meter, {})
    await time.advance(REPORT_MS)
    expect(object.used.searches).toBe(2)
  })

  it('are told by another request when the one that carried the report was cancelled', async () => {
    const lost: (() => void)[] = []
    const meter = new ReadMeter({
      objectOf: async () => object,
      clock: time.clock,
      timer: (delayMs, run) => (lost.length === 0 ? () => lost.push(run) && undefined : time.timer(delayMs, run)),
    })
    ;(await begin(meter, {})).count(DOCS)
    lost.push(() => {})
    await time.advance(4_999)
    ;(await begin(meter, {})).count(DOCS)
    await time.advance(1)
    ;(await begin(meter, {})).count(DOCS)
    await time.advance(REPORT_MS)
    expect(object.used.searches).toBe(3)
  })
})

describe('reads of a limited tenant', () => {
  it('are leased first, and never more than the limit are done', async () => {
    const meters = [isolate(), isolate()]
    const outcomes: string[] = []
    for (let round = 0; round < 20; round++) {
      for (const meter of meters) outcomes.push(...(await times(64, () => search(meter))))
      expect(object.used.searches).toBeLessThanOrEqual(100)
      await time.advance(REPORT_MS)
    }
    expect(outcomes.filter((outcome) => outcome === 'done')).toHaveLength(100)
    expect(new Set(outcomes)).toEqual(new Set(['done', 'monthly_quota_exceeded']))
    expect([object.used.searches, object.leases.size]).toEqual([100, 0])
    // Refusals are remembered for a moment: overload is not passed on.
    expect(object.asked.length).toBeLessThan(200)
  })

  it('come in fewer calls the steadier they are', async () => {
    const meter = isolate()
    for (let i = 0; i < 640; i++) expect(await search(meter, { searchesPerMonth: 1_000_000 })).toBe('done')
    expect(object.asked.map(({ want }) => want).slice(0, 8)).toEqual([1, 2, 4, 8, 16, 32, 64, 64])
    // Sixteen would do if a report did not end the lease in use.
    expect(object.asked.length).toBeLessThan(20)
  })

  it('are counted as one request asks and another reports', async () => {
    const meter = isolate()
    await times(10, () => search(meter))
    await time.advance(REPORT_MS)
    expect([object.used.searches, object.leases.size]).toEqual([10, 0])
  })

  it('that fail give their place to others', async () => {
    const meter = isolate()
    const one: TenantLimits = { searchesPerMonth: 1 }
    const failed = await begin(meter, one)
    failed.release()
    const first = await begin(meter, one)
    expect(object.asked).toHaveLength(1)
    expect(await search(meter, one)).toBe('monthly_quota_exceeded')
    first.release()
    await time.advance(REFUSED_MS)
    expect(await search(meter, one)).toBe('done')
    await time.advance(REPORT_MS)
    expect(await search(meter, one)).toBe('monthly_quota_exceeded')
  })

  it('keep their lease until the slowest is done, and it gives nothing more', async () => {
    const meter = isolate()
    const wide: TenantLimits = { searchesPerMonth: 1_000_000 }
    await search(meter, wide)
    await search(meter, wide)
    const slow = await begin(meter, wide)
    await time.advance(REPORT_MS)
    // The second search is told with the lease that it shares: the lease holds its place until then.
    expect([object.used.searches, object.leases.size]).toEqual([1, 1])
    // A new one is taken: the old one was closed by the report.
    const asked = object.asked.length
    await search(meter, wide)
    expect(object.asked.length).toBe(asked + 1)
    slow.count(DOCS)
    await time.advance(REPORT_MS)
    expect([object.used.searches, object.leases.size]).toEqual([4, 0])
  })

  it('that were cancelled do not hold a lease for ever, and count if they end after all', async () => {
    const meter = isolate()
    const cancelled = await begin(meter, LIMITED)
    await time.advance(LEASE_MS + 60_000)
    await search(meter)
    await time.advance(REPORT_MS)
    expect([object.used.searches, object.leases.size]).toEqual([1, 0])
    cancelled.count(FAQ)
    await time.advance(REPORT_MS)
    expect(object.used.searches).toBe(2)
  })

  it('take no more from a lease that expired', async () => {
    const meter = isolate()
    const wide: TenantLimits = { searchesPerMonth: 1_000_000 }
    const tickets = [await begin(meter, wide), await begin(meter, wide)]
    expect(object.asked).toHaveLength(2)
    await time.advance(LEASE_MS)
    tickets.push(await begin(meter, wide))
    expect(object.asked).toHaveLength(3)
    for (const ticket of tickets) ticket.count(DOCS)
    await time.advance(REPORT_MS)
    expect([object.used.searches, object.leases.size]).toEqual([3, 0])
  })

  it('are told again, with their leases, when a report fails', async () => {
    const meter = isolate()
    await times(5, () => search(meter))
    object.state = 'down'
    await time.advance(REPORT_MS)
    object.state = 'up'
    await time.advance(REPORT_MS)
    expect([object.used.searches, object.leases.size]).toEqual([5, 0])
  })

  it('count once when a report was taken and its answer was lost', async () => {
    const meter = isolate()
    await times(5, () => search(meter))
    object.state = 'mute'
    await time.advance(REPORT_MS)
    object.state = 'up'
    await times(3, () => search(meter))
    await time.advance(2 * REPORT_MS)
    expect([object.used.searches, object.leases.size, failures.length]).toEqual([8, 0, 1])
  })

  it('count once when the request that carried a report was cancelled on its way', async () => {
    const meter = isolate()
    await search(meter)
    object.state = 'hanging'
    await time.advance(REPORT_MS)
    object.state = 'up'
    expect(object.used.searches).toBe(0)
    await time.advance(5_000)
    await search(meter)
    await time.advance(REPORT_MS)
    expect([object.used.searches, object.leases.size]).toEqual([2, 0])
    // It arrives after all.
    object.comeBack()
    await time.advance(REPORT_MS)
    expect([object.used.searches, object.reports.length]).toEqual([2, 2])
  })

  it('are refused while the object cannot be asked: a quota does not give way', async () => {
    const meter = isolate()
    object.state = 'down'
    expect(await search(meter)).toBe('overloaded')
    object.state = 'hanging'
    const waiting = times(2, () => search(meter))
    await time.advance(LOST_LEASE_MS)
    expect(await waiting).toEqual(['overloaded', 'overloaded'])
    object.state = 'up'
    expect(await search(meter)).toBe('done')
    // What comes too late is given back.
    object.comeBack()
    await settle()
    expect(object.leases.size).toBe(2)
    await time.advance(REPORT_MS)
    expect([object.used.searches, object.leases.size]).toEqual([1, 0])
  })

  it('are not refused by an answer that comes too late', async () => {
    const meter = isolate()
    object.budgetSpent = true
    object.state = 'hanging'
    const limits: TenantLimits = { dailyBudget: { usd: 1, whenSpent: 'reject' } }
    const waiting = search(meter, limits)
    await time.advance(LOST_LEASE_MS)
    expect(await waiting).toBe('overloaded')
    object.comeBack()
    await settle()
    object.state = 'up'
    object.budgetSpent = false
    expect(await search(meter, limits)).toBe('done')
  })

  it('need no reporter to be refused', async () => {
    const meter = new ReadMeter({ objectOf: async () => Promise.reject(new Error('unreachable')), clock: time.clock })
    expect(await search(meter)).toBe('overloaded')
  })
})

describe('answers', () => {
  it('have a quota of their own', async () => {
    const meter = isolate()
    const limits: TenantLimits = { answersPerMonth: 2 }
    const done = await times(5, () => search(meter, limits, 'answers'))
    expect(done.filter((outcome) => outcome === 'done')).toHaveLength(2)
    expect(begin(meter, limits)).not.toBeInstanceOf(Promise)
  })
})

describe('a spent budget', () => {
  const spent = (whenSpent: 'keyword' | 'reject', more: TenantLimits = {}): TenantLimits => ({
    ...more,
    dailyBudget: { usd: 1, whenSpent },
  })

  beforeEach(() => {
    object.budgetSpent = true
  })

  it('refuses searches and answers, and tells until when', async () => {
    const meter = isolate()
    const refused = await Promise.resolve(begin(meter, spent('reject'))).catch(asProblem)
    expect(refused).toMatchObject({ code: 'budget_exceeded', retryAfterSeconds: 60 })
    expect(await search(meter, spent('reject'), 'answers')).toBe('budget_exceeded')
  })

  it('leaves searches by keyword where the tenant chose so, and no answers', async () => {
    const meter = isolate()
    expect(await times(3, () => search(meter, spent('keyword')))).toEqual(['keyword', 'keyword', 'keyword'])
    expect(await search(meter, spent('keyword'), 'answers')).toBe('budget_exceeded')
    await time.advance(REPORT_MS)
    expect([object.used.searches, object.leases.size]).toEqual([3, 0])
  })

  it('does not open the quota of the month', async () => {
    const meter = isolate()
    const limits = spent('keyword', { searchesPerMonth: 2 })
    const outcomes: string[] = []
    for (let i = 0; i < 4; i++) outcomes.push(await search(meter, limits))
    expect(outcomes).toEqual(['keyword', 'keyword', 'monthly_quota_exceeded', 'monthly_quota_exceeded'])
    await time.advance(REPORT_MS)
    expect(object.used.searches).toBe(2)
  })
})
