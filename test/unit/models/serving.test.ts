/** Vectors served beside any collection: which embedder makes them, how long they are, and how many tokens they cost. */
import { describe, expect, it } from 'vitest'
import { asProblem } from '../../../src/core/problem.ts'
import type { Embedder, EmbeddingKind } from '../../../src/models/embedder.ts'
import type { EmbeddingModel, ModelSource } from '../../../src/models/model.ts'
import { EDGE_EN } from '../../../src/models/profiles.ts'
import { serveVectors } from '../../../src/models/serving.ts'

const CALLER = { tenantUid: 'ten_1' }
const REMOTE: ModelSource = { provider: 'openai-compatible', model: 'm', baseUrl: 'https://models.example/v1' }

const modelOf = (source: ModelSource): EmbeddingModel => ({
  uid: 'mdl_1',
  task: 'embed',
  source,
  profile: {
    ...EDGE_EN,
    dimensions: 4,
    matryoshka: [2],
    maxTokens: 6,
    queryPrefix: 'query: ',
    passagePrefix: 'passage: ',
  },
})

/** Says which embedder was given what, in calls. */
function world(source: ModelSource = { provider: 'edge' }) {
  const model = modelOf(source)
  const calls: { from: string; kind: EmbeddingKind; texts: readonly string[] }[] = []
  let pauses = 0
  const embedder = (from: string): Embedder => ({
    profile: model.profile,
    embed(texts, { kind }) {
      calls.push({ from, kind, texts })
      return Promise.resolve(texts.map(() => Float32Array.of(0.6, 0, 0, 0.8)))
    },
  })
  const models = {
    queryEmbedder: () => embedder('isolate'),
    passageEmbedder: () => embedder('pool'),
    countTokens: () => Promise.resolve((text: string) => text.split(' ').length),
  }
  const serve = (texts: readonly string[], options: { kind: EmbeddingKind; dimensions?: number }) =>
    serveVectors(models, model, CALLER, texts, {
      ...options,
      pause: () => {
        pauses++
        return Promise.resolve()
      },
    })
  return { serve, calls, pauses: () => pauses }
}

const numbered = (count: number): string[] => Array.from({ length: count }, (_, i) => `text ${i}`)

describe('vectors that are served', () => {
  it('are passages’ from the pool and queries’ from the isolate, in order', async () => {
    const { serve, calls } = world()
    expect((await serve(['a', 'b'], { kind: 'passage' })).vectors).toHaveLength(2)
    await serve(['a'], { kind: 'query' })
    expect(calls).toEqual([
      { from: 'pool', kind: 'passage', texts: ['a', 'b'] },
      { from: 'isolate', kind: 'query', texts: ['a'] },
    ])
  })

  it('let others have their turn between queries of a model in the Worker, and go to a provider at once', async () => {
    const inside = world()
    expect((await inside.serve(numbered(40), { kind: 'query' })).vectors).toHaveLength(40)
    expect(inside.calls.map(({ texts }) => texts.length)).toEqual([16, 16, 8])
    expect(inside.calls.flatMap(({ texts }) => texts)).toEqual(numbered(40))
    expect(inside.pauses()).toBe(2)
    const outside = world(REMOTE)
    await outside.serve(numbered(40), { kind: 'query' })
    expect([outside.calls.length, outside.pauses()]).toEqual([1, 0])
  })

  it('are cut at a Matryoshka step to unit length again', async () => {
    const { serve } = world()
    const { vectors } = await serve(['a'], { kind: 'query', dimensions: 2 })
    expect(vectors).toEqual([Float32Array.of(1, 0)])
    expect((await serve(['a'], { kind: 'query', dimensions: 4 })).vectors).toEqual([Float32Array.of(0.6, 0, 0, 0.8)])
  })

  it('are refused at any other length before a model is asked', async () => {
    const { serve, calls } = world()
    const refused = await serve(['a'], { kind: 'query', dimensions: 3 }).catch(asProblem)
    expect(refused).toMatchObject({
      code: 'invalid_request',
      errors: [{ pointer: '/dimensions', detail: 'edge-en has vectors of 2, 4 dimensions' }],
    })
    expect(calls).toEqual([])
  })

  it('cost the tokens that the model reads, its prefix included and what it cuts not', async () => {
    const { serve } = world()
    expect((await serve(['one two', 'three'], { kind: 'query' })).tokens).toBe(3 + 2)
    expect((await serve(['one two three four five six seven'], { kind: 'passage' })).tokens).toBe(6)
  })
})
