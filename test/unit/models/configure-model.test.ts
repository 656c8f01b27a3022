/** What of a provider's model is refused before anything is stored, by the field that is wrong. */
import { describe, expect, it } from 'vitest'
import { configureModel, type ModelConfiguration, type ModelInput } from '../../../src/models/configure-model.ts'
import { type ModelChanges, reconfigureModel } from '../../../src/models/reconfigure-model.ts'

const CONFIGURATION: ModelConfiguration = {
  hasWorkersAi: true,
  allowsPrivateEndpoints: false,
  seal: async (plain, context) => `sealed ${plain.length} for ${context}`,
}
const OWNER = { tenantUid: 'ten_1', modelUid: 'mdl_1' }
const BGE = { model: 'BAAI/bge-m3' }
const ENDPOINT = 'https://abc.endpoints.example'

const made = (input: ModelInput) => configureModel(CONFIGURATION, OWNER, 'embed', input, '/model')
const refusedFields = async (work: Promise<unknown>): Promise<unknown> => {
  const error = await work.then(
    () => undefined,
    (thrown: { code: string; errors: readonly { pointer: string }[] }) => thrown,
  )
  return error && [error.code, ...error.errors.map(({ pointer }) => pointer)]
}

describe('a key of Hugging Face', () => {
  it('begins as those do, unless something else was named to take it', async () => {
    const foreign = { provider: 'huggingface', ...BGE, apiKey: 'sk-elsewhere' } as const
    const refusal = ['invalid_request', '/model/apiKey']
    expect(await refusedFields(made(foreign))).toEqual(refusal)
    expect(await refusedFields(made({ ...foreign, inferenceProvider: 'auto' }))).toEqual(refusal)
    expect(await refusedFields(made({ ...foreign, inferenceProvider: 'hf-inference' }))).toEqual(refusal)
    expect(await refusedFields(made({ ...foreign, inferenceProvider: 'together' }))).toBeUndefined()
    expect(await refusedFields(made({ ...foreign, endpointUrl: ENDPOINT }))).toBeUndefined()
    expect(await refusedFields(made({ ...foreign, apiKey: 'hf_own' }))).toBeUndefined()
    const fallbacks = [foreign]
    expect(await refusedFields(made({ ...foreign, apiKey: 'hf_own', fallbacks }))).toEqual([
      'invalid_request',
      '/model/fallbacks/0/apiKey',
    ])
  })

  it('is judged when it is given, and not as it is kept', async () => {
    const { source, profile } = await made({ provider: 'huggingface', ...BGE, apiKey: 'hf_own' })
    const change = (changes: ModelChanges): Promise<unknown> =>
      refusedFields(reconfigureModel(CONFIGURATION, OWNER, { source, ...(profile && { profile }) }, changes, ''))
    const foreign = { provider: 'huggingface', ...BGE, apiKey: 'sk-elsewhere' } as const
    expect(await change({ fallbacks: [{ ...foreign, apiKey: 'hf_other' }] })).toBeUndefined()
    expect(await change({ fallbacks: [foreign] })).toEqual(['invalid_request', '/fallbacks/0/apiKey'])
    expect(await change({ apiKey: 'hf_other' })).toBeUndefined()
    expect(await change({ apiKey: 'sk-elsewhere' })).toEqual(['invalid_request', '/apiKey'])
  })
})

describe('a name that goes into an address', () => {
  const account = { accountId: 'a'.repeat(32), apiKey: 'token' }

  it.each(['@cf/baai/../../../accounts', '@cf/baai/bge-m3?x', 'openai/gpt-5', 'bge-m3', '@cf/x', '@cf//x/y'])(
    'is none of Workers AI where it is %j',
    async (model) => {
      const refusal = ['invalid_request', '/model/model']
      expect(await refusedFields(made({ provider: 'workers-ai', model, dimensions: 8 }))).toEqual(refusal)
      expect(await refusedFields(made({ provider: 'workers-ai', model, dimensions: 8, ...account }))).toEqual(refusal)
    },
  )

  it.each(['../../api/whoami-v2', 'a/../b', 'a/b?c', 'a/b#c', 'a/b/c'])(
    'is none of the hub where it is %j',
    async (model) => {
      const named = { provider: 'huggingface', model, dimensions: 8 } as const
      expect(await refusedFields(made(named))).toEqual(['invalid_request', '/model/model'])
      // A dedicated endpoint is told the name in a body only.
      expect(await refusedFields(made({ ...named, endpointUrl: ENDPOINT }))).toBeUndefined()
    },
  )

  it('follows an address without a query', async () => {
    const queried = { provider: 'huggingface', ...BGE, endpointUrl: `${ENDPOINT}/?next=` } as const
    expect(await refusedFields(made(queried))).toEqual(['invalid_request', '/model/endpointUrl'])
  })
})
