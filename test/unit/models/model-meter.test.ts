/** What a request's meter hears of models: names, prices, tokens, and nothing of what was known already. */
import { describe, expect, it, vi } from 'vitest'
import { Problem } from '../../../src/core/problem.ts'
import type { Embedder } from '../../../src/models/embedder.ts'
import type { EmbeddingModel, Model, ModelSource } from '../../../src/models/model.ts'
import { meteredEmbedder, meteredReranker, type ModelMeter, pricedModel } from '../../../src/models/model-meter.ts'
import { bringYourOwnProfile, EDGE_EN } from '../../../src/models/profiles.ts'
import { QueryCache } from '../../../src/models/query-cache.ts'
import { ResidentMemory } from '../../../src/core/resident-memory.ts'
import type { Reranker } from '../../../src/models/reranker.ts'

const RERANKER = { id: 'judge', pricePerMillionTokens: 0.01 }

const modelOf = (source: ModelSource): Model => ({ uid: 'mdl_1', task: 'rerank', source })

/** A meter that remembers; `admits` is what it answers. */
function meterThat(admits: 'all' | 'nothing' | Problem = 'all') {
  const heard: unknown[][] = []
  const meter: ModelMeter = {
    note: ({ id }, tokens) => void heard.push(['note', id, tokens]),
    async admit({ id }, tokens) {
      heard.push(['admit', id, tokens])
      if (admits instanceof Problem) throw admits
      return admits === 'nothing' ? undefined : (read) => void heard.push(['read', read])
    },
  }
  return { meter, heard }
}

describe('a model’s name and price', () => {
  it('are its profile’s, or those of its weights wherever they run', () => {
    const model: EmbeddingModel = { ...modelOf({ provider: 'edge' }), uid: 'edge-en', profile: EDGE_EN }
    expect(pricedModel(model)).toMatchObject({ id: 'edge-en', pricePerMillionTokens: 0 })
    const hosted = pricedModel(modelOf({ provider: 'workers-ai', model: '@cf/baai/bge-reranker-base' }))
    expect(hosted.id).toBe('bge-reranker-base')
    expect(hosted.pricePerMillionTokens).toBeGreaterThan(0)
    const own = modelOf({ provider: 'huggingface', model: 'BAAI/bge-reranker-base' })
    expect(pricedModel(own)).toEqual({ id: 'bge-reranker-base', pricePerMillionTokens: 0 })
    const unknown = modelOf({ provider: 'openai-compatible', model: 'mine', baseUrl: 'https://m.example/v1' })
    expect(pricedModel(unknown)).toEqual({ id: 'mine', pricePerMillionTokens: 0 })
    expect(pricedModel(modelOf({ provider: 'edge' }))).toEqual({ id: 'mdl_1', pricePerMillionTokens: 0 })
  })
})

describe('a metered embedder', () => {
  const profile = { ...bringYourOwnProfile(2), id: 'm', maxTokens: 4, queryPrefix: 'query: ' }
  const inner = (embed: Embedder['embed']): Embedder => ({ profile, embed })
  const words = async () => (text: string) => text.split(' ').length

  it('notes what the model has read, prefixes included, and no more than it reads', async () => {
    const { meter, heard } = meterThat()
    const embedder = meteredEmbedder(
      inner(async (texts) => texts.map(() => Float32Array.of(1, 0))),
      words,
      meter,
    )
    await embedder.embed(['a b', 'a b c d e f'], { kind: 'query' })
    await embedder.embed(['a b'], { kind: 'passage' })
    expect(heard).toEqual([
      ['note', 'm', 3 + 4],
      ['note', 'm', 2],
    ])
  })

  it('notes nothing of what failed, nor of queries whose vectors are kept', async () => {
    const { meter, heard } = meterThat()
    const failing = meteredEmbedder(
      inner(() => Promise.reject(new Problem('upstream_failed'))),
      words,
      meter,
    )
    await expect(failing.embed(['a'], { kind: 'query' })).rejects.toThrow()
    const embed = vi.fn<Embedder['embed']>(async (texts) => texts.map(() => Float32Array.of(1, 0)))
    const cache = new QueryCache({ memory: new ResidentMemory(1_000_000) })
    const model: EmbeddingModel = { ...modelOf({ provider: 'edge' }), profile }
    for (const text of ['a', 'a', 'b']) {
      const metered = meteredEmbedder(inner(embed), words, meter)
      await cache.around(metered, model, { tenantUid: 'ten_1' }).embed([text], { kind: 'query' })
    }
    expect(embed).toHaveBeenCalledTimes(2)
    expect(heard).toEqual([
      ['note', 'm', 2],
      ['note', 'm', 2],
    ])
  })
})

describe('a metered reranker', () => {
  const inner = (rerank: Reranker['rerank']): Reranker => ({ id: 'judge', rerank })
  const scores = vi.fn<Reranker['rerank']>(async () => ({ scores: [1, 0], raw: [1, 0], tokens: 11 }))

  it('asks by an estimate before the provider is called, and tells what was read', async () => {
    const { meter, heard } = meterThat()
    await meteredReranker(inner(scores), RERANKER, meter).rerank('boat', ['ferry at sea', 'heron'])
    expect(heard).toEqual([
      ['admit', 'judge', 2 + 3 + 1],
      ['read', 11],
    ])
  })

  it.each(['nothing', new Problem('monthly_quota_exceeded')] as const)(
    'is not called when refused: %s',
    async (how) => {
      scores.mockClear()
      const { meter } = meterThat(how)
      const answer = meteredReranker(inner(scores), RERANKER, meter).rerank('boat', ['ferry'])
      await expect(answer).rejects.toMatchObject({ code: how === 'nothing' ? 'overloaded' : how.code })
      expect(scores).not.toHaveBeenCalled()
    },
  )

  it('counts what it was stopped at, and nothing of what failed', async () => {
    const { meter, heard } = meterThat()
    const failing = meteredReranker(
      inner(() => Promise.reject(new Problem('upstream_failed'))),
      RERANKER,
      meter,
    )
    await expect(failing.rerank('boat', ['ferry'])).rejects.toThrow()
    await expect(failing.rerank('boat', ['ferry'], { signal: AbortSignal.abort() })).rejects.toThrow()
    expect(heard).toEqual([
      ['admit', 'judge', 2],
      ['admit', 'judge', 2],
      ['read', 2],
    ])
  })
})
