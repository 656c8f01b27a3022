/** Reads `text/event-stream` as language models send it: the data of each event, one after the other. */
import { partsOf } from './provider-call.ts'
import { ProviderFault } from './provider-fault.ts'

/** Of one event, in UTF-16 units: a token with what stands around it. */
const MAX_EVENT_LENGTH = 1_000_000
/** Of a whole answer. */
const MAX_STREAM_BYTES = 16_000_000

/** Ends with the body. Comments, names and ids of events are left out. @throws ProviderFault */
export async function* serverSentEvents(
  response: Response,
  signal: AbortSignal,
): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder()
  let rest = ''
  let data: string[] = []
  let bytes = 0
  for await (const part of partsOf(response.body, signal)) {
    bytes += part.byteLength
    const lines = (rest + decoder.decode(part, { stream: true })).split(/\r\n|\n|\r(?!$)/)
    rest = lines.pop() ?? ''
    if (rest.length > MAX_EVENT_LENGTH || bytes > MAX_STREAM_BYTES) {
      throw new ProviderFault('wrong', 'the provider answered with more than could be asked for')
    }
    for (const line of lines) {
      if (line === '') {
        if (data.length > 0) yield data.join('\n')
        data = []
      } else if (line.startsWith('data:')) data.push(line.slice(line[5] === ' ' ? 6 : 5))
    }
  }
}
