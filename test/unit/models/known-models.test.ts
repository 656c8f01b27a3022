import { describe, expect, test } from 'vitest'
import { Problem } from '../../../src/core/problem.ts'
import { findKnownModel, KNOWN_MODELS } from '../../../src/models/known-models.ts'
import type { RemoteSource } from '../../../src/models/model.ts'
import { modelNameOf, type ProfileClaims, remoteProfile, sameSpace } from '../../../src/models/remote-profile.ts'

const BGE_CLOUDFLARE: RemoteSource = { provider: 'workers-ai', model: '@cf/baai/bge-m3' }
const BGE_HUB: RemoteSource = { provider: 'huggingface', model: 'BAAI/bge-m3' }
const UNKNOWN: RemoteSource = {
  provider: 'openai-compatible',
  model: 'acme/Own-Model',
  baseUrl: 'https://gpu.example/v1',
}

const refusalOf = (source: RemoteSource, claims: ProfileClaims): Problem['errors'] => {
  try {
    remoteProfile(source, claims)
  } catch (error) {
    if (error instanceof Problem) return error.errors
  }
  throw new Error('was not refused')
}

describe('the list of known models', () => {
  test('gives every name to one model only, and every model one id', () => {
    const names = KNOWN_MODELS.flatMap(({ id, names: others }) => [...new Set([id.toLowerCase(), ...others])])
    expect(names.filter((name, i) => names.indexOf(name) !== i)).toStrictEqual([])
    expect(names).toStrictEqual(names.map((name) => name.toLowerCase()))
  })

  test('has profiles that hold together', () => {
    for (const { id, task, profile, maxTokens, languages, licence } of KNOWN_MODELS) {
      expect(profile !== undefined, id).toBe(task === 'embed')
      if (profile === undefined) continue
      expect(profile, id).toMatchObject({
        id,
        maxTokens,
        languages,
        licence,
        normalised: true,
        pricePerMillionTokens: 0,
      })
      expect(profile.matryoshka, id).toStrictEqual(profile.matryoshka.toSorted((a, b) => a - b))
      expect(Math.max(0, ...profile.matryoshka), id).toBeLessThan(profile.dimensions)
    }
  })

  test('is searched without regard to case', () => {
    expect(findKnownModel('baai/BGE-M3')?.id).toBe('bge-m3')
    expect(findKnownModel('sentence-transformers/all-MiniLM-L6-v2')?.id).toBe('all-MiniLM-L6-v2')
    expect(findKnownModel('baai/bge-m4')).toBeUndefined()
  })
})

describe('the profile of a remote model', () => {
  test('is one vector space whoever runs the weights, at each provider its own price', () => {
    const [cloudflare, hub] = [remoteProfile(BGE_CLOUDFLARE, {}), remoteProfile(BGE_HUB, {})]
    expect(cloudflare).toMatchObject({ id: 'bge-m3', dimensions: 1024, pricePerMillionTokens: 0.0118 })
    expect(hub).toStrictEqual({ ...cloudflare, pricePerMillionTokens: 0 })
    expect(sameSpace(cloudflare, hub)).toBe(true)
  })

  test('takes the list price of a proprietary model', () => {
    const source: RemoteSource = { ...UNKNOWN, model: 'text-embedding-3-large' }
    expect(remoteProfile(source, { dimensions: 256 })).toMatchObject({ dimensions: 256, pricePerMillionTokens: 0.13 })
  })

  test('shortens vectors by the model’s own steps only', () => {
    const qwen: RemoteSource = { provider: 'workers-ai', model: '@cf/qwen/qwen3-embedding-0.6b' }
    const [whole, short] = [remoteProfile(qwen, {}), remoteProfile(qwen, { dimensions: 256 })]
    expect(short.dimensions).toBe(256)
    expect(sameSpace(whole, short)).toBe(false)
    expect(refusalOf(qwen, { dimensions: 300 })).toStrictEqual([
      {
        pointer: '/model/dimensions',
        detail: 'qwen3-embedding-0.6b has vectors of 32, 64, 128, 256, 512, 768, 1024 dimensions',
      },
    ])
    expect(refusalOf(BGE_HUB, { dimensions: 512 })).toMatchObject([{ pointer: '/model/dimensions' }])
  })

  test('cannot be talked out of what is known, but may be told languages', () => {
    expect(refusalOf(BGE_HUB, { queryPrefix: 'query: ' })).toMatchObject([{ pointer: '/model/queryPrefix' }])
    expect(refusalOf(BGE_HUB, { maxTokens: 512 })).toMatchObject([{ pointer: '/model/maxTokens' }])
    expect(remoteProfile(BGE_HUB, { maxTokens: 8192, queryPrefix: '', languages: ['de'] }).languages).toStrictEqual([
      'de',
    ])
  })

  test('of an unknown model is what its owner says', () => {
    expect(refusalOf(UNKNOWN, {})).toMatchObject([{ pointer: '/model/dimensions' }])
    const claims = { dimensions: 12, maxTokens: 99, queryPrefix: 'q: ', passagePrefix: 'p: ', languages: ['sw'] }
    expect(remoteProfile(UNKNOWN, claims)).toMatchObject({ id: 'acme/Own-Model', licence: 'unknown', ...claims })
    expect(remoteProfile(UNKNOWN, { dimensions: 12 })).toMatchObject({ maxTokens: 512, queryPrefix: '', languages: [] })
    const one = remoteProfile(UNKNOWN, claims)
    for (const other of [{ queryPrefix: '' }, { passagePrefix: '' }, { dimensions: 13 }])
      expect(sameSpace(one, remoteProfile(UNKNOWN, { ...claims, ...other }))).toBe(false)
  })

  test('is refused for a model that does something else', () => {
    const source: RemoteSource = { provider: 'workers-ai', model: '@cf/baai/bge-reranker-base' }
    expect(refusalOf(source, {})).toStrictEqual([{ pointer: '/model/model', detail: 'is not an embedding model' }])
  })

  test('names an endpoint without a model by its host', () => {
    const source: RemoteSource = { provider: 'huggingface', endpointUrl: 'https://abc.endpoints.example/embed' }
    expect(modelNameOf(source)).toBe('abc.endpoints.example')
  })
})
