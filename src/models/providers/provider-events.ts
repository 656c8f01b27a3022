/** Server-sent events of providers (WHATWG HTML, section 9.2), as far as they use them: `data` lines that hold JSON. */
import { MAX_PROVIDER_EVENT_LENGTH } from '../../core/limits.ts'
import { boundedBytes } from './provider-answer.ts'
import { ProviderFault } from './provider-fault.ts'

const END = '[DONE]'

/**
 * The JSON of each event, in order; ends at `[DONE]` and returns whether it was there.
 * @throws ProviderFault `broken`
 */
export async function* readEvents(
  body: ReadableStream<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<unknown, boolean, undefined> {
  let data: string[] = []
  for await (const line of linesOf(body, signal)) {
    if (line.startsWith('data:')) data.push(line.slice('data:'.length).trim())
    if (line !== '' || data.length === 0) continue
    const event = data.join('\n')
    data = []
    if (event === END) return true
    yield parsed(event)
  }
  const event = data.join('\n')
  if (event !== '' && event !== END) yield parsed(event)
  return event === END
}

async function* linesOf(
  body: ReadableStream<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder()
  let begun = ''
  for await (const piece of boundedBytes(body, signal)) {
    const lines = (begun + decoder.decode(piece, { stream: true })).split('\n')
    begun = lines.pop() ?? ''
    if (begun.length > MAX_PROVIDER_EVENT_LENGTH)
      throw new ProviderFault('wrong', 'the provider sent an event without an end')
    for (const line of lines) yield line.replace(/\r$/, '')
  }
  if (begun !== '') yield begun
}

function parsed(event: string): unknown {
  try {
    return JSON.parse(event)
  } catch {
    throw new ProviderFault('broken', 'the provider sent an event that is not JSON')
  }
}
