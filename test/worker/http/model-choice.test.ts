/** A collection that was made without a model and without a language gets its model from its first documents. */
import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { Catalog } from '../../../src/catalog/catalog.ts'
import { systemClock } from '../../../src/core/clock.ts'
import type { CollectionId, TenantUid } from '../../../src/core/ids.ts'
import { EDGE_EN_MODEL, EDGE_MULTILINGUAL_MODEL } from '../../../src/models/product-models.ts'
import { objectName } from '../../../src/shard/placement.ts'
import { problemOf, type Answer } from './http-harness.ts'
import { api, collection, put, tenant, useTenant, world } from './tenant-api.ts'

const ENGLISH = 'The ferry leaves the harbour at nine, and the last one comes back when it is dark over the water.'
const ARABIC = 'تغادر العبارة الميناء في الساعة التاسعة صباحا، وتعود الأخيرة عندما يحل الظلام على الماء.'
const JAPANESE = 'フェリーは九時に港を出て、最後の便は暗くなってから戻ってきます。'

const catalog = new Catalog(env.DB, systemClock)

useTenant()

const shown = async (name = 'docs'): Promise<Answer['json']> => (await api('GET', `/v1/collections/${name}`)).json
const search = (body: object, name = 'docs'): Promise<Answer> => api('POST', `/v1/collections/${name}/search`, body)
const ids = ({ json }: Answer): string[] => json.hits.map(({ documentId }: { documentId: string }) => documentId)

async function owner(id: string): Promise<TenantUid> {
  const statement = env.DB.prepare('SELECT tenant_uid FROM collections WHERE id = ?').bind(id)
  return (await statement.first<string>('tenant_uid')) as TenantUid
}

async function generations(id: string): Promise<string[]> {
  const statement = env.DB.prepare('SELECT profile_id FROM generations WHERE collection_id = ?').bind(id)
  return (await statement.all<{ profile_id: string }>()).results.map((row) => row.profile_id)
}

async function setups(
  id: string,
  shards = 1,
): Promise<{ profileId: string; generation: string; isModelOpen?: true }[]> {
  const uid = await owner(id)
  return Promise.all(
    Array.from({ length: shards }, async (_, shard) => {
      const stub = env.SHARD.get(env.SHARD.idFromName(await objectName([uid, id, '1', String(shard)])))
      return runInDurableObject(stub, (_object, { storage }) =>
        JSON.parse(storage.sql.exec<{ setup: string }>('SELECT setup FROM setup').one().setup),
      )
    }),
  )
}

describe('a collection without a model', () => {
  it('has the one that its language asks for', async () => {
    for (const [language, model] of [
      ['en', 'edge-en'],
      ['en-GB', 'edge-en'],
      ['ar', 'edge-multilingual'],
      ['tlh', 'edge-en'],
    ] as const) {
      const { json } = await collection(`in-${language.toLowerCase()}`, { language })
      expect(json).toMatchObject({ model, modelChoice: 'by_language', language })
    }
    expect((await collection('named', { model: 'edge-en' })).json.modelChoice).toBe('named')
    expect((await collection('named-arabic', { model: 'edge-en', language: 'ar' })).json.model).toBe('edge-en')
  })

  it('waits for its first documents where it has no language either, and finds nothing until then', async () => {
    const made = (await collection('docs')).json
    expect(made).toMatchObject({ model: 'edge-en', modelChoice: 'open', language: 'auto' })
    const vector = Array.from({ length: 384 }, () => 1)
    for (const body of [{ query: 'ferry' }, { query: 'ferry', mode: 'vector' }, { vector }]) {
      const answer = await search(body)
      expect([answer.status, answer.json.hits, answer.json.degraded]).toEqual([200, [], undefined])
    }
    expect((await api('POST', '/v1/collections/docs/answers', { question: 'When?' })).json.abstained).toBe(true)
    expect(await shown()).toMatchObject({ modelChoice: 'open', generation: made.generation })
    expect(problemOf(await api('PATCH', '/v1/collections/docs/documents/x', { title: 'x' })).status).toBe(404)
    expect(problemOf(await api('DELETE', '/v1/collections/docs/documents/x')).status).toBe(404)
  })

  it.each([
    ['Arabic', ARABIC, 'الميناء'],
    ['Japanese', JAPANESE, 'フェリー'],
  ])('gets the multilingual one from %s', async (_, text, query) => {
    const made = (await collection('docs', { shards: 3 })).json
    expect((await put('docs', [{ id: 'x', text }])).json.results[0]).toMatchObject({ status: 'created', version: 1 })
    const after = await shown()
    expect(after).toMatchObject({ model: 'edge-multilingual', modelChoice: 'by_language' })
    expect(after.generation).not.toBe(made.generation)
    // Two of the shards have not heard of it.
    expect(ids(await search({ query }))).toEqual(['x'])
    expect((await setups(made.id, 3)).filter(({ isModelOpen }) => isModelOpen === true)).toHaveLength(2)
    expect(await generations(made.id)).toEqual(['edge-multilingual'])
    expect((await put('docs', [{ id: 'x', text }])).json.results[0]).toMatchObject({ status: 'unchanged', version: 1 })
    const more = Array.from({ length: 12 }, (_unused, number) => ({ id: `en-${number}`, text: ENGLISH }))
    expect((await put('docs', more)).status).toBe(200)
    expect(await shown()).toMatchObject({ model: 'edge-multilingual', generation: after.generation })
    const known = (await setups(made.id, 3)).map(({ profileId, generation }) => [profileId, generation])
    expect(known).toEqual([0, 1, 2].map(() => ['edge-multilingual', after.generation]))
    expect((await api('PATCH', '/v1/collections/docs/documents/x', { title: 'العبارة' })).json.version).toBe(2)
  })

  it('keeps the English one, and its generation, for English', async () => {
    const made = (await collection('docs')).json
    await put('docs', [{ id: 'x', text: ENGLISH }])
    expect(await shown()).toMatchObject({
      model: 'edge-en',
      modelChoice: 'by_language',
      generation: made.generation,
    })
    await put('docs', [{ id: 'y', text: ARABIC }])
    expect((await shown()).model).toBe('edge-en')
    expect((await setups(made.id))[0]).toMatchObject({ profileId: 'edge-en', generation: made.generation })
  })

  it('believes what documents declare, and the language that it was given meanwhile', async () => {
    await collection('declared')
    await put('declared', [{ id: 'x', text: ENGLISH, language: 'ar' }])
    expect((await shown('declared')).model).toBe('edge-multilingual')
    await collection('given')
    await api('PATCH', '/v1/collections/given', { language: 'ar' })
    expect(await shown('given')).toMatchObject({ model: 'edge-en', modelChoice: 'open' })
    await put('given', [{ id: 'x', text: ENGLISH }])
    expect((await shown('given')).model).toBe('edge-multilingual')
  })

  it('is not decided by what is refused or only tried out', async () => {
    await collection('docs')
    expect(
      (
        await put('docs', [
          { id: 'x', text: ARABIC },
          { id: 'y', html: '<p></p>' },
        ])
      ).status,
    ).toBe(400)
    const tried = await api('PUT', '/v1/collections/docs/documents', {
      documents: [{ id: 'x', text: ARABIC }],
      dryRun: true,
    })
    expect(tried.json).toMatchObject({ dryRun: true, documents: 1 })
    expect((await shown()).modelChoice).toBe('open')
  })

  it('is decided by what becomes a job, too', async () => {
    await collection('docs')
    const { status } = await put('docs', [{ id: 'x', text: ARABIC }], { prefer: 'respond-async' })
    expect([status, (await shown()).model]).toEqual([202, 'edge-multilingual'])
  })

  it('takes chunks that both models can read', async () => {
    expect(problemOf(await collection('large', { chunking: { size: 400 } })).pointers).toEqual(['/chunking/size'])
    expect((await collection('large', { language: 'ar', chunking: { size: 400 } })).status).toBe(201)
  })

  it('is searched beside others without being in their way', async () => {
    await collection('docs')
    await collection('other', { model: 'edge-en' })
    await put('other', [{ id: 'x', text: ENGLISH }])
    const answer = await api('POST', '/v1/search', { collections: ['docs', 'other'], query: 'ferry harbour' })
    expect([answer.status, ids(answer), answer.json.degraded]).toEqual([200, ['x'], undefined])
  })
})

describe('several first writes at once', () => {
  it('agree on one model', async () => {
    for (let round = 0; round < 5; round++) {
      const name = `race-${round}`
      const { id } = (await collection(name, { shards: 2 })).json
      const texts = [ENGLISH, ARABIC, ENGLISH, JAPANESE, ARABIC, ENGLISH]
      const answers = await Promise.all(texts.map(async (text, number) => put(name, [{ id: String(number), text }])))
      expect(answers.map(({ status }) => status)).toEqual(Array(6).fill(200))
      const { model, generation, modelChoice, statistics } = await shown(name)
      expect([modelChoice, statistics.documents]).toEqual(['by_language', 6])
      expect(await generations(id)).toEqual([model])
      for (const setup of await setups(id, 2)) {
        expect(setup.isModelOpen === true || (setup.profileId === model && setup.generation === generation)).toBe(true)
      }
      expect(ids(await search({ query: 'ferry', limit: 10 }, name))).toEqual(expect.arrayContaining(['0', '2', '5']))
    }
  })

  it('get what the first one decided', async () => {
    const { id, generation } = (await collection('docs')).json
    const uid = await owner(id)
    const choose = (model: typeof EDGE_EN_MODEL) => catalog.collections.chooseModel(uid, id as CollectionId, model)
    const [first, second] = [await choose(EDGE_MULTILINGUAL_MODEL), await choose(EDGE_EN_MODEL)]
    expect(first?.generation).toMatchObject({ profileId: 'edge-multilingual', shards: 1, dimensions: 384 })
    expect(first?.generation.id).not.toBe(generation)
    expect(second).toEqual(first)
    expect(await generations(id)).toEqual(['edge-multilingual'])
  })

  it('never change what was named, is gone, or is another tenant’s', async () => {
    const named = (await collection('named', { model: 'edge-en' })).json
    const uid = await owner(named.id)
    const kept = await catalog.collections.chooseModel(uid, named.id, EDGE_MULTILINGUAL_MODEL)
    expect([kept?.generation.id, kept?.modelChoice]).toEqual([named.generation, undefined])
    const open = (await collection('docs')).json
    const stranger = await world.makeTenant()
    const theirs = (await world.call('POST', '/v1/collections', { key: stranger.key, body: { name: 'docs' } })).json
    expect(
      await catalog.collections.chooseModel(await owner(theirs.id), open.id, EDGE_MULTILINGUAL_MODEL),
    ).toBeUndefined()
    expect(await shown()).toMatchObject({ modelChoice: 'open', generation: open.generation })
    await api('DELETE', '/v1/collections/docs')
    expect(await catalog.collections.chooseModel(uid, open.id, EDGE_MULTILINGUAL_MODEL)).toBeUndefined()
    expect(tenant.id).not.toBe(stranger.id)
  })
})

describe('a process that dies between the choice and the shards', () => {
  it('leaves a collection that answers, and that the next write completes', async () => {
    const made = (await collection('docs', { shards: 2 })).json
    await catalog.collections.chooseModel(await owner(made.id), made.id, EDGE_MULTILINGUAL_MODEL)
    expect((await setups(made.id, 2)).map(({ isModelOpen }) => isModelOpen)).toEqual([true, true])
    expect((await search({ query: 'ferry' })).json.hits).toEqual([])
    expect((await shown()).statistics.documents).toBe(0)
    const documents = Array.from({ length: 8 }, (_, number) => ({ id: String(number), text: ENGLISH }))
    expect((await put('docs', documents)).status).toBe(200)
    expect(await setups(made.id, 2)).toEqual([
      expect.objectContaining({ profileId: 'edge-multilingual', generation: (await shown()).generation }),
      expect.objectContaining({ profileId: 'edge-multilingual', generation: (await shown()).generation }),
    ])
    expect(ids(await search({ query: 'ferry' }))).toHaveLength(8)
  })

  it('does not have a repeated creation open it again', async () => {
    const headers = { 'idempotency-key': 'once' }
    const made = await api('POST', '/v1/collections', { name: 'docs' }, headers)
    await put('docs', [{ id: 'x', text: ARABIC }])
    expect((await api('POST', '/v1/collections', { name: 'docs' }, headers)).json.id).toBe(made.json.id)
    expect(await shown()).toMatchObject({ model: 'edge-multilingual', modelChoice: 'by_language' })
    expect((await put('docs', [{ id: 'x', text: ARABIC }])).json.results[0].status).toBe('unchanged')
  })
})
