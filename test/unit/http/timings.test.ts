import { describe, expect, it } from 'vitest'
import { Timings } from '../../../src/http/timings.ts'

describe('Timings', () => {
  it('writes the stages in their order and the total last', async () => {
    let nowMs = 100
    const timings = new Timings(() => nowMs)
    timings.record('keyword', 0.5)
    await timings.measure('auth', async () => {
      nowMs += 3
    })
    nowMs += 4
    expect(timings.header(false)).toBe('auth;dur=3, keyword;dur=0.5, total;dur=7')
  })

  it('leaves out stages that read 0 where the clock stands still during computing', () => {
    const timings = new Timings(() => 0)
    timings.record('embed', 0)
    expect(timings.header(false)).toBe('total;dur=0')
    expect(timings.header(true)).toBe('embed;dur=0, total;dur=0')
  })
})
