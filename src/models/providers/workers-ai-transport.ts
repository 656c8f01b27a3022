/** The two ways to Workers AI, and what its error codes mean. */
import type { WorkersAiSource } from '../model.ts'
import { unlessAborted } from './endpoint.ts'
import type { AiBinding, ModelFetch } from './provider-adapter.ts'
import { faultOfStatus, MAX_FAULT_BYTES, fieldOf, readJson, readText, requireSuccess } from './provider-answer.ts'
import { ProviderFault } from './provider-fault.ts'
import { isWorkersAiModel } from './provider-names.ts'

export interface WorkersAiTransport {
  /** The model's output, which REST bounds. @throws ProviderFault */
  run(model: string, input: object, signal: AbortSignal, maxBytes?: number): Promise<unknown>
  /** The bytes of server-sent events. @throws ProviderFault */
  stream(model: string, input: object, signal: AbortSignal): Promise<ReadableStream<Uint8Array>>
}

const nameless = (): ProviderFault => new ProviderFault('refused', 'the model has no name of Workers AI')
const API = 'https://api.cloudflare.com/client/v4'
/** The day's free allocation comes back at midnight; asking every minute until then would help nobody. */
const ALLOCATION_PATIENCE_MS = 3_600_000

/** Cloudflare's codes where they say more than the status. */
function faultOfCode(code: number): ProviderFault | undefined {
  switch (code) {
    case 3036:
      return new ProviderFault('busy', "Workers AI's daily allocation is used up", ALLOCATION_PATIENCE_MS)
    case 3040:
      return new ProviderFault('busy', 'Workers AI is out of capacity')
    case 3007:
    case 3008:
      return new ProviderFault('timeout', 'Workers AI gave up')
    case 3006:
      return new ProviderFault('too_long', 'Workers AI found the request too large')
    case 5007:
    case 3042:
      return new ProviderFault('refused', 'Workers AI does not know the model')
    case 3023:
    case 3041:
    case 5016:
    case 5018:
      return new ProviderFault('refused', 'Workers AI does not let the account use the model')
    default:
      return undefined
  }
}

/** The output may be wrapped, which the binding undoes itself. */
export function bindingTransport(ai: AiBinding): WorkersAiTransport {
  const run = async (model: string, input: object, signal: AbortSignal): Promise<unknown> => {
    if (!isWorkersAiModel(model)) throw nameless()
    signal.throwIfAborted()
    try {
      // The binding does not everywhere look at the signal.
      return await unlessAborted(signal, () => ai.run(model, input, { signal }))
    } catch (error) {
      signal.throwIfAborted()
      throw faultOfBinding(error)
    }
  }
  return {
    run,
    async stream(model, input, signal) {
      const output = await run(model, input, signal)
      if (output instanceof ReadableStream) return output as ReadableStream<Uint8Array>
      throw new ProviderFault('wrong', 'Workers AI answered without a stream')
    },
  }
}

/** Its errors say `3040: Capacity temporarily exceeded…`, sometimes behind a name; some carry the status of the answer. */
function faultOfBinding(error: unknown): ProviderFault {
  const message = fieldOfError(error, 'message')
  const code = /^(?:\w+: )?(\d{4}): /.exec(typeof message === 'string' ? message : '')?.[1]
  const known = code === undefined ? undefined : faultOfCode(Number(code))
  if (known !== undefined) return known
  const status = fieldOfError(error, 'httpCode') ?? fieldOfError(error, 'status')
  if (typeof status === 'number' && status >= 400) return faultOfStatus(status, new Headers())
  return new ProviderFault('failed', 'Workers AI failed')
}

const fieldOfError = (error: unknown, name: string): unknown =>
  typeof error === 'object' && error !== null ? (error as Record<string, unknown>)[name] : undefined

/** `baseUrl` is what stands before the model's name, such as an AI Gateway's `…/workers-ai`. */
export function restTransport(source: WorkersAiSource, apiKey: string, call: ModelFetch): WorkersAiTransport {
  const base = source.baseUrl ?? `${API}/accounts/${encodeURIComponent(source.accountId ?? '')}/ai/run`
  const send = async (model: string, input: object, accept: string, signal: AbortSignal): Promise<Response> => {
    if (!isWorkersAiModel(model)) throw nameless()
    const response = await call({
      url: `${base.replace(/\/+$/, '')}/${model}`,
      headers: { accept, authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
      body: JSON.stringify(input),
      signal,
    })
    if (response.ok) return response
    const { status, headers } = response
    throw (
      faultOfErrors(await readText(response, signal, MAX_FAULT_BYTES).catch(() => '')) ?? faultOfStatus(status, headers)
    )
  }
  return {
    async run(model, input, signal, maxBytes) {
      const answer = await readJson(await send(model, input, 'application/json', signal), signal, maxBytes)
      if (fieldOf(answer, 'success') !== true) {
        throw (
          faultOfErrors(JSON.stringify(answer)) ?? new ProviderFault('failed', 'Workers AI answered without success')
        )
      }
      return fieldOf(answer, 'result')
    },
    async stream(model, input, signal) {
      const { body } = await requireSuccess(await send(model, input, 'text/event-stream', signal))
      if (body === null) throw new ProviderFault('broken', 'Workers AI answered without a body')
      return body
    },
  }
}

/** Looks at the code of the first error only: texts may quote the request. */
function faultOfErrors(text: string): ProviderFault | undefined {
  try {
    const errors = fieldOf(JSON.parse(text), 'errors')
    const code = Array.isArray(errors) ? fieldOf(errors[0], 'code') : undefined
    return typeof code === 'number' ? faultOfCode(code) : undefined
  } catch {
    return undefined
  }
}
