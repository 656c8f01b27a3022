/** Every model behind one door: which embedder, reranker or language model serves a model, and where its work is done. */
import { invariant } from '../core/invariant.ts'
import { residentMemory, type ResidentMemory } from '../core/resident-memory.ts'
import { countVectorWords } from '../word-vectors/vector-words.ts'
import type { ChatModel } from './chat-model.ts'
import { EdgeEmbedder } from './edge/edge-embedder.ts'
import { EDGE_EN_RECIPE, EdgeModelLoader, type EdgeModelRecipe } from './edge/edge-model.ts'
import { EDGE_MULTILINGUAL_RECIPE } from './edge/edge-multilingual.ts'
import type { CountTokens, Embedder, ModelProfile } from './embedder.ts'
import { estimateTokens } from './estimate-tokens.ts'
import type { EmbeddingModel, Model, ModelCaller } from './model.ts'
import { meteredEmbedder, type ModelMeter } from './model-meter.ts'
import { type EmbedderNamespace, PassagePool } from './passage-pool.ts'
import { EDGE_EN, EDGE_MULTILINGUAL } from './profiles.ts'
import { QueryCache, type SharedCache } from './query-cache.ts'
import type { RemoteModels } from './remote-models.ts'
import type { Reranker } from './reranker.ts'
import { type WordVectorsDependencies, WordVectorsEmbedder, WordVectorsLoader } from './word-vectors-embedder.ts'

export interface ModelsDependencies {
  /** Reads a static asset by its path from the assets folder, such as `models/edge-en/….bin`. */
  readonly readAsset: (path: string) => Promise<ArrayBuffer>
  /** `src/kernels/edge-relaxed.wasm`, compiled. */
  readonly relaxedModule: WebAssembly.Module
  /** `src/kernels/edge-plain.wasm`, compiled. */
  readonly plainModule: WebAssembly.Module
  readonly embedderNamespace: EmbedderNamespace
  /** Embedder objects: 4 deployed, 1 locally, where all objects share one thread. */
  readonly poolSize: number
  /** Absent where nothing may be called, as in tests of models inside the Worker. */
  readonly remote?: RemoteModels
  /** Where isolates of a place share queries' vectors of models that providers serve; see `query-cache.ts`. */
  readonly sharedQueries?: SharedCache
  /** Lets work outlive the request. */
  readonly keepAlive?: (work: Promise<unknown>) => void
  /** Where models of word vectors lie; absent where there are none, as in tests of other models. */
  readonly wordVectors?: Pick<WordVectorsDependencies, 'readPacked'>
  /** The isolate's own memory unless a test brings another. */
  readonly memory?: ResidentMemory
}

/** All methods treat a model of the wrong kind as a bug: models are checked when they are made. */
export interface Models {
  /**
   * Embeds in this isolate, or calls the provider from it; also what an embedder object runs. Not for `bring-your-own`. The
   * meter is told what was read: nothing of queries whose vectors are known.
   */
  queryEmbedder(model: EmbeddingModel, caller: ModelCaller, meter?: Pick<ModelMeter, 'note'>): Embedder
  /** Embeds passages in the pool. Not for `bring-your-own`. */
  passageEmbedder(model: EmbeddingModel, caller: ModelCaller): Embedder
  /** The model's own count where it runs in the Worker, and loads it when it is not resident; an estimate for all others. */
  countTokens(model: EmbeddingModel): Promise<CountTokens>
  reranker(model: Model, caller: ModelCaller): Reranker
  chatModel(model: Model, caller: ModelCaller): ChatModel
}

const EDGE_RECIPES: readonly (readonly [ModelProfile, EdgeModelRecipe])[] = [
  [EDGE_EN, EDGE_EN_RECIPE],
  [EDGE_MULTILINGUAL, EDGE_MULTILINGUAL_RECIPE],
]

export function createModels(dependencies: ModelsDependencies): Models {
  const { embedderNamespace, poolSize, remote, sharedQueries, keepAlive, memory = residentMemory } = dependencies
  const edge = new Map(
    EDGE_RECIPES.map(([profile, recipe]) => {
      const loader = new EdgeModelLoader({ ...dependencies, memory }, recipe)
      return [profile.id, new EdgeEmbedder(profile, loader)] as const
    }),
  )
  const edgeEmbedder = (uid: string): EdgeEmbedder => {
    const embedder = edge.get(uid)
    invariant(embedder !== undefined, `the model ${uid} has an embedder`)
    return embedder
  }
  const pool = new PassagePool(embedderNamespace, poolSize)
  const queries = new QueryCache({
    memory,
    ...(sharedQueries === undefined ? {} : { shared: sharedQueries }),
    ...(keepAlive === undefined ? {} : { keepAlive }),
  })
  const vectorFiles =
    dependencies.wordVectors === undefined ? undefined : new WordVectorsLoader({ ...dependencies.wordVectors, memory })
  const called = (): RemoteModels => {
    invariant(remote !== undefined, 'models of providers can be called')
    return remote
  }
  const local = (model: EmbeddingModel, caller: ModelCaller): Embedder => {
    const { uid, source, profile } = model
    if (source.provider === 'edge') return edgeEmbedder(uid)
    if (source.provider === 'word-vectors') {
      invariant(vectorFiles !== undefined, 'models of word vectors can be read')
      return new WordVectorsEmbedder(profile, vectorFiles, source.objectKey)
    }
    invariant(source.provider !== 'bring-your-own', `the model ${uid} has an embedder`)
    return called().embedder(model, caller)
  }
  const countTokens = async ({ uid, source }: EmbeddingModel): Promise<CountTokens> => {
    if (source.provider === 'word-vectors') return countVectorWords
    if (source.provider !== 'edge') return estimateTokens
    return edgeEmbedder(uid).tokenCounter()
  }
  return {
    queryEmbedder(model, caller, meter) {
      const embedder = local(model, caller)
      const metered = meter === undefined ? embedder : meteredEmbedder(embedder, () => countTokens(model), meter)
      return queries.around(metered, model, caller)
    },
    passageEmbedder(model, caller) {
      // Whatever has no embedder here has none in the pool.
      local(model, caller)
      return pool.embedder(model, caller)
    },
    countTokens,
    reranker: (model, caller) => called().reranker(model, caller),
    chatModel: (model, caller) => called().chatModel(model, caller),
  }
}
