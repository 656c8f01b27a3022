/** Which embedder serves which profile, how passages are dealt out, and the estimate for texts that no model reads. */
import { beforeAll, describe, expect, it } from 'vitest'
import { asProblem, Problem } from '../../../src/core/problem.ts'
import { ResidentMemory } from '../../../src/core/resident-memory.ts'
import { type EmbedderNamespace, PassagePool } from '../../../src/models/passage-pool.ts'
import { createModels, type Models } from '../../../src/models/models.ts'
import type { EmbeddingModel } from '../../../src/models/model.ts'
import { EDGE_EN_MODEL, productModel } from '../../../src/models/product-models.ts'
import { bringYourOwnProfile, EDGE_EN, EDGE_MULTILINGUAL, findProfile } from '../../../src/models/profiles.ts'
import { embedderContract } from '../../contract/embedder-contract.ts'
import { edgeKernelModule, readAsset } from '../../support/edge-model.ts'
import { openAiSource, PLAYED_PROFILE } from '../../support/remote-models-fixture.ts'

const CALLER = { tenantUid: 'ten_1' }
const OWN = productModel('bring-your-own', 8) as EmbeddingModel

interface Call {
  readonly object: string
  readonly texts: string[]
}

/** A pool whose objects run in this process; `respond` may replace an object's answer. */
function modelsWith(
  poolSize: number,
  respond?: (call: Call, attempt: number) => Promise<Float32Array[]> | undefined,
): { models: Models; calls: Call[] } {
  const calls: Call[] = []
  const embedderNamespace: EmbedderNamespace = {
    getByName: (object) => ({
      async embedPassages(model, caller, texts) {
        const call = { object, texts }
        calls.push(call)
        const answer = respond?.(call, calls.length)
        return answer ?? models.queryEmbedder(model, caller).embed(texts, { kind: 'passage' })
      },
    }),
  }
  const models = createModels({
    readAsset,
    relaxedModule: edgeKernelModule('relaxed'),
    plainModule: edgeKernelModule('plain'),
    embedderNamespace,
    poolSize,
    memory,
  })
  return { models, calls }
}

const memory = new ResidentMemory(96_000_000)
const numbered = (count: number): string[] => Array.from({ length: count }, (_, i) => `passage ${i}`)
/** A vector that names its text, so that order shows without a model. */
const named = (call: Call): Promise<Float32Array[]> =>
  Promise.resolve(call.texts.map((text) => Float32Array.of(Number(text.split(' ')[1]))))

embedderContract('edge-en in this isolate', ['query', 'passage'], async () => {
  return modelsWith(1).models.queryEmbedder(EDGE_EN_MODEL, CALLER)
})
embedderContract('edge-en in a pool of one', ['passage'], async () =>
  modelsWith(1).models.passageEmbedder(EDGE_EN_MODEL, CALLER),
)
embedderContract('edge-en in a pool of four', ['passage'], async () =>
  modelsWith(4).models.passageEmbedder(EDGE_EN_MODEL, CALLER),
)

describe('the pool', () => {
  it.each([1, 4])('deals out any number of passages over %i objects, at most 32 a call, in order', async (poolSize) => {
    for (const count of [1, 2, 31, 32, 33, 64, 65, 200]) {
      const { models, calls } = modelsWith(poolSize, named)
      const vectors = await models.passageEmbedder(EDGE_EN_MODEL, CALLER).embed(numbered(count), { kind: 'passage' })
      expect(vectors.map((vector) => vector[0])).toEqual(numbered(count).map((_, i) => i))
      expect(Math.max(...calls.map(({ texts }) => texts.length))).toBeLessThanOrEqual(32)
      expect(new Set(calls.map(({ object }) => object)).size).toBeLessThanOrEqual(poolSize)
    }
  })

  it('calls providers in objects of each tenant’s own', async () => {
    const objects: string[] = []
    const pool = new PassagePool(
      {
        getByName: (object) => ({
          async embedPassages(_model, _caller, texts) {
            objects.push(object)
            return texts.map(() => new Float32Array(1))
          },
        }),
      },
      1,
    )
    const remote: EmbeddingModel = {
      uid: 'mdl_1',
      task: 'embed',
      source: openAiSource('https://models.example'),
      profile: PLAYED_PROFILE,
    }
    for (const model of [remote, EDGE_EN_MODEL]) {
      for (const tenantUid of ['ten_1', 'ten_2']) {
        await pool.embedder(model, { tenantUid }).embed(['a'], { kind: 'passage' })
      }
    }
    expect(objects).toEqual(['embedder-ten_1-0', 'embedder-ten_2-0', 'embedder-0', 'embedder-0'])
  })

  it('lets small requests take turns over the objects', async () => {
    const { models, calls } = modelsWith(4, named)
    for (let i = 0; i < 8; i++)
      await models.passageEmbedder(EDGE_EN_MODEL, CALLER).embed(numbered(1), { kind: 'passage' })
    expect(calls.map(({ object }) => object)).toEqual([0, 1, 2, 3, 0, 1, 2, 3].map((object) => `embedder-${object}`))
  })

  it('uses all objects for one big request', async () => {
    const { models, calls } = modelsWith(4, named)
    await models.passageEmbedder(EDGE_EN_MODEL, CALLER).embed(numbered(40), { kind: 'passage' })
    expect(calls.map(({ texts }) => texts.length)).toEqual([10, 10, 10, 10])
    expect(new Set(calls.map(({ object }) => object)).size).toBe(4)
  })

  it('repeats a call once when its object was lost', async () => {
    const lost = Object.assign(new Error('durable object reset'), { retryable: true })
    const { models, calls } = modelsWith(1, (call, attempt) => (attempt === 1 ? Promise.reject(lost) : named(call)))
    expect(await models.passageEmbedder(EDGE_EN_MODEL, CALLER).embed(numbered(2), { kind: 'passage' })).toHaveLength(2)
    expect(calls).toHaveLength(2)
  })

  it('says overloaded when the object stays away, at once when it is overloaded', async () => {
    for (const [fault, attempts] of [
      [{ retryable: true }, 2],
      [{ retryable: true, overloaded: true }, 1],
    ] as const) {
      const { models, calls } = modelsWith(1, () => Promise.reject(Object.assign(new Error('gone'), fault)))
      const failure = models.passageEmbedder(EDGE_EN_MODEL, CALLER).embed(numbered(1), { kind: 'passage' })
      await expect(failure).rejects.toMatchObject({ code: 'overloaded', retryAfterSeconds: 1 })
      expect(calls).toHaveLength(attempts)
    }
  })

  it('gives problems that crossed the wire their class back and leaves bugs as they are', async () => {
    const wire = { name: 'Problem', code: 'invalid_request', message: 'too many' }
    const { models } = modelsWith(1, () => Promise.reject(Object.assign(new Error('too many'), wire)))
    const failure = await models
      .passageEmbedder(EDGE_EN_MODEL, CALLER)
      .embed(numbered(1), { kind: 'passage' })
      .catch(asProblem)
    expect(failure).toBeInstanceOf(Problem)
    const broken = modelsWith(1, () => Promise.reject(new TypeError('a bug'))).models.passageEmbedder(
      EDGE_EN_MODEL,
      CALLER,
    )
    await expect(broken.embed(numbered(1), { kind: 'passage' })).rejects.toThrow(TypeError)
  })

  it('refuses an object that answers with too few vectors', async () => {
    const { models } = modelsWith(1, () => Promise.resolve([]))
    const failure = models.passageEmbedder(EDGE_EN_MODEL, CALLER).embed(numbered(3), { kind: 'passage' })
    await expect(failure).rejects.toThrow('one vector per text')
  })
})

describe('createModels', () => {
  let models: Models

  beforeAll(() => {
    models = modelsWith(1).models
  })

  it('counts tokens as the model does', async () => {
    const count = await models.countTokens(EDGE_EN_MODEL)
    expect(count('')).toBe(0)
    expect(count('The weather is lovely today.')).toBe(6)
    expect(count('internationalisation')).toBeGreaterThan(1)
  })

  it('has no embedder for vectors that callers bring, and none for unknown names', () => {
    for (const model of [OWN, { ...EDGE_EN_MODEL, uid: 'edge-klingon' }]) {
      expect(() => models.queryEmbedder(model, CALLER)).toThrow('has an embedder')
      expect(() => models.passageEmbedder(model, CALLER)).toThrow('has an embedder')
    }
  })

  it('estimates tokens for vectors that callers bring', async () => {
    const estimate = await models.countTokens(OWN)
    const count = await models.countTokens(EDGE_EN_MODEL)
    expect(estimate('')).toBe(0)
    expect(estimate('two words')).toBe(2)
    expect(estimate('東京は晴れ、大阪は雨')).toBe(10)
    const prose = `A lighthouse keeper wrote down every ship that passed the cape, its flag, its course and the weather; the book
      covers forty years, and nobody had opened it since the lighthouse was automated in the autumn of 1968.`
    expect(estimate(prose) / count(prose)).toBeGreaterThan(0.8)
    expect(estimate(prose) / count(prose)).toBeLessThan(1.25)
  })
})

describe('profiles', () => {
  it('finds the models inside the Worker by name and nothing else', () => {
    expect(findProfile('edge-en')).toBe(EDGE_EN)
    expect(findProfile('edge-multilingual')).toBe(EDGE_MULTILINGUAL)
    expect(findProfile('edge-french')).toBeUndefined()
    expect(findProfile('bring-your-own')).toBeUndefined()
  })

  it('describes vectors that callers bring by their dimensions', () => {
    expect(bringYourOwnProfile(1_024)).toMatchObject({ id: 'bring-your-own', dimensions: 1_024, languages: [] })
  })
})
