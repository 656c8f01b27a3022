import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ChatEvent } from '../../../../src/models/chat-model.ts'
import { chatAnswerOf, chatEventsOf } from '../../../../src/models/providers/chat-shapes.ts'
import { faultOfStatus, readJson, retryAfterMs } from '../../../../src/models/providers/provider-answer.ts'
import { readEvents } from '../../../../src/models/providers/provider-events.ts'
import { ProviderFault } from '../../../../src/models/providers/provider-fault.ts'
import { scoresOf } from '../../../../src/models/providers/provider-shapes.ts'

const signal = new AbortController().signal
const messages = [{ role: 'user', content: 'hello there' }] as const

function streamOf(bytes: Uint8Array, cuts: readonly number[]): ReadableStream<Uint8Array> {
  const ends = [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b)
  let start = 0
  return new ReadableStream({
    pull(controller) {
      const end = ends.shift()
      if (end === undefined) return controller.close()
      controller.enqueue(bytes.slice(start, end))
      start = end
    },
  })
}

async function eventsOf(body: ReadableStream<Uint8Array>): Promise<{ events: unknown[]; ended: boolean }> {
  const reading = readEvents(body, signal)
  const events: unknown[] = []
  for (;;) {
    const next = await reading.next()
    if (next.done === true) return { events, ended: next.value }
    events.push(next.value)
  }
}

describe('Retry-After', () => {
  const at = (value: string, date?: string): number | undefined =>
    retryAfterMs(new Headers({ 'retry-after': value, ...(date === undefined ? {} : { date }) }))

  test('is read in seconds, and as a date by the provider’s own clock', () => {
    expect([at('7'), at('0'), at('1.5'), at(' 2 ')]).toStrictEqual([7_000, 0, 1_500, 2_000])
    expect(at('Wed, 21 Oct 2026 07:28:30 GMT', 'Wed, 21 Oct 2026 07:28:00 GMT')).toBe(30_000)
    expect(at('Wed, 21 Oct 2026 07:28:00 GMT', 'Wed, 21 Oct 2026 07:28:30 GMT')).toBe(0)
  })

  test('says nothing where it is nonsense, and never more than a day', () => {
    expect([at('soon'), at(''), at('-3'), at('Wed, 21 Oct 2026 07:28:30 GMT')]).toStrictEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ])
    expect(at('9999999')).toBe(86_400_000)
  })
})

test('every status that is no success is a fault that tells apart who may try again', () => {
  fc.assert(
    fc.property(fc.constantFrom(...Array.from({ length: 300 }, (_, i) => 300 + i)), (status) => {
      const fault = faultOfStatus(status, new Headers())
      expect(fault.mayRetry).toBe(status >= 500 || [408, 424, 429].includes(status))
      expect(fault.isOutage).toBe(fault.mayRetry)
      expect(fault.message).toBe(fault.message.toLowerCase())
    }),
  )
})

test('an answer in UTF-8 is read whole, wherever it is cut', async () => {
  await fc.assert(
    fc.asyncProperty(fc.jsonValue(), fc.array(fc.nat()), async (value, cuts) => {
      const bytes = new TextEncoder().encode(JSON.stringify(value))
      expect(await readJson(new Response(streamOf(bytes, cuts)), signal)).toStrictEqual(
        JSON.parse(JSON.stringify(value)),
      )
    }),
  )
})

describe('server-sent events', () => {
  test('are the same wherever the stream is cut, with either kind of line end', async () => {
    const event = fc.record({ content: fc.string({ unit: 'grapheme' }) })
    const end = fc.constantFrom('\n', '\r\n')
    await fc.assert(
      fc.asyncProperty(fc.array(event), end, fc.boolean(), fc.array(fc.nat()), async (sent, line, ended, cuts) => {
        const lines = sent.flatMap((data) => [': keep-alive', 'event: message', `data: ${JSON.stringify(data)}`, ''])
        const text = [...lines, ...(ended ? ['data: [DONE]', '', 'data: {"after":"the end"}', ''] : []), ''].join(line)
        const { events, ended: found } = await eventsOf(streamOf(new TextEncoder().encode(text), cuts))
        expect({ events, found }).toEqual({ events: sent, found: ended })
      }),
    )
  })

  test('are read to the last one, also without an empty line after it', async () => {
    const read = (text: string) => eventsOf(streamOf(new TextEncoder().encode(text), []))
    expect(await read('data: {"a":\ndata: 1}')).toStrictEqual({ events: [{ a: 1 }], ended: false })
    expect(await read('data: 1\n\ndata: [DONE]')).toStrictEqual({ events: [1], ended: true })
    expect(await read('')).toStrictEqual({ events: [], ended: false })
  })

  test('that never end are given up', async () => {
    const part = new TextEncoder().encode(`data: ${'x'.repeat(300_000)}`)
    let pulled = 0
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        pulled++
        controller.enqueue(part)
      },
    })
    await expect(eventsOf(endless)).rejects.toMatchObject({ kind: 'wrong' })
    expect(pulled).toBeLessThan(10)
  })

  test('that are no JSON are broken', async () => {
    const read = eventsOf(streamOf(new TextEncoder().encode('data: {"a"\n\n'), []))
    await expect(read).rejects.toMatchObject({ kind: 'broken' })
  })
})

test('every document has one score, wherever it stands', () => {
  const of = (entries: unknown): number[] => scoresOf(entries, { index: 'i', score: 's' }, 2)
  expect(
    of([
      { i: 1, s: -3 },
      { i: 0, s: 4 },
    ]),
  ).toStrictEqual([4, -3])
  const zero = { i: 0, s: 0 }
  const one = { i: 1, s: 1 }
  for (const wrong of [
    [zero],
    [zero, one, one],
    [zero, { i: 2, s: 1 }],
    [zero, { i: -1, s: 1 }],
    [zero, { i: 0.5, s: 1 }],
    [zero, { i: '1', s: 1 }],
    [zero, { i: 1, s: NaN }],
    [zero, null],
    'none',
    undefined,
  ]) {
    expect(() => of(wrong), JSON.stringify(wrong)).toThrow(ProviderFault)
  }
})

describe('what a language model answers', () => {
  const answer = (choice: object): unknown => ({ choices: [choice] })

  test('may be empty, if it says why it stopped', () => {
    const empty = (reason: string) =>
      chatAnswerOf(answer({ message: { content: null }, finish_reason: reason }), messages, {})
    expect(empty('content_filter')).toMatchObject({ text: '', finish: 'filtered' })
    expect(empty('length')).toMatchObject({ text: '', finish: 'length' })
  })

  test('is wrong without a text', () => {
    for (const wrong of [null, [], {}, answer({}), { choices: 'none' }, { response: null }, answer({ message: {} })]) {
      expect(() => chatAnswerOf(wrong, messages, {})).toThrow(ProviderFault)
    }
  })

  test('has its tokens estimated where they are not counted, and is cut off where it is as long as it may be', () => {
    const estimated = chatAnswerOf({ response: 'one two three' }, messages, { maxTokens: 3 })
    expect(estimated).toStrictEqual({
      text: 'one two three',
      finish: 'length',
      usage: { inputTokens: 2, outputTokens: 3 },
    })
    const counted = { response: 'one', usage: { prompt_tokens: 9, completion_tokens: 'many' } }
    expect(chatAnswerOf(counted, messages, { maxTokens: 3 })).toMatchObject({
      finish: 'stop',
      usage: { inputTokens: 9, outputTokens: 1 },
    })
  })

  test('keeps the tokens that a stream counted before its last piece', async () => {
    async function* pieces(): AsyncGenerator<unknown, boolean, undefined> {
      yield { choices: [{ delta: { content: 'so far' } }], usage: { prompt_tokens: 40, completion_tokens: 41 } }
      yield answer({ delta: {}, finish_reason: 'stop' })
      return false
    }
    const events: ChatEvent[] = []
    for await (const event of chatEventsOf(pieces(), messages, {})) events.push(event)
    expect(events.at(-1)).toMatchObject({ finish: 'stop', usage: { inputTokens: 40, outputTokens: 41 } })
  })

  test('breaks off with an error in the stream', async () => {
    async function* pieces(): AsyncGenerator<unknown, boolean, undefined> {
      yield answer({ delta: { content: 'so far' } })
      yield { error: { message: 'secret' } }
      return true
    }
    const texts: string[] = []
    const reading = async (): Promise<void> => {
      for await (const event of chatEventsOf(pieces(), messages, {})) if (event.kind === 'text') texts.push(event.text)
    }
    await expect(reading()).rejects.toMatchObject({ kind: 'failed', message: expect.not.stringContaining('secret') })
    expect(texts).toStrictEqual(['so far'])
  })
})
