/** Token buckets against what they promise: over every window of time, burst plus rate, and not one request more. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RateBuckets } from '../../../../src/tenancy/rate-buckets.ts'
import type { RateGrant } from '../../../../src/tenancy/rate-buckets.ts'
import { RecentMap } from '../../../../src/tenancy/rates/recent-map.ts'
import type { RateLimit } from '../../../../src/tenancy/tenant-limits.ts'

const START_MS = 1_800_000_000_000
const TEN_A_SECOND: RateLimit = { requests: 10, windowSeconds: 1, burst: 100 }

const limits: fc.Arbitrary<RateLimit> = fc.record(
  {
    requests: fc.integer({ min: 1, max: 2_000 }),
    windowSeconds: fc.oneof(fc.integer({ min: 1, max: 90 }), fc.constant(86_400)),
    burst: fc.integer({ min: 1, max: 300 }),
  },
  { requiredKeys: ['requests', 'windowSeconds'] },
)

const steps = fc.array(
  fc.record({
    afterMs: fc.oneof(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 0, max: 100_000 })),
    want: fc.integer({ min: 1, max: 60 }),
  }),
  { minLength: 1, maxLength: 80 },
)

interface Granted {
  readonly atMs: number
  readonly tokens: number
}

/** Looks at every window that begins with one grant and ends with another: no other can hold more. */
function mostOver(log: readonly Granted[], { requests, windowSeconds, burst = requests }: RateLimit): number {
  let most = -Infinity
  for (const [first, { atMs: fromMs }] of log.entries()) {
    let sum = 0n
    for (const { atMs, tokens } of log.slice(first)) {
      sum += BigInt(tokens)
      // In whole numbers: tokens times the window's milliseconds.
      const windowMs = BigInt(windowSeconds * 1000)
      const allowed = BigInt(burst) * windowMs + BigInt(atMs - fromMs) * BigInt(requests)
      most = Math.max(most, Number(sum * windowMs - allowed))
    }
  }
  return most
}

describe('a bucket', () => {
  it('never grants more than burst plus rate over any window', () => {
    fc.assert(
      fc.property(limits, steps, (limit, asked) => {
        let nowMs = START_MS
        const buckets = new RateBuckets(() => nowMs)
        const log: Granted[] = []
        for (const { afterMs, want } of asked) {
          nowMs += afterMs
          const [grant] = buckets.take([{ subject: 'tenant', limit, want }])
          log.push({ atMs: nowMs, tokens: grant?.granted ?? Infinity })
        }
        expect(mostOver(log, limit)).toBeLessThanOrEqual(0)
      }),
      { numRuns: 500 },
    )
  })

  it('agrees with a naive bucket of fractions about every grant', () => {
    fc.assert(
      fc.property(limits, steps, (limit, asked) => {
        const { requests, windowSeconds, burst = requests } = limit
        let nowMs = START_MS
        const buckets = new RateBuckets(() => nowMs)
        // In tokens times milliseconds of the window, as whole numbers without bound.
        const windowMs = BigInt(windowSeconds * 1000)
        let level = BigInt(burst) * windowMs
        for (const { afterMs, want } of asked) {
          nowMs += afterMs
          level += BigInt(afterMs * requests)
          if (level > BigInt(burst) * windowMs) level = BigInt(burst) * windowMs
          const whole = Number(level / windowMs)
          const granted = whole === 0 ? 0 : Math.min(want, Math.max(1, Math.floor(whole / 4)))
          level -= BigInt(granted) * windowMs
          const waitMs = granted > 0 ? 0 : Number((windowMs - level + BigInt(requests - 1)) / BigInt(requests))
          const expected: RateGrant = { granted, available: whole - granted, retryAfterMs: waitMs }
          expect(buckets.take([{ subject: 's', limit, want }])).toEqual([expected])
        }
      }),
      { numRuns: 500 },
    )
  })

  it('has a token exactly when it said so, and not a millisecond earlier', () => {
    let nowMs = START_MS
    const buckets = new RateBuckets(() => nowMs)
    const take = (): RateGrant | undefined =>
      buckets.take([{ subject: 's', limit: { requests: 7, windowSeconds: 60, burst: 1 }, want: 9 }])[0]
    expect(take()).toEqual({ granted: 1, available: 0, retryAfterMs: 0 })
    expect(take()).toEqual({ granted: 0, available: 0, retryAfterMs: 8_572 })
    nowMs += 8_571
    expect(take()).toEqual({ granted: 0, available: 0, retryAfterMs: 1 })
    nowMs += 1
    expect(take()?.granted).toBe(1)
  })

  it('grants at most a quarter of what there is, and single tokens to the end', () => {
    const buckets = new RateBuckets(() => START_MS)
    const shares: number[] = []
    for (;;) {
      const [grant] = buckets.take([{ subject: 's', limit: TEN_A_SECOND, want: 1_000 }])
      if (grant === undefined || grant.granted === 0) break
      shares.push(grant.granted)
    }
    expect(shares.slice(0, 4)).toEqual([25, 18, 14, 10])
    expect(shares.at(-1)).toBe(1)
    expect(shares.reduce((sum, share) => sum + share, 0)).toBe(100)
  })

  it('keeps subjects apart and answers in their order', () => {
    const buckets = new RateBuckets(() => START_MS)
    const one: RateLimit = { requests: 1, windowSeconds: 60 }
    expect(buckets.take([{ subject: 'a', limit: one, want: 1 }]).map(({ granted }) => granted)).toEqual([1])
    const asked = ['b', 'a', 'c'].map((subject) => ({ subject, limit: one, want: 1 }))
    expect(buckets.take(asked).map(({ granted }) => granted)).toEqual([1, 0, 1])
  })

  it('gives nothing back to a clock that goes backwards', () => {
    let nowMs = START_MS
    const buckets = new RateBuckets(() => nowMs)
    const ask = [{ subject: 's', limit: { requests: 1, windowSeconds: 1 }, want: 1 }]
    buckets.take(ask)
    nowMs -= 3_600_000
    expect(buckets.take(ask)[0]).toEqual({ granted: 0, available: 0, retryAfterMs: 1_000 })
  })

  it('keeps what was spent when its limit is changed, in tokens', () => {
    const buckets = new RateBuckets(() => START_MS)
    const spend = (limit: RateLimit, times: number): void => {
      for (let i = 0; i < times; i++) buckets.take([{ subject: 's', limit, want: 1 }])
    }
    spend({ requests: 60, windowSeconds: 60 }, 40)
    const [more] = buckets.take([{ subject: 's', limit: { requests: 100, windowSeconds: 3_600 }, want: 1 }])
    expect(more).toEqual({ granted: 1, available: 59, retryAfterMs: 0 })
    const [fewer] = buckets.take([{ subject: 's', limit: { requests: 10, windowSeconds: 10 }, want: 1 }])
    expect(fewer).toEqual({ granted: 0, available: 0, retryAfterMs: 32_000 })
  })

  it('rounds what was spent up when its limit is changed', () => {
    let nowMs = START_MS
    const buckets = new RateBuckets(() => nowMs)
    const take = (windowSeconds: number): RateGrant | undefined =>
      buckets.take([{ subject: 's', limit: { requests: 1, windowSeconds }, want: 1 }])[0]
    expect(take(3)?.granted).toBe(1)
    nowMs += 1
    expect(take(1)).toEqual({ granted: 0, available: 0, retryAfterMs: 1_000 })
  })
})

describe('memory', () => {
  it('is not spent on full buckets', () => {
    let nowMs = START_MS
    const buckets = new RateBuckets(() => nowMs)
    for (let i = 0; i < 1_000; i++) buckets.take([{ subject: `ip/${i}`, limit: TEN_A_SECOND, want: 1 }])
    expect(buckets.size).toBe(1_000)
    nowMs += 100
    for (let i = 0; i < 500; i++) buckets.take([{ subject: 'other', limit: TEN_A_SECOND, want: 1 }])
    expect(buckets.size).toBe(1)
  })

  it('hears of what was spent elsewhere, and goes by whichever knows of more', () => {
    let nowMs = START_MS
    const [here, there] = [new RateBuckets(() => nowMs), new RateBuckets(() => nowMs)]
    const limit: RateLimit = { requests: 10, windowSeconds: 1 }
    const subject = 'key'
    const ask = (missing: number) => here.take([{ subject, limit, want: 1, missing }])[0]
    expect(there.missing({ subject, limit })).toBe(0)
    there.learn({ subject, limit }, 0, nowMs)
    expect(there.missing({ subject, limit })).toBe(10)
    expect(ask(10)).toEqual({ granted: 0, available: 0, retryAfterMs: 100 })
    // It remembers: who asks next without knowing of it is refused, too.
    expect(ask(0)).toEqual({ granted: 0, available: 0, retryAfterMs: 100 })
    nowMs += 200
    expect(there.missing({ subject, limit })).toBe(8)
    expect(ask(0)).toMatchObject({ granted: 1, available: 1 })
    expect(ask(3)).toMatchObject({ granted: 1, available: 0 })
  })

  it('holds so many buckets and no more; the least recently used is full again', () => {
    const buckets = new RateBuckets(() => START_MS, 3)
    const one: RateLimit = { requests: 1, windowSeconds: 60 }
    const granted = (subject: string): number => buckets.take([{ subject, limit: one, want: 1 }])[0]?.granted ?? -1
    expect(['a', 'b', 'c'].map(granted)).toEqual([1, 1, 1])
    // A look at `a` is a use of it, although it was denied.
    expect(granted('a')).toBe(0)
    expect(granted('d')).toBe(1)
    expect(buckets.size).toBe(3)
    expect(['a', 'c', 'd', 'b'].map(granted)).toEqual([0, 0, 0, 1])
  })
})

describe('a map of recent entries', () => {
  it('forgets what it is told to and looks no further than asked', () => {
    const map = new RecentMap<number>(5)
    for (const value of [1, 2, 3, 4]) map.set(String(value), value)
    map.delete('4')
    map.dropOldest(2, (value) => value !== 1)
    expect([map.get('1'), map.get('2'), map.get('3'), map.get('4')]).toEqual([1, undefined, 3, undefined])
    map.dropOldest(9, () => true)
    expect(map.size).toBe(0)
  })
})
