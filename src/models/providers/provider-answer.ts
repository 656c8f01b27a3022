/**
 * Reads what a provider answers: statuses become faults, bodies are bounded, and nothing that a provider says about a fault
 * goes further, because it may quote keys or texts.
 */
import { MAX_DIMENSIONS, MAX_PROVIDER_ANSWER_BYTES } from '../../core/limits.ts'
import { ProviderFault } from './provider-fault.ts'

/** Longer waits than a day are no promise. */
const MAX_RETRY_AFTER_MS = 86_400_000
const NOT_READY = 'the provider is not ready'
/** Of an answer that tells of a fault. */
export const MAX_FAULT_BYTES = 16_384

/** Of a number as JSON, with what indents it. */
const NUMBER_BYTES = 40
/** Of whatever else stands in an answer, such as names and counts. */
const ENVELOPE_BYTES = 65_536

/** What the vectors of so many texts can need at most: one query's worth of a wrong answer is cheap to refuse. */
export const embeddingBytes = (texts: number): number =>
  Math.min(ENVELOPE_BYTES + texts * MAX_DIMENSIONS * NUMBER_BYTES, MAX_PROVIDER_ANSWER_BYTES)

/** `Retry-After` in seconds or as a date (RFC 9110, section 10.2.3), in milliseconds; `undefined` where it says nothing. */
export function retryAfterMs(headers: Headers): number | undefined {
  const value = headers.get('retry-after')?.trim() ?? ''
  if (value === '') return undefined
  const waitMs = /^\d+(\.\d+)?$/.test(value) ? Number(value) * 1_000 : dateDistanceMs(value, headers)
  return Number.isFinite(waitMs) ? Math.min(Math.max(waitMs, 0), MAX_RETRY_AFTER_MS) : undefined
}

/** Between two times of the provider's own clock, so that ours need not agree with it. */
const dateDistanceMs = (date: string, headers: Headers): number =>
  Date.parse(date) - Date.parse(headers.get('date') ?? '')

/** What a status that is no success means; the numbers are the same at all providers. */
export function faultOfStatus(status: number, headers: Headers): ProviderFault {
  if (status === 429) return new ProviderFault('busy', 'the provider asks for patience', retryAfterMs(headers))
  // Hugging Face says so while it loads a model.
  if (status === 503) return new ProviderFault('busy', NOT_READY, retryAfterMs(headers))
  if (status === 408 || status === 504) return new ProviderFault('timeout', `the provider gave up with ${status}`)
  if (status === 424 || status >= 500) return new ProviderFault('failed', `the provider answered with ${status}`)
  if (status === 400 || status === 413 || status === 422) {
    return new ProviderFault('too_long', `the provider refused the request with ${status}; check the model's name`)
  }
  return new ProviderFault('refused', `the provider refused the request with ${status}; check the model's key and name`)
}

/** Passes a success on. @throws ProviderFault for every other status, after its body was given up */
export async function requireSuccess(response: Response): Promise<Response> {
  if (response.ok) return response
  const { status, headers } = response
  if (status === 503 && !headers.has('retry-after')) {
    throw new ProviderFault('busy', NOT_READY, await loadingMs(response))
  }
  await response.body?.cancel()
  throw faultOfStatus(status, headers)
}

/** `estimated_time` in seconds, which Hugging Face says in the body while it loads a model. */
async function loadingMs(response: Response): Promise<number | undefined> {
  try {
    // Who asked gives up by the request's own signal.
    const text = await readText(response, new AbortController().signal, MAX_FAULT_BYTES)
    const seconds = fieldOf(JSON.parse(text), 'estimated_time')
    return typeof seconds === 'number' && seconds >= 0 ? Math.min(seconds * 1_000, MAX_RETRY_AFTER_MS) : undefined
  } catch {
    return undefined
  }
}

/** The bytes of a body as they come, bounded. @throws ProviderFault `broken` when it breaks off, `wrong` beyond the bound */
export async function* boundedBytes(
  body: ReadableStream<Uint8Array>,
  signal: AbortSignal,
  maxBytes = MAX_PROVIDER_ANSWER_BYTES,
): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = body.getReader()
  const abort = (): void => void reader.cancel(signal.reason).catch(() => undefined)
  signal.addEventListener('abort', abort)
  let size = 0
  try {
    for (;;) {
      const { done, value } = await reader.read()
      signal.throwIfAborted()
      if (done) return
      size += value.length
      if (size > maxBytes) throw new ProviderFault('wrong', `the provider answered with more than ${maxBytes} bytes`)
      yield value
    }
  } catch (error) {
    signal.throwIfAborted()
    throw error instanceof ProviderFault ? error : new ProviderFault('broken', "the provider's answer broke off")
  } finally {
    signal.removeEventListener('abort', abort)
    // Whoever stops early wants no more of it.
    await reader.cancel().catch(() => undefined)
  }
}

/** A whole JSON answer. @throws ProviderFault */
export async function readJson(response: Response, signal: AbortSignal, maxBytes?: number): Promise<unknown> {
  const text = await readText(await requireSuccess(response), signal, maxBytes)
  try {
    return JSON.parse(text)
  } catch {
    throw new ProviderFault('broken', 'the provider answered with something that is not JSON')
  }
}

/** A whole body as text, whatever the status. @throws ProviderFault */
export async function readText(response: Response, signal: AbortSignal, maxBytes?: number): Promise<string> {
  if (response.body === null) return ''
  const decoder = new TextDecoder()
  const parts: string[] = []
  for await (const piece of boundedBytes(response.body, signal, maxBytes))
    parts.push(decoder.decode(piece, { stream: true }))
  return parts.join('') + decoder.decode()
}

/** The field of a JSON object; `undefined` of anything else. */
export const fieldOf = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined

/** A count such as tokens; `undefined` where there is none. */
export const countOf = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined
