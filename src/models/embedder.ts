/** What turns texts into vectors. Implementations: `edge/` inside the Worker, and providers over HTTP beside it. */

/** Identity of a vector space. Vectors of different profiles are never compared; a generation stores its profile. */
export interface ModelProfile {
  /** Such as `edge-en`; for vectors that callers bring, `bring-your-own`. */
  readonly id: string
  readonly dimensions: number
  /** Longest input in the model's own tokens, special tokens included; the rest of a text is not seen. */
  readonly maxTokens: number
  readonly queryPrefix: string
  readonly passagePrefix: string
  readonly pooling: 'mean' | 'cls' | 'last' | 'none'
  /** Whether vectors have unit length. */
  readonly normalised: boolean
  /** BCP 47 primary subtags that the model was trained for; empty means any. λ of the ranking looks here. */
  readonly languages: readonly string[]
  /** Rises when the same id gives other vectors. */
  readonly version: number
  /**
   * Shorter lengths at which the beginning of a vector, scaled to unit length again, is a vector of the same text (Kusupati
   * et al. 2022, "Matryoshka Representation Learning"); ascending, empty where the model was not trained for it.
   */
  readonly matryoshka: readonly number[]
  /** SPDX identifier of the weights, `proprietary` for hosted models, `unknown` where nobody said. */
  readonly licence: string
  /** List price in US dollars for a million input tokens; 0 where it is computed within the Worker. */
  readonly pricePerMillionTokens: number
}

export type EmbeddingKind = 'query' | 'passage'

export interface Embedder {
  readonly profile: ModelProfile
  /**
   * Embeds in order, one unit-length vector of `profile.dimensions` values per text; prefixes are added here.
   * Texts beyond `maxTokens` are cut, never refused.
   * @throws upstream_failed, upstream_timeout, overloaded
   */
  embed(texts: readonly string[], options: { readonly kind: EmbeddingKind }): Promise<Float32Array[]>
}

/** Counts a text in a model's own tokens, without special tokens. Chunking sizes its pieces with it. */
export type CountTokens = (text: string) => number
