/**
 * A model as a collection, a tenant or the product itself holds it: what it is (profile), where it runs (source), and under
 * which name its vectors, keys and caches are told apart (uid). Plain data, so that it crosses RPC and lies in D1 as JSON.
 */
import type { ModelProfile } from './embedder.ts'
import type { NamedVectors } from './named-vectors.ts'

export type ModelTask = 'embed' | 'rerank' | 'generate'

/** A sealed provider key: base64url of what `tenancy/sealing.ts` made, under `apiKeyContext`. */
export type SealedApiKey = string

/** Cloudflare Workers AI: through the binding, or by REST with an account and a key of the tenant's own. */
export interface WorkersAiSource {
  readonly provider: 'workers-ai'
  /** Such as `@cf/baai/bge-m3`. */
  readonly model: string
  readonly accountId?: string
  readonly apiKey?: SealedApiKey
  /** Instead of Cloudflare's API, such as an AI Gateway; only with `accountId` and `apiKey`. */
  readonly baseUrl?: string
}

/** Hugging Face: a dedicated endpoint (`endpointUrl`, TEI) or an inference provider by routing. */
export interface HuggingFaceSource {
  readonly provider: 'huggingface'
  /** Repository on the hub, such as `BAAI/bge-m3`; a dedicated endpoint needs none. */
  readonly model?: string
  readonly endpointUrl?: string
  /** Which inference provider serves it (`hf-inference`, `nebius`, …); `auto` by default. */
  readonly inferenceProvider?: string
  readonly apiKey?: SealedApiKey
}

/** Anything that speaks `/embeddings`, `/rerank` and `/chat/completions` under `baseUrl`, which ends with `/v1` or the like. */
export interface OpenAiCompatibleSource {
  readonly provider: 'openai-compatible'
  readonly model: string
  readonly baseUrl: string
  readonly apiKey?: SealedApiKey
  /** Whether requests carry `dimensions`: the collection wants fewer than the model's own. */
  readonly sendsDimensions?: boolean
}

export type RemoteSource = WorkersAiSource | HuggingFaceSource | OpenAiCompatibleSource

export type WordVectorsOrigin = 'word2vec' | 'word2vec-binary' | 'glove' | 'fasttext' | 'ppmi-svd'

/** Word vectors that a tenant imported or trained: one file in R2, looked up in the Worker. */
export interface WordVectorsSource {
  readonly provider: 'word-vectors'
  /** Key of the file in the bucket of originals. */
  readonly objectKey: string
  /** What they came from: a file's format, or the method that trained them. */
  readonly origin: WordVectorsOrigin
  /** In the vocabulary. */
  readonly words: number
}

/** As it is kept, with sealed keys. `fallbacks` serve the same profile and are asked in order when the one before is down. */
export type StoredRemoteSource = RemoteSource & { readonly fallbacks?: readonly RemoteSource[] }

export type ModelSource =
  | { readonly provider: 'edge' }
  /** `vectors` where documents bring several; else each brings one of the profile's dimensions. */
  | { readonly provider: 'bring-your-own'; readonly vectors?: NamedVectors }
  | WordVectorsSource
  | StoredRemoteSource

export const isRemote = (source: ModelSource): source is StoredRemoteSource =>
  source.provider === 'workers-ai' || source.provider === 'huggingface' || source.provider === 'openai-compatible'

export interface Model {
  /** Never reused: the profile id of a model of the product, `mdl_…` of one that a tenant or a collection holds. */
  readonly uid: string
  readonly task: ModelTask
  readonly source: ModelSource
}

/** A model that embeds. */
export interface EmbeddingModel extends Model {
  readonly profile: ModelProfile
}

/** Whose call it is: tenant and, where there is one, the key that pays. Never sent to a provider. */
export interface ModelCaller {
  readonly tenantUid: string
}

/** Under which context a provider key is sealed; `position` 0 is the model's own, 1 its first fallback's. */
export const apiKeyContext = (tenantUid: string, modelUid: string, position: number): string =>
  `model/${tenantUid}/${modelUid}/apiKey/${position}`
