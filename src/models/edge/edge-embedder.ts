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
    const vectors = await model.embed(texts.map((text) => prefix + text))
    if (model.centre !== undefined) for (const vector of vectors) takeAway(vector, model.centre)
    return vectors
  }

  /** Counts in the model's own tokens; loads the model when it is not resident. */
  async tokenCounter(): Promise<CountTokens> {
    const { tokenizer } = await this.#loader.get()
    return (text) => tokenizer.count(text)
  }
}

/**
 * Subtracts what all vectors have in common and scales to unit length again (Mu & Viswanath 2018, "All-but-the-Top"), so that
 * cosines of unrelated texts are near 0, as fusion, thresholds and answers expect of every model.
 */
function takeAway(vector: Float32Array, centre: Float32Array): void {
  let square = 0
  for (let d = 0; d < vector.length; d++) {
    const value = vector[d]! - centre[d]!
    vector[d] = value
    square += value * value
  }
  const scale = 1 / Math.sqrt(square)
  for (let d = 0; d < vector.length; d++) vector[d]! *= scale
}
