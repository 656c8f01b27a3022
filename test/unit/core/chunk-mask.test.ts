import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ChunkMask } from '../../../src/core/chunk-mask.ts'

describe('ChunkMask', () => {
  it('is a set of chunk numbers', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), fc.array(fc.nat(199)), (limit, chunks) => {
        const mask = new ChunkMask(limit)
        const model = new Set(chunks.filter((chunk) => chunk < limit))
        for (const chunk of model) mask.add(chunk)
        for (const chunk of model) mask.add(chunk)
        expect(mask.count).toBe(model.size)
        for (let chunk = 0; chunk < 260; chunk++) expect(mask.has(chunk)).toBe(model.has(chunk))
      }),
      { seed: 1 },
    )
  })

  it('refuses chunks at or above its limit instead of losing them', () => {
    expect(() => new ChunkMask(32).add(32)).toThrow(/limit/)
    expect(() => new ChunkMask(33).add(-1)).toThrow(/limit/)
    expect(new ChunkMask(0).has(0)).toBe(false)
  })
})
