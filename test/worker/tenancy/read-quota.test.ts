/** Quotas of reads and rates over the real object: many callers in several isolates, ten times more than is allowed. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { env } from 'cloudflare:workers'
import type { CollectionId, TenantUid } from '../../../src/core/ids.ts'
import { newTenantUid } from '../../../src/core/ids.ts'
import { asProblem } from '../../../src/core/problem.ts'
import { dayOf } from '../../../src/tenancy/ledger.ts'
import { PRICES } from '../../../src/tenancy/prices.ts'
import { RateLimiter } from '../../../src/tenancy/rate-limiter.ts'
import type { RatePolicy } from '../../../src/tenancy/rate-policies.ts'
import { REPORT_MS, ReadMeter } from '../../../src/tenancy/read-meter.ts'
import { TenantObjects } from '../../../src/tenancy/tenant-objects.ts'
import type { TenantLimits } from '../../../src/tenancy/tenant-limits.ts'
import { FakeTime } from '../../support/fake-timer.ts'

const CALLERS = 64
const DOCS = 'col_docs' as CollectionId
const objects = new TenantObjects(env.TENANT)

let time: FakeTime
let uid: TenantUid
let calls: number

beforeEach(() => {
  time = new FakeTime()
  uid = newTenantUid()
  calls = 0
  vi.useFakeTimers({ toFake: ['Date'], now: time.clock() })
})

afterEach(() => {
  vi.useRealTimers()
})

/** The objects run by the same clock as the isolates. */
async function pass(ms: number): Promise<void> {
  await time.advance(ms)
  vi.setSystemTime(time.clock())
}

const countedObject = async (tenantUid: TenantUid): ReturnType<TenantObjects['of']> => {
  calls++
  return objects.of(tenantUid)
}

const isolates = (count: number): ReadMeter[] =>
  Array.from({ length: count }, () => new ReadMeter({ objectOf: countedObject, clock: time.clock, timer: time.timer }))

/** So many callers search one after the other, until all of them have asked `each` times. */
async function overload(
  meters: readonly ReadMeter[],
  limits: TenantLimits,
  each: number,
): Promise<Map<string, number>> {
  const outcomes = new Map<string, number>()
  const tenant = { id: 't', uid, suspended: false, limits }
  const caller = async (number: number): Promise<void> => {
    for (let i = 0; i < each; i++) {
      const [meter] = meters.slice(number % meters.length)
      let outcome = 'done'
      try {
        const ticket = await meter?.begin({ tenant, keyId: `key${number % 3}` }, 'searches', () => {})
        await Promise.resolve()
        // Some fail, and count nothing.
        if ((number + i) % 10 === 0) ticket?.release()
        else ticket?.count(DOCS)
        if ((number + i) % 10 === 0) outcome = 'failed'
      } catch (error) {
        outcome = asProblem(error)?.code ?? String(error)
      }
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
    }
  }
  await Promise.all(Array.from({ length: CALLERS }, (_, number) => caller(number)))
  return outcomes
}

const searchesCounted = async (limits: TenantLimits): Promise<number> => {
  const day = dayOf(time.clock())
  const { totals } = await (await objects.of(uid)).usage(uid, { fromDay: day, toDay: day, groupBy: 'key', limits })
  return totals.searches
}

describe.each([1, 2])('over %d isolates', (count) => {
  it('ten times the quota of searches is never more than the quota, and all of it is given', async () => {
    const limits: TenantLimits = { searchesPerMonth: 1_000 }
    const meters = isolates(count)
    let done = 0
    let asked = 0
    for (let second = 0; second < 16; second++) {
      const outcomes = await overload(meters, limits, 10)
      done += outcomes.get('done') ?? 0
      asked += CALLERS * 10
      expect(
        [...outcomes.keys()].filter((name) => !['done', 'failed', 'monthly_quota_exceeded'].includes(name)),
      ).toEqual([])
      await pass(REPORT_MS)
    }
    await vi.waitFor(async () => expect(await searchesCounted(limits)).toBe(done))
    expect(asked).toBeGreaterThanOrEqual(10_000)
    expect(done).toBeLessThanOrEqual(1_000)
    expect(done).toBeGreaterThanOrEqual(990)
    expect(calls).toBeLessThan(asked / 10)
  })

  it('a daily budget holds as well', async () => {
    const affordable = 300
    const limits: TenantLimits = { dailyBudget: { usd: (affordable * PRICES.search) / 1e9, whenSpent: 'reject' } }
    const meters = isolates(count)
    let done = 0
    for (let second = 0; second < 10; second++) {
      done += (await overload(meters, limits, 5)).get('done') ?? 0
      await pass(REPORT_MS)
    }
    await vi.waitFor(async () => expect(await searchesCounted(limits)).toBe(done))
    expect(done).toBeLessThanOrEqual(affordable)
    expect(done).toBeGreaterThanOrEqual(affordable * 0.99 - 1)
  })

  it('reads without limits are counted to the last one', async () => {
    const meters = isolates(count)
    const outcomes = await overload(meters, {}, 20)
    await pass(REPORT_MS)
    await vi.waitFor(async () => expect(await searchesCounted({})).toBe(outcomes.get('done')))
  })

  it('ten times the rate is never more than the rate, in few calls', async () => {
    const policy: RatePolicy = { name: 'key', subject: 'key/k', limit: { requests: 100, windowSeconds: 1 } }
    const limiters = Array.from(
      { length: count },
      () => new RateLimiter({ objectOf: countedObject, clock: time.clock, timer: time.timer }),
    )
    let admitted = 0
    let asked = 0
    for (let tick = 0; tick < 100; tick++) {
      const verdicts = await Promise.all(
        Array.from({ length: CALLERS }, async (_, number) =>
          limiters[number % limiters.length]?.charge(uid, [policy], () => {}),
        ),
      )
      asked += CALLERS
      admitted += verdicts.filter((verdict) => verdict?.retryAfterMs === 0).length
      await pass(50)
    }
    // 5 s at 1,280 a second: the burst once, and 100 a second.
    expect(asked).toBe(6_400)
    expect(admitted).toBeLessThanOrEqual(100 + 500)
    expect(admitted).toBeGreaterThanOrEqual(100 + 500 - 20)
    expect(calls).toBeLessThan(asked / 4)
  })
})
