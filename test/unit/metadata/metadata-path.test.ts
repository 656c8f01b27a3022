import { describe, expect, it } from 'vitest'
import type { Json, JsonObject } from '../../../src/core/canonical-json.ts'
import { MetadataPath } from '../../../src/metadata/metadata-path.ts'

/** `{"0": [{"0": [… leaf …]}]}`: a path of zeros may enter every element by position or by name. */
function nested(levels: number, leaf: Json): JsonObject {
  let value = leaf
  for (let level = 0; level < levels; level++) value = { 0: [value] }
  return { 0: value }
}

function visitsOf(parts: readonly string[], metadata: JsonObject): number {
  let visits = 0
  new MetadataPath(parts).visit(metadata, () => visits++)
  return visits
}

describe('a path of numbers', () => {
  it.each([30, 60, 1_000])('is walked in linear time through %i nested arrays', (levels) => {
    const parts = Array.from({ length: 32 }, () => '0')
    expect(visitsOf(parts, nested(levels, 1))).toBeLessThan(32 * 4)
  })

  it('still finds what lies at the end of any way', () => {
    const found = (parts: number) => {
      const values: unknown[] = []
      const path = new MetadataPath(Array.from({ length: parts }, () => '0'))
      path.visit(nested(6, 'leaf'), (value) => values.push(value))
      return values.includes('leaf')
    }
    // One part for the outer name, then one or two a level: by name alone, or by position and name; the last element
    // is reached by its position.
    expect(Array.from({ length: 18 }, (_, parts) => parts + 1).filter(found)).toEqual([8, 9, 10, 11, 12, 13])
  })
})
