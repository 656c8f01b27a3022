/**
 * Hugging Face: a dedicated endpoint that runs Text Embeddings Inference (TEI) or a language model, or an inference provider
 * by the router of Hugging Face. Its own library knows how each provider wants to be asked; its requests leave by our fetch.
 */
import type { InferenceProviderOrPolicy } from '@huggingface/inference'
import { MAX_PROVIDER_ANSWER_BYTES } from '../../core/limits.ts'
import type { ChatMessage } from '../chat-model.ts'
import type { HuggingFaceSource } from '../model.ts'
import { chatAnswerOf, chatEventsOf, chatFields } from './chat-shapes.ts'
import type * as HuggingFaceClient from './hugging-face-client.ts'
import type { AdapterContext, ChatRequest, ModelFetch, ProviderAdapter, ProviderLimits } from './provider-adapter.ts'
import { countOf, embeddingBytes, fieldOf, readJson, requireSuccess } from './provider-answer.ts'
import { ProviderFault } from './provider-fault.ts'
import { isForeignKey, isHubModel } from './provider-names.ts'
import { inOrder, scoresOf, shortened } from './provider-shapes.ts'

/** TEI takes 32 texts unless its operator says otherwise. */
const LIMITS: ProviderLimits = { texts: 32, tokens: 32_000, documents: 32 }
const TOO_LONG = `the provider answered with more than ${MAX_PROVIDER_ANSWER_BYTES} bytes`
/** In which TEI says how many tokens it read. */
const TOKENS_HEADER = 'x-compute-tokens'

const FOREIGN_KEY = 'only a key of Hugging Face, which begins with hf_, is sent to its router'

type Client = typeof HuggingFaceClient

export function huggingFaceAdapter(source: HuggingFaceSource, context: AdapterContext): ProviderAdapter {
  const { call, apiKey, profile } = context
  const { endpointUrl, inferenceProvider = 'auto' } = source
  const endpoint = endpointUrl === undefined ? undefined : rootOf(endpointUrl)
  const credentials = apiKey === undefined ? {} : { accessToken: apiKey }
  const model = source.model === undefined ? {} : { model: source.model }
  const target = (path: string): object => {
    if (endpoint !== undefined) return { ...model, ...credentials, endpointUrl: endpoint + path }
    // The library sends any other key to the provider itself, even to one that the hub picked.
    if (isForeignKey(source, apiKey)) throw new ProviderFault('refused', FOREIGN_KEY)
    if (!isHubModel(source.model ?? '')) throw new ProviderFault('refused', 'the model has no name of the hub')
    return { ...model, ...credentials, provider: inferenceProvider as InferenceProviderOrPolicy }
  }

  return {
    limits: LIMITS,
    async embed(texts, _kind, signal) {
      const sent = new SentRequests(call, signal, texts.length)
      const isTei = endpoint !== undefined || inferenceProvider === 'hf-inference'
      const vectors = await asked(signal, ({ featureExtraction }) =>
        featureExtraction(
          { ...target('/embed'), inputs: [...texts], ...(isTei ? { normalize: true, truncate: true } : {}) },
          sent.options,
        ),
      )
      return { vectors: shortened(vectors, profile), ...sent.tokens }
    },
    async rerank(query, documents, signal) {
      if (endpoint === undefined) throw new ProviderFault('refused', 'only dedicated endpoints of Hugging Face rerank')
      const response = await call({
        url: `${endpoint}/rerank`,
        headers: {
          accept: 'application/json',
          'content-type': 'application/json',
          ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
        },
        body: JSON.stringify({ query, texts: documents, raw_scores: true, truncate: true }),
        signal,
      })
      const ranks = await readJson(response, signal)
      const raw = scoresOf(ranks, { index: 'index', score: 'score' }, documents.length)
      return { raw, calibrate: 'sigmoid', ...tokensOf(response.headers) }
    },
    async complete(messages, request, signal) {
      const { options } = new SentRequests(call, signal)
      const answer = await asked(signal, ({ chatCompletion }) =>
        chatCompletion({ ...target('/v1'), ...chatInput(messages, request) }, options),
      )
      return chatAnswerOf(answer, messages, request)
    },
    async *stream(messages, request, signal) {
      // The library lets go of a stream that is left early without ending it.
      const leaving = new AbortController()
      const { options } = new SentRequests(call, AbortSignal.any([signal, leaving.signal]))
      try {
        const pieces = piecesOf(signal, (client) =>
          client.chatCompletionStream({ ...target('/v1'), ...chatInput(messages, request) }, options),
        )
        yield* chatEventsOf(pieces, messages, request)
      } finally {
        leaving.abort()
      }
    },
  }
}

/** People copy an endpoint's URL with the path that they tried. */
const rootOf = (endpointUrl: string): string =>
  endpointUrl.replace(/\/+$/, '').replace(/\/(?:embed|rerank|v1|v1\/embeddings|v1\/chat\/completions)$/, '')

function chatInput(
  messages: readonly ChatMessage[],
  request: ChatRequest,
): { messages: { role: string; content: string }[] } {
  const { schema } = request
  const format = { type: 'json_schema', json_schema: { name: 'answer', schema } }
  return {
    messages: messages.map(({ role, content }) => ({ role, content })),
    ...chatFields(request),
    ...(schema === undefined ? {} : { response_format: format }),
  }
}

const tokensOf = (headers: Headers): { tokens?: number } => {
  const tokens = countOf(Number(headers.get(TOKENS_HEADER) ?? NaN))
  return tokens === undefined ? {} : { tokens }
}

/** What the library sends, by our own fetch: faults are thrown here, before it reads or repeats anything. */
class SentRequests {
  readonly options: { readonly fetch: typeof fetch; readonly signal: AbortSignal }
  #tokens: { tokens?: number } = {}

  /** @param texts how many are embedded: their answer lists entries, of which the library does not read the `index` */
  constructor(call: ModelFetch, signal: AbortSignal, texts?: number) {
    const send = async (input: RequestInfo | URL, init: RequestInit = {}): Promise<Response> => {
      const { method, headers, body } = init
      const response = await call({
        url: input instanceof Request ? input.url : String(input),
        method: method === 'POST' ? 'POST' : 'GET',
        headers: Object.fromEntries(new Headers(headers)),
        ...(typeof body === 'string' ? { body } : {}),
        signal,
      })
      const { status } = await requireSuccess(response)
      this.#tokens = tokensOf(response.headers)
      if (texts !== undefined && method === 'POST') {
        return Response.json(entriesInOrder(await readJson(response, signal, embeddingBytes(texts))))
      }
      return new Response(response.body?.pipeThrough(bound()) ?? null, { status, headers: response.headers })
    }
    this.options = { fetch: send, signal }
  }

  /** Of the last answer, where it says. */
  get tokens(): { tokens?: number } {
    return this.#tokens
  }
}

function entriesInOrder(answer: unknown): unknown {
  const data = fieldOf(answer, 'data')
  return Array.isArray(data) ? { ...(answer as object), data: inOrder(data) } : answer
}

/** Ends a body that is longer than any answer. */
function bound(): TransformStream<Uint8Array, Uint8Array> {
  let size = 0
  return new TransformStream({
    transform(piece, controller) {
      size += piece.length
      if (size > MAX_PROVIDER_ANSWER_BYTES) controller.error(new ProviderFault('wrong', TOO_LONG))
      else controller.enqueue(piece)
    },
  })
}

/** @throws ProviderFault for whatever the library throws, whose messages quote answers and requests */
async function asked<T>(signal: AbortSignal, ask: (client: Client) => Promise<T>): Promise<T> {
  const client = await import('./hugging-face-client.ts')
  try {
    return await ask(client)
  } catch (error) {
    throw faultOf(error, client, signal)
  }
}

/** The pieces of a stream. Whether it was finished shows in them: the library says nothing about its end. */
async function* piecesOf(
  signal: AbortSignal,
  ask: (client: Client) => AsyncGenerator,
): AsyncGenerator<unknown, boolean, undefined> {
  const client = await import('./hugging-face-client.ts')
  try {
    yield* ask(client)
  } catch (error) {
    throw faultOf(error, client, signal)
  }
  return false
}

function faultOf(error: unknown, client: Client, signal: AbortSignal): unknown {
  if (error instanceof ProviderFault) return error
  if (signal.aborted) return signal.reason
  if (client.isInputError(error)) {
    return new ProviderFault(
      'refused',
      'Hugging Face finds no provider for the model; check its name, provider and key',
    )
  }
  return new ProviderFault('broken', 'Hugging Face answered with something else than was asked for')
}
