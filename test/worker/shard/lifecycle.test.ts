/** Collections and tenants come and go: what a crash or a failure between two steps leaves, and who finishes it. */
import { env } from 'cloudflare:workers'
import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { beforeEach, describe, expect, it } from 'vitest'
import { Catalog } from '../../../src/catalog/catalog.ts'
import type { NewCollection } from '../../../src/catalog/collections.ts'
import type { CollectionRecord, TenantRecord } from '../../../src/catalog/records.ts'
import { systemClock } from '../../../src/core/clock.ts'
import { asProblem, Problem } from '../../../src/core/problem.ts'
import { createCollection, deleteCollection } from '../../../src/shard/collection-lifecycle.ts'
import { FilesObjects } from '../../../src/files/files-objects.ts'
import type { CreationStores, LifecycleStores } from '../../../src/shard/collection-lifecycle.ts'
import { objectName, Placement } from '../../../src/shard/placement.ts'
import { finishTenantErasure, startTenantErasure } from '../../../src/shard/tenant-erasure.ts'
import { TenantObjects } from '../../../src/tenancy/tenant-objects.ts'
import { EDGE_EN_MODEL } from '../../../src/models/product-models.ts'

const catalog = new Catalog(env.DB, systemClock)
const placement = new Placement(env.SHARD)
const tenantObjects = new TenantObjects(env.TENANT)
const files = new FilesObjects(env.FILES)
const stores = { catalog, placement, tenantObjects, files, clock: systemClock } satisfies LifecycleStores &
  CreationStores

let tenant: TenantRecord
let serial = 0

beforeEach(async () => {
  tenant = await catalog.tenants.create({ name: `tenant ${++serial}` })
})

const planned = (name = 'docs', shards = 2): NewCollection & { readonly operationId: string } => ({
  tenantUid: tenant.uid,
  name,
  language: 'auto',
  settings: {},
  generation: {
    model: EDGE_EN_MODEL,
    profileId: 'edge-en',
    dimensions: 384,
    chunking: { strategy: 'recursive', size: 200, overlap: 20 },
    shards,
    precision: 'int8',
  },
  operationId: `lifecycle${String(++serial).padStart(7, '0')}`,
})

/** A placement whose erasure fails, as if the Worker died there; `after` erasures. */
function dying(after = 0): Pick<Placement, 'erase'> {
  let left = after
  return {
    erase: async (collection) => {
      if (left-- <= 0) throw new Error('the Worker died')
      await placement.erase(collection)
    },
  }
}

/** Whether every object of a collection is without a table. */
async function isEmpty({ id, shards }: { id: string; shards: number }): Promise<boolean> {
  const counts = await Promise.all(
    Array.from({ length: shards }, async (_, shard) => {
      const stub = env.SHARD.getByName(await objectName([tenant.uid, id, '1', String(shard)]))
      return runInDurableObject(stub, (__, { storage }) => {
        const tables = storage.sql.exec("SELECT name FROM sqlite_schema WHERE name NOT LIKE '\\_cf%' ESCAPE '\\'")
        return tables.toArray().length
      })
    }),
  )
  return counts.every((count) => count === 0)
}

const isErased = ({ id, generation }: CollectionRecord) => isEmpty({ id, shards: generation.shards })

/** Lets a minute pass for the tenant's object, and wakes it. */
async function wake(): Promise<void> {
  const object = await tenantObjects.of(tenant.uid)
  await runInDurableObject(object, (_, { storage }) => {
    storage.sql.exec('UPDATE planned_deletions SET due_ms = 1')
  })
  expect(await runDurableObjectAlarm(object)).toBe(true)
}

const plannedSubjects = async (): Promise<unknown[]> =>
  runInDurableObject(await tenantObjects.of(tenant.uid), (_, { storage }) =>
    storage.sql
      .exec('SELECT subject FROM planned_deletions')
      .toArray()
      .map(({ subject }) => subject),
  )

/** What the operator's object remembers of the tenant's erasure. */
const recorded = async () => (await tenantObjects.operator()).findErasure(tenant.id)

const codeOf = async (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'fine',
    (error: unknown) => asProblem(error)?.code ?? (error as Error).message,
  )

describe('a deleted collection', () => {
  it('is erased at once, and nothing is left to do', async () => {
    const collection = await createCollection(stores, planned())
    expect(await isErased(collection)).toBe(false)
    expect(await deleteCollection(stores, collection)).toBe(true)
    expect([await isErased(collection), await plannedSubjects()]).toEqual([true, []])
    expect(await deleteCollection(stores, collection)).toBe(false)
  })

  it('is erased by the alarm where the Worker died after marking it', async () => {
    const collection = await createCollection(stores, planned())
    expect(await codeOf(deleteCollection({ ...stores, placement: dying() }, collection))).toBe('the Worker died')
    expect([await isErased(collection), await plannedSubjects()]).toEqual([false, [collection.id]])
    await wake()
    expect(await isErased(collection)).toBe(true)
    expect(await catalog.collections.unfinishedDeletions(tenant.uid)).toEqual([])
  })

  it('lives on where the Worker died before marking it', async () => {
    const collection = await createCollection(stores, planned())
    await (await tenantObjects.of(tenant.uid)).planDeletion(tenant.uid, collection.id)
    await wake()
    expect(await isErased(collection)).toBe(false)
    expect(await catalog.collections.find(tenant.uid, 'docs')).toEqual(collection)
  })
})

describe('a deleted tenant', () => {
  it('is erased by its alarm where the Worker died after marking it, its object last', async () => {
    const collections = [await createCollection(stores, planned('a')), await createCollection(stores, planned('b'))]
    expect(await startTenantErasure(stores, tenant.id)).toBe(tenant.uid)
    await wake()
    expect(await Promise.all(collections.map(isErased))).toEqual([true, true])
    expect(await startTenantErasure(stores, tenant.id)).toBeUndefined()
    const object = await tenantObjects.of(tenant.uid)
    expect(await codeOf(object.planDeletion(tenant.uid, 'tenant'))).toBe('not_found')
    expect(await runDurableObjectAlarm(object)).toBe(false)
  })

  it('is erased by its alarm where the Worker died before its object was emptied', async () => {
    await startTenantErasure(stores, tenant.id)
    await catalog.tenants.finishErasure(tenant.uid)
    await wake()
    const object = await tenantObjects.of(tenant.uid)
    expect(await codeOf(object.planDeletion(tenant.uid, 'tenant'))).toBe('not_found')
  })

  it('loses one collection after the other, so that a repetition goes on where the last one stopped', async () => {
    const collections: CollectionRecord[] = []
    for (const name of ['a', 'b', 'c']) collections.push(await createCollection(stores, planned(name, 1)))
    const uid = (await startTenantErasure(stores, tenant.id))!
    for (const left of [2, 1, 0]) {
      expect(await codeOf(finishTenantErasure({ ...stores, placement: dying(1) }, { id: tenant.id, uid }))).toBe(
        left === 0 ? 'fine' : 'the Worker died',
      )
      expect(await catalog.collections.unfinishedDeletions(uid)).toHaveLength(left)
    }
    expect(await Promise.all(collections.map(isErased))).toEqual([true, true, true])
    expect(await recorded()).toMatchObject({ shards: 3, collections: 3, keys: 0, finishedAtMs: expect.any(Number) })
  })

  it('too large for one run is erased in several', async () => {
    for (let i = 0; i < 19; i++) await catalog.collections.create(planned(`c${i}`, 32))
    const uid = (await startTenantErasure(stores, tenant.id))!
    const counted = { ...stores, placement: { erase: async () => undefined } }
    expect(await finishTenantErasure(counted, { id: tenant.id, uid })).toBe(false)
    const left = await catalog.collections.unfinishedDeletions(uid)
    expect(left.length).toBeGreaterThan(0)
    expect(await recorded()).toMatchObject({ collections: 19 - left.length })
    expect(await recorded()).not.toHaveProperty('finishedAtMs')
    expect(await finishTenantErasure(counted, { id: tenant.id, uid })).toBe(true)
    expect(await recorded()).toMatchObject({ shards: 19 * 32, collections: 19, finishedAtMs: expect.any(Number) })
  })
})

describe('a collection that cannot be made', () => {
  const failing = (error: Error): CreationStores => ({
    ...stores,
    catalog: {
      collections: Object.assign(Object.create(catalog.collections), {
        find: async () => undefined,
        create: async () => Promise.reject(error),
      }),
    },
  })

  it.each(['conflict', 'unauthorized', 'not_found'] as const)('leaves no shards behind after %s', async (code) => {
    const made = planned()
    expect(await codeOf(createCollection(failing(new Problem(code)), made))).toBe(code)
    expect(await isEmpty({ id: `col_${made.operationId}`, shards: 2 })).toBe(true)
  })

  it('keeps its shards where the same request may still succeed', async () => {
    const made = planned()
    expect(await codeOf(createCollection(failing(new Problem('overloaded')), made))).toBe('overloaded')
    const collection = await createCollection(stores, made)
    expect([await isErased(collection), collection.id]).toEqual([false, `col_${made.operationId}`])
  })
})
