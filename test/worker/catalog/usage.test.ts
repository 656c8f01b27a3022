/** Usage by day in D1: absolute sums, repeatable, gone with their tenant. */
import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { Catalog } from '../../../src/catalog/catalog.ts'
import type { CollectionId, TenantUid } from '../../../src/core/ids.ts'
import type { RollUpBatch } from '../../../src/tenancy/ledger.ts'

const catalog = new Catalog(env.DB, Date.now)
const collectionId = 'col_u' as CollectionId
const counts = {
  answers: 1,
  documentsDeleted: 0,
  chunksWritten: 9,
  bytesWritten: 99,
  embeddingTokens: 40,
  tokenCost: 480,
}

const batch = (tenantUid: TenantUid, atMs: number, searches: number, rows = 1): RollUpBatch => ({
  tenantUid,
  atMs,
  usage: Array.from({ length: rows }, (_, row) => ({
    ...counts,
    searches,
    documentsWritten: 3,
    day: '2026-11-22',
    collectionId,
    keyId: `key${row}`,
    revision: 1,
  })),
  stored: [{ day: '2026-11-20', collectionId, documents: 3, chunks: 9, bytes: 99, revision: 1 }],
})

const usedBy = async (tenant: string) =>
  (await catalog.usage.ofTenants('2026-11-01', '2026-11-30')).used.filter((row) => row.tenant === tenant)

describe('usage by day', () => {
  it('is written as absolute sums: repeated and late batches change nothing', async () => {
    const { id, uid } = await catalog.tenants.create({ name: 'metered' })
    await catalog.usage.write(batch(uid, 1_000, 5))
    await catalog.usage.write(batch(uid, 2_000, 7))
    await catalog.usage.write(batch(uid, 2_000, 7))
    await catalog.usage.write(batch(uid, 1_500, 6))
    expect(await usedBy(id)).toEqual([{ ...counts, tenant: id, day: '2026-11-22', searches: 7, documentsWritten: 3 }])
    const { stored } = await catalog.usage.ofTenants('2026-11-01', '2026-11-30')
    expect(stored.filter(({ tenant }) => tenant === id)).toEqual([
      { tenant: id, collectionId, day: '2026-11-20', documents: 3, chunks: 9, bytes: 99 },
    ])
    expect(
      (await catalog.usage.ofTenants('2026-11-23', '2026-11-30')).used.filter(({ tenant }) => tenant === id),
    ).toEqual([])
  })

  it('sums keys and collections, however many rows a batch has, and is empty without rows', async () => {
    const { id, uid } = await catalog.tenants.create({ name: 'many keys' })
    await catalog.usage.write(batch(uid, 1, 2, 200))
    await catalog.usage.write({ ...batch(uid, 2, 2), usage: [], stored: [] })
    expect(await usedBy(id)).toMatchObject([{ searches: 400, documentsWritten: 600 }])
  })

  it('of an erased tenant is neither shown nor written again', async () => {
    const { id, uid } = await catalog.tenants.create({ name: 'erased' })
    await catalog.usage.write(batch(uid, 1, 2))
    await catalog.tenants.startErasure(id)
    await catalog.tenants.finishErasure(uid)
    await catalog.usage.write(batch(uid, 3, 9))
    expect(await usedBy(id)).toEqual([])
    const left = await env.DB.prepare('SELECT count(*) AS rows FROM usage_daily WHERE tenant_uid = ?').bind(uid).first()
    expect(left).toEqual({ rows: 0 })
  })
})
