/** Which models are checked: those for which the environment has credentials or an address. */
import type { EmbeddingModel, Model, ModelTask, RemoteSource } from '../../src/models/model.ts'
import { modelNameOf, remoteProfile } from '../../src/models/remote-profile.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** One model at one provider; its key is not sealed. */
export interface Subject {
  readonly provider: RemoteSource['provider']
  readonly name: string
  readonly model: EmbeddingModel | Model
}

export const VARIABLES = `Workers AI
  CLOUDFLARE_ACCOUNT_ID, CLOUDFLARE_API_TOKEN   an account and a token with the permission Workers AI
  CLOUDFLARE_AI_BASE_URL                        instead of Cloudflare's API, such as an AI Gateway's …/workers-ai
  CLOUDFLARE_EMBED_MODEL, CLOUDFLARE_RERANK_MODEL, CLOUDFLARE_CHAT_MODEL
Hugging Face
  HF_TOKEN                                      for the router: HF_EMBED_MODEL, HF_CHAT_MODEL, HF_INFERENCE_PROVIDER
  HF_EMBED_URL, HF_RERANK_URL, HF_CHAT_URL      dedicated endpoints; HF_EMBED_MODEL and HF_CHAT_MODEL say what they run
  HF_EMBED_DIMENSIONS                           of a model that is not known
OpenAI, or whatever speaks its protocol
  OPENAI_API_KEY, OPENAI_BASE_URL               one of them is enough
  OPENAI_EMBED_MODEL, OPENAI_RERANK_MODEL, OPENAI_CHAT_MODEL
  OPENAI_EMBED_DIMENSIONS                       of a model that is not known`

const OPENAI_URL = 'https://api.openai.com/v1'

/** @throws Problem where the dimensions of an unknown model are missing */
export function subjectsOf(environment: Environment): Subject[] {
  // A variable that is set to nothing is a way of not setting it.
  const env = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''))
  return [...workersAi(env), ...huggingFace(env), ...openAiCompatible(env)]
}

function workersAi(env: Environment): Subject[] {
  const { CLOUDFLARE_ACCOUNT_ID: accountId, CLOUDFLARE_API_TOKEN: apiKey, CLOUDFLARE_AI_BASE_URL: baseUrl } = env
  if (accountId === undefined || apiKey === undefined) return []
  const at = (model: string): RemoteSource => ({
    provider: 'workers-ai',
    model,
    accountId,
    apiKey,
    ...(baseUrl === undefined ? {} : { baseUrl }),
  })
  return [
    subject('embed', at(env['CLOUDFLARE_EMBED_MODEL'] ?? '@cf/baai/bge-m3')),
    subject('rerank', at(env['CLOUDFLARE_RERANK_MODEL'] ?? '@cf/baai/bge-reranker-base')),
    subject('generate', at(env['CLOUDFLARE_CHAT_MODEL'] ?? '@cf/meta/llama-3.2-1b-instruct')),
  ]
}

function huggingFace(env: Environment): Subject[] {
  const { HF_TOKEN: apiKey, HF_INFERENCE_PROVIDER: inferenceProvider, HF_EMBED_DIMENSIONS: dimensions } = env
  const key = apiKey === undefined ? {} : { apiKey }
  const at = (endpointUrl: string | undefined, model: string | undefined, usual: string): RemoteSource | undefined => {
    if (endpointUrl !== undefined)
      return { provider: 'huggingface', endpointUrl, ...key, ...(model === undefined ? {} : { model }) }
    if (apiKey === undefined) return undefined
    const route = inferenceProvider === undefined ? {} : { inferenceProvider }
    return { provider: 'huggingface', model: model ?? usual, ...route, ...key }
  }
  const embed = at(env['HF_EMBED_URL'], env['HF_EMBED_MODEL'], 'intfloat/multilingual-e5-large')
  const rerankUrl = env['HF_RERANK_URL']
  const chat = at(env['HF_CHAT_URL'], env['HF_CHAT_MODEL'], 'meta-llama/Llama-3.1-8B-Instruct')
  return [
    ...(embed === undefined ? [] : [subject('embed', embed, dimensions)]),
    ...(rerankUrl === undefined
      ? []
      : [subject('rerank', { provider: 'huggingface', endpointUrl: rerankUrl, ...key })]),
    ...(chat === undefined ? [] : [subject('generate', chat)]),
  ]
}

function openAiCompatible(env: Environment): Subject[] {
  const { OPENAI_API_KEY: apiKey, OPENAI_BASE_URL: ownUrl } = env
  if (apiKey === undefined && ownUrl === undefined) return []
  const { OPENAI_EMBED_MODEL: embed, OPENAI_RERANK_MODEL: rerank, OPENAI_CHAT_MODEL: chat } = env
  const at = (model: string): RemoteSource => ({
    provider: 'openai-compatible',
    model,
    baseUrl: ownUrl ?? OPENAI_URL,
    ...(apiKey === undefined ? {} : { apiKey }),
  })
  // What a server of one's own runs, nobody can guess.
  const usual = (model: string): string | undefined => (ownUrl === undefined ? model : undefined)
  const [embedModel, chatModel] = [embed ?? usual('text-embedding-3-small'), chat ?? usual('gpt-4o-mini')]
  return [
    ...(embedModel === undefined ? [] : [subject('embed', at(embedModel), env['OPENAI_EMBED_DIMENSIONS'])]),
    ...(rerank === undefined ? [] : [subject('rerank', at(rerank))]),
    ...(chatModel === undefined ? [] : [subject('generate', at(chatModel))]),
  ]
}

function subject(task: ModelTask, source: RemoteSource, dimensions?: string): Subject {
  const model: Model = { uid: `check-${task}`, task, source }
  const claims = dimensions === undefined ? {} : { dimensions: Number(dimensions) }
  return {
    provider: source.provider,
    name: modelNameOf(source),
    model: task === 'embed' ? { ...model, profile: remoteProfile(source, claims) } : model,
  }
}
