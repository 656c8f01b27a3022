/** Hugging Face's library inside the Workers runtime: its requests, its answers and its streams. */
import { describe, expect, test } from 'vitest'
import type { ChatEvent } from '../../../src/models/chat-model.ts'
import { huggingFaceAdapter } from '../../../src/models/providers/hugging-face.ts'
import type { ModelRequest, ProviderAdapter } from '../../../src/models/providers/provider-adapter.ts'
import { ProviderFault } from '../../../src/models/providers/provider-fault.ts'

const signal = new AbortController().signal
const messages = [{ role: 'user', content: 'hi' }] as const

function endpoint(answer: (request: ModelRequest) => Response): {
  adapter: Required<ProviderAdapter>
  requests: ModelRequest[]
} {
  const requests: ModelRequest[] = []
  const adapter = huggingFaceAdapter(
    { provider: 'huggingface', endpointUrl: 'https://endpoint.example' },
    {
      apiKey: 'hf_played',
      call: (request) => {
        requests.push(request)
        return Promise.resolve(answer(request))
      },
    },
  )
  return { adapter: adapter as Required<ProviderAdapter>, requests }
}

const chunk = (content: string, finish: string | null = null): string =>
  `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content }, finish_reason: finish }] })}\n\n`

describe('in the Workers runtime', () => {
  test('embeds', async () => {
    const { adapter, requests } = endpoint(() => Response.json([[0.6, 0.8]], { headers: { 'x-compute-tokens': '3' } }))
    expect(await adapter.embed(['a ship'], 'query', signal)).toStrictEqual({ vectors: [[0.6, 0.8]], tokens: 3 })
    expect(requests).toMatchObject([
      {
        url: 'https://endpoint.example/embed',
        method: 'POST',
        headers: { authorization: 'Bearer hf_played', 'content-type': 'application/json' },
        body: JSON.stringify({ inputs: ['a ship'], normalize: true, truncate: true }),
      },
    ])
  })

  test('streams', async () => {
    const pieces = [
      chunk('Hel').slice(0, 20),
      chunk('Hel').slice(20) + chunk('lo'),
      chunk('', 'stop'),
      'data: [DONE]\n\n',
    ]
    const { adapter } = endpoint(
      () => new Response(new Blob(pieces).stream(), { headers: { 'content-type': 'text/event-stream' } }),
    )
    const events: ChatEvent[] = []
    for await (const event of adapter.stream(messages, {}, signal)) events.push(event)
    expect(events.map((event) => (event.kind === 'text' ? event.text : event.finish))).toStrictEqual([
      'Hel',
      'lo',
      'stop',
    ])
  })

  test('leaves a stream early without an error behind', async () => {
    let signalOfRequest: AbortSignal | undefined
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new TextEncoder().encode(chunk('word '))),
    })
    const { adapter } = endpoint((request) => {
      signalOfRequest = request.signal
      return new Response(endless, { headers: { 'content-type': 'text/event-stream' } })
    })
    for await (const event of adapter.stream(messages, {}, signal)) if (event.kind === 'text') break
    expect(signalOfRequest?.aborted).toBe(true)
  })

  test('says what went wrong', async () => {
    const { adapter } = endpoint(() => Response.json({ error: 'loading', estimated_time: 12 }, { status: 503 }))
    const error: unknown = await adapter.embed(['a'], 'query', signal).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(ProviderFault)
    expect((error as ProviderFault).problem).toMatchObject({ code: 'overloaded', retryAfterSeconds: 12 })
  })
})
