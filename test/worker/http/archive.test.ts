/** A tenant leaves through its export and comes back through the import: the same state, and the same answers. */
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { base64url, hex, sha256 } from '../../../src/core/bytes.ts'
import { makeWorld, problemOf } from './http-harness.ts'
import type { Answer, TestTenant, World } from './http-harness.ts'

let world: World
let tenant: TestTenant

beforeAll(async () => {
  world = await makeWorld()
})

beforeEach(async () => {
  tenant = await world.makeTenant()
})

const DOCUMENTS = [
  {
    id: 'heron',
    title: 'Heron',
    text: 'A heron stands in the reeds.\r\nIt waits.',
    metadata: { bird: true, year: 2021 },
  },
  { id: 'otter', markdown: '# Otter\n\nAn otter swims.\n\n## Food\n\nIt eats fish.', url: 'https://example.com/otter' },
  { id: 'owl', html: '<h1>Owl</h1><p>An owl hunts at night.</p>', language: 'en', acl: ['rangers'] },
]

const OWN = { profileId: 'bring-your-own', precision: 'f32' }

interface Line {
  readonly type: string
  readonly [member: string]: unknown
}

const root = (method: string, path: string, body?: unknown): Promise<Answer> =>
  world.call(method, path, { key: world.rootKey, ...(body === undefined ? {} : { body }) })

async function fill(shards: number): Promise<void> {
  const make = (body: object) => world.call('POST', '/v1/collections', { key: tenant.key, body })
  expect((await make({ name: 'notes', shards, language: 'en', settings: { bm25: { k1: 1.5 } } })).status).toBe(201)
  const own = { provider: 'bring-your-own', dimensions: 3 }
  expect((await make({ name: 'images', model: own })).status).toBe(201)
  const put = (name: string, documents: object[]) =>
    world.call('PUT', `/v1/collections/${name}/documents`, { key: tenant.key, body: { documents } })
  expect((await put('notes', DOCUMENTS)).status).toBe(200)
  expect((await put('notes', [{ ...DOCUMENTS[0], title: 'The heron' }])).json.results[0].version).toBe(2)
  expect(
    (
      await put('images', [
        { id: 'pier', vector: [0.5, -1, 2] },
        { id: 'ferry', text: 'a ferry' },
      ])
    ).status,
  ).toBe(200)
}

async function exported(id: string, query = ''): Promise<Line[]> {
  const { status, text, headers } = await root('GET', `/v1/tenants/${id}/export${query}`)
  expect([status, headers.get('content-type')]).toEqual([200, 'application/x-ndjson'])
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line)
}

/** The lines of one kind, as a part of an import takes them. */
const linesOf = (lines: readonly Line[], type: string): Record<string, unknown>[] =>
  lines.filter((line) => line.type === type).map(({ type: _type, ...line }) => line)

const chunksOf = (line: Record<string, unknown> | undefined) => (line?.['chunks'] ?? []) as Record<string, unknown>[]

const search = async (key: string): Promise<unknown> => {
  const body = { query: 'otter eats fish', explain: true, facets: ['year'] }
  const { json } = await world.call('POST', '/v1/collections/notes/search', { key, body })
  return { hits: json.hits, facets: json.facets, total: json.estimatedTotal }
}

describe('an archive', () => {
  it.each([1, 3])('from %i shards gives the same state and the same hits elsewhere', async (shards) => {
    await fill(shards)
    const lines = await exported(tenant.id)
    expect(lines.map(({ type }) => type)).toEqual([
      'archive',
      'collection',
      'document',
      'document',
      'collection',
      'document',
      'document',
      'document',
      'end',
    ])
    const copy = await world.makeTenant('copy')
    const collections = linesOf(lines, 'collection').map((line) => ({
      ...line,
      shards: line['name'] === 'notes' ? 2 : 1,
    }))
    const part = { collections, documents: linesOf(lines, 'document') }
    for (let time = 0; time < 2; time++) {
      const { status, json } = await root('POST', `/v1/tenants/${copy.id}/import`, part)
      expect([status, json]).toEqual([200, { collections: 2, documents: 5 }])
    }
    const [before] = linesOf(lines, 'end')
    const [after] = linesOf(await exported(copy.id), 'end')
    expect(after).toEqual(before)
    expect(linesOf(await exported(copy.id, '?documents=false'), 'end')).toEqual([{ stateHash: before?.['stateHash'] }])
    expect(await search(copy.key)).toEqual(await search(tenant.key))
    const read = { key: copy.key }
    const owl = await world.call('GET', '/v1/collections/notes/documents/owl?include=text', read)
    expect(owl.json).toMatchObject({ acl: ['rangers'], version: 1, text: expect.stringContaining('hunts at night') })
  })

  it('keeps the choice of a model open where nothing has made it, and takes documents for the one that it assumes', async () => {
    await world.call('POST', '/v1/collections', { key: tenant.key, body: { name: 'open' } })
    const lines = await exported(tenant.id)
    expect(linesOf(lines, 'collection')).toMatchObject([{ name: 'open', profileId: 'edge-en', modelChoice: 'open' }])
    const copy = await world.makeTenant('copy')
    const into = (part: object) => root('POST', `/v1/tenants/${copy.id}/import`, part)
    const shown = async () => (await world.call('GET', '/v1/collections/open', { key: copy.key })).json
    for (let time = 0; time < 2; time++) {
      expect((await into({ collections: linesOf(lines, 'collection') })).status).toBe(200)
    }
    expect(await shown()).toMatchObject({ model: 'edge-en', modelChoice: 'open' })
    expect(linesOf(await exported(copy.id), 'end')).toEqual(linesOf(lines, 'end'))
    const forged = linesOf(lines, 'collection').map((line) => ({ ...line, name: 'x', profileId: 'edge-multilingual' }))
    expect(problemOf(await into({ collections: forged })).pointers).toEqual(['/collections/0/modelChoice'])

    await fill(1)
    const documents = linesOf(await exported(tenant.id), 'document')
      .filter((line) => line['collection'] === 'notes')
      .map((line) => ({ ...line, collection: 'open' }))
    expect(await into({ documents })).toMatchObject({ status: 200, json: { documents: 3 } })
    expect(await shown()).toMatchObject({ model: 'edge-en', modelChoice: 'by_language', statistics: { documents: 3 } })
    expect((await into({ documents })).status).toBe(200)
  })

  it('shows another state as soon as one document differs', async () => {
    await fill(1)
    const hash = async () => linesOf(await exported(tenant.id, '?documents=false'), 'end')[0]?.['stateHash']
    const before = await hash()
    const path = '/v1/collections/notes/documents/otter'
    await world.call('PATCH', path, { key: tenant.key, body: { metadata: { seen: 1 } } })
    const changed = await hash()
    await world.call('DELETE', path, { key: tenant.key })
    expect(new Set([before, changed, await hash()]).size).toBe(3)
  })

  it('that was tampered with is refused, with a pointer to each fault, and nothing of it is stored', async () => {
    await fill(1)
    const lines = await exported(tenant.id)
    const copy = await world.makeTenant('copy')
    const collections = linesOf(lines, 'collection')
    const [pier, , heron, otter] = linesOf(lines, 'document')
    const [chunk] = chunksOf(heron)
    const documents = [
      { ...heron, text: 'something else' },
      { ...otter, id: 'o', chunks: [{ ...chunk, prefix: 'forged' }] },
      { ...pier, chunks: [{ ...chunksOf(pier)[0], vector: 'AAAA' }] },
      { ...heron, id: 'h', collection: 'nowhere' },
    ]
    const refused = problemOf(await root('POST', `/v1/tenants/${copy.id}/import`, { collections, documents }))
    expect(refused).toMatchObject({ status: 400, code: 'invalid_request' })
    expect(refused.pointers).toEqual([
      '/documents/0/chunks/0',
      '/documents/0/contentHash',
      '/documents/1/chunks/0',
      '/documents/1/contentHash',
      '/documents/2/chunks/0',
      '/documents/3/collection',
    ])
    expect((await exported(copy.id)).map(({ type }) => type)).toEqual(['archive', 'end'])
  })

  it('that holds what no index and no version can be is refused, whoever computed its hashes', async () => {
    await fill(1)
    const lines = await exported(tenant.id)
    const [pier, , , otter, owl] = linesOf(lines, 'document')
    const withVector = async (line: Record<string, unknown> | undefined, bytes: Uint8Array<ArrayBuffer>) => {
      const [chunk] = chunksOf(line)
      const vectorKey = line === pier ? hex(await sha256(bytes)).slice(0, 32) : chunk?.['vectorKey']
      return { ...line, chunks: [{ ...chunk, vectorKey, vector: base64url(bytes) }] }
    }
    const singles = (...values: number[]) => new Uint8Array(Float32Array.from(values).buffer)
    const refused = async (document: object): Promise<string | undefined> => {
      const { status, json } = await root('POST', `/v1/tenants/${tenant.id}/import`, { documents: [document] })
      const { errors } = json as { errors?: { pointer: string; detail: string }[] }
      const fault = errors?.find(({ pointer }) => !pointer.endsWith('contentHash'))
      return `${status} ${fault?.pointer.replace('/documents/0', '')} ${fault?.detail}`
    }
    const chunk = '400 /chunks/0 has a vector'
    expect(await refused(await withVector(pier, singles(1, NaN, 1)))).toBe(`${chunk} that is not finite`)
    expect(await refused(await withVector(pier, singles(1, Infinity, 1)))).toBe(`${chunk} that is not finite`)
    expect(await refused(await withVector(pier, singles(0, -0, 0)))).toBe(`${chunk} of zeros`)
    const codes = `${chunk} whose largest magnitude is not 127`
    expect(await refused(await withVector(owl, new Uint8Array(384)))).toBe(codes)
    expect(await refused(await withVector(owl, new Uint8Array(384).fill(100)))).toBe(codes)
    expect(await refused(await withVector(owl, new Uint8Array(384).fill(128)))).toBe(codes)
    const outline = [{ start: 0, end: 999, kind: 'heading', level: 1 }]
    expect(await refused({ ...owl, outline })).toBe('400 /outline must lie within the text')
    expect(await refused({ ...owl, outline: [{ start: 3, end: 2, kind: 'list' }] })).toMatch(/^400 \/outline /)
    expect(await refused({ ...otter, version: Number.MAX_SAFE_INTEGER })).toMatch(/^400 \/version must be at most/)
    const manyTokens = [{ ...chunksOf(otter)[0], tokens: Number.MAX_SAFE_INTEGER }]
    expect(await refused({ ...otter, chunks: manyTokens })).toMatch(/^400 \/chunks\/0\/tokens must be at most/)
  })

  it('may be sent several times at once', async () => {
    await fill(1)
    const lines = await exported(tenant.id)
    const copy = await world.makeTenant('copy')
    const part = { collections: linesOf(lines, 'collection'), documents: linesOf(lines, 'document') }
    const send = () => root('POST', `/v1/tenants/${copy.id}/import`, part)
    const answers = await Promise.all([send(), send(), send()])
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200])
    expect(linesOf(await exported(copy.id), 'end')).toEqual(linesOf(lines, 'end'))
  })

  it('of a tenant that is erased meanwhile is missed, and its sender stays who it is', async () => {
    await fill(1)
    const [collection] = linesOf(await exported(tenant.id), 'collection')
    const copy = await world.makeTenant('copy')
    const collections = Array.from({ length: 8 }, (_, n) => ({ ...collection, name: `c${n}` }))
    const [imported] = await Promise.all([
      root('POST', `/v1/tenants/${copy.id}/import`, { collections }),
      root('DELETE', `/v1/tenants/${copy.id}`),
    ])
    expect(problemOf(imported).code).toBe('not_found')
  })

  it('may name a collection twice, as long as both are made the same way', async () => {
    await fill(1)
    const [images] = linesOf(await exported(tenant.id), 'collection')
    const copy = await world.makeTenant('copy')
    const into = `/v1/tenants/${copy.id}/import`
    const differing = { collections: [images, { ...images, dimensions: 4 }] }
    expect(problemOf(await root('POST', into, differing))).toEqual({
      status: 409,
      code: 'conflict',
      pointers: ['/collections/1/name'],
    })
    expect(linesOf(await exported(copy.id), 'collection')).toEqual([])
    expect((await root('POST', into, { collections: [images, images] })).status).toBe(200)
    expect(linesOf(await exported(copy.id), 'collection')).toEqual([images])
  })

  it.each([
    ['/collections/0/profileId', { profileId: 'gone' }],
    ['/collections/0/dimensions', { dimensions: 5 }],
    ['/collections/0/precision', { precision: 'f32' }],
    ['/collections/0/chunking/size', { chunking: { strategy: 'recursive', size: 217, overlap: 0 } }],
    ['/collections/0/chunking/overlap', { chunking: { strategy: 'none', size: 20, overlap: 20 } }],
    ['/collections/0/chunking/overlap', { ...OWN, chunking: { strategy: 'none', size: 20, overlap: 20 } }],
    ['/collections/0/precision', { ...OWN, precision: 'int8' }],
  ])('for a model that is not here, or cannot be made so, is refused at %s', async (pointer, change) => {
    const collection = {
      name: 'notes',
      language: 'auto',
      settings: {},
      profileId: 'edge-en',
      dimensions: 384,
      chunking: { strategy: 'recursive', size: 200, overlap: 20 },
      shards: 1,
      precision: 'int8',
    }
    const body = { collections: [{ ...collection, ...change }] }
    expect(problemOf(await root('POST', `/v1/tenants/${tenant.id}/import`, body)).pointers).toEqual([pointer])
  })

  it('is in conflict with a collection of that name that is made otherwise, and with a document that differs', async () => {
    await fill(1)
    const lines = await exported(tenant.id)
    const [images] = linesOf(lines, 'collection')
    const into = `/v1/tenants/${tenant.id}/import`
    const other = problemOf(await root('POST', into, { collections: [{ ...images, dimensions: 4 }] }))
    expect(other).toEqual({ status: 409, code: 'conflict', pointers: ['/collections/0/name'] })
    await world.call('DELETE', '/v1/collections/notes/documents/owl', { key: tenant.key })
    const owl = linesOf(lines, 'document').find(({ id }) => id === 'owl')
    await world.call('PUT', '/v1/collections/notes/documents', {
      key: tenant.key,
      body: { documents: [{ id: 'owl', text: 'x' }] },
    })
    expect(problemOf(await root('POST', into, { documents: [owl] })).status).toBe(409)
  })

  it('is for the root key, and of a tenant that exists', async () => {
    for (const [method, action] of [
      ['GET', 'export'],
      ['POST', 'import'],
    ] as const) {
      const body = method === 'POST' ? { body: { collections: [] } } : {}
      const path = `/v1/tenants/${tenant.id}/${action}`
      expect(problemOf(await world.call(method, path, { key: tenant.key, ...body })).status).toBe(403)
      expect(
        problemOf(await world.call(method, `/v1/tenants/nobody/${action}`, { key: world.rootKey, ...body })).status,
      ).toBe(404)
    }
  })
})
