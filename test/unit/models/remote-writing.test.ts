/** Rerankers and language models of providers as an isolate uses them, over HTTP. */
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import type { ChatEvent } from '../../../src/models/chat-model.ts'
import { CHAT_POLICY } from '../../../src/models/providers/call-policy.ts'
import { playedScore } from '../../support/played-embedding.ts'
import { openAiRoutes } from '../../support/played-provider-openai.ts'
import { PlayedProvider } from '../../support/played-provider.ts'
import { openAiSource } from '../../support/remote-models-fixture.ts'
import { RemoteWorld } from '../../support/remote-world.ts'

const played = await PlayedProvider.start({ routes: [openAiRoutes()] })
const second = await PlayedProvider.start({ routes: [openAiRoutes()] })
const source = openAiSource(played.url)
const fallback = openAiSource(second.url)

beforeEach(() => {
  played.reset()
  second.reset()
})

afterAll(async () => {
  await played.stop()
  await second.stop()
})

describe('a reranker', () => {
  const documents = ['The invoice is due.', 'A ship went down.', '', 'The boat sank.']

  it('scores in the order of the documents, in [0, 1], in batches', async () => {
    const reranker = new RemoteWorld().reranker([source])
    const { scores, raw, tokens } = await reranker.rerank('boat', documents)
    expect(scores).toEqual(raw)
    expect(scores[3]).toBeGreaterThan(scores[0]!)
    expect(tokens).toBeGreaterThan(0)
    const long = Array.from({ length: 230 }, (_, index) => documents[index % 4]!)
    expect((await reranker.rerank('boat', long)).scores).toEqual(long.map((_, index) => scores[index % 4]))
    expect(played.requests).toHaveLength(4)
    expect(await reranker.rerank('boat', [])).toEqual({ scores: [], raw: [], tokens: 0 })
  })

  it('calibrates logits', async () => {
    const logits = await PlayedProvider.start({ routes: [openAiRoutes({ rawScores: true })] })
    const { scores, raw } = await new RemoteWorld().reranker([openAiSource(logits.url)]).rerank('boat', documents)
    const expected = documents.map((text) => playedScore('boat', text || ' '))
    expect(raw).toEqual(expected)
    for (const [index, score] of scores.entries()) expect(score).toBeCloseTo(1 / (1 + Math.exp(-expected[index]!)), 12)
    await logits.stop()
  })

  it.each([
    { fault: 'count', by: 1 },
    { fault: 'count', by: -1 },
    { fault: 'indexes' },
    { fault: 'number', value: 'null' },
    { fault: 'number', value: 'nan' },
    { fault: 'number', value: 'text' },
    { fault: 'body', body: '{}' },
    { fault: 'cut' },
  ] as const)('believes no wrong answer (%j)', async (fault) => {
    played.always(fault)
    const answer = new RemoteWorld().reranker([source]).rerank('boat', documents)
    await expect(answer).rejects.toMatchObject({ code: 'upstream_failed' })
  })

  it('is left when its caller gives up, whose reason it throws', async () => {
    played.always({ fault: 'silence' })
    const giving = new AbortController()
    const answer = new RemoteWorld().reranker([source, fallback]).rerank('boat', documents, { signal: giving.signal })
    await played.until(() => played.requests.length > 0)
    giving.abort(new Error('no time'))
    await expect(answer).rejects.toThrow('no time')
    await played.until(() => played.abandoned === 1)
    expect(second.requests).toEqual([])
  })

  it('cuts documents that are too long for it', async () => {
    const [first] = played.requests
    expect(first).toBeUndefined()
    played.script({ fault: 'status', status: 413 }, { fault: 'status', status: 413 })
    await new RemoteWorld().reranker([source]).rerank('boat', ['word '.repeat(1_000), 'short'])
    const lengths = played.requests.map(({ body }) => (body as { documents: string[] }).documents[0]?.length ?? 0)
    expect(lengths[0]).toBe(5_000)
    expect(lengths[1]).toBeLessThanOrEqual(2_600)
    expect(lengths[2]).toBeLessThanOrEqual(1_300)
    played.always({ fault: 'status', status: 400 })
    const refused = new RemoteWorld().reranker([source]).rerank('boat', documents)
    await expect(refused).rejects.toMatchObject({ code: 'upstream_refused' })
  })
})

describe('a language model', () => {
  const messages = [
    { role: 'system', content: 'Be brief.' },
    { role: 'user', content: 'how are you' },
  ] as const

  async function told(events: AsyncGenerator<ChatEvent>): Promise<{ text: string; ends: ChatEvent[] }> {
    let text = ''
    const ends: ChatEvent[] = []
    for await (const event of events) {
      if (event.kind === 'text') text += event.text
      else ends.push(event)
    }
    return { text, ends }
  }

  it('answers, whole and word by word', async () => {
    const model = new RemoteWorld().chatModel([source])
    const whole = await model.complete(messages, { temperature: 0, seed: 3 })
    expect(whole).toMatchObject({ text: 'You asked: how are you', finish: 'stop', usage: { outputTokens: 5 } })
    expect(played.requests[0]?.body).toMatchObject({ model: 'played', messages, temperature: 0, seed: 3 })
    const { text, ends } = await told(model.stream(messages))
    expect(text).toBe(whole.text)
    expect(ends).toEqual([{ kind: 'end', finish: 'stop', usage: whole.usage }])
    const cut = await told(model.stream(messages, { maxTokens: 2 }))
    expect(cut).toMatchObject({ text: 'You asked: ', ends: [{ finish: 'length' }] })
  })

  it('asks for a schema', async () => {
    const schema = { type: 'object' }
    await new RemoteWorld().chatModel([source]).complete(messages, { schema })
    expect(played.requests[0]?.body).toMatchObject({
      response_format: { type: 'json_schema', json_schema: { name: 'answer', schema } },
    })
  })

  it('begins again elsewhere until its first word', async () => {
    played.always({ fault: 'status', status: 500 })
    const model = new RemoteWorld().chatModel([source, fallback])
    expect((await told(model.stream(messages))).text).toBe('You asked: how are you')
    expect((await model.complete(messages)).text).toBe('You asked: how are you')
    expect(played.requests).toHaveLength(2 * CHAT_POLICY.attempts)
  })

  it('says that it broke off after its first word', async () => {
    played.always({ fault: 'cut' })
    const words: string[] = []
    const stream = new RemoteWorld().chatModel([source, fallback]).stream(messages)
    const reading = (async () => {
      for await (const event of stream) if (event.kind === 'text') words.push(event.text)
    })()
    await expect(reading).rejects.toMatchObject({ code: 'upstream_failed' })
    expect(words.length).toBeGreaterThan(0)
    expect(second.requests).toEqual([])
  })

  it.each(['half', 'page', 'cut', 'reset'] as const)('believes no broken answer (%s)', async (fault) => {
    played.always({ fault })
    await expect(new RemoteWorld().chatModel([source]).complete(messages)).rejects.toMatchObject({
      code: 'upstream_failed',
    })
    await expect(told(new RemoteWorld().chatModel([source]).stream(messages))).rejects.toMatchObject({
      code: 'upstream_failed',
    })
  })

  it('is given up when it is silent, at first and later', async () => {
    played.always({ fault: 'silence' })
    const world = new RemoteWorld()
    const answer = told(world.chatModel([source, fallback]).stream(messages))
    await played.until(() => played.requests.length > 0)
    world.patience.expire(CHAT_POLICY.attemptMs)
    expect((await answer).text).toBe('You asked: how are you')
    await played.until(() => played.abandoned === 1)
  })

  it('is left by whoever stops listening', async () => {
    const model = new RemoteWorld({
      call: async ({ signal }) => {
        const body = new ReadableStream<Uint8Array>({
          start: (stream) => {
            signal.addEventListener('abort', () => left())
            stream.enqueue(new TextEncoder().encode('data: {"choices":[{"delta":{"content":"on"}}]}\n\n'))
          },
        })
        return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
      },
    }).chatModel([source])
    const { promise, resolve: left } = Promise.withResolvers<void>()
    for await (const event of model.stream(messages)) {
      expect(event).toEqual({ kind: 'text', text: 'on' })
      break
    }
    await promise
  })

  it('that comes to a standstill is told so', async () => {
    const world = new RemoteWorld({
      call: async () => {
        const event = new TextEncoder().encode('data: {"choices":[{"delta":{"content":"on"}}]}\n\n')
        return new Response(new ReadableStream<Uint8Array>({ start: (stream) => stream.enqueue(event) }))
      },
    })
    const stream = world.chatModel([source]).stream(messages)
    expect(await stream.next()).toMatchObject({ value: { text: 'on' } })
    const further = stream.next()
    await new Promise((resolve) => setTimeout(resolve, 5))
    world.patience.expire(CHAT_POLICY.attemptMs)
    await expect(further).rejects.toMatchObject({ code: 'upstream_timeout' })
  })
})
