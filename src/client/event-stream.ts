/** Server-sent events as they arrive: the part of the format that the API speaks. Comments and retry hints are passed over. */

export interface ServerEvent {
  /** `message` unless the server names it. */
  readonly event: string
  readonly data: string
  /** For `Last-Event-ID`, with which a broken stream goes on. */
  readonly id?: string
}

/** An event that the stream breaks off in is dropped. */
export async function* readEvents(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<ServerEvent> {
  let event = 'message'
  let data: string[] = []
  let id: string | undefined
  for await (const line of linesOf(bytes)) {
    if (line === '') {
      if (data.length > 0) yield { event, data: data.join('\n'), ...(id === undefined ? {} : { id }) }
      event = 'message'
      data = []
      continue
    }
    const colon = line.indexOf(':')
    const name = colon === -1 ? line : line.slice(0, colon)
    const value = colon === -1 ? '' : line.slice(colon + 1).replace(/^ /, '')
    if (name === 'event') event = value
    else if (name === 'data') data.push(value)
    else if (name === 'id') id = value
  }
}

async function* linesOf(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let begun = ''
  for await (const piece of bytes) {
    const lines = (begun + decoder.decode(piece, { stream: true })).split('\n')
    begun = lines.pop() ?? ''
    for (const line of lines) yield line.endsWith('\r') ? line.slice(0, -1) : line
  }
}
