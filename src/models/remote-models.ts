/**
 * Models of providers: around an adapter's single call stand batches, bounded concurrency, time limits, retries within a
 * budget, a circuit breaker, fallbacks of the same profile and the check of every answer.
 */
import type { Clock } from '../core/clock.ts'
import { Problem } from '../core/problem.ts'
import type { ChatModel } from './chat-model.ts'
import type { Embedder } from './embedder.ts'
import type { EmbeddingModel, Model, ModelCaller } from './model.ts'
import type { AiBinding, ModelFetch } from './providers/provider-adapter.ts'
import type { Reranker } from './reranker.ts'

export interface RemoteDependencies {
  /** How requests leave: `directModelFetch` or `egressModelFetch` of `model-fetch.ts`. */
  readonly call: ModelFetch
  /** Absent where the deployment has no Workers AI. */
  readonly ai?: AiBinding
  /** Opens a sealed provider key; `undefined` where it was sealed under a key that is lost. */
  openApiKey(sealed: string, context: string): Promise<string | undefined>
  readonly clock: Clock
  /** In [0, 1). */
  readonly random?: () => number
  /** Resolves after `delayMs`, rejects as soon as `signal` fires. */
  readonly wait?: (delayMs: number, signal: AbortSignal) => Promise<void>
  /** Fires after `delayMs`. */
  readonly timeLimit?: (delayMs: number) => AbortSignal
}

/** Makes them without a call; what is wrong shows when they are used. */
export interface RemoteModels {
  embedder(model: EmbeddingModel, caller: ModelCaller): Embedder
  reranker(model: Model, caller: ModelCaller): Reranker
  chatModel(model: Model, caller: ModelCaller): ChatModel
}

export function createRemoteModels(dependencies: RemoteDependencies): RemoteModels {
  const unbuilt = (): never => {
    throw new Problem('not_supported', `no provider is there yet at ${dependencies.clock()}`)
  }
  return { embedder: unbuilt, reranker: unbuilt, chatModel: unbuilt }
}
