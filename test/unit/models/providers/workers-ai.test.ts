import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import type { ChatEvent } from '../../../../src/models/chat-model.ts'
import type { WorkersAiSource } from '../../../../src/models/model.ts'
import type { AiBinding, ProviderAdapter } from '../../../../src/models/providers/provider-adapter.ts'
import { ProviderFault } from '../../../../src/models/providers/provider-fault.ts'
import { workersAiAdapter } from '../../../../src/models/providers/workers-ai.ts'
import { remoteProfile } from '../../../../src/models/remote-profile.ts'
import { playedVector } from '../../../support/played-embedding.ts'
import { playedHosts } from '../../../support/played-hosts.ts'
import { workersAiRoutes } from '../../../support/played-provider-workers-ai.ts'
import { PlayedProvider } from '../../../support/played-provider.ts'

const KEY = 'played-cloudflare-token'
const played = await PlayedProvider.start({ routes: [workersAiRoutes()], apiKey: KEY })
const modern = await PlayedProvider.start({
  routes: [workersAiRoutes({ openAiShape: true, calibrated: true })],
})
const signal = new AbortController().signal

const rest = (model: string, url = played.url, apiKey = KEY): Required<ProviderAdapter> =>
  adapter({ provider: 'workers-ai', model, accountId: 'acc' }, { apiKey, call: playedHosts(url) })

function adapter(
  source: WorkersAiSource,
  context: Partial<Parameters<typeof workersAiAdapter>[1]>,
): Required<ProviderAdapter> {
  const made = workersAiAdapter(source, { call: playedHosts(played.url), ...context })
  return made as Required<ProviderAdapter>
}

/** Answers like the binding, which unwraps; `answers` may throw. */
function binding(answers: (model: string, input: object) => unknown): { ai: AiBinding; runs: unknown[] } {
  const runs: unknown[] = []
  const run = async (model: string, input: object): Promise<unknown> => {
    runs.push({ model, input })
    return answers(model, input)
  }
  return { ai: { run }, runs }
}

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
  modern.reset()
})

afterAll(async () => {
  await played.stop()
  await modern.stop()
})

describe('embedding by REST', () => {
  test('asks the account’s model with its key and unwraps the vectors', async () => {
    const { vectors } = await rest('@cf/baai/bge-m3').embed(['a ship', 'a bill'], 'passage', signal)
    expect(vectors).toStrictEqual([playedVector('a ship', 64), playedVector('a bill', 64)])
    expect(played.requests).toMatchObject([
      {
        path: '/client/v4/accounts/acc/ai/run/@cf/baai/bge-m3',
        headers: { authorization: `Bearer ${KEY}` },
        body: { text: ['a ship', 'a bill'], truncate_inputs: true },
      },
    ])
  })

  test('asks the English bge models for the pooling of their makers, so that vectors are those of other providers', async () => {
    await rest('@cf/baai/bge-small-en-v1.5').embed(['x'], 'passage', signal)
    await rest('@cf/google/embeddinggemma-300m').embed(['x'], 'passage', signal)
    expect(played.requests.map(({ body }) => body)).toStrictEqual([{ text: ['x'], pooling: 'cls' }, { text: ['x'] }])
  })

  test('sends no more texts than a model takes', () => {
    expect(rest('@cf/qwen/qwen3-embedding-0.6b').limits.texts).toBe(32)
    expect(rest('@cf/baai/bge-m3').limits.texts).toBe(100)
  })

  test('shortens whole vectors of a model that was trained for it, and no others', async () => {
    const source: WorkersAiSource = { provider: 'workers-ai', model: '@cf/qwen/qwen3-embedding-0.6b' }
    const profile = remoteProfile(source, { dimensions: 32 })
    const whole = (dimensions: number): AiBinding => binding(() => ({ data: [playedVector('a ship', dimensions)] })).ai
    const lengths = await Promise.all(
      [1024, 768].map(async (dimensions) => {
        const { vectors } = await adapter(source, { ai: whole(dimensions), profile }).embed(['a ship'], 'query', signal)
        return vectors[0]?.length
      }),
    )
    expect(lengths).toStrictEqual([32, 768])
  })

  test.each(['@cf/../../tokens/verify', '@cf/a', 'tokens/verify/x', '@cf/a/b?c', '@cf/a/b/../c'])(
    'calls nobody for the name %j',
    async (model) => {
      expect((await faultOf(rest(model).embed(['a'], 'query', signal))).kind).toBe('refused')
      expect(played.requests).toHaveLength(0)
    },
  )

  test('takes another base for the account’s, such as a gateway', async () => {
    const seen: string[] = []
    const call = playedHosts(played.url, seen)
    const source: WorkersAiSource = {
      provider: 'workers-ai',
      model: '@cf/baai/bge-m3',
      baseUrl: `${played.url}/gateway/`,
    }
    await faultOf(adapter(source, { apiKey: KEY, call }).embed(['x'], 'query', signal))
    expect(seen).toStrictEqual([`${played.url}/gateway/@cf/baai/bge-m3`])
  })
})

describe('reranking', () => {
  const documents = ['an invoice', 'the ship sank', 'a storm at sea']

  test('gives scores in the order of the documents, as logits', async () => {
    const { raw, calibrate } = await rest('@cf/baai/bge-reranker-base').rerank('ship went down', documents, signal)
    expect(raw).toHaveLength(3)
    expect(Math.max(...raw)).toBe(raw[1])
    expect(calibrate).toBe('sigmoid')
    expect(played.requests[0]?.body).toMatchObject({ contexts: documents.map((text) => ({ text })), top_k: 3 })
  })

  test('takes scores between 0 and 1 for what they are', async () => {
    const { raw, calibrate } = await rest('@cf/baai/bge-reranker-base', modern.url).rerank('ship', documents, signal)
    expect(calibrate).toBe('none')
    expect(raw.every((score) => score > 0 && score < 1)).toBe(true)
  })

  test.each([
    ['a missing score', { fault: 'count', by: -1 }],
    ['a score too many', { fault: 'count', by: 1 }],
    ['two scores of one document', { fault: 'indexes' }],
    ['a score that is no number', { fault: 'number', value: 'null' }],
  ] as const)('finds %s', async (_, fault) => {
    played.script(fault)
    const { kind } = await faultOf(rest('@cf/baai/bge-reranker-base').rerank('ship', documents, signal))
    expect(kind).toBe('wrong')
  })
})

describe.each([
  ['older models', () => rest('@cf/meta/llama-3.2-1b-instruct')],
  ['newer models, with choices', () => rest('@cf/openai/gpt-oss-20b', modern.url)],
] as const)('chat with %s', (_, model) => {
  const messages = [
    { role: 'system', content: 'be brief' },
    { role: 'user', content: 'how are you' },
  ] as const
  const usage = { inputTokens: 10, outputTokens: 5 }

  test('gives text, tokens and why it stopped', async () => {
    expect(await model().complete(messages, {}, signal)).toStrictEqual({
      text: 'You asked: how are you',
      finish: 'stop',
      usage,
    })
    expect(await model().complete(messages, { maxTokens: 2, temperature: 0, seed: 7 }, signal)).toMatchObject({
      text: 'You asked: ',
      finish: 'length',
    })
    const [body] = [...played.requests, ...modern.requests].map((request) => request.body).slice(-1)
    expect(body).toMatchObject({ max_tokens: 2, temperature: 0, seed: 7, messages })
  })

  test('streams the same', async () => {
    const events = await collected(model().stream(messages, {}, signal))
    expect(events.map((event) => (event.kind === 'text' ? event.text : '')).join('')).toBe('You asked: how are you')
    expect(events.at(-1)).toStrictEqual({ kind: 'end', finish: 'stop', usage })
    expect(events.filter(({ kind }) => kind === 'end')).toHaveLength(1)
  })

  test('finds a stream that breaks off', async () => {
    for (const fault of ['cut', 'half'] as const) {
      played.script({ fault })
      modern.script({ fault })
      expect((await faultOf(collected(model().stream(messages, {}, signal)))).kind).toBe('broken')
    }
  })
})

test('a schema makes the answer JSON, whichever way it comes', async () => {
  const schema = { type: 'object', properties: { said: { type: 'string' } } }
  const { text } = await rest('@cf/meta/llama-3.2-1b-instruct').complete(
    [{ role: 'user', content: 'hi' }],
    { schema },
    signal,
  )
  expect(JSON.parse(text)).toStrictEqual({ said: 'You asked: hi' })
  expect(played.requests[0]?.body).toMatchObject({ response_format: { type: 'json_schema', json_schema: schema } })
})

describe('the binding', () => {
  test('runs the same input without a key', async () => {
    const { ai, runs } = binding(() => ({ data: [[1, 2]], shape: [1, 2] }))
    const source: WorkersAiSource = { provider: 'workers-ai', model: '@cf/baai/bge-m3' }
    expect(await adapter(source, { ai }).embed(['a'], 'query', signal)).toStrictEqual({ vectors: [[1, 2]] })
    expect(runs).toStrictEqual([{ model: '@cf/baai/bge-m3', input: { text: ['a'], truncate_inputs: true } }])
  })

  test.each(['openai/gpt-5', '@cf/x', '../x', ''])('runs nothing that is named %j', async (model) => {
    const { ai, runs } = binding(() => ({ data: [[1, 2]] }))
    const nameless = adapter({ provider: 'workers-ai', model }, { ai })
    expect((await faultOf(nameless.embed(['a'], 'query', signal))).kind).toBe('refused')
    expect(runs).toStrictEqual([])
  })

  test('streams bytes', async () => {
    const lines = ['data: {"response":"Hel', 'lo","p":"x"}\n\ndata: {"response":" you"}\n\n', 'data: [DONE]\n\n']
    const { ai } = binding(() => new Blob(lines).stream())
    const source: WorkersAiSource = { provider: 'workers-ai', model: '@cf/meta/llama-3.2-1b-instruct' }
    const events = await collected(adapter(source, { ai }).stream([{ role: 'user', content: 'hi' }], {}, signal))
    expect(events).toMatchObject([
      { kind: 'text', text: 'Hello' },
      { kind: 'text', text: ' you' },
      { kind: 'end', finish: 'stop', usage: { inputTokens: 1, outputTokens: 2 } },
    ])
  })

  test('is let go of when its caller goes, even if it never answers', async () => {
    const leaving = new AbortController()
    const { ai } = binding(() => new Promise(() => undefined))
    const work = adapter({ provider: 'workers-ai', model: '@cf/baai/bge-m3' }, { ai }).embed(
      ['a'],
      'query',
      leaving.signal,
    )
    leaving.abort(new Error('gone'))
    await expect(work).rejects.toThrow('gone')
  })

  test('is not used for a tenant’s own account, nor missed silently', () => {
    const { ai } = binding(() => undefined)
    const source: WorkersAiSource = { provider: 'workers-ai', model: '@cf/baai/bge-m3' }
    expect(() => adapter(source, {})).toThrow('no Workers AI binding')
    expect(() => adapter({ ...source, accountId: 'acc' }, { ai })).toThrow(ProviderFault)
  })
})

describe('faults', () => {
  const embed = (): Promise<unknown> => rest('@cf/baai/bge-m3').embed(['a'], 'query', signal)

  test.each([
    [3036, 429, 'busy'],
    [3040, 429, 'busy'],
    [3007, 408, 'timeout'],
    [3006, 413, 'too_long'],
    [5007, 400, 'refused'],
    [5016, 403, 'refused'],
    [9999, 500, 'failed'],
    [9999, 400, 'too_long'],
  ] as const)('code %i with status %i means %s, by REST and through the binding', async (code, status, kind) => {
    const message = 'secret words'
    const call = (): Promise<Response> =>
      Promise.resolve(Response.json({ success: false, result: null, errors: [{ code, message }] }, { status }))
    const source: WorkersAiSource = { provider: 'workers-ai', model: '@cf/baai/bge-m3' }
    const byRest = await faultOf(
      adapter({ ...source, accountId: 'acc' }, { apiKey: KEY, call }).embed(['a'], 'query', signal),
    )
    const { ai } = binding(() => {
      throw Object.assign(new Error(`AiError: ${code}: ${message}`), { httpCode: status })
    })
    const byBinding = await faultOf(adapter(source, { ai }).embed(['a'], 'query', signal))
    expect([byRest.kind, byBinding.kind]).toStrictEqual([kind, kind])
    expect(byRest.message + byBinding.message).not.toContain('secret')
  })

  test('a used-up allocation asks for an hour of patience', async () => {
    const { ai } = binding(() => {
      throw new Error('3036: You have used up your daily free allocation of 10,000 neurons.')
    })
    const fault = await faultOf(
      adapter({ provider: 'workers-ai', model: '@cf/baai/bge-m3' }, { ai }).embed(['a'], 'query', signal),
    )
    expect(fault.problem).toMatchObject({ code: 'overloaded', retryAfterSeconds: 3600 })
  })

  test.each([
    [{ fault: 'status', status: 429, headers: { 'retry-after': '7' } }, 'busy'],
    [{ fault: 'status', status: 500 }, 'failed'],
    [{ fault: 'status', status: 403 }, 'refused'],
    [{ fault: 'redirect', location: 'http://127.0.0.1:1/' }, 'refused'],
    [{ fault: 'reset' }, 'unreachable'],
    [{ fault: 'cut' }, 'broken'],
    [{ fault: 'half' }, 'broken'],
    [{ fault: 'page' }, 'broken'],
    [{ fault: 'endless' }, 'wrong'],
    [{ fault: 'number', value: 'nan' }, 'broken'],
    [{ fault: 'body', body: '{"success":true,"result":null}' }, 'wrong'],
    [{ fault: 'body', body: '{"success":true,"result":{"data":[1,2]}}' }, 'wrong'],
    [{ fault: 'body', body: '{"success":false,"errors":[]}' }, 'failed'],
  ] as const)('%j is %s', async (fault, kind) => {
    played.script(fault)
    expect((await faultOf(embed())).kind).toBe(kind)
  })

  test('a wrong key is refused and not quoted', async () => {
    const { kind, message } = await faultOf(rest('@cf/baai/bge-m3', played.url, 'wrong').embed(['a'], 'query', signal))
    expect(kind).toBe('refused')
    expect(message).not.toContain('wrong')
  })

  test('who goes away during a drip leaves no request behind', async () => {
    played.script({ fault: 'drip' })
    const leaving = new AbortController()
    const work = rest('@cf/baai/bge-m3').embed(['a'], 'query', leaving.signal)
    await played.until(() => played.requests.length === 1)
    leaving.abort(new Error('gone'))
    await expect(work).rejects.toThrow('gone')
    await played.until(() => played.abandoned === 1)
  })
})
