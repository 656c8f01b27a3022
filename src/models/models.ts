/**
 * Which embedder serves which profile. Queries are embedded in the caller's own isolate, passages in a pool of embedder
 * objects. Everything comes by injection, so that the same code runs inside the Worker and in plain Node.
 */
import { invariant } from '../core/invariant.ts'
import { residentMemory, type ResidentMemory } from '../core/resident-memory.ts'
import { EdgeEmbedder } from './edge/edge-embedder.ts'
import { EdgeModelLoader } from './edge/edge-model.ts'
import type { CountTokens, Embedder } from './embedder.ts'
import { estimateTokens } from './estimate-tokens.ts'
import { type EmbedderNamespace, PassagePool } from './passage-pool.ts'
import { BRING_YOUR_OWN, EDGE_EN } from './profiles.ts'

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
  /** The isolate's own memory unless a test brings another. */
  readonly memory?: ResidentMemory
}

/** All methods treat an unknown profile as a bug: profiles are checked when a collection is made. */
export interface Models {
  /** Embeds in this isolate; also what an embedder object runs. Not for `bring-your-own`. */
  queryEmbedder(profileId: string): Embedder
  /** Embeds passages in the pool. Not for `bring-your-own`. */
  passageEmbedder(profileId: string): Embedder
  /** The model's own count; an estimate for `bring-your-own`. Loads the model when it is not resident. */
  countTokens(profileId: string): Promise<CountTokens>
}

export function createModels(dependencies: ModelsDependencies): Models {
  const { embedderNamespace, poolSize, memory = residentMemory } = dependencies
  const loader = new EdgeModelLoader({ ...dependencies, memory })
  const local = new EdgeEmbedder(EDGE_EN, loader)
  const pool = new PassagePool(EDGE_EN, embedderNamespace, poolSize)
  const checked = (profileId: string, embedder: Embedder): Embedder => {
    invariant(profileId === embedder.profile.id, `the profile ${profileId} has an embedder`)
    return embedder
  }
  return {
    queryEmbedder: (profileId) => checked(profileId, local),
    passageEmbedder: (profileId) => checked(profileId, pool),
    async countTokens(profileId) {
      if (profileId === BRING_YOUR_OWN) return estimateTokens
      checked(profileId, local)
      const { tokenizer } = await loader.get()
      return (text) => tokenizer.count(text)
    },
  }
}
