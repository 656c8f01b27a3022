import { describe, expect, it } from 'vitest'
import { PartAlarm } from '../../../src/tenancy/part-alarm.ts'

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
  })
})
