/** The file of a model of word vectors when its row could not be made: gone after a refusal, kept where nobody knows. */
import { expect, it } from 'vitest'
import type { TenantUid } from '../../../src/core/ids.ts'
import { Problem } from '../../../src/core/problem.ts'
import type { AppDependencies } from '../../../src/http/dependencies.ts'
import { keepWordVectors } from '../../../src/http/keep-word-vectors.ts'
import type { MadeWordVectors } from '../../../src/models/word-vector-models.ts'
import { EDGE_EN } from '../../../src/models/profiles.ts'

const made: MadeWordVectors = {
  packed: new ArrayBuffer(4),
  sha256: '',
  profile: EDGE_EN,
  origin: 'glove',
  words: 1,
}

/** How many files lie there after the catalogue threw `error`. */
async function filesAfter(error: Error): Promise<number> {
  const files = new Set<string>()
  const stores = {
    catalog: { models: { list: async () => ({ data: [] }), create: () => Promise.reject(error) } },
    originals: {
      store: async (key: string) => void files.add(key),
      delete: async (keys: readonly string[]) => keys.forEach((key) => files.delete(key)),
    },
    files: { of: async () => ({ watchModelFile: async () => {} }) },
  } as unknown as AppDependencies
  const kept = keepWordVectors(stores, { tenantUid: 'ten' as TenantUid, name: 'words', operationId: 'op', made })
  await expect(kept).rejects.toBe(error)
  return files.size
}

it('takes the file back after a refusal', async () => {
  expect(await filesAfter(new Problem('conflict'))).toBe(0)
})

it('leaves the file where the row may have been made all the same', async () => {
  expect(await filesAfter(new Problem('overloaded'))).toBe(1)
  expect(await filesAfter(new Error('Network connection lost'))).toBe(1)
})
