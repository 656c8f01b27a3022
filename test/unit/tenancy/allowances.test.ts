/** The Worker's side of reservations, over a tenant's object that the test plays. */
import { beforeEach, describe, expect, it } from 'vitest'
import type { TenantUid } from '../../../src/core/ids.ts'
import { asProblem, Problem } from '../../../src/core/problem.ts'
import { Allowances, quotaProblem } from '../../../src/tenancy/allowances.ts'
import type { LedgerPort, WriteAllowance } from '../../../src/tenancy/allowances.ts'
import type { ReserveRequest, ReserveResult, ShardRef } from '../../../src/tenancy/ledger.ts'
import type { TenantLimits } from '../../../src/tenancy/tenant-limits.ts'

const UID = 'ten_1' as TenantUid
const SHARD = { collectionId: 'col_1', placementEpoch: 1, shard: 0 } as ShardRef
const TERM_MS = 30_000

let nowMs: number
let asked: ReserveRequest[]
let settled: string[]
let ledger: LedgerPort
let answer: () => ReserveResult

beforeEach(() => {
  nowMs = 1_000_000
  asked = []
  settled = []
  answer = () => ({ status: 'granted', expiresAtMs: nowMs + TERM_MS })
  ledger = {
    reserve: async (request) => {
      asked.push(request)
      return answer()
    },
    settle: async (id) => void settled.push(id),
  }
})

function allowance(limits: TenantLimits = { documents: 10 }): WriteAllowance {
  const made = new Allowances({ of: async () => ledger }, () => nowMs).forWrite({ uid: UID, limits })
  if (made === undefined) throw new Error('the write is limited')
  return made
}

const problemOf = async (work: Promise<unknown>): Promise<Problem | undefined> =>
  work.then(
    () => undefined,
    (error: unknown) => asProblem(error),
  )

describe('the reservation of a write', () => {
  it.each<TenantLimits>([
    { documents: 0 },
    { chunks: 1 },
    { storedBytes: 1 },
    { embeddingTokensPerMonth: 1 },
    { dailyBudget: { usd: 1, whenSpent: 'reject' } },
  ])('is needed under %o', (limits) => {
    expect(allowance(limits)).toBeDefined()
  })

  it.each<TenantLimits>([
    {},
    { searchesPerMonth: 1 },
    { answersPerMonth: 1, rateLimit: { requests: 1, windowSeconds: 60 } },
  ])('is not needed under %o', (limits) => {
    const never = { of: async () => Promise.reject(new Error('nobody asks')) }
    expect(new Allowances(never, () => nowMs).forWrite({ uid: UID, limits })).toBeUndefined()
  })

  it('begins with what is reserved first, and is renewed under the same id', async () => {
    const mine = allowance()
    expect(() => mine.current).toThrow('a write reserves before it commits')
    expect(mine.isShort).toBe(false)
    await mine.reserve({ documents: 2 }, [SHARD])
    expect(mine.current).toEqual({ kind: 'reserved', id: mine.id, expiresAtMs: nowMs + TERM_MS })
    await mine.reserve({}, [])
    expect(asked).toEqual([
      {
        id: mine.id,
        tenantUid: UID,
        amounts: { documents: 2 },
        limits: { documents: 10 },
        shards: [SHARD],
        renews: false,
      },
      { id: mine.id, tenantUid: UID, amounts: {}, limits: { documents: 10 }, shards: [], renews: true },
    ])
  })

  it('is short from ten seconds before its end', async () => {
    const mine = allowance()
    await mine.reserve({ documents: 1 }, [SHARD])
    nowMs += TERM_MS - 10_000
    expect(mine.isShort).toBe(false)
    nowMs += 1
    expect(mine.isShort).toBe(true)
  })

  it('begins anew under another id once everything was lost', async () => {
    const mine = allowance()
    await mine.reserve({ documents: 1 }, [SHARD])
    const lost = mine.id
    answer = () => ({ status: 'gone' })
    expect(await mine.reserve({}, [])).toEqual({ status: 'gone' })
    expect(() => mine.current).toThrow('a write reserves before it commits')
    expect(mine.isShort).toBe(false)
    await mine.settle([])
    expect(settled).toEqual([])
    answer = () => ({ status: 'granted', expiresAtMs: nowMs + TERM_MS })
    await mine.reserve({ documents: 1 }, [SHARD])
    expect(mine.id).not.toBe(lost)
    expect(asked.at(-1)).toMatchObject({ id: mine.id, renews: false })
  })

  it('keeps what it has when more is refused', async () => {
    const mine = allowance()
    await mine.reserve({ documents: 1 }, [SHARD])
    const before = mine.current
    answer = () => ({ status: 'refused', meter: 'documents', limit: 10, used: 10, available: {} })
    expect((await mine.reserve({ documents: 10 }, [SHARD])).status).toBe('refused')
    expect(mine.current).toEqual(before)
  })

  it('is settled once, and not at all where nothing was reserved', async () => {
    const mine = allowance()
    await mine.settle([])
    expect(settled).toEqual([])
    await mine.reserve({ documents: 1 }, [SHARD])
    await mine.settle([{ ...SHARD, position: 1 }])
    expect(settled).toEqual([mine.id])
  })

  it('never fails to settle: the object resolves what it was not told', async () => {
    const mine = allowance()
    await mine.reserve({ documents: 1 }, [SHARD])
    ledger.settle = async () => Promise.reject(new Error('the object is away'))
    await expect(mine.settle([])).resolves.toBeUndefined()
  })

  it('fails with overloaded where the object cannot be asked, and with its own problem where it can', async () => {
    answer = () => {
      throw new Error('the object is away')
    }
    expect(await problemOf(allowance().reserve({}, []))).toMatchObject({ code: 'overloaded', retryAfterSeconds: 1 })
    answer = () => {
      throw new Problem('not_found')
    }
    expect(await problemOf(allowance().reserve({}, []))).toMatchObject({ code: 'not_found' })
  })
})

describe('the problem of a meter', () => {
  it('says what is used up, and for no longer than a day to stay away', () => {
    expect(quotaProblem('documents')).toMatchObject({ code: 'quota_exceeded' })
    expect(quotaProblem('documents').retryAfterSeconds).toBeUndefined()
    expect(quotaProblem('searches', 60)).toMatchObject({ code: 'monthly_quota_exceeded', retryAfterSeconds: 60 })
    expect(quotaProblem('spend', 90_000)).toMatchObject({ code: 'budget_exceeded', retryAfterSeconds: 86_400 })
  })
})
