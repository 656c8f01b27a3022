/** The meter of one request: leases before models read, counts after, and what is left at its end. */
import { beforeEach, describe, expect, it } from 'vitest'
import type { CollectionId, TenantUid } from '../../../src/core/ids.ts'
import { asProblem } from '../../../src/core/problem.ts'
import { TokenCharge } from '../../../src/http/token-charge.ts'
import { ReadMeter, REPORT_MS } from '../../../src/tenancy/read-meter.ts'
import type { TenantLimits } from '../../../src/tenancy/tenant-limits.ts'
import { FakeTime } from '../../support/fake-timer.ts'
import { NaiveReadObject } from '../../support/naive-read-object.ts'

const MODEL = { id: 'bge-m3', pricePerMillionTokens: 0.0118 }
const DOCS = 'col_docs' as CollectionId
const BUDGET: TenantLimits = { dailyBudget: { usd: 1, whenSpent: 'keyword' } }

let time: FakeTime
let object: NaiveReadObject

beforeEach(() => {
  time = new FakeTime()
  object = new NaiveReadObject(time)
})

function charge(limits: TenantLimits, goesOn: boolean, collectionId?: CollectionId): TokenCharge {
  const meter = new ReadMeter({ objectOf: async () => object, clock: time.clock, timer: time.timer })
  const tenant = { id: 't', uid: 'ten_a' as TenantUid, suspended: false, limits }
  const reader = { tenant, keyId: 'key1' }
  return new TokenCharge({ meter, reader, goesOn, keepAlive: () => {}, ...(collectionId && { collectionId }) })
}

describe('the meter of a request', () => {
  it('counts queries for its collection, and against no quota', async () => {
    const tokens = charge({}, true, DOCS)
    tokens.note(MODEL, 10)
    tokens.note(MODEL, 5)
    tokens.note({ ...MODEL, id: 'other' }, 1)
    await time.advance(REPORT_MS)
    expect(object.models).toMatchObject([
      { collectionId: DOCS, model: 'bge-m3', requests: 1, tokens: 15, cost: 177, quotaTokens: 0 },
      { collectionId: DOCS, model: 'other', requests: 1, tokens: 1 },
    ])
  })

  it('leases by the estimate and counts what was read', async () => {
    const tokens = charge(BUDGET, false)
    const tell = await tokens.admit(MODEL, 100)
    tell?.(90)
    tokens.close()
    await time.advance(REPORT_MS)
    expect(object.askedTokens).toMatchObject([{ tokens: 100, spend: 1_180 }])
    expect(object.models).toMatchObject([{ tokens: 90, cost: 1_062, quotaTokens: 90 }])
    expect(object.leases.size).toBe(0)
  })

  it('gives back at its end what was not read, and counts what comes later all the same', async () => {
    const tokens = charge(BUDGET, false)
    const tell = await tokens.admit(MODEL, 100)
    tokens.close()
    await time.advance(REPORT_MS)
    expect([object.leases.size, object.models]).toEqual([0, []])
    tell?.(90)
    await time.advance(REPORT_MS)
    expect(object.models).toMatchObject([{ tokens: 90, quotaTokens: 90 }])
  })

  it('goes on without what the budget lacks only where the tenant chose so, and never beyond the quota', async () => {
    object.budgetSpent = true
    expect(await charge(BUDGET, true).admit(MODEL, 5)).toBeUndefined()
    const codeOf = (tokens: TokenCharge) => tokens.admit(MODEL, 5).catch((error: unknown) => asProblem(error)?.code)
    expect(await codeOf(charge(BUDGET, false))).toBe('budget_exceeded')
    expect(await codeOf(charge({ embeddingTokensPerMonth: 4 }, true))).toBe('monthly_quota_exceeded')
  })
})
