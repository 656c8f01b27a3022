/** What writes text: a large language model behind any provider. Answers are made with it in `answer/`. */

export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant'
  readonly content: string
}

export interface ChatOptions {
  /** Tokens of the answer, at most. */
  readonly maxTokens?: number
  /** 0 to 2. */
  readonly temperature?: number
  readonly seed?: number
  /** A JSON Schema that the answer must fit, where the provider can. */
  readonly schema?: Readonly<Record<string, unknown>>
  /** Cancels the provider's work. */
  readonly signal?: AbortSignal
}

export interface ChatUsage {
  readonly inputTokens: number
  readonly outputTokens: number
}

export interface ChatAnswer {
  readonly text: string
  /** `length`: cut off by `maxTokens`; `filtered`: the provider's own filter stopped it. */
  readonly finish: 'stop' | 'length' | 'filtered'
  readonly usage: ChatUsage
}

export type ChatEvent =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'end'; readonly finish: ChatAnswer['finish']; readonly usage: ChatUsage }

export interface ChatModel {
  readonly id: string
  /** @throws upstream_failed, upstream_timeout, overloaded */
  complete(messages: readonly ChatMessage[], options?: ChatOptions): Promise<ChatAnswer>
  /** The answer as it is written; exactly one `end`, last. A stream that breaks off throws. @throws as `complete` */
  stream(messages: readonly ChatMessage[], options?: ChatOptions): AsyncGenerator<ChatEvent, void, undefined>
}
