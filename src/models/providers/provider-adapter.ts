/**
 * What stands between a provider's protocol and the rest: an adapter makes one call, without a retry, a batch or a check of
 * the numbers; `../remote-models.ts` stands around it. What goes wrong it throws as a `ProviderFault`.
 */
import type { ChatAnswer, ChatEvent, ChatMessage, ChatOptions } from '../chat-model.ts'
import type { EmbeddingKind, ModelProfile } from '../embedder.ts'

/** What one call may carry at most. */
export interface ProviderLimits {
  readonly texts: number
  /** Of all texts of a call together, estimated. */
  readonly tokens: number
  /** Documents of one rerank call. */
  readonly documents: number
}

export interface ProviderEmbeddings {
  /** In the order of the texts. Their count, length and numbers are judged by who called. */
  readonly vectors: readonly ArrayLike<unknown>[]
  /** As the provider counted them. */
  readonly tokens?: number
}

export interface ProviderScores {
  /** One number for each document, in the order of the documents. */
  readonly raw: readonly number[]
  /** `sigmoid`: `raw` are logits; `none`: they lie in [0, 1] already. */
  readonly calibrate: 'sigmoid' | 'none'
  readonly tokens?: number
}

/** Options of a chat without the signal, which is given apart. */
export type ChatRequest = Omit<ChatOptions, 'signal'>

/** One provider and model of one tenant. What it cannot do is absent. Texts carry their prefixes already. */
export interface ProviderAdapter {
  readonly limits: ProviderLimits
  embed?(texts: readonly string[], kind: EmbeddingKind, signal: AbortSignal): Promise<ProviderEmbeddings>
  rerank?(query: string, documents: readonly string[], signal: AbortSignal): Promise<ProviderScores>
  complete?(messages: readonly ChatMessage[], request: ChatRequest, signal: AbortSignal): Promise<ChatAnswer>
  stream?(
    messages: readonly ChatMessage[],
    request: ChatRequest,
    signal: AbortSignal,
  ): AsyncGenerator<ChatEvent, void, undefined>
}

/** One request to a provider. */
export interface ModelRequest {
  readonly url: string
  /** POST unless it says otherwise. */
  readonly method?: 'GET' | 'POST'
  /** Lower-case names. Only `accept`, `authorization` and `content-type` leave. */
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  readonly signal: AbortSignal
}

/**
 * Sends one request and gives the answer back as it comes, its body still to be read. Redirects are not followed: they come
 * back as such. Which addresses may be called is judged in here.
 * @throws ProviderFault of the kinds `refused` and `unreachable`
 */
export type ModelFetch = (request: ModelRequest) => Promise<Response>

/** The binding of Workers AI, as far as it is used. */
export interface AiBinding {
  run(model: string, input: object, options?: object): Promise<unknown>
}

/** What an adapter is made from, beside its source. */
export interface AdapterContext {
  readonly call: ModelFetch
  readonly ai?: AiBinding
  /** The opened provider key. */
  readonly apiKey?: string
  /** Of an embedding model. */
  readonly profile?: ModelProfile
}
