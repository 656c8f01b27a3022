/**
 * The played provider's Hugging Face: a dedicated endpoint (TEI with chat beside it) at its root, the router under `/router`
 * and the hub's lookups under `/hub`.
 */
import type { Played, PlayedReply, PlayedRequest, PlayedRoute } from './played-provider.ts'

interface TeiBody {
  readonly inputs?: string | readonly string[]
  readonly truncate?: boolean
  readonly query?: string
  readonly texts?: readonly string[]
  readonly raw_scores?: boolean
}

interface ChatBody {
  readonly model: string
  readonly messages: readonly { readonly role: string; readonly content: string }[]
  readonly max_tokens?: number
  readonly stream?: boolean
}

const MOST_TEXTS = 32
/** Which providers the hub knows for every model but those that are called `…/nobody`. */
export const PLAYED_PROVIDERS = ['hf-inference', 'together', 'scaleway'] as const

export const huggingFaceRoutes = (): PlayedRoute => (request, played) => {
  const { method, path, body } = request
  const [hub, router] = [/^\/hub\/api\/models\/([^?]+)/.exec(path)?.[1], path.startsWith('/router/')]
  if (method === 'GET') return hub === undefined ? undefined : mappings(hub)
  if (path === '/embed') return embed(body as TeiBody, played)
  if (path === '/rerank') return rerank(body as TeiBody, played)
  if (path.endsWith('/v1/chat/completions')) return chat(body as ChatBody, played)
  if (router && path.endsWith('/pipeline/feature-extraction')) return embed(body as TeiBody, played)
  if (router && path.endsWith('/v1/embeddings')) return openAiEmbeddings(request, played)
  return undefined
}

function mappings(model: string): PlayedReply {
  const known = model.endsWith('/nobody') ? [] : PLAYED_PROVIDERS
  const inferenceProviderMapping = known.map((provider) => ({
    provider,
    hfModelId: model,
    providerId: provider === 'hf-inference' ? model : `${provider}-${model}`,
    status: 'live',
    task: 'feature-extraction',
  }))
  return { json: { id: model, inferenceProviderMapping } }
}

const refused = (status: number, error: string, type: string): PlayedReply => ({
  status,
  json: { error, error_type: type },
})

const counted = (texts: readonly string[], played: Played): Readonly<Record<string, string>> => ({
  'x-compute-tokens': String(played.tokens(texts)),
})

function embed({ inputs = [], truncate = false }: TeiBody, played: Played): PlayedReply {
  const texts = typeof inputs === 'string' ? [inputs] : inputs
  if (texts.length > MOST_TEXTS) return refused(413, `batch size ${texts.length} > maximum allowed`, 'Validation')
  if (texts.includes('')) return refused(400, '`inputs` cannot be empty', 'Empty')
  if (!truncate && played.isTooLong(texts)) return refused(413, '`inputs` must have less than 512 tokens', 'Validation')
  return { json: played.embed(texts), headers: counted(texts, played) }
}

function rerank({ query = '', texts = [], raw_scores: raw = false }: TeiBody, played: Played): PlayedReply {
  if (texts.length > MOST_TEXTS) return refused(413, `batch size ${texts.length} > maximum allowed`, 'Validation')
  const scores = played.score(query, texts)
  const ranks = played.indexed(
    scores.map((score) => ({ score: raw || typeof score !== 'number' ? score : 1 / (1 + Math.exp(-score)) })),
  )
  return { json: ranks.sort((a, b) => Number(b.score) - Number(a.score)), headers: counted([query, ...texts], played) }
}

function openAiEmbeddings({ body }: PlayedRequest, played: Played): PlayedReply {
  const { input, model } = body as { input: readonly string[]; model: string }
  const data = played.indexed(played.embed(input).map((embedding) => ({ object: 'embedding', embedding })))
  return { json: { object: 'list', model, data, usage: { prompt_tokens: played.tokens(input) } } }
}

function chat({ model, messages, max_tokens: most, stream = false }: ChatBody, played: Played): PlayedReply {
  const { words, cut } = played.say(messages.at(-1)?.content ?? '', most)
  const prompt = played.tokens(messages.map(({ content }) => content))
  const usage = { prompt_tokens: prompt, completion_tokens: words.length, total_tokens: prompt + words.length }
  const base = { id: 'chat-1', created: 1_790_000_000, model }
  const finish = cut ? 'length' : 'stop'
  if (!stream) {
    const message = { role: 'assistant', content: words.join('') }
    return { json: { ...base, choices: [{ index: 0, message, finish_reason: finish }], usage } }
  }
  const chunk = (delta: object, reason: string | null): string =>
    JSON.stringify({ ...base, choices: [{ index: 0, delta, finish_reason: reason }] })
  return { events: [...words.map((content) => chunk({ content }, null)), chunk({}, finish), '[DONE]'] }
}
