/**
 * How large a document with its chunks is as a message to its shard, counted generously: in a structured clone every chunk
 * repeats its members' names, its prefix and its headings, and a text is two bytes a unit as soon as one character needs it.
 */
import { locationOf } from '../chunking/location.ts'
import type { PreparedChunk, SourceDocument } from '../shard/shard-api.ts'

/** The members of a chunk without its prefix, headings and vector. */
const CHUNK_BYTES = 200
const BLOCK_BYTES = 80
const LOCATION_BYTES = 80

const textBytes = (text: string): number => (/^[\0-\xff]*$/.test(text) ? text.length : 2 * text.length)

export function preparedBytes(source: SourceDocument, chunks: readonly PreparedChunk[]): number {
  const lengths = new Map<string, number>()
  // Chunks of a section share their strings.
  const shared = (text: string): number => {
    const known = lengths.get(text)
    if (known !== undefined) return known
    const bytes = textBytes(text) + 8
    lengths.set(text, bytes)
    return bytes
  }
  let bytes = textBytes(source.text) + 2 * JSON.stringify({ ...source, text: '', outline: undefined }).length
  for (const block of source.outline ?? []) {
    bytes += BLOCK_BYTES
    if (locationOf(block) !== undefined) bytes += LOCATION_BYTES + shared(block.sheet ?? '')
    for (const heading of block.headings ?? []) bytes += shared(heading)
  }
  for (const { prefix, headings, location, vector } of chunks) {
    bytes += CHUNK_BYTES + shared(prefix) + (vector?.byteLength ?? 0)
    if (location !== undefined) bytes += LOCATION_BYTES + shared(location.sheet ?? '')
    for (const heading of headings) bytes += shared(heading)
  }
  return bytes
}
