/**
 * The neighbours of a chunk that make its context: the chunks before and after it, or those of its section, the nearest first,
 * as long as the text from the first to the last stays short enough. Chunks of a document have consecutive numbers.
 */
import { MAX_CONTEXT_LENGTH, MAX_EXPANSION, MAX_SECTION_CHUNKS, MAX_SECTION_LENGTH } from '../core/limits.ts'
import type { Expansion } from './chunk-context.ts'
import type { ChunkRow } from './document-store.ts'

/** How far from the chunk, in ordinals, a neighbour may be. */
export function reachOf(expand: Expansion): { readonly before: number; readonly after: number } {
  return expand === 'section' ? { before: MAX_SECTION_CHUNKS - 1, after: MAX_SECTION_CHUNKS - 1 } : expand
}

/** The chunks of the context in order, the chunk itself among them. `near` holds those within reach, in order. */
export function contextOf(chunk: ChunkRow, near: readonly ChunkRow[], expand: Expansion): ChunkRow[] {
  const isSection = expand === 'section'
  const most = isSection ? MAX_SECTION_CHUNKS : 2 * MAX_EXPANSION + 1
  const maxLength = isSection ? MAX_SECTION_LENGTH : MAX_CONTEXT_LENGTH
  const own = near.findIndex((row) => row.chunk === chunk.chunk)
  let first = own
  let last = own
  let start = chunk.start_offset
  let end = chunk.end_offset
  const take = (row: ChunkRow | undefined): boolean => {
    if (row === undefined || last - first + 1 >= most) return false
    if (isSection && row.headings !== chunk.headings) return false
    const from = Math.min(start, row.start_offset)
    const to = Math.max(end, row.end_offset)
    if (to - from > maxLength) return false
    start = from
    end = to
    return true
  }
  let isOpenBefore = true
  let isOpenAfter = true
  while (isOpenBefore || isOpenAfter) {
    if (isOpenBefore) {
      isOpenBefore = take(near[first - 1])
      if (isOpenBefore) first--
    }
    if (isOpenAfter) {
      isOpenAfter = take(near[last + 1])
      if (isOpenAfter) last++
    }
  }
  return near.slice(first, last + 1)
}
