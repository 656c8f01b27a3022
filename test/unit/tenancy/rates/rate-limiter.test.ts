/** The isolate's side of rates: calls are few, limits hold over several isolates, and an outage does not end the service. */
import { beforeEach, describe, expect, it } from 'vitest'
import type { TenantUid } from '../../../../src/core/ids.ts'
import { RateBuckets } from '../../../../src/tenancy/rate-buckets.ts'
import type { RateGrant, RatePort, RateRequest } from '../../../../src/tenancy/rate-buckets.ts'
import { ALONE_MS, LOST_TAKE_MS, RateLimiter } from '../../../../src/tenancy/rate-limiter.ts'
import type { RateVerdict } from '../../../../src/tenancy/rate-limiter.ts'
import type { RatePolicy } from '../../../../src/tenancy/rate-policies.ts'
import { SHARE_MS } from '../../../../src/tenancy/rates/rate-share.ts'
import type { RateLimit } from '../../../../src/tenancy/tenant-limits.ts'
import { FakeTime, settle } from '../../../support/fake-timer.ts'

const TENANT = 'tnt_a' as TenantUid
const IP: RatePolicy = { name: 'ip', subject: 'ip/k/1', limit: { requests: 10, windowSeconds: 1, burst: 100 } }
const OTHER_IP: RatePolicy = { ...IP, subject: 'ip/k/2' }
const KEY: RatePolicy = { name: 'key', subject: 'key/k', limit: { requests: 1_000, windowSeconds: 60 } }

/** A tenant's object with its calls counted, that can fail and hang. */
class CountedObject implements RatePort {
  readonly buckets: RateBuckets
  readonly calls: (readonly RateRequest[])[] = []
  state: 'up' | 'down' | 'hanging' | 'mute' | 'slow' = 'up'
  readonly #time: FakeTime

  constructor(time: FakeTime) {
    this.#time = time
    this.buckets = new RateBuckets(time.clock)
  }

  async takeRates(requests: readonly RateRequest[]): Promise<RateGrant[]> {
    this.calls.push(requests)
    if (this.state === 'down') throw new Error('unreachable')
    if (this.state === 'slow') await new Promise<void>((resolve) => this.#time.timer(LOST_TAKE_MS + 500, resolve))
    if (this.state === 'hanging') return new Promise(() => {})
    return this.state === 'mute' ? [] : this.buckets.take(requests)
  }
}

let time: FakeTime
let object: CountedObject
let failures: unknown[]

beforeEach(() => {
  time = new FakeTime()
  object = new CountedObject(time)
  failures = []
})

const isolate = (): RateLimiter =>
  new RateLimiter({
    objectOf: async () => object,
    clock: time.clock,
    timer: time.timer,
    report: (error) => failures.push(error),
  })

const isAdmitted = ({ retryAfterMs }: RateVerdict): boolean => retryAfterMs === 0

async function admittedOf(limiter: RateLimiter, times: number, ...policies: RatePolicy[]): Promise<number> {
  const verdicts = await Promise.all(Array.from({ length: times }, () => limiter.charge(TENANT, policies)))
  return verdicts.filter(isAdmitted).length
}

describe('a limiter', () => {
  it('asks nothing where nothing is limited', async () => {
    expect(await isolate().charge(TENANT, [])).toEqual({ retryAfterMs: 0, states: [] })
    expect(object.calls).toEqual([])
  })

  it('admits exactly the burst, and says when to come again', async () => {
    const limiter = isolate()
    expect(await admittedOf(limiter, 100, IP)).toBe(100)
    const denied = await limiter.charge(TENANT, [IP])
    expect(denied).toEqual({
      retryAfterMs: 100,
      states: [{ name: 'ip', quota: 100, windowSeconds: 10, remaining: 0, resetSeconds: 10 }],
    })
    await time.advance(100)
    expect(await admittedOf(limiter, 5, IP)).toBe(1)
  })

  it('says what is left while it admits', async () => {
    const limiter = isolate()
    const { states } = await limiter.charge(TENANT, [IP, KEY])
    expect(states).toEqual([
      { name: 'ip', quota: 100, windowSeconds: 10, remaining: 99, resetSeconds: 1 },
      { name: 'key', quota: 1_000, windowSeconds: 60, remaining: 999, resetSeconds: 1 },
    ])
  })

  it('asks for all policies in one call, and one at a time for each', async () => {
    const limiter = isolate()
    await Promise.all([limiter.charge(TENANT, [IP, KEY]), limiter.charge(TENANT, [IP, KEY])])
    expect(object.calls[0]?.map(({ subject }) => subject)).toEqual([IP.subject, KEY.subject])
    // What waited for the address came along; of the key, which is wider, only as much as before was asked for.
    expect(object.calls[0]?.map(({ want }) => want)).toEqual([2, 1])
    const [, second] = object.calls
    expect(second?.map(({ subject }) => subject)).toEqual([KEY.subject])
  })

  it('asks seldom under steady load, and ever less often', async () => {
    const limiter = isolate()
    let admitted = 0
    for (let second = 0; second < 60; second++) {
      for (let i = 0; i < 16; i++) {
        admitted += await admittedOf(limiter, 1, KEY)
        await time.advance(62)
      }
    }
    expect(admitted).toBe(960)
    expect(object.calls.length).toBeLessThan(120)
  })

  it('turns ten times the load into few calls, and admits what the limit says', async () => {
    const fast: RatePolicy = { ...KEY, limit: { requests: 1_000, windowSeconds: 1 } }
    const limiter = isolate()
    let admitted = await admittedOf(limiter, 2_000, fast)
    expect(admitted).toBe(1_000)
    object.calls.length = 0
    admitted = 0
    for (let tick = 0; tick < 1_000; tick++) {
      await time.advance(10)
      admitted += await admittedOf(limiter, 100, fast)
    }
    // 10 s at 10,000 a second.
    expect(admitted).toBeLessThanOrEqual(10_000)
    expect(admitted).toBeGreaterThan(9_800)
    expect(object.calls.length).toBeLessThan(3_000)
  })

  it('makes no call at all while it remembers a denial', async () => {
    const slow: RatePolicy = { ...KEY, limit: { requests: 2, windowSeconds: 3_600 } }
    const limiter = isolate()
    expect(await admittedOf(limiter, 50, slow)).toBe(2)
    const before = object.calls.length
    for (let minute = 0; minute < 29; minute++) {
      expect(await admittedOf(limiter, 50, slow)).toBe(0)
      await time.advance(60_000)
    }
    expect(object.calls.length).toBe(before)
    await time.advance(60_000)
    expect(await admittedOf(limiter, 50, slow)).toBe(1)
  })

  it('takes no more of a slow rate than is spent', async () => {
    const slow: RatePolicy = { ...KEY, limit: { requests: 100, windowSeconds: 3_600 } }
    const limiter = isolate()
    for (let i = 0; i < 100; i++) {
      expect(await admittedOf(limiter, 1, slow)).toBe(1)
      await time.advance(10_000)
    }
  })

  it('charges all policies or none: who is denied by one does not use up another', async () => {
    const limiter = isolate()
    for (let i = 0; i < 40; i++) {
      await admittedOf(limiter, 100, IP, KEY)
      await time.advance(10)
    }
    // At most twice of what the address was admitted: 100 at once and 10 a second.
    expect(object.buckets.take([{ ...KEY, want: 1 }])[0]?.available).toBeGreaterThan(750)
    expect(await admittedOf(limiter, 50, OTHER_IP, KEY)).toBe(50)
  })

  it('lets a share expire that was not spent, and asks for less next time', async () => {
    const limiter = isolate()
    await admittedOf(limiter, 3, IP)
    for (let i = 0; i < 12; i++) await limiter.charge(TENANT, [IP])
    const most = Math.max(...object.calls.flat().map(({ want }) => want))
    expect(most).toBe(8)
    for (let i = 0; i < 4; i++) {
      await time.advance(SHARE_MS)
      await limiter.charge(TENANT, [IP])
    }
    expect(object.calls.slice(-4).map(([request]) => request?.want)).toEqual([4, 2, 1, 1])
  })

  it('forgets a denial when the limit is changed', async () => {
    const limiter = isolate()
    const slow: RatePolicy = { ...KEY, limit: { requests: 1, windowSeconds: 86_400 } }
    expect(await admittedOf(limiter, 2, slow)).toBe(1)
    const changes: RateLimit[] = [
      { requests: 3, windowSeconds: 86_400 },
      { requests: 3, windowSeconds: 86_400, burst: 4 },
      { requests: 3, windowSeconds: 1, burst: 4 },
    ]
    for (const limit of changes) expect(await admittedOf(limiter, 1, { ...slow, limit })).toBe(1)
  })

  it('holds the limit over several isolates, and gives each its part', async () => {
    const isolates = [isolate(), isolate(), isolate()]
    const perIsolate = await Promise.all(isolates.map((limiter) => admittedOf(limiter, 334, KEY)))
    expect(perIsolate.reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(1_000)
    const [first] = isolates
    const rest = first === undefined ? 0 : await admittedOf(first, 500, KEY)
    expect(perIsolate.reduce((sum, count) => sum + count, rest)).toBe(1_000)
    expect(Math.min(...perIsolate)).toBeGreaterThan(150)
  })

  it('admits no more over any stretch of time than burst, rate and what shares hold ahead', async () => {
    const isolates = [isolate(), isolate()]
    const admittedAtMs: number[] = []
    // Uneven load: bursts, pauses, one isolate alone.
    for (let tick = 0; tick < 400; tick++) {
      await time.advance((tick * 7_919) % 211)
      const [limiter = isolate()] = tick % 3 === 0 ? isolates.slice(1) : isolates
      const admitted = await admittedOf(limiter, (tick * 31) % 23, IP)
      for (let i = 0; i < admitted; i++) admittedAtMs.push(time.clock())
    }
    for (const [from, startMs] of admittedAtMs.entries()) {
      for (const [count, endMs] of admittedAtMs.slice(from).entries()) {
        expect(count + 1).toBeLessThanOrEqual(100 + ((endMs - startMs + SHARE_MS) / 1000) * 10)
      }
    }
  })
})

describe('without the object', () => {
  it('each isolate keeps the rates by itself, reports, and asks again after a second', async () => {
    const limiter = isolate()
    object.state = 'down'
    expect(await admittedOf(limiter, 150, IP)).toBe(100)
    expect(object.calls).toHaveLength(1)
    expect(failures).toHaveLength(1)
    object.state = 'up'
    await time.advance(ALONE_MS)
    // The object hears what is missing, so that going alone brings no second burst.
    expect(await admittedOf(limiter, 150, IP)).toBe(10)
    expect(await admittedOf(isolate(), 150, IP)).toBe(0)
  })

  it('it goes on from what the object said last, so that nobody gains by its silence', async () => {
    const limiter = isolate()
    expect(await admittedOf(limiter, 150, IP)).toBe(100)
    object.state = 'down'
    await time.advance(1_000)
    expect(await admittedOf(limiter, 150, IP)).toBe(10)
  })

  it('an object that often answers too late holds the rate all the same', async () => {
    const limiter = isolate()
    let admitted = 0
    const endMs = time.clock() + 20_000
    const callers = Array.from({ length: 64 }, async () => {
      while (time.clock() < endMs) {
        if (isAdmitted(await limiter.charge(TENANT, [IP]))) admitted++
        await new Promise<void>((resolve) => time.timer(640, resolve))
      }
    })
    for (let turn = 0; turn < 12; turn++) {
      object.state = turn % 2 === 0 ? 'up' : 'slow'
      await time.advance(2_000)
    }
    await Promise.all(callers)
    // 100 at once and 10 a second; some 2,000 were asked for.
    expect(admitted).toBeLessThanOrEqual(300)
    expect(admitted).toBeGreaterThan(250)
  })

  it('a call that hangs is waited for once, a second at most', async () => {
    const limiter = isolate()
    object.state = 'hanging'
    const waiting = admittedOf(limiter, 5, IP)
    await time.advance(LOST_TAKE_MS - 1)
    expect(await Promise.race([waiting, settle().then(() => 'still waiting')])).toBe('still waiting')
    await time.advance(1)
    expect(await waiting).toBe(5)
    expect(await admittedOf(limiter, 150, IP)).toBe(95)
    expect(object.calls).toHaveLength(1)
    expect(time.armed).toBe(0)
  })

  it('another tenant is not affected', async () => {
    const limiter = new RateLimiter({
      objectOf: async (uid) => {
        if (uid === TENANT) throw new Error('unreachable')
        return object
      },
      clock: time.clock,
    })
    expect(await admittedOf(limiter, 1, IP)).toBe(1)
    const verdict = await limiter.charge('tnt_b' as TenantUid, [KEY])
    expect([verdict.retryAfterMs, object.calls.length]).toEqual([0, 1])
  })

  it('an answer that comes after it was given up changes nothing', async () => {
    const answers: ((grants: RateGrant[]) => void)[] = []
    const limiter = new RateLimiter({
      objectOf: async () => ({ takeRates: () => new Promise((resolve) => answers.push(resolve)) }),
      clock: time.clock,
      timer: time.timer,
    })
    const first = limiter.charge(TENANT, [IP])
    await time.advance(LOST_TAKE_MS)
    expect(isAdmitted(await first)).toBe(true)
    answers[0]?.([{ granted: 0, available: 0, retryAfterMs: 60_000 }])
    await settle()
    expect(isAdmitted(await limiter.charge(TENANT, [IP]))).toBe(true)
  })

  it('an answer without grants is a denial, not a loop', async () => {
    object.state = 'mute'
    expect(isAdmitted(await isolate().charge(TENANT, [IP]))).toBe(false)
  })
})
