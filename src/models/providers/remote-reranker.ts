/** A reranker behind a provider: batches, cutting, the check of its scores and their calibration. */
import { cutToTokens, estimateTokens } from '../estimate-tokens.ts'
import type { Reranker, RerankOptions, RerankResult } from '../reranker.ts'
import { batchesOf } from './batches.ts'
import { RERANK_POLICY } from './call-policy.ts'
import { callForEach } from './concurrent-calls.ts'
import type { CallLimits, Endpoint } from './endpoint.ts'
import type { ProviderScores } from './provider-adapter.ts'
import { ProviderFault } from './provider-fault.ts'
import type { RemoteEndpoints } from './remote-endpoints.ts'

/** Of one document, estimated; more than the rerankers of today read. */
const MAX_DOCUMENT_TOKENS = 8_192
/** A document of so few tokens is not why a provider refuses. */
const SURELY_SHORT_TOKENS = 128

export class RemoteReranker implements Reranker {
  readonly id: string
  readonly #endpoints: RemoteEndpoints

  constructor(id: string, endpoints: RemoteEndpoints) {
    this.id = id
    this.#endpoints = endpoints
  }

  async rerank(query: string, documents: readonly string[], { signal }: RerankOptions = {}): Promise<RerankResult> {
    if (documents.length === 0) return { scores: [], raw: [], tokens: 0 }
    return this.#endpoints.ask(RERANK_POLICY, signal, (endpoint, limits) =>
      rerankBatches(endpoint, limits, query, documents),
    )
  }
}

async function rerankBatches(
  endpoint: Endpoint,
  limits: CallLimits,
  query: string,
  documents: readonly string[],
): Promise<RerankResult> {
  const { documents: texts, tokens: most } = endpoint.adapter.limits
  const batches = batchesOf(documents, { texts, tokens: most })
  const answers: ProviderScores[] = []
  await callForEach(batches, limits, async (batch, stopping, position) => {
    const part = batch.map((index) => documents[index] ?? '')
    answers[position] = await rerankShortening(endpoint, stopping, query, part)
  })
  const raw = answers.flatMap((answer) => answer.raw)
  // Logits of one batch may happen to lie in [0, 1]; those of the others tell.
  const areLogits = answers.some(({ calibrate }) => calibrate === 'sigmoid')
  const estimate = (): number => documents.reduce((sum, text) => sum + estimateTokens(text) + estimateTokens(query), 0)
  const counted = answers.reduce<number | undefined>(
    (sum, { tokens }) => (sum === undefined || tokens === undefined ? undefined : sum + tokens),
    0,
  )
  return { scores: areLogits ? raw.map(sigmoid) : raw, raw, tokens: counted ?? estimate() }
}

/** Halves how long documents may be for as long as the provider finds them too long. */
async function rerankShortening(
  endpoint: Endpoint,
  limits: CallLimits,
  query: string,
  documents: readonly string[],
): Promise<ProviderScores> {
  let tokens = MAX_DOCUMENT_TOKENS
  for (;;) {
    const texts = documents.map((text) => cutToTokens(text, tokens) || ' ')
    try {
      return await endpoint.ask(limits, async (adapter, signal) => {
        if (adapter.rerank === undefined) throw new ProviderFault('refused', 'the provider does not rerank')
        return checked(await adapter.rerank(query, texts, signal), texts.length)
      })
    } catch (error) {
      if (!(error instanceof ProviderFault) || error.kind !== 'too_long') throw error
      tokens = Math.min(tokens, Math.max(...texts.map(estimateTokens))) / 2
      if (tokens < SURELY_SHORT_TOKENS) throw error
    }
  }
}

function checked(answer: ProviderScores, count: number): ProviderScores {
  const { raw, calibrate } = answer
  const isScore = (score: number): boolean =>
    Number.isFinite(score) && (calibrate === 'sigmoid' || (score >= 0 && score <= 1))
  if (raw.length === count && raw.every(isScore)) return answer
  throw new ProviderFault('wrong', 'the provider did not score every document once')
}

const sigmoid = (logit: number): number => 1 / (1 + Math.exp(-logit))
