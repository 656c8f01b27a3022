/** Files of models that are watched again while one of them is looked at. */
import { expect, it } from 'vitest'
import type { TenantUid } from '../../../src/core/ids.ts'
import { ModelFiles } from '../../../src/files/model-files.ts'

const TENANT = 'ten' as TenantUid
const HOUR_MS = 3_600_000

it('stay watched where a request begins again while the control plane is asked', async () => {
  const entries = new Map<string, unknown>()
  const kv = {
    get: (key: string) => entries.get(key),
    put: (key: string, value: unknown) => void entries.set(key, value),
    delete: (key: string) => entries.delete(key),
    list: () => entries.entries(),
  } as unknown as SyncKvStorage
  const files: ModelFiles = new ModelFiles(kv, {
    originals: { delete: async () => {}, abortMultipart: async () => {} },
    hasModel: async (tenantUid, modelUid) => {
      if (modelUid === 'again') files.watch(tenantUid, modelUid, HOUR_MS)
      return true
    },
  })
  files.watch(TENANT, 'once', 0)
  files.watch(TENANT, 'again', 0)
  await files.run(HOUR_MS)
  expect(files.nextDueMs()).toBe(2 * HOUR_MS)
  expect(entries.size).toBe(1)
})
