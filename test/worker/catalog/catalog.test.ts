/** The control plane on D1 inside workerd: what is created, listed, changed, deleted, and what stays of it. */
import { env } from 'cloudflare:workers'
import { beforeEach, describe, expect, it } from 'vitest'
import { Catalog } from '../../../src/catalog/catalog.ts'
import type { CollectionRecord, TenantRecord } from '../../../src/catalog/records.ts'
import type { JobId, TenantUid } from '../../../src/core/ids.ts'
import { asProblem } from '../../../src/core/problem.ts'
import { issueKey, openSigningKey } from '../../../src/tenancy/issue-key.ts'
import { tokenSigningKey } from '../../../src/tenancy/key-format.ts'
import { Sealer } from '../../../src/tenancy/sealing.ts'

const SEALER = new Sealer('ab'.repeat(32))
const GENERATION = {
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
  for (const table of ['keys', 'collections', 'jobs', 'documents']) {
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
    expect(await catalog.keys.findTenant(tenant.id)).toEqual({ id: tenant.id, uid: tenant.uid, suspended: true })
    expect(await catalog.tenants.update('nobody', { suspended: true })).toBeUndefined()
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

    expect(await catalog.tenants.startErasure(tenant.id)).toBe(tenant.uid)
    expect(await catalog.tenants.find(tenant.id)).toBeUndefined()
    expect(await catalog.keys.findKey(issued.key.id)).toBeUndefined()
    expect(await catalog.keys.findTenant(tenant.id)).toBeUndefined()
    expect(await catalog.collections.find(tenant.uid, 'docs')).toBeUndefined()
    expect((await catalog.collections.unfinishedDeletions(tenant.uid)).map(({ id }) => id)).toEqual([collection.id])
    expect(await catalog.tenants.unfinishedErasures()).toContainEqual({ id: tenant.id, uid: tenant.uid })
    // Interrupted here, the deletion is repeated: it goes on where it was.
    expect(await catalog.tenants.startErasure(tenant.id)).toBe(tenant.uid)

    expect(await catalog.tenants.finishErasure(tenant.uid)).toEqual({ keys: 1, collections: 1, jobs: 1, documents: 1 })
    expect(await rowCounts(tenant.uid)).toEqual({ keys: 0, collections: 0, jobs: 0, documents: 0 })
    expect(await catalog.tenants.startErasure(tenant.id)).toBeUndefined()
    expect(await catalog.tenants.unfinishedErasures()).not.toContainEqual({ id: tenant.id, uid: tenant.uid })
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
      filter: { team: 'a' },
      expiresAtMs: 1_900_000_000_000,
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
      tenant: { id: tenant.id, uid: tenant.uid, suspended: false },
    })
  })

  it('leave no secret in the database', async () => {
    const issued = await issueKey(SEALER, 'secret')
    await catalog.keys.create({ ...full(), kind: 'secret' }, issued)
    const row = await env.DB.prepare('SELECT * FROM keys WHERE id = ?').bind(issued.key.id).first()
    const text = JSON.stringify(row)
    expect(text).not.toContain(issued.key.text.slice(23))
    const signingKey = await tokenSigningKey(issued.key)
    expect(text).not.toContain(btoa(String.fromCharCode(...signingKey)).slice(0, 16))
    const sealed = await catalog.keys.findSealedSigningKey(issued.key.id)
    expect(await openSigningKey(SEALER, issued.key.id, sealed!)).toEqual(signingKey)
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
    expect(await catalog.keys.findKey(id)).toBeUndefined()
    expect(await catalog.keys.find(tenant.uid, id)).toBeUndefined()
    expect(await catalog.keys.findSealedSigningKey(id)).toBeUndefined()
    expect(await catalog.keys.revoke(tenant.uid, id)).toBe(false)
    expect(await catalog.keys.update(tenant.uid, id, { name: 'x' })).toBeUndefined()
    expect((await catalog.keys.list(tenant.uid, { limit: 10 })).data).toEqual([])
    const again = await issueKey(SEALER, 'secret', id)
    expect(await codeOf(catalog.keys.create({ ...full(), kind: 'secret' }, again))).toBe('conflict')
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

describe('collections', () => {
  it('come back by name and by id, with their generation', async () => {
    const made = await catalog.collections.create({
      tenantUid: tenant.uid,
      name: 'docs',
      language: 'de',
      settings: { bm25: { k1: 1.2, b: 0.75 } },
      generation: GENERATION,
    })
    expect(made).toEqual({
      id: made.id,
      tenantUid: tenant.uid,
      name: 'docs',
      placementEpoch: 1,
      language: 'de',
      settings: { bm25: { k1: 1.2, b: 0.75 } },
      generation: { ...GENERATION, id: made.generation.id },
      createdAtMs: nowMs,
      updatedAtMs: nowMs,
    })
    expect(made.id).toMatch(/^col_/)
    expect(made.generation.id).toMatch(/^gen_/)
    expect(await catalog.collections.find(tenant.uid, 'docs')).toEqual(made)
    expect(await catalog.collections.find(tenant.uid, made.id)).toEqual(made)
  })

  it('of another tenant are not there, by name or by id', async () => {
    const other = await catalog.tenants.create({ name: 'other' })
    const theirs = await newCollection('docs', other.uid)
    expect(await catalog.collections.find(tenant.uid, 'docs')).toBeUndefined()
    expect(await catalog.collections.find(tenant.uid, theirs.id)).toBeUndefined()
    expect(await catalog.collections.update(tenant.uid, theirs.id, { name: 'x' })).toBeUndefined()
    expect(await catalog.collections.markDeleted(tenant.uid, theirs.id)).toBe(false)
    const ours = await newCollection('docs')
    expect(ours.id).not.toBe(theirs.id)
  })

  it('share no name, and free it when they are deleted', async () => {
    const first = await newCollection('docs')
    expect(await codeOf(newCollection('docs'))).toBe('conflict')
    expect(await catalog.collections.markDeleted(tenant.uid, first.id)).toBe(true)
    expect(await catalog.collections.find(tenant.uid, first.id)).toBeUndefined()
    expect(await catalog.collections.markDeleted(tenant.uid, first.id)).toBe(false)
    const second = await newCollection('docs')
    expect(second.id).not.toBe(first.id)
    expect((await catalog.collections.unfinishedDeletions(tenant.uid)).map(({ id }) => id)).toEqual([first.id])
    await catalog.collections.purge(tenant.uid, first.id)
    await catalog.collections.purge(tenant.uid, first.id)
    await catalog.collections.purge(tenant.uid, second.id)
    expect(await catalog.collections.unfinishedDeletions(tenant.uid)).toEqual([])
    expect(await catalog.collections.find(tenant.uid, 'docs')).toEqual(second)
  })

  it('are created once by a repeated operation, and by no other', async () => {
    const made = { tenantUid: tenant.uid, name: 'docs', language: 'auto', settings: {}, generation: GENERATION }
    const first = await catalog.collections.create({ ...made, operationId: `operation${1e6 + serial}` })
    expect(await catalog.collections.create({ ...made, operationId: `operation${1e6 + serial}` })).toEqual(first)
    expect(await codeOf(catalog.collections.create({ ...made, operationId: `operation${2e6 + serial}` }))).toBe(
      'conflict',
    )
    const row = await env.DB.prepare('SELECT count(*) AS n FROM generations WHERE collection_id = ?')
      .bind(first.id)
      .first()
    expect(row).toEqual({ n: 1 })
  })

  it('are renamed, but not to a name in use', async () => {
    const docs = await newCollection('docs')
    await newCollection('blog')
    expect(await codeOf(catalog.collections.update(tenant.uid, docs.id, { name: 'blog' }))).toBe('conflict')
    const renamed = await catalog.collections.update(tenant.uid, docs.id, { name: 'manual', settings: {} })
    expect(renamed).toMatchObject({ id: docs.id, name: 'manual' })
    expect(await catalog.collections.find(tenant.uid, 'docs')).toBeUndefined()
  })

  it('are listed by name, in full pages of what a key reaches', async () => {
    const made = new Map<string, string>()
    for (const name of ['blog', 'docs', 'docs-de', 'docs-en', 'zoo']) made.set(name, (await newCollection(name)).id)
    const list = async (...only: string[]): Promise<string[]> =>
      (await catalog.collections.list(tenant.uid, { limit: 10, only })).data.map(({ name }) => name)
    expect(await list('docs')).toEqual(['docs'])
    expect(await list('docs*')).toEqual(['docs', 'docs-de', 'docs-en'])
    expect(await list('*')).toEqual(['blog', 'docs', 'docs-de', 'docs-en', 'zoo'])
    expect(await list('docs-*', made.get('zoo')!)).toEqual(['docs-de', 'docs-en', 'zoo'])
    expect(await list('%', '_', 'doc', 'col_*')).toEqual([])
    expect(await list()).toEqual([])
    const page = await catalog.collections.list(tenant.uid, { limit: 2, only: ['docs*'] })
    expect([page.data.map(({ name }) => name), page.nextAfter]).toEqual([['docs', 'docs-de'], 'docs-de'])
    const rest = await catalog.collections.list(tenant.uid, { limit: 2, only: ['docs*'], after: 'docs-de' })
    expect([rest.data.map(({ name }) => name), rest.nextAfter]).toEqual([['docs-en'], undefined])
  })
})

describe('jobs', () => {
  const newJob = async (total = 3) => {
    const collection = await newCollection(`c${++serial}`)
    return catalog.jobs.create({ tenantUid: tenant.uid, collectionId: collection.id, total, keyId: 'k' })
  }

  it('begin queued, run with the first report and count over all shards', async () => {
    const job = await newJob()
    expect(job).toMatchObject({ status: 'queued', total: 3, succeeded: 0, failed: 0, cancelled: 0 })
    await catalog.jobs.reportProgress(tenant.uid, job.id, 0, { succeeded: 1, failed: 0, cancelled: 0 })
    await catalog.jobs.reportProgress(tenant.uid, job.id, 1, { succeeded: 0, failed: 1, cancelled: 0 })
    expect(await catalog.jobs.find(tenant.uid, job.id)).toMatchObject({ status: 'running', succeeded: 1, failed: 1 })
  })

  it('count absolutely: a repeated or late report changes nothing', async () => {
    const job = await newJob()
    const counts = { succeeded: 2, failed: 1, cancelled: 0 }
    for (let i = 0; i < 3; i++) await catalog.jobs.reportProgress(tenant.uid, job.id, 0, counts)
    await catalog.jobs.reportProgress(tenant.uid, job.id, 0, { succeeded: 1, failed: 0, cancelled: 0 })
    expect(await catalog.jobs.find(tenant.uid, job.id)).toMatchObject(counts)
  })

  it('settle once, and stay so', async () => {
    const job = await newJob()
    nowMs += 7
    expect(await catalog.jobs.settle(tenant.uid, job.id, 'succeeded')).toBe(true)
    expect(await catalog.jobs.settle(tenant.uid, job.id, 'cancelled')).toBe(false)
    await catalog.jobs.reportProgress(tenant.uid, job.id, 0, { succeeded: 3, failed: 0, cancelled: 0 })
    expect(await catalog.jobs.find(tenant.uid, job.id)).toMatchObject({
      status: 'succeeded',
      succeeded: 3,
      finishedAtMs: nowMs,
    })
  })

  it('of another tenant are not there', async () => {
    const job = await newJob()
    const { uid } = await catalog.tenants.create({ name: 'other' })
    await catalog.jobs.reportProgress(uid, job.id, 0, { succeeded: 3, failed: 0, cancelled: 0 })
    expect(await catalog.jobs.find(uid, job.id)).toBeUndefined()
    expect(await catalog.jobs.settle(uid, job.id, 'cancelled')).toBe(false)
    await catalog.jobs.remove(uid, job.id)
    expect(await catalog.jobs.find(tenant.uid, job.id)).toEqual(job)
  })

  it('are created once under a given id, and can be taken back', async () => {
    const made = await newJob()
    const again = await catalog.jobs.create({ ...made, total: 99 })
    expect(again).toEqual(made)
    await catalog.jobs.remove(tenant.uid, made.id)
    expect(await catalog.jobs.find(tenant.uid, made.id)).toBeUndefined()
  })

  it('are listed newest first, in pages, also those of one millisecond', async () => {
    const ids: JobId[] = []
    for (let i = 0; i < 7; i++) {
      if (i % 3 === 0) nowMs++
      ids.push((await newJob()).id)
    }
    const seen: string[] = []
    let after: string | undefined
    do {
      const page = await catalog.jobs.list(tenant.uid, { limit: 2, ...(after === undefined ? {} : { after }) })
      seen.push(...page.data.map(({ createdAtMs, id }) => `${createdAtMs} ${id}`))
      after = page.nextAfter
    } while (after !== undefined)
    expect(seen).toHaveLength(7)
    expect(seen).toEqual([...seen].sort().reverse())
    expect(new Set(seen.map((line) => line.split(' ')[1]))).toEqual(new Set(ids))
    expect((await catalog.jobs.list(tenant.uid, { limit: 9, after: 'nonsense' })).data).toEqual([])
  })

  it('are listed for some collections', async () => {
    const [one, two] = [await newJob(), await newJob()]
    const page = await catalog.jobs.list(tenant.uid, { limit: 9, collectionIds: [two.collectionId] })
    expect(page.data).toEqual([two])
    expect((await catalog.jobs.list(tenant.uid, { limit: 9, collectionIds: [] })).data).toEqual([])
    expect((await catalog.jobs.list(tenant.uid, { limit: 9 })).data).toEqual(
      [two, one].sort((a, b) => (a.id < b.id ? 1 : -1)),
    )
  })

  it('go with their collection', async () => {
    const job = await newJob()
    await catalog.collections.markDeleted(tenant.uid, job.collectionId)
    await catalog.collections.purge(tenant.uid, job.collectionId)
    expect(await catalog.jobs.find(tenant.uid, job.id)).toBeUndefined()
  })
})
