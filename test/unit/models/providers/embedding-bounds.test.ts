/** How much of an answer is read before it is known to be wrong: what the texts' vectors can need, and no more. */
import { describe, expect, it } from 'vitest'
import { MAX_DIMENSIONS, MAX_PROVIDER_ANSWER_BYTES } from '../../../../src/core/limits.ts'
import type { RemoteSource } from '../../../../src/models/model.ts'
import { adapterOf } from '../../../../src/models/providers/adapter-of.ts'
import { embeddingBytes } from '../../../../src/models/providers/provider-answer.ts'

const SOURCES: readonly RemoteSource[] = [
  { provider: 'openai-compatible', model: 'played', baseUrl: 'https://models.example/v1' },
  { provider: 'huggingface', endpointUrl: 'https://models.example' },
  { provider: 'workers-ai', model: '@cf/played/model', accountId: 'a'.repeat(32) },
]
const PIECE = new TextEncoder().encode('0.123456789,'.repeat(1_000))
const signal = new AbortController().signal

describe('an answer with vectors', () => {
  it.each(SOURCES)('of $provider without an end is left soon', async (source) => {
    let sent = 0
    const call = async (): Promise<Response> =>
      new Response(
        new ReadableStream<Uint8Array>({
          pull(controller) {
            sent += PIECE.length
            controller.enqueue(PIECE)
          },
        }),
      )
    const adapter = adapterOf(source, { call, apiKey: 'hf_played' })
    await expect(adapter.embed?.(['a ship'], 'query', signal)).rejects.toMatchObject({ kind: 'wrong' })
    expect(sent).toBeLessThan(embeddingBytes(1) + 3 * PIECE.length)
  })

  it('has room for the longest vectors, however they are written', () => {
    const vector = Array.from({ length: MAX_DIMENSIONS }, () => -Math.PI * 1e-10)
    const answer = (texts: number): number => {
      const data = Array.from({ length: texts }, (_, index) => ({ object: 'embedding', index, embedding: vector }))
      return JSON.stringify({ object: 'list', data, model: 'm'.repeat(200) }, undefined, 2).length
    }
    for (const texts of [1, 10]) expect(answer(texts)).toBeLessThan(embeddingBytes(texts))
    expect(embeddingBytes(1)).toBeLessThan(250_000)
    expect(embeddingBytes(100)).toBe(MAX_PROVIDER_ANSWER_BYTES)
  })
})
