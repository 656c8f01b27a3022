/** The played provider's OpenAI dialect under `/v1`: embeddings, rerank as Jina and vLLM do it, chat with its stream. */
import type { Played, PlayedReply, PlayedRequest, PlayedRoute } from './played-provider.ts'

interface EmbeddingsBody {
  readonly model: string
  readonly input: string | readonly string[]
  readonly dimensions?: number
  readonly encoding_format?: 'float' | 'base64'
}

interface RerankBody {
  readonly model: string
  readonly query: string
  readonly documents: readonly string[]
  readonly top_n?: number
}

interface ChatBody {
  readonly model: string
  readonly messages: readonly { readonly role: string; readonly content: string }[]
  readonly max_tokens?: number
  readonly max_completion_tokens?: number
  readonly stream?: boolean
}

/** `rawScores`: as llama.cpp answers, whose rerank scores are logits. */
export const openAiRoutes =
  (options: { readonly ignoresBase64?: boolean; readonly rawScores?: boolean } = {}): PlayedRoute =>
  (request, played) => {
    if (request.method !== 'POST') return undefined
    switch (request.path) {
      case '/v1/embeddings':
        return embeddings(request, played, options.ignoresBase64 ?? false)
      case '/v1/rerank':
        return rerank(request, played, options.rawScores ?? false)
      case '/v1/chat/completions':
        return chat(request, played)
      default:
        return undefined
    }
  }

const refused = (message: string): PlayedReply => ({
  status: 400,
  json: { error: { message, type: 'invalid_request' } },
})

function embeddings({ body }: PlayedRequest, played: Played, ignoresBase64: boolean): PlayedReply {
  const { model, input, dimensions, encoding_format: format } = body as EmbeddingsBody
  const texts = typeof input === 'string' ? [input] : input
  if (texts.length === 0 || texts.includes('')) return refused('input cannot be an empty string')
  if (texts.length > 256) return refused('too many inputs')
  if (played.isTooLong(texts)) return refused('maximum context length exceeded')
  const isBase64 = format === 'base64' && !ignoresBase64
  const data = played.embed(texts, dimensions).map((vector) => ({
    object: 'embedding',
    embedding: isBase64 ? base64Of(vector) : vector,
  }))
  const tokens = played.tokens(texts)
  const usage = { prompt_tokens: tokens, total_tokens: tokens }
  return { json: { object: 'list', model, data: played.indexed(data), usage } }
}

function base64Of(vector: readonly unknown[]): string {
  const values = vector.map((value) => (value === '<<nan>>' || value === null ? NaN : Number(value)))
  return Buffer.from(new Float32Array(values).buffer).toString('base64')
}

function rerank({ body }: PlayedRequest, played: Played, rawScores: boolean): PlayedReply {
  const { model, query, documents } = body as RerankBody
  const scores = played.score(query, documents).map((score) => ({
    relevance_score: typeof score !== 'number' || rawScores ? score : 1 / (1 + Math.exp(-score)),
  }))
  const results = played.indexed(scores)
  results.sort((a, b) => Number(b.relevance_score) - Number(a.relevance_score))
  return { json: { id: 'rerank-1', model, results, usage: { total_tokens: played.tokens([query, ...documents]) } } }
}

function chat({ body }: PlayedRequest, played: Played): PlayedReply {
  const { model, messages, stream, max_tokens: most, max_completion_tokens: mostToo } = body as ChatBody
  const { words, cut } = played.say(messages.at(-1)?.content ?? '', most ?? mostToo)
  const prompt = played.tokens(messages.map(({ content }) => content))
  const usage = { prompt_tokens: prompt, completion_tokens: words.length, total_tokens: prompt + words.length }
  const finish = cut ? 'length' : 'stop'
  if (stream !== true) {
    const message = { role: 'assistant', content: words.join('') }
    return { json: { id: 'chat-1', model, choices: [{ index: 0, message, finish_reason: finish }], usage } }
  }
  const chunk = (delta: object, reason: string | null): string =>
    JSON.stringify({ id: 'chat-1', model, choices: [{ index: 0, delta, finish_reason: reason }] })
  return {
    events: [
      chunk({ role: 'assistant', content: '' }, null),
      ...words.map((content) => chunk({ content }, null)),
      chunk({}, finish),
      JSON.stringify({ id: 'chat-1', model, choices: [], usage }),
      '[DONE]',
    ],
  }
}
