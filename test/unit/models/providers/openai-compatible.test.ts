/** What is particular to OpenAI's protocol; everything else is in the tests that all providers pass. */
import { describe, expect, it } from 'vitest'
import type { ModelRequest, ProviderAdapter } from '../../../../src/models/providers/provider-adapter.ts'
import { openAiCompatibleAdapter } from '../../../../src/models/providers/openai-compatible.ts'
import { openAiSource } from '../../../support/remote-models-fixture.ts'

const { signal } = new AbortController()

function adapter(answer: unknown, url = 'https://models.example', apiKey?: string) {
  const sent: ModelRequest[] = []
  const call = async (request: ModelRequest): Promise<Response> => {
    sent.push(request)
    return answer instanceof Response ? answer : Response.json(answer)
  }
  const context = { call, ...(apiKey === undefined ? {} : { apiKey }) }
  return { made: openAiCompatibleAdapter(openAiSource(url), context) as Required<ProviderAdapter>, sent }
}

const embedded = (...embeddings: unknown[]): object => ({
  data: embeddings.map((embedding, index) => ({ embedding, index })),
})

describe('openai-compatible', () => {
  it('reads base64 of little-endian floats and numbers alike', async () => {
    const floats = Float32Array.of(0.5, -2, 1e-8)
    const base64 = Buffer.from(floats.buffer).toString('base64')
    const { vectors } = await adapter(embedded(base64, [...floats])).made.embed(['a', 'b'], 'query', signal)
    expect(vectors).toEqual([floats, [...floats]])
  })

  it.each(['no base64!', 'AAA=', 7, null, {}])('refuses %j as a vector', async (embedding) => {
    const answer = adapter(embedded(embedding)).made.embed(['a'], 'query', signal)
    await expect(answer).rejects.toMatchObject({ kind: 'wrong' })
  })

  it('takes answers without indexes as they come', async () => {
    const { made } = adapter({ data: [{ embedding: [1] }, { embedding: [2] }] })
    expect(await made.embed(['a', 'b'], 'query', signal)).toEqual({ vectors: [[1], [2]] })
  })

  it('passes on how many tokens were counted', async () => {
    const { made } = adapter({ ...embedded([1]), usage: { prompt_tokens: 3, total_tokens: 4 } })
    expect(await made.embed(['a'], 'query', signal)).toMatchObject({ tokens: 3 })
    const { made: other } = adapter({ ...embedded([1]), usage: { total_tokens: 4 } })
    expect(await other.embed(['a'], 'query', signal)).toMatchObject({ tokens: 4 })
    const { made: third } = adapter({ results: [{ index: 0, relevance_score: 0.5 }] })
    expect(await third.rerank('q', ['a'], signal)).toEqual({ raw: [0.5], calibrate: 'none' })
  })

  it('sends a key only where there is one, to the paths below the base', async () => {
    const { made, sent } = adapter(embedded([1]), 'https://models.example/', 'k')
    await made.embed(['a'], 'query', signal)
    expect(sent[0]).toMatchObject({ headers: { authorization: 'Bearer k' } })
    const { made: open, sent: openly } = adapter(embedded([1]))
    await open.embed(['a'], 'query', signal)
    expect(openly[0]?.url).toBe('https://models.example/v1/embeddings')
    expect(openly[0]?.headers).not.toHaveProperty('authorization')
  })

  it('bounds an answer by the name that OpenAI wants, and by the old one elsewhere', async () => {
    const answer = { choices: [{ message: { content: 'yes' }, finish_reason: 'stop' }] }
    for (const [url, name] of [
      ['https://api.openai.com', 'max_completion_tokens'],
      ['https://models.example', 'max_tokens'],
    ] as const) {
      const { made, sent } = adapter(answer, url)
      await made.complete([{ role: 'user', content: 'x' }], { maxTokens: 5 }, signal)
      expect(JSON.parse(sent[0]?.body ?? '')).toEqual({
        model: 'played',
        messages: [{ role: 'user', content: 'x' }],
        [name]: 5,
      })
    }
  })

  it('takes no stream without a body', async () => {
    const { made } = adapter(new Response(null))
    await expect(made.stream([], {}, signal).next()).rejects.toMatchObject({ kind: 'broken' })
  })
})
