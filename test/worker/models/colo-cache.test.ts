/** The cache of a data centre as the runtime really has it. */
import { expect, it } from 'vitest'
import { coloCache } from '../../../src/models/colo-cache.ts'

it('gives back what was put, byte for byte, and nothing for other keys', async () => {
  const cache = coloCache(caches.default)
  const bytes = Uint8Array.from({ length: 1_536 }, (_, i) => i % 256)
  expect(await cache.get('one')).toBeUndefined()
  await cache.put('one', bytes)
  expect(await cache.get('one')).toEqual(bytes)
  expect(await cache.get('other')).toBeUndefined()
})
