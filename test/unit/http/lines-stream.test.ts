/** A body that is written while it is read. */
import { describe, expect, it } from 'vitest'
import { linesStream } from '../../../src/http/lines-stream.ts'

describe('a stream of lines', () => {
  it('is made only as fast as it is read, and its source ends with the reader', async () => {
    let made = 0
    let isEnded = false
    async function* lines() {
      try {
        for (;;) yield `${++made}\n`
      } finally {
        isEnded = true
      }
    }
    const reader = linesStream(lines(), () => '').getReader()
    await reader.read()
    await reader.read()
    expect(made).toBeLessThanOrEqual(3)
    await reader.cancel()
    expect(isEnded).toBe(true)
  })

  it('says in its last line what went wrong, and ends', async () => {
    const failure = new Error('gone')
    const told: unknown[] = []
    async function* lines() {
      yield 'first\n'
      throw failure
    }
    const stream = linesStream(lines(), (error) => {
      told.push(error)
      return 'not whole'
    })
    expect(await new Response(stream).text()).toBe('first\nnot whole\n')
    expect(told).toEqual([failure])
  })
})
