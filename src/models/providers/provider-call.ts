/** One request over HTTP and its answer, for every adapter: the status as a fault, the body counted while it is read. */
import { isJsonObject } from '../../core/faults.ts'
import type { ModelFetch, ModelRequest } from './provider-adapter.ts'
import { ProviderFault, type ProviderFaultKind } from './provider-fault.ts'

/** What is read of an answer that is a fault: enough for how long a model needs to be loaded. */
const MAX_FAULT_BYTES = 4_096
/** Nobody waits longer because a header says so. */
const MAX_RETRY_AFTER_MS = 3_600_000

/** Sends a request and gives its answer back, unread, where its status is 2xx. @throws ProviderFault */
export async function callProvider(call: ModelFetch, request: ModelRequest): Promise<Response> {
  const response = await call(request)
  if (response.ok) return response
  throw await faultOf(response, request.signal)
}

/** Sends a request and reads JSON of at most `maxBytes`. @throws ProviderFault */
export async function callForJson(call: ModelFetch, request: ModelRequest, maxBytes: number): Promise<unknown> {
  const response = await callProvider(call, request)
  return readJson(response, maxBytes, request.signal)
}

export async function readJson(response: Response, maxBytes: number, signal: AbortSignal): Promise<unknown> {
  const type = response.headers.get('content-type') ?? ''
  if (!/^[^;]*\bjson\b/i.test(type)) {
    await response.body?.cancel()
    throw new ProviderFault('broken', 'the provider answered with something else than JSON')
  }
  const text = await readText(response, maxBytes, signal)
  try {
    return JSON.parse(text)
  } catch {
    throw new ProviderFault('broken', 'the provider answered with broken JSON')
  }
}

async function readText({ body }: Response, maxBytes: number, signal: AbortSignal): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  let bytes = 0
  for await (const part of partsOf(body, signal)) {
    bytes += part.byteLength
    if (bytes > maxBytes) throw new ProviderFault('wrong', 'the provider answered with more than could be asked for')
    text += decoder.decode(part, { stream: true })
  }
  return text + decoder.decode()
}

/** The bytes of a body as they come. Leaving the loop early, also by a throw, gives the connection back. */
export async function* partsOf(
  body: ReadableStream<Uint8Array> | null,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = body?.getReader()
  let isWhole = false
  try {
    for (;;) {
      const part = await reader?.read()
      if (part === undefined || part.done) {
        isWhole = true
        return
      }
      yield part.value
    }
  } catch (error) {
    if (signal.aborted || error instanceof ProviderFault) throw error
    throw new ProviderFault('broken', 'the provider broke off its answer')
  } finally {
    // Of a stream that has failed already there is nothing to cancel.
    if (!isWhole) await reader?.cancel().catch(() => undefined)
  }
}

async function faultOf(response: Response, signal: AbortSignal): Promise<ProviderFault> {
  const { status } = response
  const retryAfterMs = retryAfterOf(response.headers) ?? (await loadingTimeOf(response, signal))
  return new ProviderFault(
    kindOf(status, retryAfterMs !== undefined),
    `the provider answered with status ${status}`,
    retryAfterMs,
  )
}

function kindOf(status: number, saysWhen: boolean): ProviderFaultKind {
  switch (status) {
    case 400:
    case 413:
    case 422:
      return 'too_long'
    case 408:
    case 504:
    case 524:
      return 'timeout'
    case 429:
    case 529:
      return 'busy'
    case 501:
      return 'refused'
    case 503:
      return saysWhen ? 'busy' : 'failed'
    default:
      return status >= 500 ? 'failed' : 'refused'
  }
}

/** Seconds, as all providers send them; OpenAI and Azure know milliseconds beside. A date is no use without a common clock. */
function retryAfterOf(headers: Headers): number | undefined {
  const [exact, seconds] = [Number(headers.get('retry-after-ms') ?? NaN), Number(headers.get('retry-after') ?? NaN)]
  const ms = Number.isNaN(exact) ? seconds * 1_000 : exact
  return ms >= 0 ? Math.min(ms, MAX_RETRY_AFTER_MS) : undefined
}

/** Hugging Face says in the body of a 503 how long the model needs to be loaded, in seconds. The body is ended in any case. */
async function loadingTimeOf(response: Response, signal: AbortSignal): Promise<number | undefined> {
  if (response.status !== 503) {
    await response.body?.cancel().catch(() => undefined)
    return undefined
  }
  try {
    const body = await readJson(response, MAX_FAULT_BYTES, signal)
    const seconds = isJsonObject(body) ? body['estimated_time'] : undefined
    return typeof seconds === 'number' && seconds >= 0 ? Math.min(seconds * 1_000, MAX_RETRY_AFTER_MS) : undefined
  } catch (error) {
    if (signal.aborted) throw error
    return undefined
  }
}
