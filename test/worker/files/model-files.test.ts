/**
 * Files of models whose request died between the file and the row: an hour later the files object asks the control plane and
 * deletes what has no model.
 */
import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { newModelUid, type TenantUid } from '../../../src/core/ids.ts'
import { ORIGINAL_PART_BYTES } from '../../../src/core/limits.ts'
import { filesObjectName, FilesObjects } from '../../../src/files/files-objects.ts'
import { modelKey } from '../../../src/files/original-key.ts'
import { api, tenant, useTenant } from '../http/tenant-api.ts'

const HOUR_MS = 3_600_000

useTenant()

let tenantUid: TenantUid

beforeEach(async () => {
  const row = env.DB.prepare('SELECT uid FROM tenants WHERE id = ?').bind(tenant.id)
  tenantUid = (await row.first<TenantUid>('uid')) as TenantUid
})

afterEach(() => {
  vi.useRealTimers()
})

const imported = (id: string) =>
  api('POST', `/v1/models/import?id=${id}`, 'heron 1 2 3\nferry 3 1 1\n', { 'content-type': 'text/plain' })

const isStored = async (key: string): Promise<boolean> => (await env.ORIGINALS.head(key)) !== null

const keyOf = async (id: string): Promise<string> => {
  const row = env.DB.prepare('SELECT source FROM models WHERE tenant_uid = ? AND name = ?').bind(tenantUid, id)
  return JSON.parse((await row.first<string>('source')) ?? '{}').objectKey
}

/** Lets the object's alarm ring, so much later. */
async function alarmAfter(ms: number): Promise<void> {
  const stub = env.FILES.getByName(await filesObjectName(tenantUid))
  vi.useFakeTimers({ now: Date.now() + ms, toFake: ['Date'] })
  await runDurableObjectAlarm(stub)
  vi.useRealTimers()
}

async function watched(): Promise<number> {
  const stub = env.FILES.getByName(await filesObjectName(tenantUid))
  return runInDurableObject(stub, (_, { storage }) => [...storage.kv.list({ prefix: 'model-file/' })].length)
}

describe('the file of a model', () => {
  it('goes when its request died before the row, also what was stored of it in parts', async () => {
    const files = await new FilesObjects(env.FILES).of(tenantUid)
    const [whole, half] = [newModelUid(), newModelUid()]
    await files.watchModelFile(tenantUid, whole)
    await env.ORIGINALS.put(await modelKey(tenantUid, whole), 'heron')
    await files.watchModelFile(tenantUid, half)
    const upload = await env.ORIGINALS.createMultipartUpload(await modelKey(tenantUid, half))
    await files.watchModelFile(tenantUid, half, upload.uploadId)
    const part = await upload.uploadPart(1, new Uint8Array(ORIGINAL_PART_BYTES))
    await alarmAfter(HOUR_MS / 2)
    expect(await isStored(await modelKey(tenantUid, whole))).toBe(true)
    await alarmAfter(HOUR_MS)
    expect(await isStored(await modelKey(tenantUid, whole))).toBe(false)
    await expect(upload.complete([part])).rejects.toThrow()
    expect(await watched()).toBe(0)
  })

  it('goes when its request died after the row was deleted', async () => {
    await imported('left')
    const key = await keyOf('left')
    await env.DB.prepare('DELETE FROM models WHERE tenant_uid = ?').bind(tenantUid).run()
    await alarmAfter(HOUR_MS)
    expect(await isStored(key)).toBe(false)
  })

  it('stays while there is a model, also where its deletion was refused', async () => {
    await imported('kept')
    await api('POST', '/v1/collections', { name: 'docs', model: 'kept' })
    await alarmAfter(HOUR_MS)
    expect(await watched()).toBe(0)
    expect((await api('DELETE', '/v1/models/kept')).status).toBe(409)
    expect(await watched()).toBe(1)
    await alarmAfter(HOUR_MS)
    expect(await isStored(await keyOf('kept'))).toBe(true)
  })
})
