/** A model in the caller's own isolate: what queries use, and what an embedder object runs for passages. */
import type { CountTokens, Embedder, EmbeddingKind, ModelProfile } from '../embedder.ts'
import type { EdgeModelLoader } from './edge-model.ts'

export class EdgeEmbedder implements Embedder {
  readonly profile: ModelProfile
  readonly #loader: EdgeModelLoader

  constructor(profile: ModelProfile, loader: EdgeModelLoader) {
    this.profile = profile
    this.#loader = loader
  }

  /** Computes without a pause, a few ms for a query: many passages belong into an embedder object. */
  async embed(texts: readonly string[], options: { readonly kind: EmbeddingKind }): Promise<Float32Array[]> {
    if (texts.length === 0) return []
    const model = await this.#loader.get()
    const prefix = options.kind === 'query' ? this.profile.queryPrefix : this.profile.passagePrefix
    return model.embed(texts.map((text) => prefix + text))
  }

  /** Counts in the model's own tokens; loads the model when it is not resident. */
  async tokenCounter(): Promise<CountTokens> {
    const { tokenizer } = await this.#loader.get()
    return (text) => tokenizer.count(text)
  }
}
