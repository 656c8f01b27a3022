/**
 * Models of providers: around an adapter's single call stand batches, bounded concurrency, time limits, retries within a
 * budget, a circuit breaker, fallbacks of the same profile and the check of every answer.
 */
import { systemClock, type Clock } from '../core/clock.ts'
import { invariant } from '../core/invariant.ts'
import type { ChatModel } from './chat-model.ts'
import type { Embedder } from './embedder.ts'
import { type EmbeddingModel, isRemote, type Model, type ModelCaller, type RemoteSource } from './model.ts'
import type { Patience } from './providers/endpoint.ts'
import { EndpointsHealth } from './providers/endpoint-health.ts'
import type { AiBinding, ModelFetch } from './providers/provider-adapter.ts'
import { RemoteChat } from './providers/remote-chat.ts'
import { RemoteEmbedder } from './providers/remote-embedder.ts'
import { RemoteEndpoints } from './providers/remote-endpoints.ts'
import { RemoteReranker } from './providers/remote-reranker.ts'
import type { Reranker } from './reranker.ts'

export interface RemoteDependencies extends Partial<Patience> {
  /** How requests leave: `directModelFetch` or `egressModelFetch` of `model-fetch.ts`. */
  readonly call: ModelFetch
  /** Absent where the deployment has no Workers AI. */
  readonly ai?: AiBinding
  /** Opens a sealed provider key; `undefined` where it was sealed under a key that is lost. */
  openApiKey(sealed: string, context: string): Promise<string | undefined>
  readonly clock?: Clock
}

/** Makes them without a call; what is wrong shows when they are used. They treat a model without a provider as a bug. */
export interface RemoteModels {
  embedder(model: EmbeddingModel, caller: ModelCaller): Embedder
  reranker(model: Model, caller: ModelCaller): Reranker
  chatModel(model: Model, caller: ModelCaller): ChatModel
}

/** Holds what an isolate knows of its endpoints' health: make one for each isolate. */
export function createRemoteModels(dependencies: RemoteDependencies): RemoteModels {
  const { clock = systemClock, random = Math.random, wait = waitFor, timeLimit = timeLimitOf } = dependencies
  const patience: Patience = { random, wait, timeLimit }
  const shared = { ...dependencies, health: new EndpointsHealth(clock), patience }
  const endpointsOf = (model: Model & Partial<EmbeddingModel>, caller: ModelCaller): RemoteEndpoints => {
    const { uid, profile } = model
    return new RemoteEndpoints(
      { uid, sources: sourcesOf(model), ...(profile === undefined ? {} : { profile }) },
      caller,
      shared,
    )
  }
  return {
    embedder: (model, caller) => new RemoteEmbedder(model.profile, endpointsOf(model, caller)),
    reranker: (model, caller) => new RemoteReranker(model.uid, endpointsOf(model, caller)),
    chatModel: (model, caller) => new RemoteChat(model.uid, endpointsOf(model, caller), patience),
  }
}

function sourcesOf({ uid, source }: Model): RemoteSource[] {
  invariant(isRemote(source), `the model ${uid} is a provider's`)
  return [source, ...(source.fallbacks ?? [])]
}

const timeLimitOf = (delayMs: number): AbortSignal => AbortSignal.timeout(delayMs)

function waitFor(delayMs: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, delayMs)
  const abort = (): void => {
    clearTimeout(timer)
    reject(signal.reason)
  }
  if (signal.aborted) abort()
  signal.addEventListener('abort', abort, { once: true })
  return promise.finally(() => signal.removeEventListener('abort', abort))
}
