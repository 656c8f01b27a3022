import { describe, expect, it } from 'vitest'
import { asProblem } from '../../../src/core/problem.ts'
import { Turns } from '../../../src/http/turns.ts'

const soon = (work: Promise<unknown>): Promise<unknown> =>
  Promise.race([work.then(() => 'in'), new Promise((resolve) => setTimeout(resolve, 60, 'waiting'))])

describe('Turns', () => {
  it('let the next one in when the time of the one before is up', async () => {
    let nowMs = 0
    const turns = new Turns(() => nowMs, 1)
    const lost = await turns.take('a', 15_000)
    const next = turns.take('b', 15_000)
    nowMs = 15_000
    const turn = await next
    // The lost one comes back to life; it must not open the door behind the other's back, nor take its place again.
    lost.holdUntil(1_000_000)
    lost.release()
    const third = turns.take('c', 15_000)
    expect(await soon(third)).toBe('waiting')
    turn.release()
    await third
  })

  it('last as long as they are held', async () => {
    let nowMs = 0
    const turns = new Turns(() => nowMs, 1)
    const turn = await turns.take('a', 15_000)
    turn.holdUntil(40_000)
    const next = turns.take('b', 15_000)
    nowMs = 39_999
    expect(await soon(next)).toBe('waiting')
    nowMs = 40_000
    await next
  })

  it('are one of each owner', async () => {
    const turns = new Turns(() => 0, 2)
    const mine = await turns.take('a', 15_000)
    const again = turns.take('a', 15_000)
    expect(await soon(again)).toBe('waiting')
    ;(await turns.take('b', 15_000)).release()
    mine.release()
    await again
  })

  it('may be several of each owner, and still leave room for others', async () => {
    const turns = new Turns(() => 0, 3, 2)
    const mine = await turns.take('a', 15_000)
    await turns.take('a', 15_000)
    const again = turns.take('a', 15_000)
    expect(await soon(again)).toBe('waiting')
    await turns.take('b', 15_000)
    mine.release()
    await again
  })

  it('are refused as overloaded to who waited too long', async () => {
    let nowMs = 0
    const turns = new Turns(() => nowMs, 1)
    await turns.take('a', 1_000_000)
    const waiting = turns.take('b', 1_000)
    nowMs = 61_000
    expect(await waiting.catch((error: unknown) => asProblem(error)?.code)).toBe('overloaded')
  })
})
