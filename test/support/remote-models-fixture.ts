/** A model of a played provider, its caller and its source. */
import type { ModelProfile } from '../../src/models/embedder.ts'
import type { OpenAiCompatibleSource } from '../../src/models/model.ts'

export const PLAYED_PROFILE: ModelProfile = {
  id: 'played',
  dimensions: 64,
  maxTokens: 512,
  queryPrefix: '',
  passagePrefix: '',
  pooling: 'none',
  normalised: true,
  languages: [],
  version: 1,
  matryoshka: [],
  licence: 'unknown',
  pricePerMillionTokens: 0,
}

export const CALLER = { tenantUid: 'ten_1' }

export const openAiSource = (url: string, more: Partial<OpenAiCompatibleSource> = {}): OpenAiCompatibleSource => ({
  provider: 'openai-compatible',
  model: 'played',
  baseUrl: `${url}/v1`,
  ...more,
})
