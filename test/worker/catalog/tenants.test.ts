/** Tenants and keys on D1 inside workerd: what is created, listed, changed, deleted, and what stays of it. */
import { env } from 'cloudflare:workers'
import { beforeEach, describe, expect, it } from 'vitest'
import { Catalog } from '../../../src/catalog/catalog.ts'
import type { CollectionRecord, TenantRecord } from '../../../src/catalog/records.ts'
import type { TenantUid } from '../../../src/core/ids.ts'
import { asProblem } from '../../../src/core/problem.ts'
import { issueKey, openSigningKey } from '../../../src/tenancy/issue-key.ts'
import type { IssuedKey } from '../../../src/tenancy/issue-key.ts'
import { tokenSigningKey } from '../../../src/tenancy/key-format.ts'
import { Sealer } from '../../../src/tenancy/sealing.ts'
import { EDGE_EN_MODEL } from '../../../src/models/product-models.ts'

const SEALER = new Sealer('ab'.repeat(32))
const GENERATION = {
  model: EDGE_EN_MODEL,
  profileId: 'edge-en',
  dimensions: 384,
  chunking: { strategy: 'recursive', size: 200, overlap: 20 },
  shards: 2,
  precision: 'int8',
} as const

let nowMs = 1_800_000_000_000
const catalog = new Catalog(env.DB, () => nowMs)
let tenant: TenantRecord
let serial = 0

beforeEach(async () => {
  nowMs += 1_000
  tenant = await catalog.tenants.create({ name: `tenant ${++serial}` })
})

const codeOf = async (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'fine',
    (error: unknown) => asProblem(error)?.code ?? String(error),
  )

const newCollection = (name: string, tenantUid = tenant.uid): Promise<CollectionRecord> =>
  catalog.collections.create({ tenantUid, name, language: 'auto', settings: {}, generation: GENERATION })

async function rowCounts(uid: TenantUid): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const table of ['keys', 'collections', 'jobs', 'documents', 'usage_daily', 'usage_stored_daily']) {
    const row = await env.DB.prepare(`SELECT count(*) AS n FROM ${table} WHERE tenant_uid = ?`)
      .bind(uid)
      .first<{ n: number }>()
    counts[table] = row?.n ?? -1
  }
  return counts
}

describe('tenants', () => {
  it('are created with an id of their own or a generated one, and found again', async () => {
    const id = `acme-${serial}`
    const acme = await catalog.tenants.create({ id, name: 'Acme' })
    expect(acme).toEqual({
      id,
      uid: acme.uid,
      name: 'Acme',
      suspended: false,
      limits: {},
      createdAtMs: nowMs,
      updatedAtMs: nowMs,
    })
    expect(acme.uid).toMatch(/^ten_[0-9A-Za-z]{16}$/)
    expect(await catalog.tenants.find(id)).toEqual(acme)
    expect(tenant.id).toMatch(/^t-[0-9a-z]{20}$/)
    expect(await catalog.tenants.find('nobody')).toBeUndefined()
  })

  it.each(['', 'Acme', '-a', 'a b', 'a/b', 'ä', 'a'.repeat(64)])('never have the id %j', async (id) => {
    expect(await codeOf(catalog.tenants.create({ id, name: 'x' }))).toBe('invalid_request')
  })

  it('are created once by a repeated operation', async () => {
    const made = await catalog.tenants.create({ name: 'once', operationId: `operation${1e6 + serial}` })
    expect(await catalog.tenants.create({ name: 'once', operationId: `operation${1e6 + serial}` })).toEqual(made)
  })

  it('are listed in pages without gaps', async () => {
    const seen: string[] = []
    let after: string | undefined
    do {
      const page = await catalog.tenants.list({ limit: 3, ...(after === undefined ? {} : { after }) })
      expect(page.data.length).toBeLessThanOrEqual(3)
      seen.push(...page.data.map(({ id }) => id))
      after = page.nextAfter
    } while (after !== undefined)
    expect(seen).toContain(tenant.id)
    expect(seen).toEqual([...new Set(seen)].sort())
  })

  it('are changed', async () => {
    nowMs += 5
    const changed = await catalog.tenants.update(tenant.id, { suspended: true, name: 'other' })
    expect(changed).toEqual({ ...tenant, suspended: true, name: 'other', updatedAtMs: nowMs })
    expect(await catalog.keys.findTenant(tenant.id)).toEqual({
      id: tenant.id,
      uid: tenant.uid,
      suspended: true,
      limits: {},
    })
    expect(await catalog.tenants.update('nobody', { suspended: true })).toBeUndefined()
  })

  it('keep the limits that a change does not name, lose those that it removes, and replace a rate as a whole', async () => {
    const rateLimit = { requests: 10, windowSeconds: 1, burst: 20 }
    const limited = await catalog.tenants.create({ name: 'limited', limits: { documents: 5, chunks: 9, rateLimit } })
    expect(limited.limits).toEqual({ documents: 5, chunks: 9, rateLimit })
    const changes = { documents: null, storedBytes: 7, rateLimit: { requests: 3, windowSeconds: 60 } }
    const expected = { chunks: 9, storedBytes: 7, rateLimit: { requests: 3, windowSeconds: 60 } }
    expect((await catalog.tenants.update(limited.id, { limits: changes }))?.limits).toEqual(expected)
    expect((await catalog.keys.findTenant(limited.id))?.limits).toEqual(expected)
    expect((await catalog.tenants.update(limited.id, { limits: {} }))?.limits).toEqual(expected)
    await Promise.all([
      catalog.tenants.update(limited.id, { limits: { chunks: null } }),
      catalog.tenants.update(limited.id, { limits: { storedBytes: null, rateLimit: null } }),
    ])
    expect((await catalog.tenants.find(limited.id))?.limits).toEqual({})
  })
})

describe('a deleted tenant', () => {
  it('is gone for every reader at once, and of all its rows one id stays', async () => {
    const collection = await newCollection('docs')
    const issued = await issueKey(SEALER, 'secret')
    await catalog.keys.create(
      { tenantUid: tenant.uid, name: 'k', kind: 'secret', scopes: ['search'], createdBy: 'root' },
      issued,
    )
    const job = await catalog.jobs.create({ tenantUid: tenant.uid, collectionId: collection.id, total: 2, keyId: 'k' })
    await catalog.jobs.reportProgress(tenant.uid, job.id, 0, { succeeded: 1, failed: 0, cancelled: 0 })
    await catalog.documents.project({
      tenantUid: tenant.uid,
      collectionId: collection.id,
      documents: [{ id: 'a', status: 'indexed', bytes: 1, chunks: 1, version: 1, sequence: 1, updatedAtMs: 1 }],
    })
    await env.DB.batch([
      env.DB.prepare(
        "INSERT INTO usage_daily (tenant_uid, day, collection_id, key_id, updated_at_ms) VALUES (?1, '2026-01-31', 'c', 'k', 1), (?1, '2026-01-31', 'c', 'l', 1)",
      ).bind(tenant.uid),
      env.DB.prepare("INSERT INTO usage_stored_daily VALUES (?, '2026-01-31', 'c', 1, 2, 3, 4)").bind(tenant.uid),
    ])

    expect(await catalog.tenants.erasureState(tenant.uid)).toBe('live')
    expect(await catalog.tenants.startErasure(tenant.id)).toBe(tenant.uid)
    expect(await catalog.tenants.find(tenant.id)).toBeUndefined()
    expect(await catalog.keys.findKey(issued.key.id)).toBeUndefined()
    expect(await catalog.keys.findTenant(tenant.id)).toBeUndefined()
    expect(await catalog.collections.find(tenant.uid, 'docs')).toBeUndefined()
    expect((await catalog.collections.unfinishedDeletions(tenant.uid)).map(({ id }) => id)).toEqual([collection.id])
    expect(await catalog.tenants.erasureState(tenant.uid)).toBe('started')
    expect(await catalog.tenants.erasableUid(tenant.id)).toBe(tenant.uid)
    // Interrupted here, the deletion is repeated: it goes on where it was.
    expect(await catalog.tenants.startErasure(tenant.id)).toBe(tenant.uid)

    const erased = { keys: 1, collections: 1, models: 0, jobs: 1, documents: 1, usage: 3 }
    expect(await catalog.tenants.finishErasure(tenant.uid)).toEqual(erased)
    expect(new Set(Object.values(await rowCounts(tenant.uid)))).toEqual(new Set([0]))
    expect(await catalog.tenants.startErasure(tenant.id)).toBeUndefined()
    expect(await catalog.tenants.erasableUid(tenant.id)).toBeUndefined()
    expect(await catalog.tenants.erasureState(tenant.uid)).toBe('finished')
    const row = await env.DB.prepare('SELECT * FROM tenants WHERE id = ?').bind(tenant.id).first()
    expect(row).toEqual({
      id: tenant.id,
      uid: null,
      name: null,
      suspended: 0,
      limits: null,
      created_at_ms: null,
      updated_at_ms: null,
      deleted_at_ms: nowMs,
    })
    const left = await env.DB.prepare('SELECT count(*) AS n FROM job_progress WHERE job_id = ?').bind(job.id).first()
    expect(left).toEqual({ n: 0 })
  })

  it('keeps its id taken for ever', async () => {
    await catalog.tenants.startErasure(tenant.id)
    expect(await codeOf(catalog.tenants.create({ id: tenant.id, name: 'x' }))).toBe('conflict')
    await catalog.tenants.finishErasure(tenant.uid)
    expect(await codeOf(catalog.tenants.create({ id: tenant.id, name: 'x' }))).toBe('conflict')
  })

  it('gets nothing new from a key that some isolate still holds', async () => {
    await catalog.tenants.startErasure(tenant.id)
    expect(await codeOf(newCollection('late'))).toBe('unauthorized')
    const made = { tenantUid: tenant.uid, name: 'k', kind: 'secret', scopes: ['search'], createdBy: 'x' } as const
    expect(await codeOf(issueKey(SEALER, 'secret').then((issued) => catalog.keys.create(made, issued)))).toBe(
      'not_found',
    )
    expect(await rowCounts(tenant.uid)).toMatchObject({ keys: 0, collections: 0 })
  })

  it('leaves the others alone, and an unknown one is nothing to erase', async () => {
    const other = await catalog.tenants.create({ name: 'other' })
    await newCollection('docs', other.uid)
    await catalog.tenants.startErasure(tenant.id)
    await catalog.tenants.finishErasure(tenant.uid)
    expect(await rowCounts(other.uid)).toMatchObject({ collections: 1 })
    expect(await catalog.tenants.startErasure('nobody')).toBeUndefined()
    await expect(catalog.tenants.finishErasure(other.uid)).rejects.toThrow('invariant')
    expect(await catalog.tenants.find(other.id)).toEqual(other)
  })
})

describe('keys', () => {
  const full = () =>
    ({
      tenantUid: tenant.uid,
      name: 'web',
      kind: 'public',
      scopes: ['search', 'answer'],
      collections: ['docs*'],
      origins: ['self'],
      ipRanges: ['192.0.2.0/24'],
      filter: { team: 'a' },
      rateLimit: { requests: 5, windowSeconds: 1 },
      expiresAtMs: 1_900_000_000_000,
      tokensNotBeforeMs: 1_700_000_000_000,
      createdBy: 'root',
    }) as const

  it('come back as they were made, and authentication finds them with their tenant in one read', async () => {
    const issued = await issueKey(SEALER, 'public')
    const record = await catalog.keys.create(full(), issued)
    expect(record).toEqual({ ...full(), id: issued.key.id, version: 1, createdAtMs: nowMs, updatedAtMs: nowMs })
    expect(await catalog.keys.find(tenant.uid, record.id)).toEqual(record)
    expect(await catalog.keys.findKey(record.id)).toEqual({
      record,
      secretHash: issued.secretHash,
      tenant: { id: tenant.id, uid: tenant.uid, suspended: false, limits: {} },
    })
  })

  it('rotate: the secret before lives on, one older than that is gone, and a repeated operation keeps it', async () => {
    const first = await issueKey(SEALER, 'secret')
    const { id } = await catalog.keys.create({ ...full(), kind: 'secret' }, first)
    const rotate = async (operationId: string, graceMs: number, owner = tenant.uid): Promise<IssuedKey> => {
      const issued = await issueKey(SEALER, 'secret', id)
      const rotated = await catalog.keys.rotate(owner, issued, { operationId, graceMs })
      expect(rotated?.record).toEqual(await catalog.keys.find(tenant.uid, id))
      expect(rotated?.previousUntilMs).toBe((await catalog.keys.findKey(id))?.previous?.untilMs)
      return issued
    }
    const stored = async (): Promise<object> => {
      const { record, secretHash, sealedSigningKey, previous } = (await catalog.keys.findKey(id))!
      return { version: record.version, secretHash, sealedSigningKey, previous }
    }
    const secretOf = ({ secretHash, sealedSigningKey }: IssuedKey): object => ({ secretHash, sealedSigningKey })

    const second = await rotate('op1', 60_000)
    const untilMs = nowMs + 60_000
    expect(await stored()).toEqual({ version: 2, ...secretOf(second), previous: { ...secretOf(first), untilMs } })
    nowMs += 1_000
    // The answer with the second secret was lost: nobody knows it, and the first must go on working as promised.
    const repeated = await rotate('op1', 60_000)
    expect(await stored()).toEqual({ version: 2, ...secretOf(repeated), previous: { ...secretOf(first), untilMs } })
    const third = await rotate('op2', 5_000)
    expect(await stored()).toEqual({
      version: 3,
      ...secretOf(third),
      previous: { ...secretOf(repeated), untilMs: nowMs + 5_000 },
    })
    for (const operation of ['op3', 'op3']) {
      const last = await rotate(operation, 0)
      expect(await stored()).toEqual({ version: 4, ...secretOf(last), previous: undefined })
    }
  })

  it('rotate for their own tenant only, while they live, and public ones without a signing key', async () => {
    const other = await catalog.tenants.create({ name: 'other' })
    const { id } = await catalog.keys.create(full(), await issueKey(SEALER, 'public'))
    const rotate = async (owner: TenantUid): Promise<unknown> =>
      catalog.keys.rotate(owner, await issueKey(SEALER, 'public', id), { operationId: 'op', graceMs: 1 })
    expect(await rotate(other.uid)).toBeUndefined()
    expect(await rotate(tenant.uid)).toMatchObject({ record: { version: 2 }, previousUntilMs: nowMs + 1 })
    expect((await catalog.keys.findKey(id))?.previous).not.toHaveProperty('sealedSigningKey')
    await catalog.keys.revoke(tenant.uid, id)
    expect(await rotate(tenant.uid)).toBeUndefined()
  })

  it('remember when they were used last, and never an earlier time', async () => {
    const ids: string[] = []
    for (let i = 0; i < 3; i++) ids.push((await catalog.keys.create(full(), await issueKey(SEALER, 'public'))).id)
    const [a = '', b = '', c = ''] = ids
    const note = (uses: Record<string, number>): Promise<void> =>
      catalog.keys.noteUses(Object.entries(uses).map(([keyId, atMs]) => ({ keyId, atMs })))
    await note({ [a]: 60_000, [b]: 120_000, '0123456789abcdef': 60_000 })
    await note({ [a]: 180_000, [b]: 60_000 })
    const used = await Promise.all(ids.map(async (id) => (await catalog.keys.find(tenant.uid, id))?.lastUsedAtMs))
    expect(used).toEqual([180_000, 120_000, undefined])
    expect((await catalog.keys.findKey(c))?.record).not.toHaveProperty('lastUsedAtMs')
  })

  it('leave no secret in the database', async () => {
    const issued = await issueKey(SEALER, 'secret')
    await catalog.keys.create({ ...full(), kind: 'secret' }, issued)
    const row = await env.DB.prepare('SELECT * FROM keys WHERE id = ?').bind(issued.key.id).first()
    const text = JSON.stringify(row)
    expect(text).not.toContain(issued.key.text.slice(23))
    const signingKey = await tokenSigningKey(issued.key)
    expect(text).not.toContain(btoa(String.fromCharCode(...signingKey)).slice(0, 16))
    const stored = await catalog.keys.findKey(issued.key.id)
    expect(await openSigningKey(SEALER, issued.key.id, stored!.sealedSigningKey!)).toEqual(signingKey)
  })

  it('are found by their own tenant only', async () => {
    const other = await catalog.tenants.create({ name: 'other' })
    const { id } = await catalog.keys.create(full(), await issueKey(SEALER, 'public'))
    expect(await catalog.keys.find(other.uid, id)).toBeUndefined()
    expect(await catalog.keys.update(other.uid, id, { name: 'stolen' })).toBeUndefined()
    expect(await catalog.keys.revoke(other.uid, id)).toBe(false)
    expect((await catalog.keys.list(other.uid, { limit: 10 })).data).toEqual([])
    expect(await catalog.keys.findKey(id)).toBeDefined()
  })

  it('are dead once revoked, for good, and a second revocation finds nothing', async () => {
    const issued = await issueKey(SEALER, 'secret')
    const { id } = await catalog.keys.create({ ...full(), kind: 'secret' }, issued)
    expect(await catalog.keys.revoke(tenant.uid, id)).toBe(true)
    expect(await catalog.keys.findKey(id)).toMatchObject({ revokedAtMs: nowMs })
    expect(await catalog.keys.find(tenant.uid, id)).toBeUndefined()
    expect(await catalog.keys.revoke(tenant.uid, id)).toBe(false)
    expect(await catalog.keys.update(tenant.uid, id, { name: 'x' })).toBeUndefined()
    expect((await catalog.keys.list(tenant.uid, { limit: 10 })).data).toEqual([])
    const again = await issueKey(SEALER, 'secret', id)
    expect(await codeOf(catalog.keys.create({ ...full(), kind: 'secret' }, again))).toBe('not_found')
  })

  it('are issued once by a repeated operation: the newer secret counts', async () => {
    const first = await issueKey(SEALER, 'secret', `repeated${1e7 + serial}`)
    const second = await issueKey(SEALER, 'secret', `repeated${1e7 + serial}`)
    await catalog.keys.create({ ...full(), kind: 'secret' }, first)
    await catalog.keys.create({ ...full(), kind: 'secret' }, second)
    expect((await catalog.keys.list(tenant.uid, { limit: 10 })).data).toHaveLength(1)
    expect((await catalog.keys.findKey(first.key.id))?.secretHash).toBe(second.secretHash)
  })

  it('lose a restriction where the change says null, and keep it where it says nothing', async () => {
    const { id } = await catalog.keys.create(full(), await issueKey(SEALER, 'public'))
    const changed = await catalog.keys.update(tenant.uid, id, { collections: null, filter: null, scopes: ['search'] })
    expect(changed).toMatchObject({ scopes: ['search'], origins: ['self'], expiresAtMs: full().expiresAtMs })
    expect(changed).not.toHaveProperty('collections')
    expect(changed).not.toHaveProperty('filter')
  })

  it('are listed in pages', async () => {
    for (let i = 0; i < 5; i++) await catalog.keys.create(full(), await issueKey(SEALER, 'public'))
    const first = await catalog.keys.list(tenant.uid, { limit: 3 })
    const second = await catalog.keys.list(tenant.uid, { limit: 3, after: first.nextAfter! })
    expect([first.data.length, second.data.length, second.nextAfter]).toEqual([3, 2, undefined])
    expect(new Set([...first.data, ...second.data].map(({ id }) => id)).size).toBe(5)
  })
})
