import { describe, expect, it } from 'vitest'
import { PartAlarm } from '../../../src/tenancy/part-alarm.ts'
import type { TenantPart } from '../../../src/tenancy/tenant-part.ts'
import { FakeTime } from '../../support/fake-timer.ts'

/** An alarm as the platform keeps it: refuses a time that is none. */
function storage() {
  const state: { at: number | null } = { at: null }
  return {
    state,
    getAlarm: async () => state.at,
    async setAlarm(at: number | Date) {
      if (!(Number(at) > 0)) throw new TypeError('setAlarm() cannot be called with an alarm time <= 0')
      state.at = Number(at)
    },
  }
}

describe('the alarm of an object of parts', () => {
  it('comes for the earliest part, at once where one says 0, and not at all where none is due', async () => {
    const dues: (number | undefined)[] = [undefined]
    const store = storage()
    const parts = dues.map((_, index) => ({ nextDueMs: () => dues[index], run: async () => {} }))
    const alarm = new PartAlarm({ storage: store, clock: () => 1_000, parts: () => parts, report: () => {} })
    await alarm.arm()
    expect(store.state.at).toBeNull()
    dues[0] = 5_000
    await alarm.arm()
    expect(store.state.at).toBe(5_000)
    dues[0] = 0
    await alarm.arm()
    expect(store.state.at).toBe(1)
    // One that comes sooner stays.
    dues[0] = 5_000
    await alarm.arm()
    expect(store.state.at).toBe(1)
  })
})

/** Parts on a clock of the test's own, each of which takes as long as it is told; what they do is noted as `name@second`. */
function played({ isSideBySide }: { readonly isSideBySide: boolean }) {
  const time = new FakeTime()
  const startMs = time.clock()
  const store = storage()
  const log: string[] = []
  const reports: unknown[] = []
  const parts: TenantPart[] = []
  const note = (name: string): number => log.push(`${name}@${(time.clock() - startMs) / 1_000}`)
  const options = { storage: store, clock: time.clock, timer: time.timer, parts: () => [...parts], isSideBySide }
  const alarm = new PartAlarm({ ...options, report: (error) => reports.push(error) })
  const add = (
    name: string,
    {
      tookMs = 0,
      dues,
      isLong,
      fails,
    }: { tookMs?: number; dues: (number | undefined)[]; isLong?: true; fails?: number },
  ): void => {
    let left = fails ?? 0
    parts.push({
      ...(isLong && { isLong }),
      nextDueMs: () => (dues[0] === undefined ? undefined : startMs + dues[0]),
      async run() {
        note(name)
        if (left-- > 0) throw new Error(name)
        if (tookMs > 0) await new Promise<void>((resolve) => time.timer(tookMs, resolve))
        if (dues.length > 1) dues.shift()
      },
    })
  }
  return { time, startMs, store, log, reports, parts, alarm, add }
}

describe('parts one after another', () => {
  it('wait for each other; the next alarm comes for what is due by then', async () => {
    const { alarm, add, time, log, store } = played({ isSideBySide: false })
    add('slow', { tookMs: 20_000, dues: [0, undefined] })
    add('quick', { dues: [0, 5_000] })
    add('idle', { dues: [undefined] })
    add('later', { dues: [60_000] })
    const run = alarm.run()
    await time.advance(30_000)
    await run
    expect(log).toEqual(['slow@0', 'quick@20'])
    expect(store.state.at).toBe(time.clock() - 25_000)
  })

  it('end where one of them erases the object', async () => {
    const { alarm, add, log, parts, store } = played({ isSideBySide: false })
    parts.push({ nextDueMs: () => 0, run: async () => void parts.splice(0) })
    add('other', { dues: [0] })
    await alarm.run()
    expect([log, store.state.at]).toEqual([[], null])
  })
})

describe('parts side by side', () => {
  it('do not wait for one that takes minutes: each runs when it is due, also what becomes due meanwhile', async () => {
    const { alarm, add, time, log, parts } = played({ isSideBySide: true })
    add('parse', { tookMs: 120_000, dues: [0, undefined], isLong: true })
    add('sweep', { tookMs: 500, dues: [0, 30_000, 95_000, undefined] })
    const run = alarm.run()
    await time.advance(40_000)
    // A request that gives a part something to do.
    add('report', { dues: [0, undefined] })
    await alarm.arm()
    await time.advance(200_000)
    await run
    expect(log).toEqual(['parse@0', 'sweep@0', 'sweep@30', 'report@40', 'sweep@95'])
    expect(parts).toHaveLength(3)
    expect(time.armed).toBe(0)
  })

  it('leave what becomes due as the last one ends to the next alarm', async () => {
    const { alarm, add, time, startMs, log, store } = played({ isSideBySide: true })
    add('slow', { tookMs: 10_000, dues: [0, undefined] })
    add('quick', { dues: [0, 10_000, undefined] })
    const run = alarm.run()
    // The quick one has ended, and rested.
    await time.advance(1_000)
    await time.advance(19_000)
    await run
    expect([log, store.state.at]).toEqual([['slow@0', 'quick@0'], startMs + 10_000])
  })

  it('try one that fails again later, while the others go on', async () => {
    const { alarm, add, time, log, reports } = played({ isSideBySide: true })
    add('parse', { tookMs: 100_000, dues: [0, undefined], isLong: true })
    add('sweep', { dues: [0, undefined], fails: 2 })
    const run = alarm.run()
    await time.advance(0)
    await time.advance(200_000)
    await run
    expect(log).toEqual(['parse@0', 'sweep@0', 'sweep@30', 'sweep@60'])
    expect(reports).toHaveLength(2)
  })

  it('give an alarm up for the next one when nothing else runs', async () => {
    const { alarm, add, time, log, store } = played({ isSideBySide: true })
    add('parse', { tookMs: 5_000, dues: [0], isLong: true })
    const run = alarm.run()
    await time.advance(30_000)
    await run
    expect(log).toEqual(['parse@0'])
    expect(store.state.at).toBeLessThan(time.clock())
  })

  it('end well before the platform ends them, though two that take long are always due', async () => {
    const { alarm, add, time, log, startMs } = played({ isSideBySide: true })
    let endedMs = 0
    add('parse', { tookMs: 50_000, dues: [0], isLong: true })
    add('fetch', { tookMs: 20_000, dues: [0], isLong: true })
    const run = alarm.run().then(() => (endedMs = time.clock()))
    await time.advance(15 * 60_000)
    await run
    expect(log.filter((line) => line.startsWith('parse'))).toHaveLength(2)
    expect(log.filter((line) => line.startsWith('fetch'))).toHaveLength(3)
    expect(endedMs - startMs).toBeLessThan(200_000)
  })

  it('begin so often only in one alarm', async () => {
    const { alarm, add, time, log } = played({ isSideBySide: true })
    add('crawl', { tookMs: 55_000, dues: [0], isLong: true })
    add('parse', { tookMs: 100, dues: [0], isLong: true })
    const run = alarm.run()
    await time.advance(120_000)
    await run
    expect(log.filter((line) => line.startsWith('parse'))).toHaveLength(8)
  })

  it('leave an erased object alone', async () => {
    const { alarm, add, time, log, parts, store } = played({ isSideBySide: true })
    add('parse', { tookMs: 10_000, dues: [0], isLong: true })
    add('sweep', { dues: [5_000] })
    const run = alarm.run()
    parts.splice(0)
    await time.advance(60_000)
    await run
    expect([log, store.state.at]).toEqual([['parse@0'], null])
  })
})
