/** What models read for requests that write nothing: the isolate's side, with and without limits. */
import { beforeEach, describe, expect, it } from 'vitest'
import type { CollectionId, TenantUid } from '../../../../src/core/ids.ts'
import { asProblem } from '../../../../src/core/problem.ts'
import { ReadMeter, REPORT_MS, type ModelRead, type Reader } from '../../../../src/tenancy/read-meter.ts'
import { LOST_LEASE_MS } from '../../../../src/tenancy/rates/read-lane.ts'
import type { TenantLimits } from '../../../../src/tenancy/tenant-limits.ts'
import { FakeTime, settle } from '../../../support/fake-timer.ts'
import { NaiveReadObject } from '../../../support/naive-read-object.ts'

const DOCS = 'col_docs' as CollectionId
const DAY = '2027-01-15'
const QUOTA: TenantLimits = { embeddingTokensPerMonth: 100 }

let time: FakeTime
let object: NaiveReadObject
let failures: unknown[]
let meter: ReadMeter

beforeEach(() => {
  time = new FakeTime()
  object = new NaiveReadObject(time)
  failures = []
  meter = new ReadMeter({
    objectOf: async () => object,
    clock: time.clock,
    timer: time.timer,
    report: (error) => failures.push(error),
  })
})

const keepAlive = (): void => {}

const readerWith = (limits: TenantLimits): Reader => ({
  tenant: { id: 't', uid: 'ten_a' as TenantUid, suspended: false, limits },
  keyId: 'key1',
})

const read = (tokens: number, extra: Partial<ModelRead> = {}): ModelRead => ({
  model: 'bge-m3',
  requests: 1,
  tokens,
  cost: tokens * 12,
  quotaTokens: tokens,
  ...extra,
})

const begin = (limits: TenantLimits, tokens: number) =>
  meter.beginTokens(readerWith(limits), { tokens, spend: tokens * 12 }, keepAlive)

const codeOf = async (begun: ReturnType<typeof begin>): Promise<string | undefined> => {
  try {
    await begun
    return undefined
  } catch (error) {
    return asProblem(error)?.code ?? String(error)
  }
}

describe('tokens of a tenant without limits', () => {
  it('wait for nothing and are told within a second, summed by collection, key, day and model', async () => {
    const ticket = begin({ searchesPerMonth: 5 }, 10)
    if (ticket instanceof Promise) throw new Error('waits')
    ticket.count(read(10))
    meter.noteTokens(readerWith({}), read(3, { collectionId: DOCS, quotaTokens: 0 }), keepAlive)
    meter.noteTokens(readerWith({}), read(4, { collectionId: DOCS, quotaTokens: 0 }), keepAlive)
    meter.noteTokens(readerWith({}), read(1, { model: 'edge-en' }), keepAlive)
    await time.advance(REPORT_MS)
    const common = { keyId: 'key1', day: DAY, model: 'bge-m3' }
    expect(object.models).toEqual([
      { ...common, requests: 1, tokens: 10, cost: 120, quotaTokens: 10 },
      { ...common, collectionId: DOCS, requests: 2, tokens: 7, cost: 84, quotaTokens: 0 },
      { ...common, model: 'edge-en', requests: 1, tokens: 1, cost: 12, quotaTokens: 1 },
    ])
    expect(object.askedTokens).toEqual([])
    await time.advance(10 * REPORT_MS)
    expect(object.models).toHaveLength(3)
  })
})

describe('tokens of a limited tenant', () => {
  it('are leased before they are read, and the lease ends with their report', async () => {
    const ticket = await begin(QUOTA, 60)
    expect(object.askedTokens).toMatchObject([{ tenantUid: 'ten_a', tokens: 60, spend: 720, limits: QUOTA }])
    expect(object.leases.size).toBe(1)
    ticket.count(read(50))
    await time.advance(REPORT_MS)
    expect(object.models).toMatchObject([{ tokens: 50, requests: 1 }])
    expect(object.leases.size).toBe(0)
    expect(await codeOf(begin(QUOTA, 51))).toBe('monthly_quota_exceeded')
    expect(await codeOf(begin(QUOTA, 50))).toBeUndefined()
  })

  it('of a request that failed are given back, and count nothing', async () => {
    const ticket = await begin(QUOTA, 100)
    ticket.release()
    await time.advance(REPORT_MS)
    expect([object.models, object.leases.size]).toEqual([[], 0])
  })

  it('under way keep their lease, and count on the day on which they were admitted', async () => {
    const ticket = await begin(QUOTA, 10)
    meter.noteTokens(readerWith(QUOTA), read(1, { quotaTokens: 0 }), keepAlive)
    await time.advance(20 * REPORT_MS)
    expect([object.models.length, object.leases.size]).toEqual([1, 1])
    await time.advance(86_400_000)
    // Whoever shows no end so long was cancelled; what comes all the same counts still.
    meter.noteTokens(readerWith(QUOTA), read(1, { quotaTokens: 0 }), keepAlive)
    await time.advance(REPORT_MS)
    expect(object.leases.size).toBe(0)
    ticket.count(read(10))
    await time.advance(REPORT_MS)
    expect(object.models.map(({ day, tokens }) => [day, tokens])).toEqual([
      [DAY, 1],
      ['2027-01-16', 1],
      [DAY, 10],
    ])
  })

  it('are refused when the budget of the day lacks their price', async () => {
    object.budgetSpent = true
    const limits: TenantLimits = { dailyBudget: { usd: 1, whenSpent: 'keyword' } }
    const refused = await Promise.resolve(begin(limits, 5)).catch(asProblem)
    expect(refused).toMatchObject({ code: 'budget_exceeded', retryAfterSeconds: 60 })
  })

  it('are refused while the object cannot be asked', async () => {
    object.state = 'down'
    expect(await codeOf(begin(QUOTA, 5))).toBe('overloaded')
    expect(failures).toHaveLength(1)
    const silent = new ReadMeter({ objectOf: async () => Promise.reject(new Error('unreachable')), clock: time.clock })
    const asked = silent.beginTokens(readerWith(QUOTA), { tokens: 1, spend: 12 }, keepAlive)
    expect(await codeOf(asked)).toBe('overloaded')
  })

  it('give a lease back that came too late', async () => {
    object.state = 'hanging'
    const code = codeOf(begin(QUOTA, 5))
    await time.advance(LOST_LEASE_MS)
    expect(await code).toBe('overloaded')
    object.state = 'up'
    object.comeBack()
    await settle()
    expect(object.leases.size).toBe(1)
    meter.noteTokens(readerWith(QUOTA), read(1), keepAlive)
    await time.advance(REPORT_MS)
    expect([object.leases.size, time.armed]).toEqual([0, 0])
  })
})
