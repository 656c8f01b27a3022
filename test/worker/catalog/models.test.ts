/** Models on D1 inside workerd: which model a generation names, who may have which, and when one goes. */
import { env } from 'cloudflare:workers'
import { beforeEach, describe, expect, it } from 'vitest'
import { Catalog } from '../../../src/catalog/catalog.ts'
import { CollectionModels } from '../../../src/catalog/collection-models.ts'
import type { CollectionRecord, TenantRecord } from '../../../src/catalog/records.ts'
import { newModelUid } from '../../../src/core/ids.ts'
import { asProblem } from '../../../src/core/problem.ts'
import type { EmbeddingModel, ModelSource } from '../../../src/models/model.ts'
import { EDGE_EN_MODEL, productModel } from '../../../src/models/product-models.ts'
import { EDGE_EN } from '../../../src/models/profiles.ts'

const SOURCE = { provider: 'openai-compatible', model: 'tiny', baseUrl: 'https://m.example/v1' } as const
const PROFILE = { ...EDGE_EN, id: 'tiny', dimensions: 8, version: 3 }

let nowMs = 1_800_000_000_000
const catalog = new Catalog(env.DB, () => nowMs)
let tenant: TenantRecord

beforeEach(async () => {
  nowMs += 1_000
  tenant = await catalog.tenants.create({ name: 'models' })
})

const codeOf = async (work: Promise<unknown>): Promise<string | undefined> =>
  work.then(
    () => 'fine',
    (error: unknown) => asProblem(error)?.code,
  )

const newModel = (uid = newModelUid()): EmbeddingModel => ({ uid, task: 'embed', source: SOURCE, profile: PROFILE })

function collectionOf(model: EmbeddingModel, isOwn: boolean): Promise<CollectionRecord> {
  const { id: profileId, dimensions } = model.profile
  return catalog.collections.create({
    tenantUid: tenant.uid,
    name: 'docs',
    language: 'auto',
    settings: {},
    generation: {
      model,
      profileId,
      dimensions,
      chunking: { strategy: 'recursive', size: 200, overlap: 20 },
      shards: 1,
      precision: 'int8',
    },
    ...(isOwn ? { ownModel: { ...model, tenantUid: tenant.uid } } : {}),
  })
}

const rows = async (): Promise<number> =>
  (await env.DB.prepare('SELECT count(*) AS n FROM models WHERE tenant_uid = ?').bind(tenant.uid).first<number>('n')) ??
  0

describe('a generation', () => {
  it('gives its model and the whole profile back, whoever holds the model', async () => {
    const own = newModel()
    expect((await collectionOf(own, true)).generation).toMatchObject({ model: own, profileId: 'tiny', dimensions: 8 })
    tenant = await catalog.tenants.create({ name: 'other' })
    const { uid } = await catalog.models.create({ ...newModel(), tenantUid: tenant.uid, name: 'ours' })
    const { generation } = await collectionOf(newModel(uid), false)
    expect([generation.model, generation.modelName]).toEqual([newModel(uid), 'ours'])
  })

  it.each([
    ['edge-en', 384, EDGE_EN_MODEL],
    ['bring-your-own', 3, productModel('bring-your-own', 3)],
  ])('of a release that knew no models is derived from its profile: %s', async (profileId, dimensions, model) => {
    const { id, generation } = await collectionOf(EDGE_EN_MODEL, false)
    await env.DB.prepare(
      'UPDATE generations SET profile = NULL, model_uid = NULL, profile_id = ?, dimensions = ? WHERE id = ?',
    )
      .bind(profileId, dimensions, generation.id)
      .run()
    expect((await catalog.collections.find(tenant.uid, id))?.generation.model).toEqual(model)
  })

  it('is not made with a model that is gone, or of another tenant', async () => {
    const { uid } = await catalog.models.create({ ...newModel(), tenantUid: tenant.uid, name: 'ours' })
    const owner = tenant
    tenant = await catalog.tenants.create({ name: 'stranger' })
    expect(await codeOf(collectionOf(newModel(uid), false))).toBe('invalid_request')
    expect(await catalog.models.findByUid(tenant.uid, uid)).toBeUndefined()
    tenant = owner
    await catalog.models.delete(tenant.uid, uid)
    expect(await codeOf(collectionOf(newModel(uid), false))).toBe('invalid_request')
    expect(await catalog.collections.find(tenant.uid, 'docs')).toBeUndefined()
  })
})

describe('a model', () => {
  it('is created once, however often it is asked for', async () => {
    const made = { ...newModel(), tenantUid: tenant.uid, name: 'ours' }
    const first = await catalog.models.create(made)
    expect(await catalog.models.create(made)).toEqual(first)
    expect(await codeOf(catalog.models.create({ ...made, uid: newModelUid() }))).toBe('conflict')
    expect(await rows()).toBe(1)
  })

  it('is kept while a collection is built with it, also one that is still being deleted', async () => {
    const { uid } = await catalog.models.create({ ...newModel(), tenantUid: tenant.uid, name: 'ours' })
    const { id } = await collectionOf(newModel(uid), false)
    expect(await codeOf(catalog.models.delete(tenant.uid, uid))).toBe('model_in_use')
    await catalog.collections.markDeleted(tenant.uid, id)
    expect(await codeOf(catalog.models.delete(tenant.uid, uid))).toBe('model_in_use')
    expect(
      (await catalog.collections.unfinishedDeletions(tenant.uid)).map(({ generation }) => generation.model.uid),
    ).toEqual([uid])
    await catalog.collections.purge(tenant.uid, id)
    expect(await catalog.models.delete(tenant.uid, uid)).toMatchObject({ uid })
    expect(await catalog.models.delete(tenant.uid, uid)).toBeUndefined()
  })

  it('of a collection goes with it, and no other', async () => {
    await catalog.models.create({ ...newModel(), tenantUid: tenant.uid, name: 'ours' })
    const { id } = await collectionOf(newModel(), true)
    expect(await rows()).toBe(2)
    await catalog.collections.markDeleted(tenant.uid, id)
    await catalog.collections.purge(tenant.uid, id)
    expect(await rows()).toBe(1)
  })

  it('is erased with its tenant, and none is made for one that is being erased', async () => {
    await catalog.models.create({ ...newModel(), tenantUid: tenant.uid, name: 'ours' })
    await catalog.tenants.startErasure(tenant.id)
    const late = { ...newModel(), tenantUid: tenant.uid, name: 'late' }
    expect(await codeOf(catalog.models.create(late))).toBe('unauthorized')
    expect(await catalog.tenants.finishErasure(tenant.uid)).toMatchObject({ models: 1 })
    expect(await rows()).toBe(0)
  })
})

describe('the models of collections', () => {
  it('are changed by one request at a time', async () => {
    const own = newModel()
    await collectionOf(own, true)
    const [first, second] = ['one', 'two'].map((apiKey) => ({ ...SOURCE, apiKey }))
    const change = (before: ModelSource, after: ModelSource) =>
      catalog.models.updateSource(tenant.uid, own.uid, before, after)
    expect((await change(SOURCE, first!))?.source).toEqual(first)
    expect(await codeOf(change(SOURCE, second!))).toBe('overloaded')
    expect((await change(first!, second!))?.source).toEqual(second)
    expect(await catalog.models.updateSource(tenant.uid, 'mdl_none', SOURCE, SOURCE)).toBeUndefined()
  })

  it('are trusted for ten seconds', async () => {
    const own = newModel()
    const { id } = await collectionOf(own, true)
    const known = new CollectionModels(catalog.collections, () => nowMs)
    expect(await known.modelOf(tenant.uid, id)).toEqual(own)
    const moved = { ...SOURCE, baseUrl: 'https://elsewhere.example/v1' }
    await catalog.models.updateSource(tenant.uid, own.uid, SOURCE, moved)
    nowMs += 9_999
    expect((await known.modelOf(tenant.uid, id)).source).toEqual(SOURCE)
    nowMs += 1
    expect((await known.modelOf(tenant.uid, id)).source).toEqual(moved)
    await catalog.collections.markDeleted(tenant.uid, id)
    nowMs += 10_000
    expect(await codeOf(known.modelOf(tenant.uid, id))).toBe('collection_gone')
  })
})
