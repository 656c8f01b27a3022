/**
 * Everything that speaks OpenAI's protocol: OpenAI itself, vLLM, Ollama, Text Embeddings Inference, LM Studio, llama.cpp and
 * many more. Reranking is as Jina, Cohere and vLLM have it.
 */
import type { ChatMessage } from '../chat-model.ts'
import type { OpenAiCompatibleSource } from '../model.ts'
import { chatAnswerOf, chatEventsOf, chatFields } from './chat-shapes.ts'
import type { AdapterContext, ChatRequest, ModelRequest, ProviderAdapter, ProviderLimits } from './provider-adapter.ts'
import { countOf, embeddingBytes, fieldOf, readJson, requireSuccess } from './provider-answer.ts'
import { readEvents } from './provider-events.ts'
import { ProviderFault } from './provider-fault.ts'
import { inOrder, scoresOf } from './provider-shapes.ts'

/** Small enough for servers on a laptop; OpenAI itself takes 2,048 texts and 300,000 tokens. */
const LIMITS: ProviderLimits = { texts: 32, tokens: 64_000, documents: 100 }
/** Its newer models know `max_tokens` by this name only; most others know the old one only. */
const OPENAI_HOST = 'api.openai.com'

export function openAiCompatibleAdapter(source: OpenAiCompatibleSource, context: AdapterContext): ProviderAdapter {
  const { model } = source
  const base = source.baseUrl.replace(/\/+$/, '')
  const request = (path: string, body: object, signal: AbortSignal, accept = 'application/json'): ModelRequest => ({
    url: base + path,
    headers: {
      accept,
      'content-type': 'application/json',
      ...(context.apiKey === undefined ? {} : { authorization: `Bearer ${context.apiKey}` }),
    },
    body: JSON.stringify({ model, ...body }),
    signal,
  })
  const ask = async (path: string, body: object, signal: AbortSignal, maxBytes?: number): Promise<unknown> =>
    readJson(await context.call(request(path, body, signal)), signal, maxBytes)

  return {
    limits: LIMITS,
    async embed(texts, _kind, signal) {
      const { profile } = context
      const isSent = source.sendsDimensions === true
      const dimensions = isSent ? { dimensions: profile?.dimensions } : {}
      // A model that was trained for it is cut here where its server cannot.
      const shortTo =
        !isSent && profile?.matryoshka.includes(profile.dimensions) === true ? profile.dimensions : undefined
      // A quarter of the bytes of decimal numbers. Servers that do not know it send numbers, which are read as well.
      const body = { input: texts, encoding_format: 'base64', ...dimensions }
      const answer = await ask('/embeddings', body, signal, embeddingBytes(texts.length))
      const usage = fieldOf(answer, 'usage')
      const tokens = countOf(fieldOf(usage, 'prompt_tokens')) ?? countOf(fieldOf(usage, 'total_tokens'))
      return { vectors: vectorsOf(answer, shortTo), ...(tokens === undefined ? {} : { tokens }) }
    },
    async rerank(query, documents, signal) {
      const body = { query, documents, top_n: documents.length, return_documents: false }
      const answer = await ask('/rerank', body, signal)
      const names = { index: 'index', score: 'relevance_score' }
      const raw = scoresOf(fieldOf(answer, 'results'), names, documents.length)
      const tokens = countOf(fieldOf(fieldOf(answer, 'usage'), 'total_tokens'))
      const calibrate = raw.every((score) => score >= 0 && score <= 1) ? 'none' : 'sigmoid'
      return { raw, calibrate, ...(tokens === undefined ? {} : { tokens }) }
    },
    async complete(messages, options, signal) {
      const answer = await ask('/chat/completions', chatInput(base, messages, options), signal)
      return chatAnswerOf(answer, messages, options)
    },
    async *stream(messages, options, signal) {
      const body = { ...chatInput(base, messages, options), stream: true, stream_options: { include_usage: true } }
      const response = await context.call(request('/chat/completions', body, signal, 'text/event-stream'))
      const { body: bytes } = await requireSuccess(response)
      if (bytes === null) throw new ProviderFault('broken', 'the provider answered without a body')
      yield* chatEventsOf(readEvents(bytes, signal), messages, options)
    },
  }
}

function vectorsOf(answer: unknown, length: number | undefined): ArrayLike<unknown>[] {
  const data = fieldOf(answer, 'data')
  if (!Array.isArray(data)) throw new ProviderFault('wrong', 'the provider answered without vectors')
  return inOrder(data).map((entry) => vectorOf(entry).slice(0, length))
}

/** Base64 of little-endian 32-bit floats, or numbers. */
function vectorOf(entry: unknown): unknown[] | Float32Array {
  const embedding = fieldOf(entry, 'embedding')
  if (Array.isArray(embedding)) return embedding
  if (typeof embedding !== 'string') throw new ProviderFault('wrong', 'the provider answered without vectors')
  const bytes = bytesOf(embedding)
  if (bytes === undefined || bytes.byteLength % 4 !== 0) {
    throw new ProviderFault('wrong', 'the provider answered with a vector that is no base64 of floats')
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return Float32Array.from({ length: bytes.byteLength / 4 }, (_, index) => view.getFloat32(4 * index, true))
}

function bytesOf(base64: string): Uint8Array | undefined {
  try {
    return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))
  } catch {
    return undefined
  }
}

function chatInput(base: string, messages: readonly ChatMessage[], options: ChatRequest): Record<string, unknown> {
  const { max_tokens: most, ...fields } = chatFields(options)
  const name = URL.parse(base)?.hostname === OPENAI_HOST ? 'max_completion_tokens' : 'max_tokens'
  const format = { type: 'json_schema', json_schema: { name: 'answer', schema: options.schema } }
  return {
    messages: messages.map(({ role, content }) => ({ role, content })),
    ...fields,
    ...(most === undefined ? {} : { [name]: most }),
    ...(options.schema === undefined ? {} : { response_format: format }),
  }
}
