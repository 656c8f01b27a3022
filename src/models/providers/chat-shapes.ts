/**
 * What language models answer, whole or in pieces: OpenAI's `choices`, which everybody speaks, and the `response` of Workers
 * AI's older models.
 */
import type { ChatAnswer, ChatEvent, ChatMessage, ChatUsage } from '../chat-model.ts'
import { estimateTokens } from '../estimate-tokens.ts'
import { countOf, fieldOf } from './provider-answer.ts'
import type { ChatRequest } from './provider-adapter.ts'
import { ProviderFault } from './provider-fault.ts'

type Finish = ChatAnswer['finish']

const FINISHES: Readonly<Record<string, Finish>> = {
  length: 'length',
  max_tokens: 'length',
  content_filter: 'filtered',
}

/** The options in OpenAI's names, which all providers took over; a schema stands in `response_format`. */
export function chatFields(request: ChatRequest): Record<string, unknown> {
  const { maxTokens, temperature, seed } = request
  return {
    ...(maxTokens === undefined ? {} : { max_tokens: maxTokens }),
    ...(temperature === undefined ? {} : { temperature }),
    ...(seed === undefined ? {} : { seed }),
  }
}

/** @throws ProviderFault `wrong` where there is no text */
export function chatAnswerOf(answer: unknown, messages: readonly ChatMessage[], request: ChatRequest): ChatAnswer {
  const { text, finish, usage } = pieceOf(answer, 'message')
  if (text === undefined) throw new ProviderFault('wrong', 'the provider answered without a text')
  return { text, ...ended(text, finish, usage, messages, request) }
}

/**
 * Turns a stream's pieces into events.
 * @throws ProviderFault `broken` for a stream that breaks off: neither a reason to finish nor the end came
 */
export async function* chatEventsOf(
  pieces: AsyncGenerator<unknown, boolean, undefined>,
  messages: readonly ChatMessage[],
  request: ChatRequest,
): AsyncGenerator<ChatEvent, void, undefined> {
  let written = ''
  let finish: Finish | undefined
  let usage: Partial<ChatUsage> | undefined
  try {
    for (;;) {
      const next = await pieces.next()
      if (next.done === true) {
        if (!next.value && finish === undefined) throw new ProviderFault('broken', "the provider's answer broke off")
        break
      }
      if (fieldOf(next.value, 'error') !== undefined)
        throw new ProviderFault('failed', 'the provider broke its answer off')
      const piece = pieceOf(next.value, 'delta')
      finish = piece.finish ?? finish
      usage = piece.usage ?? usage
      if (piece.text === undefined || piece.text === '') continue
      written += piece.text
      yield { kind: 'text', text: piece.text }
    }
  } finally {
    await pieces.return(false)
  }
  yield { kind: 'end', ...ended(written, finish, usage, messages, request) }
}

interface Piece {
  readonly text: string | undefined
  readonly finish: Finish | undefined
  readonly usage: Partial<ChatUsage> | undefined
}

function pieceOf(value: unknown, part: 'message' | 'delta'): Piece {
  const choices = fieldOf(value, 'choices')
  const choice: unknown = Array.isArray(choices) ? choices[0] : undefined
  const response = fieldOf(value, 'response')
  const content = fieldOf(fieldOf(choice, part), 'content') ?? response
  const reason = fieldOf(choice, 'finish_reason')
  const finish = typeof reason === 'string' ? (FINISHES[reason] ?? 'stop') : undefined
  return { text: textOf(content, finish), finish, usage: usageOf(fieldOf(value, 'usage')) }
}

function textOf(content: unknown, finish: Finish | undefined): string | undefined {
  if (typeof content === 'string') return content
  // A JSON answer of Workers AI comes parsed.
  if (typeof content === 'object' && content !== null) return JSON.stringify(content)
  // Filtered before its first word, or cut off while it was thinking.
  return finish === undefined ? undefined : ''
}

function usageOf(usage: unknown): Partial<ChatUsage> | undefined {
  const inputTokens = countOf(fieldOf(usage, 'prompt_tokens'))
  const outputTokens = countOf(fieldOf(usage, 'completion_tokens'))
  if (inputTokens === undefined && outputTokens === undefined) return undefined
  return {
    ...(inputTokens === undefined ? {} : { inputTokens }),
    ...(outputTokens === undefined ? {} : { outputTokens }),
  }
}

/** Tokens are estimated where the provider does not count; Workers AI's older models do not say why they stopped. */
function ended(
  text: string,
  finish: Finish | undefined,
  usage: Partial<ChatUsage> | undefined,
  messages: readonly ChatMessage[],
  { maxTokens = Infinity }: ChatRequest,
): { finish: Finish; usage: ChatUsage } {
  const inputTokens = usage?.inputTokens ?? messages.reduce((sum, { content }) => sum + estimateTokens(content), 0)
  const outputTokens = usage?.outputTokens ?? estimateTokens(text)
  return {
    finish: finish ?? (outputTokens >= maxTokens ? 'length' : 'stop'),
    usage: { inputTokens, outputTokens },
  }
}
