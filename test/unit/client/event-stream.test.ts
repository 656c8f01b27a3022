import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readEvents } from '../../../src/client/event-stream.ts'
import type { ServerEvent } from '../../../src/client/event-stream.ts'

async function read(bytes: Uint8Array, cuts: readonly number[] = []): Promise<ServerEvent[]> {
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b)
  async function* pieces(): AsyncGenerator<Uint8Array> {
    for (const [index, place] of places.entries()) yield bytes.subarray(place, places[index + 1] ?? bytes.length)
  }
  const events: ServerEvent[] = []
  for await (const event of readEvents(pieces())) events.push(event)
  return events
}

describe('server-sent events', () => {
  it('are the same wherever the stream is cut', async () => {
    const text =
      ': hello\nretry: 5\n\nevent: file\nid: 7\ndata: {"name":"schöne.md"}\n\ndata: a\r\ndata:b\r\n\r\nevent: lost\ndata: x\n'
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat()), async (cuts) => {
        expect(await read(new TextEncoder().encode(text), cuts)).toEqual([
          { event: 'file', data: '{"name":"schöne.md"}', id: '7' },
          { event: 'message', data: 'a\nb', id: '7' },
        ])
      }),
    )
  })
})
