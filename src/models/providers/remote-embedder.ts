/** An embedder behind a provider: prefixes, cutting, batches some of which run at once, and the check of what comes back. */
import type { Embedder, EmbeddingKind, ModelProfile } from '../embedder.ts'
import { cutToTokens, estimateTokens } from '../estimate-tokens.ts'
import { batchesOf, SPECIAL_TOKENS } from './batches.ts'
import { PASSAGE_POLICY, QUERY_POLICY } from './call-policy.ts'
import { callForEach } from './concurrent-calls.ts'
import { unitVectors } from './embedding-answer.ts'
import type { CallLimits, Endpoint } from './endpoint.ts'
import { ProviderFault } from './provider-fault.ts'
import type { RemoteEndpoints } from './remote-endpoints.ts'

type Vector = Float32Array<ArrayBuffer>

/** What is left of a text that a provider finds too long, each time: our estimate may be far from its count. */
const SHORTER = 0.7
/** A text of less than this share of `maxTokens` is not why a provider refuses. */
const SURELY_SHORT = 1 / 8
/** A search asks for one query; whoever sends more of them than fit into a call has time. */
const FEW_QUERIES = 32
/** How often a batch without a long text is halved: a server may take fewer texts than others. */
const MAX_HALVINGS = 2

export class RemoteEmbedder implements Embedder {
  readonly profile: ModelProfile
  readonly #endpoints: RemoteEndpoints

  constructor(profile: ModelProfile, endpoints: RemoteEndpoints) {
    this.profile = profile
    this.#endpoints = endpoints
  }

  async embed(texts: readonly string[], { kind }: { readonly kind: EmbeddingKind }): Promise<Float32Array[]> {
    if (texts.length === 0) return []
    const work = new Embedding(this.profile, kind, texts)
    const policy = kind === 'query' && texts.length <= FEW_QUERIES ? QUERY_POLICY : PASSAGE_POLICY
    // What one provider embedded before it failed is kept: the next one has the same profile.
    return this.#endpoints.ask(policy, undefined, (endpoint, limits) => work.finish(endpoint, limits))
  }
}

/** One call of `embed` with what it has so far. */
class Embedding {
  readonly #profile: ModelProfile
  readonly #kind: EmbeddingKind
  readonly #texts: readonly string[]
  readonly #vectors = new Map<number, Vector>()

  constructor(profile: ModelProfile, kind: EmbeddingKind, texts: readonly string[]) {
    const prefix = kind === 'query' ? profile.queryPrefix : profile.passagePrefix
    this.#profile = profile
    this.#kind = kind
    // Providers refuse the empty text.
    this.#texts = texts.map((text) => cutToTokens(prefix + text, profile.maxTokens - SPECIAL_TOKENS) || ' ')
  }

  /** Embeds whatever has no vector yet. @throws ProviderFault */
  async finish(endpoint: Endpoint, limits: CallLimits): Promise<Vector[]> {
    const missing = this.#texts.flatMap((_, index) => (this.#vectors.has(index) ? [] : [index]))
    const batches = batchesOf(
      missing.map((index) => this.#texts[index] ?? ''),
      endpoint.adapter.limits,
    ).map((batch) => batch.map((place) => missing[place] ?? 0))
    await callForEach(batches, limits, (batch, stopping) => this.#embed(endpoint, stopping, batch))
    return this.#texts.flatMap((_, index) => this.#vectors.get(index) ?? [])
  }

  async #embed(endpoint: Endpoint, limits: CallLimits, batch: readonly number[], halvings = 0): Promise<void> {
    try {
      const texts = batch.map((index) => this.#texts[index] ?? '')
      const vectors = await this.#ask(endpoint, limits, texts)
      for (const [place, index] of batch.entries()) this.#vectors.set(index, this.#vectorAt(vectors, place))
    } catch (error) {
      if (!isTooLong(error)) throw error
      const long = batch.filter((index) => !this.#isSurelyShort(this.#texts[index] ?? ''))
      const [only] = batch
      if (batch.length === 1 && only !== undefined) return this.#embedShorter(endpoint, limits, only, error)
      if (long.length === 0 && halvings === MAX_HALVINGS) throw error
      const half = batch.length >>> 1
      const short = batch.filter((index) => !long.includes(index))
      // Long ones go alone, so that none is cut for the sake of its neighbours.
      const parts =
        long.length > 0 ? [short, ...long.map((index) => [index])] : [batch.slice(0, half), batch.slice(half)]
      for (const part of parts) {
        if (part.length > 0) await this.#embed(endpoint, limits, part, halvings + 1)
      }
    }
  }

  async #embedShorter(endpoint: Endpoint, limits: CallLimits, index: number, refusal: ProviderFault): Promise<void> {
    let text = this.#texts[index] ?? ''
    while (!this.#isSurelyShort(text)) {
      text = cutToTokens(text, Math.floor(estimateTokens(text) * SHORTER))
      try {
        const vectors = await this.#ask(endpoint, limits, [text])
        this.#vectors.set(index, this.#vectorAt(vectors, 0))
        return
      } catch (error) {
        if (!isTooLong(error)) throw error
      }
    }
    throw refusal
  }

  #ask(endpoint: Endpoint, limits: CallLimits, texts: readonly string[]): Promise<Vector[]> {
    return endpoint.ask(limits, async (adapter, signal) => {
      if (adapter.embed === undefined) throw new ProviderFault('refused', 'the provider does not embed')
      const { vectors } = await adapter.embed(texts, this.#kind, signal)
      return unitVectors(vectors, texts.length, this.#profile.dimensions)
    })
  }

  #vectorAt(vectors: readonly Vector[], place: number): Vector {
    const vector = vectors[place]
    if (vector === undefined) throw new Error('invariant: there is a vector for each text')
    return vector
  }

  #isSurelyShort(text: string): boolean {
    return estimateTokens(text) <= this.#profile.maxTokens * SURELY_SHORT
  }
}

const isTooLong = (error: unknown): error is ProviderFault =>
  error instanceof ProviderFault && error.kind === 'too_long'
