/** Models of word vectors over HTTP: imported, trained, searched with, deleted and erased. */
import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { problemOf } from './http-harness.ts'
import type { Answer } from './http-harness.ts'
import { api, collection, put, tenant, useTenant, world } from './tenant-api.ts'

useTenant()

/** Two subjects, each a direction of its own, as GloVe writes it. */
const GLOVE = [
  ...['boat', 'ship', 'ferry', 'vessel'].map((word, i) => `${word} 1.0 0.0${i} 0.1 -0.2`),
  ...['tax', 'invoice', 'income', 'duty'].map((word, i) => `${word} -0.1 0.9 0.0${i} 0.3`),
  ...['the', 'of', 'a'].map((word) => `${word} 0.2 0.2 0.5 0.5`),
].join('\n')

const DOCUMENTS = [
  { id: 'sea', text: 'The ferry is a vessel.' },
  { id: 'money', text: 'The duty of income.' },
]

const imported = (query: string, body = GLOVE): Promise<Answer> =>
  api('POST', `/v1/models/import?${query}`, body, { 'content-type': 'application/octet-stream' })

const stored = async (): Promise<number> =>
  (await env.ORIGINALS.list()).objects.filter(({ key }) => key.includes('/models/')).length

const idsOf = ({ json }: Answer): string[] => json.hits.map(({ documentId }: { documentId: string }) => documentId)

describe('importing word vectors', () => {
  it('makes a model that is shown, listed and taken by its name', async () => {
    const made = await imported('id=our-glove&languages=en,de&licence=PDDL-1.0')
    expect(made.status, made.text).toBe(201)
    expect(made.headers.get('location')).toBe('/v1/models/our-glove')
    const view = {
      id: 'our-glove',
      task: 'embed',
      provider: 'word-vectors',
      origin: 'glove',
      words: 11,
      dimensions: 4,
      languages: ['en', 'de'],
      licence: 'PDDL-1.0',
      pricePerMillionTokens: 0,
    }
    expect(made.json).toMatchObject(view)
    expect(made.text).not.toContain('objectKey')
    expect((await api('GET', '/v1/models/our-glove')).json).toMatchObject(view)
    const { json } = await api('GET', '/v1/models?limit=1000')
    expect(json.data.map(({ id }: { id: string }) => id)).toContain('our-glove')
    const again = await imported('id=our-glove')
    expect(problemOf(again)).toMatchObject({ status: 409, code: 'conflict' })
  })

  it('finds what is near without sharing a word, in vector mode and in hybrid', async () => {
    await imported('id=our-glove')
    expect((await collection('words', { model: 'our-glove' })).json.model).toBe('our-glove')
    const { json } = await put('words', DOCUMENTS)
    expect(json.results.map(({ status }: { status: string }) => status)).toEqual(['created', 'created'])
    const search = (query: string, mode: string): Promise<Answer> =>
      api('POST', '/v1/collections/words/search', { query, mode })
    expect(idsOf(await search('boat', 'vector'))[0]).toBe('sea')
    expect(idsOf(await search('invoice', 'vector'))[0]).toBe('money')
    expect(idsOf(await search('tax ship ferry', 'hybrid'))[0]).toBe('sea')
    expect(idsOf(await search('boat', 'keyword'))).toEqual([])
    const foreign = await api('POST', '/v1/collections/words/search', { vector: [1, 0], mode: 'vector' })
    expect(problemOf(foreign)).toMatchObject({ status: 400, code: 'dimension_mismatch' })
  })

  it.each([
    ['id=x&maxWords=0', GLOVE, '/maxWords'],
    ['id=x&format=csv', GLOVE, '/format'],
    ['id=edge-en', GLOVE, '/id'],
    ['id=x&languages=English', GLOVE, '/languages'],
    ['format=glove', GLOVE, '/id'],
    ['id=x', 'Once upon a time\nthere was a file', ''],
    ['id=x', '3 2\nboat 1 2\n', ''],
    ['id=x&format=word2vec', GLOVE, ''],
  ])('refuses ?%s with what stands in the body, and keeps nothing', async (query, body, pointer) => {
    const before = await stored()
    const refused = await imported(query, body)
    expect(problemOf(refused)).toMatchObject({ status: 400, code: 'invalid_request', pointers: [pointer] })
    expect(await stored()).toBe(before)
  })

  it('keeps the beginning of a file that is said to be one', async () => {
    const { json } = await imported('id=cut&cut=true&maxWords=5', GLOVE.slice(0, -4))
    expect(json.words).toBe(5)
  })

  it('answers a repetition under the same idempotency key with the same model', async () => {
    const ask = (body: string): Promise<Answer> =>
      api('POST', '/v1/models/import?id=once', body, { 'idempotency-key': 'one', 'content-type': 'text/plain' })
    const first = await ask(GLOVE)
    const second = await ask(GLOVE)
    expect([first.status, second.status]).toEqual([201, 201])
    expect(second.json).toEqual(first.json)
    expect((await ask(`${GLOVE}\nbarge 1 0 0 0`)).status).toBe(422)
  })

  it('is for keys that administer', async () => {
    const key = await world.makeKey(tenant, { scopes: ['search', 'documents:write', 'collections'] })
    const refused = await world.call('POST', '/v1/models/import?id=x', { key, body: GLOVE })
    expect(problemOf(refused).status).toBe(403)
  })
})

describe('training on a collection', () => {
  const text = (i: number): string =>
    i % 2 === 0 ? 'the boat and the ship sail out of the harbour' : 'the invoice and the tax are due at the court'

  it('makes a model of its words, which other collections may use', async () => {
    await collection('source', { shards: 2 })
    await put(
      'source',
      Array.from({ length: 40 }, (_, i) => ({ id: `d${i}`, title: `Page ${i}`, text: text(i) })),
    )
    const trained = await api('POST', '/v1/models/train', {
      id: 'ours',
      collection: 'source',
      method: 'ppmi-svd',
      dimensions: 16,
    })
    expect(trained.status, trained.text).toBe(201)
    expect(trained.json).toMatchObject({ id: 'ours', provider: 'word-vectors', origin: 'ppmi-svd', languages: [] })
    await collection('target', { model: 'ours' })
    await put('target', [
      { id: 'sea', text: 'harbour' },
      { id: 'money', text: 'court' },
    ])
    const found = await api('POST', '/v1/collections/target/search', { query: 'ship', mode: 'vector' })
    expect(idsOf(found)[0]).toBe('sea')
  })

  it('refuses collections that are not there or hold too little', async () => {
    const ask = { id: 'ours', method: 'ppmi-svd' }
    const absent = await api('POST', '/v1/models/train', { ...ask, collection: 'absent' })
    expect(problemOf(absent)).toMatchObject({ status: 404, code: 'not_found' })
    await collection('empty')
    const empty = await api('POST', '/v1/models/train', { ...ask, collection: 'empty' })
    expect(problemOf(empty)).toMatchObject({ status: 400, pointers: ['/collection'] })
    const wide = await api('POST', '/v1/models/train', { ...ask, collection: 'empty', dimensions: 1_000 })
    expect(problemOf(wide)).toMatchObject({ status: 400, pointers: ['/dimensions'] })
  })
})

describe('a model of word vectors that goes', () => {
  it('stays while a collection is built with it, and takes its file along afterwards', async () => {
    const before = await stored()
    await imported('id=our-glove')
    expect(await stored()).toBe(before + 1)
    await collection('words', { model: 'our-glove' })
    expect(problemOf(await api('DELETE', '/v1/models/our-glove'))).toMatchObject({ status: 409, code: 'model_in_use' })
    expect(await stored()).toBe(before + 1)
    expect((await api('DELETE', '/v1/collections/words')).status).toBe(204)
    expect((await api('DELETE', '/v1/models/our-glove')).status).toBe(204)
    expect(await stored()).toBe(before)
  })

  it('goes with its tenant', async () => {
    const before = await stored()
    await imported('id=our-glove')
    await collection('words', { model: 'our-glove' })
    await put('words', DOCUMENTS)
    const receipt = await world.call('DELETE', `/v1/tenants/${tenant.id}`, { key: world.rootKey })
    expect(receipt.status, receipt.text).toBe(200)
    expect(await stored()).toBe(before)
  })
})
