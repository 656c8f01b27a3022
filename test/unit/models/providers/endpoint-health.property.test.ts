/** What an isolate remembers of an endpoint: examples, and a naive twin over generated histories. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  EndpointHealth,
  EndpointsHealth,
  FAULTS_TO_OPEN,
  FIRST_OPEN_MS,
  FULL_RETRY_BUDGET,
  LONGEST_HOLD_MS,
  LONGEST_OPEN_MS,
  MAX_CALLS_UNDER_WAY,
} from '../../../../src/models/providers/endpoint-health.ts'
import { ProviderFault } from '../../../../src/models/providers/provider-fault.ts'

const LEASE_MS = 5_000

class World {
  nowMs = 1_000
  readonly health = new EndpointHealth(() => this.nowMs)

  /** The lease, or the kind and patience of the refusal. */
  enter(leaseMs = LEASE_MS) {
    try {
      return { lease: this.health.enter(leaseMs) }
    } catch (error) {
      if (!(error instanceof ProviderFault)) throw error
      return { refused: error.kind, retryAfterMs: error.retryAfterMs }
    }
  }

  fail(times: number, retryAfterMs?: number): void {
    for (let i = 0; i < times; i++) this.health.failed(this.health.enter(LEASE_MS), retryAfterMs)
  }
}

describe('an endpoint', () => {
  it('that failed so often in a row is given a rest, and then one trial', () => {
    const world = new World()
    world.fail(FAULTS_TO_OPEN)
    expect(world.enter()).toEqual({ refused: 'open', retryAfterMs: FIRST_OPEN_MS })
    world.nowMs += FIRST_OPEN_MS - 1
    expect(world.enter()).toEqual({ refused: 'open', retryAfterMs: 1 })
    world.nowMs++
    const { lease } = world.enter()
    expect(world.enter()).toEqual({ refused: 'open', retryAfterMs: 1_000 })
    world.health.answered(lease!)
    expect(world.enter()).toHaveProperty('lease')
    expect(world.enter()).toHaveProperty('lease')
  })

  it('that answers in between is given none', () => {
    const world = new World()
    world.fail(FAULTS_TO_OPEN - 1)
    world.health.answered(world.health.enter(LEASE_MS))
    world.fail(FAULTS_TO_OPEN - 1)
    expect(world.enter()).toHaveProperty('lease')
  })

  it('rests twice as long after each trial that fails, up to a minute', () => {
    const world = new World()
    world.fail(FAULTS_TO_OPEN)
    for (const restMs of [5_000, 10_000, 20_000, 40_000, LONGEST_OPEN_MS, LONGEST_OPEN_MS]) {
      expect(world.enter()).toEqual({ refused: 'open', retryAfterMs: restMs })
      world.nowMs += restMs
      world.fail(1)
    }
  })

  it('is tried again when a trial was dropped without a word', () => {
    const world = new World()
    world.fail(FAULTS_TO_OPEN)
    world.nowMs += FIRST_OPEN_MS
    expect(world.enter()).toHaveProperty('lease')
    world.nowMs += LEASE_MS - 1
    expect(world.enter()).toMatchObject({ refused: 'open' })
    world.nowMs++
    expect(world.enter()).toHaveProperty('lease')
  })

  it('that asks for patience is left alone by all, for a minute at most', () => {
    const world = new World()
    world.fail(1, 3_000)
    expect(world.enter()).toEqual({ refused: 'busy', retryAfterMs: 3_000 })
    world.nowMs += 3_000
    world.fail(1, 10 * LONGEST_HOLD_MS)
    expect(world.enter()).toEqual({ refused: 'busy', retryAfterMs: LONGEST_HOLD_MS })
  })

  it('has so many calls under way, of which the dropped ones end by themselves', () => {
    const world = new World()
    const leases = Array.from({ length: MAX_CALLS_UNDER_WAY }, () => world.health.enter(LEASE_MS))
    expect(world.enter()).toMatchObject({ refused: 'busy' })
    world.health.left(leases[0]!)
    expect(world.enter()).toHaveProperty('lease')
    expect(world.enter()).toMatchObject({ refused: 'busy' })
    world.nowMs += LEASE_MS
    expect(world.enter()).toHaveProperty('lease')
  })

  it('has a budget of retries that calls earn', () => {
    const { health } = new World()
    for (let i = 0; i < FULL_RETRY_BUDGET; i++) expect(health.spendRetry()).toBe(true)
    expect(health.spendRetry()).toBe(false)
    for (let i = 0; i < 5; i++) health.earnRetry()
    expect(health.spendRetry()).toBe(true)
    expect(health.spendRetry()).toBe(false)
    for (let i = 0; i < 1_000; i++) health.earnRetry()
    for (let i = 0; i < FULL_RETRY_BUDGET; i++) expect(health.spendRetry()).toBe(true)
    expect(health.spendRetry()).toBe(false)
  })

  it('behaves as its history says, whatever the history', () => {
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.record({ do: fc.constant('enter' as const) }) },
      fc.record({ do: fc.constantFrom('answered' as const, 'left' as const, 'left' as const), which: fc.nat(9) }),
      {
        weight: 4,
        arbitrary: fc.record({
          do: fc.constant('failed' as const),
          which: fc.nat(9),
          afterMs: fc.constantFrom(0, 0, 0, 700, 90_000),
        }),
      },
      fc.record({ do: fc.constant('pass' as const), ms: fc.constantFrom(1, 999, 4_000, 5_000, 60_000) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120, size: 'max' }), (steps) => {
        const world = new World()
        const twin = new Twin()
        const open: { lease: ReturnType<EndpointHealth['enter']>; call: Call }[] = []
        for (const one of steps) {
          if (one.do === 'pass') world.nowMs += one.ms
          else if (one.do === 'enter') {
            const entered = world.enter()
            const call = twin.enter(world.nowMs)
            expect('lease' in entered).toBe(call !== undefined)
            if (entered.lease !== undefined && call !== undefined) open.push({ lease: entered.lease, call })
          } else {
            const [entry] = open.splice(one.which % Math.max(open.length, 1), 1)
            if (entry === undefined) continue
            if (one.do === 'failed') world.health.failed(entry.lease, one.afterMs)
            else world.health[one.do](entry.lease)
            twin.end(entry.call, one.do, world.nowMs, one.do === 'failed' ? one.afterMs : 0)
          }
        }
      }),
      { numRuns: 2_000 },
    )
  })

  it('is another one for each key, and forgotten when it was not asked for long', () => {
    const world = new World()
    const endpoints = new EndpointsHealth(() => world.nowMs)
    const spoil = (key: string): void => {
      for (let i = 0; i < FAULTS_TO_OPEN; i++) endpoints.of(key).failed(endpoints.of(key).enter(LEASE_MS))
    }
    spoil('a')
    expect(() => endpoints.of('a').enter(LEASE_MS)).toThrow(ProviderFault)
    expect(endpoints.of('b').enter(LEASE_MS)).toBeDefined()
    for (let i = 0; i < 998; i++) endpoints.of(`other ${i}`)
    expect(() => endpoints.of('a').enter(LEASE_MS)).toThrow(ProviderFault)
    endpoints.of('one more')
    expect(() => endpoints.of('a').enter(LEASE_MS)).toThrow(ProviderFault)
    for (let i = 0; i < 1_000; i++) endpoints.of(`another ${i}`)
    expect(endpoints.of('a').enter(LEASE_MS)).toBeDefined()
  })
})

interface Call {
  readonly atMs: number
  readonly isTrial: boolean
}

type Event = {
  readonly kind: 'answered' | 'failed' | 'left'
  readonly call: Call
  readonly atMs: number
  afterMs: number
}

/** Keeps the whole history and reads it anew at each question. */
class Twin {
  readonly #calls: Call[] = []
  readonly #events: Event[] = []

  enter(nowMs: number): Call | undefined {
    const { openUntilMs, openings } = this.#state()
    const held = this.#events.some(({ kind, atMs, afterMs }) => {
      return kind === 'failed' && nowMs < atMs + Math.min(afterMs, LONGEST_HOLD_MS)
    })
    if (nowMs < openUntilMs || held) return undefined
    const ended = new Set(this.#events.map(({ call }) => call))
    const underWay = this.#calls.filter((call) => !ended.has(call) && nowMs < call.atMs + LEASE_MS)
    if (underWay.length >= MAX_CALLS_UNDER_WAY) return undefined
    const [trial] = this.#calls.filter(({ isTrial }) => isTrial).slice(-1)
    if (openings > 0 && trial !== undefined && underWay.includes(trial)) return undefined
    const call = { atMs: nowMs, isTrial: openings > 0 }
    this.#calls.push(call)
    return call
  }

  end(call: Call, kind: Event['kind'], atMs: number, afterMs: number): void {
    this.#events.push({ kind, call, atMs, afterMs })
  }

  #state(): { openUntilMs: number; openings: number } {
    let [row, openings, openUntilMs] = [0, 0, 0]
    for (const { kind, call, atMs } of this.#events) {
      if (kind === 'answered') [row, openings, openUntilMs] = [0, 0, 0]
      if (kind !== 'failed') continue
      row++
      const isCurrentTrial = call.isTrial && openings > 0 && this.#isLatestTrial(call, atMs)
      if (!isCurrentTrial && (openings > 0 || row < FAULTS_TO_OPEN)) continue
      openUntilMs = atMs + Math.min(FIRST_OPEN_MS * 2 ** openings, LONGEST_OPEN_MS)
      openings++
    }
    return { openUntilMs, openings }
  }

  /** A trial that a later one followed says nothing about the endpoint any more. */
  #isLatestTrial(call: Call, atMs: number): boolean {
    const trials = this.#calls.filter((other) => other.isTrial && other.atMs <= atMs)
    return trials.at(-1) === call
  }
}
