import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MAX_CONTEXT_LENGTH, MAX_SECTION_CHUNKS, MAX_SECTION_LENGTH } from '../../../src/core/limits.ts'
import type { Expansion } from '../../../src/shard/chunk-context.ts'
import type { ChunkRow } from '../../../src/shard/document-store.ts'
import { contextOf } from '../../../src/shard/neighbours.ts'
import { NodeShard } from '../../support/node-shard.ts'

const rowsOf = (chunks: readonly { readonly length: number; readonly heading: string }[]): ChunkRow[] => {
  let at = 0
  return chunks.map(({ length, heading }, ordinal): ChunkRow => {
    const start = at
    at += length
    return {
      chunk: 100 + ordinal,
      document: 1,
      ordinal,
      start_offset: start,
      end_offset: at,
      tokens: 1,
      truncated: 0,
      language: 'en',
      vector_key: null,
      prefix: '',
      headings: JSON.stringify([heading]),
      location: null,
    }
  })
}

const rows = fc
  .array(
    fc.record({ length: fc.constantFrom(1, 300, 2_000, 7_000, 30_000), heading: fc.constantFrom('A', 'A', 'A', 'B') }),
    { minLength: 1, maxLength: 45 },
  )
  .map(rowsOf)
const lengthOf = (found: readonly ChunkRow[]): number => (found.at(-1)?.end_offset ?? 0) - (found[0]?.start_offset ?? 0)

describe('the context of a chunk', () => {
  it('is a run of its neighbours around it, within the bounds, and none that fits is left out', () => {
    const expansions: Expansion[] = [
      'section',
      { before: 2, after: 1 },
      { before: 0, after: 0 },
      { before: 10, after: 10 },
    ]
    fc.assert(
      fc.property(rows, fc.nat(44), fc.constantFrom(...expansions), (all, place, expand) => {
        const own = all[place % all.length]!
        const reach = expand === 'section' ? { before: 19, after: 19 } : expand
        const near = all.filter(({ chunk }) => chunk >= own.chunk - reach.before && chunk <= own.chunk + reach.after)
        const found = contextOf(own, near, expand)
        expect(found).toContain(own)
        for (const [index, row] of found.entries()) expect(row.chunk).toBe(found[0]!.chunk + index)
        const [most, maxLength] =
          expand === 'section' ? [MAX_SECTION_CHUNKS, MAX_SECTION_LENGTH] : [21, MAX_CONTEXT_LENGTH]
        expect(found.length).toBeLessThanOrEqual(most)
        if (found.length > 1) expect(lengthOf(found)).toBeLessThanOrEqual(maxLength)
        if (expand === 'section') for (const row of found) expect(row.headings).toBe(own.headings)
        for (const next of [near[near.indexOf(found[0]!) - 1], near[near.indexOf(found.at(-1)!) + 1]]) {
          if (next === undefined || found.length === most) continue
          const isOther = expand === 'section' && next.headings !== own.headings
          const length =
            Math.max(next.end_offset, found.at(-1)!.end_offset) - Math.min(next.start_offset, found[0]!.start_offset)
          expect(isOther || length > maxLength).toBe(true)
        }
      }),
      { seed: 20_261_122, numRuns: 500 },
    )
  })

  it('is read with the chunk, as one slice of its own document', async () => {
    const shard = new NodeShard()
    await shard.put({ id: 'a', text: 'one\ntwo\n\nthree\nfour', hasPages: true })
    await shard.put({ id: 'b', text: 'five\nsix' })
    const first = shard.state.documents.find('a')?.first_chunk ?? 0
    const contexts = (expand: Expansion) =>
      shard.searcher
        .fetch({ chunks: [first, first + 2, first + 4], expand })
        .map(
          (chunk) => chunk?.context && { ...chunk.context, chunks: chunk.context.chunks.map(({ ordinal }) => ordinal) },
        )
    expect(contexts({ before: 1, after: 1 })).toEqual([
      { text: 'one\ntwo', start: 0, end: 7, chunks: [0, 1] },
      { text: 'two\n\nthree\nfour', start: 4, end: 19, chunks: [1, 2, 3] },
      { text: 'five\nsix', start: 0, end: 8, chunks: [0, 1] },
    ])
    expect(contexts('section')[1]).toEqual({ text: 'one\ntwo\n\nthree\nfour', start: 0, end: 19, chunks: [0, 1, 2, 3] })
    const [fetched] = shard.searcher.fetch({ chunks: [first], expand: { before: 0, after: 1 } })
    expect(fetched?.text).toBe('one')
    expect(fetched?.context?.chunks[1]).toMatchObject({ start: 4, end: 7, location: { page: 2 } })
    expect(shard.searcher.fetch({ chunks: [first] })[0]).not.toHaveProperty('context')
  })
})
