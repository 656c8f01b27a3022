/** Who is told how many tokens models read for a request, and who may refuse it before they do. */
import { Problem } from '../core/problem.ts'
import type { PricedModel } from '../core/usage.ts'
import type { CountTokens, Embedder, EmbeddingKind, ModelProfile } from './embedder.ts'
import { estimateTokens } from './estimate-tokens.ts'
import { findKnownModel } from './known-models.ts'
import { isRemote, type Model } from './model.ts'
import { modelNameOf, priceOf } from './remote-profile.ts'
import type { Reranker } from './reranker.ts'

/** Of one request. */
export interface ModelMeter {
  /** Counts what a model has read of queries, which no quota limits. */
  note(model: PricedModel, tokens: number): void
  /**
   * Leave to have about so many tokens read. What it answers is to be told once how many they were; where that never
   * happens, none were. `undefined`: the budget lacks them, and the tenant chose that the request goes on without.
   * @throws monthly_quota_exceeded, budget_exceeded, overloaded
   */
  admit(model: PricedModel, tokens: number): Promise<((read: number) => void) | undefined>
}

/** Under which name a model's tokens are counted, the same wherever the weights run, and what they cost. */
export function pricedModel({ uid, source, profile }: Model & { readonly profile?: ModelProfile }): PricedModel {
  if (profile !== undefined) return profile
  if (!isRemote(source)) return { id: uid, pricePerMillionTokens: 0 }
  const name = modelNameOf(source)
  return { id: findKnownModel(name)?.id ?? name, pricePerMillionTokens: priceOf(source) }
}

/** How much of the texts a model reads. */
export function tokensRead(
  count: CountTokens,
  { maxTokens, queryPrefix, passagePrefix }: ModelProfile,
  texts: readonly string[],
  kind: EmbeddingKind,
): number {
  const prefix = kind === 'query' ? queryPrefix : passagePrefix
  return texts.reduce((sum, text) => sum + Math.min(count(prefix + text), maxTokens), 0)
}

/** The same embedder, which notes what it has read. */
export const meteredEmbedder = (
  embedder: Embedder,
  countTokens: () => Promise<CountTokens>,
  meter: Pick<ModelMeter, 'note'>,
): Embedder => ({
  profile: embedder.profile,
  async embed(texts, options) {
    const vectors = await embedder.embed(texts, options)
    meter.note(embedder.profile, tokensRead(await countTokens(), embedder.profile, texts, options.kind))
    return vectors
  },
})

/** The same reranker, which asks before it reads. What it was stopped at counts as read. */
export const meteredReranker = (reranker: Reranker, model: PricedModel, meter: ModelMeter): Reranker => ({
  id: reranker.id,
  async rerank(query, documents, options = {}) {
    const ofQuery = estimateTokens(query)
    const estimate = documents.reduce((sum, text) => sum + ofQuery + estimateTokens(text), 0)
    const tell = await meter.admit(model, estimate)
    if (tell === undefined) throw new Problem('overloaded', 'the budget of the day lacks what ranking would cost')
    try {
      const result = await reranker.rerank(query, documents, options)
      tell(result.tokens)
      return result
    } catch (error) {
      if (options.signal?.aborted === true) tell(estimate)
      throw error
    }
  },
})
