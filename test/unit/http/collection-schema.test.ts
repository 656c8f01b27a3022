import { expect, it } from 'vitest'
import { chunkingSchema } from '../../../src/http/schemas/collection.ts'

it('chunks of fewer than 16 tokens are refused', () => {
  expect([15, 16].map((size) => chunkingSchema.safeParse({ size }).success)).toEqual([false, true])
})
