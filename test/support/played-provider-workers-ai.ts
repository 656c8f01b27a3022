/** The played provider's Workers AI by REST, under `/client/v4/accounts/<account>/ai/run/<model>`. */
import type { Played, PlayedReply, PlayedRoute } from './played-provider.ts'

interface RunBody {
  readonly text?: string | readonly string[]
  readonly truncate_inputs?: boolean
  readonly query?: string
  readonly contexts?: readonly { readonly text: string }[]
  readonly messages?: readonly { readonly role: string; readonly content: string }[]
  readonly max_tokens?: number
  readonly stream?: boolean
  readonly response_format?: object
}

const MOST_TEXTS = 100

/** `openAiShape`: chat as newer models answer, with `choices`. `calibrated`: rerank scores in [0, 1] rather than logits. */
export const workersAiRoutes =
  (options: { readonly openAiShape?: boolean; readonly calibrated?: boolean } = {}): PlayedRoute =>
  ({ method, path, body }, played) => {
    const model = /^\/client\/v4\/accounts\/[^/]+\/ai\/run\/(@cf\/.+)$/.exec(path)?.[1]
    if (method !== 'POST' || model === undefined) return undefined
    const input = body as RunBody
    if (input.messages !== undefined) return chat(model, input.messages, input, played, options.openAiShape ?? false)
    if (input.contexts !== undefined) return rerank(input, played, options.calibrated ?? false)
    return embed(input, played)
  }

const enveloped = (result: unknown): PlayedReply => ({ json: { result, success: true, errors: [], messages: [] } })
const refused = (status: number, code: number, message: string): PlayedReply => ({
  status,
  json: { result: null, success: false, errors: [{ code, message }], messages: [] },
})

function embed({ text = [], truncate_inputs: truncates = false }: RunBody, played: Played): PlayedReply {
  const texts = typeof text === 'string' ? [text] : text
  if (texts.length > MOST_TEXTS || texts.includes('')) return refused(400, 5006, "Error: oneOf at '/' not met")
  if (!truncates && played.isTooLong(texts)) return refused(400, 3030, 'the context is too long')
  const data = played.embed(texts)
  return enveloped({ shape: [data.length, data[0]?.length ?? 0], data, pooling: 'cls' })
}

function rerank({ query = '', contexts = [] }: RunBody, played: Played, calibrated: boolean): PlayedReply {
  const scores = played.score(
    query,
    contexts.map(({ text }) => text),
  )
  const response = played
    .indexed(
      scores.map((score) => ({ score: typeof score === 'number' && calibrated ? 1 / (1 + Math.exp(-score)) : score })),
    )
    .map(({ index, score }) => ({ id: index, score }))
  return enveloped({ response: response.sort((a, b) => Number(b.score) - Number(a.score)) })
}

function chat(
  model: string,
  messages: readonly { readonly content: string }[],
  { max_tokens: most, stream = false, response_format: format }: RunBody,
  played: Played,
  openAiShape: boolean,
): PlayedReply {
  const { words, cut } = played.say(messages.at(-1)?.content ?? '', most)
  const prompt = played.tokens(messages.map(({ content }) => content))
  const usage = { prompt_tokens: prompt, completion_tokens: words.length, total_tokens: prompt + words.length }
  const finish = cut ? 'length' : 'stop'
  if (!stream) {
    const text = words.join('')
    if (openAiShape) {
      const choices = [{ index: 0, message: { role: 'assistant', content: text }, finish_reason: finish }]
      return enveloped({ id: 'chat-1', object: 'chat.completion', model, choices, usage })
    }
    return enveloped({ response: format === undefined ? text : { said: text }, usage })
  }
  const piece = (content: string): object =>
    openAiShape ? { choices: [{ index: 0, delta: { content } }] } : { response: content, p: 'abcdef' }
  const last = openAiShape
    ? { choices: [{ index: 0, delta: {}, finish_reason: finish }], usage }
    : { response: '', usage }
  return { events: [...words.map((word) => JSON.stringify(piece(word))), JSON.stringify(last), '[DONE]'] }
}
