/**
 * Cloudflare Workers AI: through the binding of the Worker, or by REST with an account and a key of the tenant's own. Both
 * run `@cf/…` models with the same input; REST wraps the output into `{ result, success, errors }`.
 */
import type { ChatMessage } from '../chat-model.ts'
import { findKnownModel } from '../known-models.ts'
import type { WorkersAiSource } from '../model.ts'
import { chatAnswerOf, chatEventsOf, chatFields } from './chat-shapes.ts'
import type { AdapterContext, ChatRequest, ProviderAdapter, ProviderLimits } from './provider-adapter.ts'
import { embeddingBytes, fieldOf } from './provider-answer.ts'
import { readEvents } from './provider-events.ts'
import { ProviderFault } from './provider-fault.ts'
import { scoresOf, shortened } from './provider-shapes.ts'
import { bindingTransport, restTransport } from './workers-ai-transport.ts'
import type { WorkersAiTransport } from './workers-ai-transport.ts'

/** Cloudflare takes 100 texts; what the model takes together is its context, 60,000 tokens for bge-m3. */
const LIMITS: ProviderLimits = { texts: 100, tokens: 50_000, documents: 100 }
/** Lower, by model. */
const TEXTS_BY_MODEL: Readonly<Record<string, number>> = { 'qwen3-embedding-0.6b': 32 }

export function workersAiAdapter(source: WorkersAiSource, context: AdapterContext): ProviderAdapter {
  const { model } = source
  const transport = transportOf(source, context)
  const known = findKnownModel(model)
  const limits = { ...LIMITS, texts: TEXTS_BY_MODEL[known?.id ?? ''] ?? LIMITS.texts }
  return {
    limits,
    async embed(texts, _kind, signal) {
      const input = { text: texts, ...embeddingOptions(model) }
      const output = await transport.run(model, input, signal, embeddingBytes(texts.length))
      return { vectors: shortened(fieldOf(output, 'data'), context.profile) }
    },
    async rerank(query, documents, signal) {
      const contexts = documents.map((text) => ({ text }))
      const output = await transport.run(model, { query, contexts, top_k: documents.length }, signal)
      const raw = scoresOf(fieldOf(output, 'response'), { index: 'id', score: 'score' }, documents.length)
      return { raw, calibrate: raw.every((score) => score >= 0 && score <= 1) ? 'none' : 'sigmoid' }
    },
    async complete(messages, request, signal) {
      return chatAnswerOf(await transport.run(model, chatInput(messages, request), signal), messages, request)
    },
    async *stream(messages, request, signal) {
      const body = await transport.stream(model, { ...chatInput(messages, request), stream: true }, signal)
      yield* chatEventsOf(readEvents(body, signal), messages, request)
    },
  }
}

function transportOf(source: WorkersAiSource, { ai, apiKey, call }: AdapterContext): WorkersAiTransport {
  if (apiKey !== undefined) return restTransport(source, apiKey, call)
  if (ai !== undefined && source.accountId === undefined) return bindingTransport(ai)
  throw new ProviderFault('refused', 'this deployment has no Workers AI binding, and the model has no key')
}

/**
 * bge-m3 refuses texts that are too long unless it is told to cut them. The English bge models pool by mean unless told
 * otherwise; their makers, and everybody else, take the first token's vector.
 */
function embeddingOptions(model: string): Record<string, unknown> {
  const id = findKnownModel(model)?.id ?? ''
  if (id === 'bge-m3') return { truncate_inputs: true }
  return /^bge-\w+-en-v1\.5$/.test(id) ? { pooling: 'cls' } : {}
}

function chatInput(messages: readonly ChatMessage[], request: ChatRequest): Record<string, unknown> {
  const { schema } = request
  return {
    messages: messages.map(({ role, content }) => ({ role, content })),
    ...chatFields(request),
    ...(schema === undefined ? {} : { response_format: { type: 'json_schema', json_schema: schema } }),
  }
}
