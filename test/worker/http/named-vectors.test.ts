/** Collections whose documents bring several vectors, over HTTP: from their definition to their export. */
import { describe, expect, it } from 'vitest'
import { problemOf } from './http-harness.ts'
import type { Answer } from './http-harness.ts'
import { api, collection, put, tenant, useTenant, world } from './tenant-api.ts'

useTenant()

const MODEL = {
  provider: 'bring-your-own',
  vectors: { title: { dimensions: 2 }, tokens: { dimensions: 3, multi: true }, image: { dimensions: 2 } },
}

const DOCUMENTS = [
  {
    id: 'heron',
    text: 'A heron waits.',
    vectors: {
      title: [1, 0],
      tokens: [
        [1, 0, 0],
        [0, 1, 0],
      ],
    },
  },
  { id: 'otter', text: 'An otter swims.', vectors: { title: [1, 1], tokens: [[0, 0, 1]], image: [0, 2] } },
  { id: 'lynx', title: 'Lynx', vectors: { image: [0.5, -1] } },
  { id: 'words', text: 'A heron without a vector.' },
]

const search = (body: object, name = 'zoo'): Promise<Answer> => api('POST', `/v1/collections/${name}/search`, body)

const scoresOf = ({ json }: Answer): Record<string, number> =>
  Object.fromEntries(json.hits.map(({ documentId, score }: Record<string, unknown>) => [documentId, score]))

async function filled(more: object = {}): Promise<void> {
  expect((await collection('zoo', { model: MODEL, ...more })).status).toBe(201)
  const { json } = await put('zoo', DOCUMENTS)
  expect(json.results.map(({ status, chunks }: Record<string, unknown>) => [status, chunks])).toEqual(
    DOCUMENTS.map(() => ['created', 1]),
  )
}

describe('a collection that names its vectors', () => {
  it('shows them, each with its metric', async () => {
    const made = await collection('zoo', { model: MODEL })
    const cosine = { metric: 'cosine' }
    const vectors = {
      title: { dimensions: 2, ...cosine },
      tokens: { dimensions: 3, ...cosine, multi: true },
      image: { dimensions: 2, ...cosine },
    }
    expect(made.json.model).toEqual({ provider: 'bring-your-own', vectors })
    expect((await api('GET', '/v1/collections/zoo')).json.model).toEqual(made.json.model)
    expect((await api('DELETE', '/v1/collections/zoo')).status).toBe(204)
    expect((await collection('zoo', { model: made.json.model })).status).toBe(201)
  })

  it.each([
    [{ provider: 'bring-your-own' }, '/model/dimensions'],
    [{ ...MODEL, dimensions: 2 }, '/model/dimensions'],
    [{ ...MODEL, metric: 'cosine' }, '/model/metric'],
    [{ ...MODEL, vectors: {} }, '/model/vectors'],
    [{ ...MODEL, vectors: { Title: { dimensions: 2 } } }, '/model/vectors/Title'],
    [{ ...MODEL, vectors: { title: { dimensions: 5_000 } } }, '/model/vectors/title/dimensions'],
    [{ ...MODEL, vectors: { title: { dimensions: 2, metric: 'dot' } } }, '/model/vectors/title/metric'],
  ])('is refused as %j', async (model, pointer) => {
    expect(problemOf(await collection('zoo', { model }))).toMatchObject({ status: 400, pointers: [pointer] })
  })

  it('searches the one that is asked for, the first by default', async () => {
    await filled()
    const first = await search({ vector: [1, 0], mode: 'vector' })
    expect(scoresOf(first)).toEqual({ heron: 1, otter: expect.closeTo(Math.SQRT1_2, 6) })
    expect(scoresOf(await search({ vector: [1, 0], mode: 'vector', using: 'title' }))).toEqual(scoresOf(first))
    expect(scoresOf(await search({ vector: [0, 1], mode: 'vector', using: 'image' }))).toEqual({ otter: 1 })
    const tokens = [
      [1, 0, 0],
      [0, 0, 3],
    ]
    const late = await search({ vector: tokens, mode: 'vector', using: 'tokens', explain: true })
    expect(scoresOf(late)).toEqual({ heron: 0.5, otter: 0.5 })
    expect(late.json.hits[0]).toMatchObject({
      scores: { vector: 0.5 },
      explain: { value: 0.5, description: 'vector mode: late interaction' },
    })
    expect(scoresOf(await search({ vector: [1, 0, 0], mode: 'vector', using: 'tokens' }))).toEqual({ heron: 1 })
  })

  it('joins each with the words of the query, and pages', async () => {
    await filled({ shards: 2 })
    const body = { query: 'heron', vector: [[0, 0, 1]], using: 'tokens' }
    const whole = await search(body)
    expect(whole.json.hits.map(({ documentId }: { documentId: string }) => documentId)).toEqual([
      'otter',
      'heron',
      'words',
    ])
    const ids: string[] = []
    for (let cursor: string | undefined; ids.length < 5;) {
      const { json } = await search({ ...body, limit: 1, ...(cursor === undefined ? {} : { cursor }) })
      for (const hit of json.hits) ids.push(`${hit.documentId} ${hit.score}`)
      if (json.nextCursor === null) break
      cursor = json.nextCursor as string
    }
    expect(ids).toEqual(
      whole.json.hits.map(({ documentId, score }: Record<string, unknown>) => `${String(documentId)} ${String(score)}`),
    )
    const other = await search({ ...body, limit: 1 })
    const mixed = await search({ ...body, using: 'title', vector: [1, 0], cursor: other.json.nextCursor })
    expect(problemOf(mixed).code).toBe('cursor_mismatch')
  })

  it('moves the query of a single vector by feedback, and no multi-vector', async () => {
    await filled()
    const moved = await search({ vector: [1, 0], using: 'title', mode: 'vector', feedback: true })
    expect(scoresOf(moved)['otter']).toBeGreaterThan(0.75)
    const refused = await search({ vector: [1, 0, 0], using: 'tokens', mode: 'vector', feedback: true })
    expect(problemOf(refused)).toMatchObject({ status: 400, pointers: ['/feedback'] })
  })

  it.each([
    [{ vector: [1, 0], using: 'sound' }, 'invalid_request', '/using'],
    [{ query: 'x', mode: 'keyword', using: 'sound' }, 'invalid_request', '/using'],
    [{ vector: [1, 0], using: 7 }, 'invalid_request', '/using'],
    [{ vector: [1, 0, 0] }, 'dimension_mismatch', '/vector'],
    [{ vector: [[1, 0]] }, 'invalid_request', '/vector'],
    [{ vector: [[1, 0]], using: 'tokens' }, 'dimension_mismatch', '/vector'],
    [{ vector: [[1, 0, 0], [1]], using: 'tokens' }, 'invalid_request', '/vector/1'],
    [{ vector: [[0, 0, 0]], using: 'tokens' }, 'invalid_request', '/vector/0'],
    [{ vector: Array.from({ length: 65 }, () => [1, 0, 0]), using: 'tokens' }, 'invalid_request', '/vector'],
    [{ query: 'heron', mode: 'vector' }, 'invalid_request', '/vector'],
  ])('refuses the search %j', async (body, code, pointer) => {
    await filled()
    expect(problemOf(await search(body))).toEqual({ status: 400, code, pointers: [pointer] })
  })

  it.each([
    [{ vector: [1, 0] }, 'invalid_request', '/documents/0/vector'],
    [{ vectors: { sound: [1] } }, 'invalid_request', '/documents/0/vectors/sound'],
    [{ vectors: { title: [1] } }, 'dimension_mismatch', '/documents/0/vectors/title'],
    [{ vectors: { title: [[1, 0]] } }, 'invalid_request', '/documents/0/vectors/title'],
    [{ vectors: { tokens: [1, 0, 0] } }, 'invalid_request', '/documents/0/vectors/tokens'],
    [{ vectors: { tokens: [[1, 0, 0], [1]] } }, 'dimension_mismatch', '/documents/0/vectors/tokens/1'],
  ])('refuses the document %j', async (document, code, pointer) => {
    await collection('zoo', { model: MODEL })
    expect(problemOf(await put('zoo', [{ id: 'x', ...document }]))).toEqual({ status: 400, code, pointers: [pointer] })
  })

  it('gives vectors back as they were sent, keeps them under a patch, and replaces them as a whole', async () => {
    await filled()
    const read = async (id: string) => (await api('GET', `/v1/collections/zoo/documents/${id}?include=vectors`)).json
    for (const { id, vectors } of DOCUMENTS) expect((await read(id)).vectors).toEqual(vectors ?? {})
    const patched = await api('PATCH', '/v1/collections/zoo/documents/heron', { title: 'Bird', metadata: { a: 1 } })
    expect(patched.json).toMatchObject({ version: 2, title: 'Bird' })
    expect((await read('heron')).vectors).toEqual(DOCUMENTS[0]?.vectors)
    expect((await put('zoo', [DOCUMENTS[1]!])).json.results).toMatchObject([{ status: 'unchanged' }])
    const changed = { ...DOCUMENTS[1]!, vectors: { ...DOCUMENTS[1]!.vectors, tokens: [[0, 1, 1]] } }
    expect((await put('zoo', [changed])).json.results).toMatchObject([{ status: 'replaced', version: 2 }])
    expect((await read('otter')).vectors).toEqual(changed.vectors)
    await put('zoo', [{ id: 'otter', vectors: { image: [1, 1] } }])
    expect((await read('otter')).vectors).toEqual({ image: [1, 1] })
    expect(scoresOf(await search({ vector: [0, 0, 1], mode: 'vector', using: 'tokens' }))).toEqual({})
  })

  it('takes them by a job, too', async () => {
    await collection('zoo', { model: MODEL })
    const { status, json } = await put('zoo', DOCUMENTS, { prefer: 'respond-async' })
    expect(status).toBe(202)
    await expect
      .poll(async () => (await api('GET', `/v1/jobs/${json.job.id}`)).json.status, { timeout: 20_000 })
      .toBe('succeeded')
    expect(scoresOf(await search({ vector: [0, 1], mode: 'vector', using: 'image' }))).toEqual({ otter: 1 })
  })

  it('leaves by an export and comes back by an import, in the same state', async () => {
    await filled()
    const root = (method: string, path: string, body?: unknown): Promise<Answer> =>
      world.call(method, path, { key: world.rootKey, ...(body === undefined ? {} : { body }) })
    const linesOf = async (id: string) =>
      (await root('GET', `/v1/tenants/${id}/export`)).text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, unknown>)
    const partOf = (lines: Record<string, unknown>[], kind: string) =>
      lines.filter(({ type }) => type === kind).map(({ type: _type, ...line }) => line)
    const lines = await linesOf(tenant.id)
    const copy = await world.makeTenant('copy')
    const part = { collections: partOf(lines, 'collection'), documents: partOf(lines, 'document') }
    for (let time = 0; time < 2; time++) {
      expect((await root('POST', `/v1/tenants/${copy.id}/import`, part)).json).toEqual({ collections: 1, documents: 4 })
    }
    expect(partOf(await linesOf(copy.id), 'end')).toEqual(partOf(lines, 'end'))
    const body = { vector: [[1, 0, 0]], using: 'tokens', mode: 'vector' }
    const found = await world.call('POST', '/v1/collections/zoo/search', { key: copy.key, body })
    expect(scoresOf(found)).toEqual({ heron: 1 })

    const [archived] = part.collections
    const [heron] = part.documents
    const chunks = heron?.['chunks'] as object[]
    for (const [forged, pointer] of [
      [{ collections: [{ ...archived, name: 'other', dimensions: 9 }] }, '/collections/0/vectors'],
      [{ collections: [{ ...archived, name: 'other', profileId: 'edge-en' }] }, '/collections/0/vectors'],
      [{ documents: [{ ...heron, chunks: [{ ...chunks[0], vector: 'AAAA' }] }] }, '/documents/0/chunks/0'],
      [{ documents: [{ ...heron, chunks: [{ ...chunks[0], vector: 'AAAAAAAAAAAAAAAA' }] }] }, '/documents/0/chunks/0'],
    ] as const) {
      const refused = problemOf(await root('POST', `/v1/tenants/${copy.id}/import`, forged))
      expect([refused.status, refused.pointers?.[0]]).toEqual([400, pointer])
    }
    const otherwise = { ...archived, vectors: [{ name: 'title', dimensions: 2 }] }
    expect(problemOf(await root('POST', `/v1/tenants/${copy.id}/import`, { collections: [otherwise] })).code).toBe(
      'conflict',
    )
  })
})

describe('other collections', () => {
  it('are searched together where they give a vector the same name and length', async () => {
    await filled()
    const { title, image } = MODEL.vectors
    await collection('birds', { model: { ...MODEL, vectors: { image, title } } })
    await put('birds', [{ id: 'owl', vectors: { title: [2, 1], image: [1, 0] } }])
    await collection('plain', { model: { provider: 'bring-your-own', dimensions: 2 } })
    const together = (body: object) => api('POST', '/v1/search', { collections: ['zoo', 'birds'], ...body })
    const found = await together({ vector: [2, 1], using: 'title', mode: 'vector' })
    expect(found.json.hits).toMatchObject([
      { documentId: 'owl', collection: 'birds', score: expect.closeTo(1, 6) },
      { documentId: 'otter', collection: 'zoo' },
      { documentId: 'heron', collection: 'zoo' },
    ])
    const hybrid = await together({ query: 'heron', vector: [2, 1], using: 'title', fusion: { alpha: 1 } })
    expect(scoresOf(hybrid)['owl']).toBe(1)
    expect(scoresOf(hybrid)['otter']).toBeCloseTo(found.json.hits[1].score, 6)
    const refused = await together({ collections: ['zoo', 'plain'], vector: [2, 1], using: 'title' })
    expect(problemOf(refused)).toMatchObject({ status: 400, pointers: ['/using'] })
  })

  it('take no named vectors and know no name', async () => {
    await collection('single', { model: { provider: 'bring-your-own', dimensions: 2 } })
    await collection('made')
    for (const [name, detail] of [
      ['single', 'is refused: the collection has one vector without a name'],
      ['made', 'is refused: the collection computes its own vectors'],
    ] as const) {
      const refused = await put(name, [{ id: 'x', text: 'x', vectors: { title: [1, 0] } }])
      expect(refused.json.errors).toEqual([{ pointer: '/documents/0/vectors', detail }])
      expect(problemOf(await search({ query: 'x', using: 'title', mode: 'keyword' }, name)).pointers).toEqual([
        '/using',
      ])
    }
    expect(problemOf(await search({ vector: [[1, 0]] }, 'single')).pointers).toEqual(['/vector'])
  })
})
