/** Remote models as an isolate has them, against played providers on loopback. */
import type { ChatModel } from '../../src/models/chat-model.ts'
import type { Embedder, ModelProfile } from '../../src/models/embedder.ts'
import { directModelFetch } from '../../src/models/model-fetch.ts'
import type { EmbeddingModel, Model, RemoteSource } from '../../src/models/model.ts'
import { createRemoteModels, type RemoteDependencies, type RemoteModels } from '../../src/models/remote-models.ts'
import type { Reranker } from '../../src/models/reranker.ts'
import { CALLER, PLAYED_PROFILE } from './remote-models-fixture.ts'
import { PlayedPatience } from './played-patience.ts'

export class RemoteWorld {
  readonly patience = new PlayedPatience()
  readonly remote: RemoteModels

  constructor(dependencies: Partial<RemoteDependencies> = {}) {
    const { random, wait, timeLimit, clock } = this.patience
    this.remote = createRemoteModels({
      call: directModelFetch((request) => fetch(request)),
      openApiKey: async (sealed, context) => (sealed === 'lost' ? undefined : `${sealed} of ${context}`),
      random,
      wait,
      timeLimit,
      clock,
      ...dependencies,
    })
  }

  /** The first source, with the others as its fallbacks. */
  embedder(sources: readonly RemoteSource[], profile: Partial<ModelProfile> = {}, uid = 'mdl_1'): Embedder {
    const model: EmbeddingModel = { ...modelOf(uid, 'embed', sources), profile: { ...PLAYED_PROFILE, ...profile } }
    return this.remote.embedder(model, CALLER)
  }

  reranker(sources: readonly RemoteSource[]): Reranker {
    return this.remote.reranker(modelOf('mdl_2', 'rerank', sources), CALLER)
  }

  chatModel(sources: readonly RemoteSource[]): ChatModel {
    return this.remote.chatModel(modelOf('mdl_3', 'generate', sources), CALLER)
  }
}

function modelOf(uid: string, task: Model['task'], [first, ...fallbacks]: readonly RemoteSource[]): Model {
  if (first === undefined) throw new Error('a model has a source')
  return { uid, task, source: fallbacks.length === 0 ? first : { ...first, fallbacks } }
}
