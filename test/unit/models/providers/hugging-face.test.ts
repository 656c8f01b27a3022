import { afterAll, beforeEach, describe, expect, test, vi } from 'vitest'
import type { ChatEvent } from '../../../../src/models/chat-model.ts'
import type { HuggingFaceSource } from '../../../../src/models/model.ts'
import { huggingFaceAdapter } from '../../../../src/models/providers/hugging-face.ts'
import type { ProviderAdapter } from '../../../../src/models/providers/provider-adapter.ts'
import { ProviderFault } from '../../../../src/models/providers/provider-fault.ts'
import { playedScore, playedVector } from '../../../support/played-embedding.ts'
import { playedHosts } from '../../../support/played-hosts.ts'
import { huggingFaceRoutes } from '../../../support/played-provider-hugging-face.ts'
import { PlayedProvider } from '../../../support/played-provider.ts'

const KEY = 'hf_played'
const played = await PlayedProvider.start({ routes: [huggingFaceRoutes()] })
const signal = new AbortController().signal
const messages = [{ role: 'user', content: 'how are you' }] as const

const seen: string[] = []
const adapter = (source: Omit<HuggingFaceSource, 'provider'>, apiKey = KEY): Required<ProviderAdapter> =>
  huggingFaceAdapter(
    { provider: 'huggingface', ...source },
    { call: playedHosts(played.url, seen), apiKey },
  ) as Required<ProviderAdapter>
const endpoint = (path = ''): Required<ProviderAdapter> => adapter({ endpointUrl: played.url + path })

async function faultOf(work: Promise<unknown>): Promise<ProviderFault> {
  const error: unknown = await work.catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(ProviderFault)
  return error as ProviderFault
}

async function collected(events: AsyncGenerator<ChatEvent>): Promise<ChatEvent[]> {
  const list: ChatEvent[] = []
  for await (const event of events) list.push(event)
  return list
}

beforeEach(() => {
  played.reset()
  seen.length = 0
})

afterAll(() => played.stop())

describe('a dedicated endpoint', () => {
  test('embeds cut and normalised texts, and says how many tokens it read', async () => {
    const answer = await endpoint().embed(['a ship', 'a bill'], 'passage', signal)
    expect(answer).toStrictEqual({ vectors: [playedVector('a ship', 64), playedVector('a bill', 64)], tokens: 8 })
    expect(played.requests).toMatchObject([
      {
        method: 'POST',
        path: '/embed',
        headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
        body: { inputs: ['a ship', 'a bill'], truncate: true, normalize: true },
      },
    ])
  })

  test('is found under its own address and under any of its paths', async () => {
    for (const path of ['/', '/embed', '/rerank', '/v1', '/v1/embeddings', '/v1/chat/completions']) {
      await endpoint(path).embed(['a'], 'query', signal)
      await endpoint(path).rerank('a', ['b'], signal)
      await endpoint(path).complete(messages, {}, signal)
    }
    expect([...new Set(played.requests.map(({ path }) => path))]).toStrictEqual([
      '/embed',
      '/rerank',
      '/v1/chat/completions',
    ])
  })

  test('reranks with logits, in the order of the documents', async () => {
    const documents = ['an invoice', 'the ship sank', 'a storm at sea']
    const { raw, calibrate, tokens } = await endpoint().rerank('ship went down', documents, signal)
    expect(raw).toStrictEqual(documents.map((document) => playedScore('ship went down', document)))
    expect({ calibrate, tokens }).toStrictEqual({ calibrate: 'sigmoid', tokens: 22 })
    expect(played.requests[0]).toMatchObject({
      headers: { authorization: `Bearer ${KEY}` },
      body: { texts: documents, raw_scores: true, truncate: true },
    })
  })

  test('needs no key', async () => {
    const open = huggingFaceAdapter(
      { provider: 'huggingface', endpointUrl: played.url },
      { call: playedHosts(played.url) },
    )
    await open.embed?.(['a'], 'query', signal)
    await open.rerank?.('a', ['b'], signal)
    expect(played.requests.map(({ headers }) => headers['authorization'])).toStrictEqual([undefined, undefined])
  })
})

describe('the router', () => {
  test('asks hf-inference after a look at the hub', async () => {
    const model = adapter({ model: 'BAAI/bge-m3', inferenceProvider: 'hf-inference' })
    expect((await model.embed(['a ship'], 'query', signal)).vectors).toStrictEqual([playedVector('a ship', 64)])
    expect(seen).toStrictEqual([
      'https://huggingface.co/api/models/BAAI/bge-m3?expand[]=inferenceProviderMapping',
      'https://router.huggingface.co/hf-inference/models/BAAI/bge-m3/pipeline/feature-extraction',
    ])
  })

  test('asks other providers as they want to be asked, by the name that the hub gives', async () => {
    const model = adapter({ model: 'BAAI/bge-large-en-v1.5', inferenceProvider: 'together' })
    expect((await model.embed(['a ship'], 'query', signal)).vectors).toStrictEqual([playedVector('a ship', 64)])
    expect(seen[1]).toBe('https://router.huggingface.co/together/v1/embeddings')
    expect(played.requests[1]?.body).toStrictEqual({ input: ['a ship'], model: 'together-BAAI/bge-large-en-v1.5' })
  })

  test('picks the hub’s first provider where none is named', async () => {
    await adapter({ model: 'intfloat/e5-large-v2' }).embed(['a'], 'query', signal)
    expect(seen[1]).toContain('/hf-inference/')
  })

  test('lets the router choose for a chat, with its own key only', async () => {
    const model = adapter({ model: 'meta-llama/Llama-3.1-8B-Instruct' })
    expect(await model.complete(messages, { maxTokens: 2 }, signal)).toMatchObject({
      text: 'You asked: ',
      finish: 'length',
    })
    expect(seen).toStrictEqual(['https://router.huggingface.co/v1/chat/completions'])
    const other = adapter({ model: 'meta-llama/Llama-3.1-8B-Instruct' }, 'some-other-key')
    expect((await faultOf(other.complete(messages, {}, signal))).kind).toBe('refused')
  })

  test.each([{}, { inferenceProvider: 'auto' }, { inferenceProvider: 'hf-inference' }])(
    'sends nobody a key that is not of Hugging Face where %j is to choose',
    async (choice) => {
      const foreign = adapter({ model: 'intfloat/e5-large-v2', ...choice }, 'sk-elsewhere')
      expect((await faultOf(foreign.embed(['a'], 'query', signal))).kind).toBe('refused')
      expect((await faultOf(collected(foreign.stream(messages, {}, signal)))).kind).toBe('refused')
      expect(seen).toStrictEqual([])
    },
  )

  test('refuses what nobody serves, what is not known and what it cannot do', async () => {
    const refusals = [
      () => adapter({ model: 'acme/nobody' }).embed(['a'], 'query', signal),
      () => adapter({ model: 'acme/model', inferenceProvider: 'groq' }).embed(['a'], 'query', signal),
      () => adapter({ model: 'acme/model', inferenceProvider: 'nowhere' }).embed(['a'], 'query', signal),
      () => adapter({ model: 'acme/model' }).rerank('a', ['b'], signal),
    ]
    for (const refusal of refusals) expect((await faultOf(refusal())).kind).toBe('refused')
  })

  test.each(['../../api/whoami-v2', 'a/../b', 'a/b?c', 'a/b#c', 'a/b/c', ''])(
    'calls nobody for the name %j',
    async (model) => {
      expect((await faultOf(adapter({ model }).embed(['a'], 'query', signal))).kind).toBe('refused')
      expect((await faultOf(collected(adapter({ model }).stream(messages, {}, signal)))).kind).toBe('refused')
      expect(seen).toStrictEqual([])
    },
  )

  test('tells the console nothing', async () => {
    const spies = (['log', 'warn', 'info', 'error', 'debug'] as const).map((name) => vi.spyOn(console, name))
    await adapter({ model: 'acme/quiet' }).embed(['a'], 'query', signal)
    for (const spy of spies) expect(spy).not.toHaveBeenCalled()
    vi.restoreAllMocks()
  })
})

describe('chat', () => {
  const usage = { inputTokens: 5, outputTokens: 5 }

  test('gives text, tokens and why it stopped, and takes a schema', async () => {
    const schema = { type: 'object' }
    expect(await endpoint().complete(messages, { schema, seed: 3 }, signal)).toStrictEqual({
      text: 'You asked: how are you',
      finish: 'stop',
      usage,
    })
    expect(played.requests[0]?.body).toMatchObject({
      seed: 3,
      response_format: { type: 'json_schema', json_schema: { schema } },
    })
  })

  test('streams the same', async () => {
    const events = await collected(endpoint().stream(messages, {}, signal))
    expect(events.map((event) => (event.kind === 'text' ? event.text : '')).join('')).toBe('You asked: how are you')
    expect(events.at(-1)).toMatchObject({ kind: 'end', finish: 'stop' })
  })

  test('finds a stream that breaks off or is none', async () => {
    for (const fault of ['cut', 'half', 'page', 'drip'] as const) {
      played.script({ fault })
      expect((await faultOf(collected(endpoint().stream(messages, {}, signal)))).kind).toBe('broken')
    }
    played.script({ fault: 'status', status: 503, headers: { 'retry-after': '20' } })
    expect((await faultOf(collected(endpoint().stream(messages, {}, signal)))).problem.retryAfterSeconds).toBe(20)
  })

  test('ends a stream that nobody reads on', async () => {
    const events = [JSON.stringify({ choices: [{ delta: { content: 'word ' } }] })]
    const never = await PlayedProvider.start({ routes: [huggingFaceRoutes()] })
    const body = `data: ${events[0] ?? ''}\n\n`
    const left = new AbortController()
    let cancelled = false
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new TextEncoder().encode(body)),
      cancel: () => void (cancelled = true),
    })
    const model = huggingFaceAdapter(
      { provider: 'huggingface', endpointUrl: never.url },
      {
        call: ({ signal: given }) => {
          given.addEventListener('abort', () => left.abort())
          return Promise.resolve(new Response(endless, { headers: { 'content-type': 'text/event-stream' } }))
        },
      },
    )
    for await (const event of model.stream?.(messages, {}, signal) ?? []) if (event.kind === 'text') break
    expect(left.signal.aborted || cancelled).toBe(true)
    await never.stop()
  })
})

describe('faults', () => {
  test.each([
    [{ fault: 'loading', estimatedSeconds: 20 }, 'busy'],
    [{ fault: 'status', status: 429 }, 'busy'],
    [{ fault: 'status', status: 424 }, 'failed'],
    [{ fault: 'status', status: 500 }, 'failed'],
    [{ fault: 'status', status: 413 }, 'too_long'],
    [{ fault: 'status', status: 401 }, 'refused'],
    [{ fault: 'redirect', location: 'http://127.0.0.1:1/' }, 'refused'],
    [{ fault: 'reset' }, 'unreachable'],
    [{ fault: 'cut' }, 'broken'],
    [{ fault: 'half' }, 'broken'],
    [{ fault: 'page' }, 'broken'],
    [{ fault: 'endless' }, 'wrong'],
    [{ fault: 'body', body: '{"error":"secret"}' }, 'broken'],
    [{ fault: 'body', body: '[1,2,3]' }, 'wrong'],
  ] as const)('%j is %s, and is asked once', async (fault, kind) => {
    played.always(fault)
    const error = await faultOf(endpoint().embed(['a'], 'query', signal))
    expect(error.kind).toBe(kind)
    expect(JSON.stringify([error.message, Object.keys(error)])).not.toMatch(/secret|sk-played/)
    expect(played.requests).toHaveLength(1)
  })

  test('a model that is being loaded says how long', async () => {
    played.script({ fault: 'loading', estimatedSeconds: 20.5 })
    const { problem } = await faultOf(endpoint().embed(['a'], 'query', signal))
    expect(problem).toMatchObject({ code: 'overloaded', retryAfterSeconds: 21 })
    played.script({ fault: 'status', status: 503 }, { fault: 'status', status: 503, headers: { 'retry-after': '9' } })
    for (const seconds of [5, 9]) {
      const fault = await faultOf(endpoint().embed(['a'], 'query', signal))
      expect(fault.problem.retryAfterSeconds).toBe(seconds)
    }
  })

  test('rerank and chat say the same of them', async () => {
    played.always({ fault: 'loading', estimatedSeconds: 20 })
    expect((await faultOf(endpoint().rerank('a', ['b'], signal))).kind).toBe('busy')
    expect((await faultOf(endpoint().complete(messages, {}, signal))).kind).toBe('busy')
    played.always({ fault: 'count', by: -1 })
    expect((await faultOf(endpoint().rerank('a', ['b', 'c'], signal))).kind).toBe('wrong')
    played.always({ fault: 'endless' })
    expect((await faultOf(endpoint().rerank('a', ['b'], signal))).kind).toBe('wrong')
    expect((await faultOf(endpoint().complete(messages, {}, signal))).kind).toBe('wrong')
    played.always({ fault: 'body', body: '{"choices":[]}' })
    expect((await faultOf(endpoint().complete(messages, {}, signal))).kind).toBe('wrong')
  })

  test('who goes away during a drip leaves no request behind', async () => {
    played.script({ fault: 'drip' })
    const leaving = new AbortController()
    const work = endpoint().embed(['a'], 'query', leaving.signal)
    await played.until(() => played.requests.length === 1)
    leaving.abort(new Error('gone'))
    await expect(work).rejects.toThrow('gone')
    await played.until(() => played.abandoned === 1)
  })
})
