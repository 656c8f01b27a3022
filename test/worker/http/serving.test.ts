/** Embeddings, reranking and reranked searches through the app: their shapes, and who may ask for them. */
import { describe, expect, it } from 'vitest'
import { fromBase64url } from '../../../src/core/bytes.ts'
import { problemOf } from './http-harness.ts'
import { api, collection, put, useTenant, world } from './tenant-api.ts'

useTenant()

const RERANKER = '@cf/baai/bge-reranker-base'
const DOCUMENTS = ['Tax is due in March.', 'A heron nests by the weir.', 'The weir is closed.', 'A heron at the weir.']

describe('POST /v1/embeddings', () => {
  it('answers a vector for each text, as numbers or as base64 of the same singles', async () => {
    const floats = await api('POST', '/v1/embeddings', { model: 'edge-en', input: DOCUMENTS })
    expect(floats.status).toBe(200)
    expect(floats.json.data.map(({ index }: { index: number }) => index)).toEqual([0, 1, 2, 3])
    const body = { model: 'edge-en', input: DOCUMENTS[1], encoding_format: 'base64', user: 'someone' }
    const one = await api('POST', '/v1/embeddings', body)
    const url = (one.json.data[0].embedding as string).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
    const singles = [...new Float32Array(fromBase64url(url)!.buffer)]
    expect(singles).toEqual(floats.json.data[1].embedding)
    expect(one.json).toMatchObject({ object: 'list', model: 'edge-en', usage: { prompt_tokens: 6, total_tokens: 6 } })
  })

  it.each([
    [{ input: 'x' }, '/model'],
    [{ model: 'edge-en' }, '/input'],
    [{ model: 'edge-en', input: [] }, '/input'],
    [{ model: 'edge-en', input: [[1, 2]] }, '/input/0'],
    [{ model: 'edge-en', input: 'x', encoding_format: 'int8' }, '/encoding_format'],
    [{ model: 'edge-en', input: 'x', input_type: 'image' }, '/input_type'],
    [{ model: 'bring-your-own', input: 'x' }, '/model'],
    [{ model: RERANKER, input: 'x' }, '/model'],
  ])('refuses %j at %s', async (body, pointer) => {
    const answer = await api('POST', '/v1/embeddings', body)
    expect([answer.status, problemOf(answer).pointers]).toEqual([400, [pointer]])
  })

  it('writes out no more numbers than a place has memory for', async () => {
    const big = { id: 'big', provider: 'openai-compatible', model: 'm', baseUrl: 'https://m.example/v1' }
    expect((await api('POST', '/v1/models', { ...big, dimensions: 4_096 })).status).toBe(201)
    const input = Array.from({ length: 129 }, () => 'x')
    const refused = await api('POST', '/v1/embeddings', { model: 'big', input })
    expect(problemOf(refused)).toMatchObject({ status: 400, pointers: ['/input'] })
    // These get as far as the provider, which is not there.
    const few = await api('POST', '/v1/embeddings', { model: 'big', input: input.slice(1) })
    const compact = await api('POST', '/v1/embeddings', { model: 'big', input, encoding_format: 'base64' })
    for (const { status } of [few, compact]) expect(status).not.toBe(400)
  })

  it('knows no model of another tenant', async () => {
    const model = {
      id: 'ours',
      provider: 'openai-compatible',
      model: 'm',
      baseUrl: 'https://m.example/v1',
      dimensions: 8,
    }
    expect((await api('POST', '/v1/models', model)).status).toBe(201)
    const stranger = await world.makeTenant()
    const asked = await world.call('POST', '/v1/embeddings', { key: stranger.key, body: { model: 'ours', input: 'x' } })
    const nobodys = await world.call('POST', '/v1/embeddings', {
      key: stranger.key,
      body: { model: 'none', input: 'x' },
    })
    expect(problemOf(asked)).toEqual(problemOf(nobodys))
    expect(problemOf(asked)).toMatchObject({ status: 400, pointers: ['/model'] })
  })
})

describe('POST /v1/rerank', () => {
  it('ranks by score and, where scores are equal, by the order of the request', async () => {
    const body = { model: RERANKER, query: 'heron weir', documents: DOCUMENTS, return_documents: true }
    const { status, json } = await api('POST', '/v1/rerank', body)
    expect(status).toBe(200)
    expect(json).toEqual({
      id: expect.stringMatching(/^rrk_/),
      model: RERANKER,
      results: [1, 3, 2, 0].map((index, place) => ({
        index,
        relevance_score: [1, 1, 0.5, 0][place],
        document: { text: DOCUMENTS[index] },
      })),
      usage: { total_tokens: 2 },
    })
  })

  it('takes objects with a text, and gives only the best without their texts', async () => {
    const documents = DOCUMENTS.map((text) => ({ text }))
    const { json } = await api('POST', '/v1/rerank', { model: RERANKER, query: 'heron', documents, top_n: 1 })
    expect(json.results).toEqual([{ index: 1, relevance_score: 1 }])
  })

  it.each([
    [{ model: RERANKER, query: 'x' }, '/documents'],
    [{ model: RERANKER, query: 'x', documents: [] }, '/documents'],
    [{ model: RERANKER, query: 'x', documents: [''] }, '/documents/0'],
    [{ model: RERANKER, query: 'x', documents: [{ title: 'y' }] }, '/documents/0/text'],
    [{ model: RERANKER, query: 'x', documents: Array.from({ length: 1_001 }, () => 'y') }, '/documents'],
    [{ model: RERANKER, query: 'é'.repeat(2_049), documents: ['y'] }, '/query'],
    [{ model: RERANKER, query: 'x', documents: ['y'], top_n: 0 }, '/top_n'],
    [{ model: 'edge-en', query: 'x', documents: ['y'] }, '/model'],
  ])('refuses what is wrong: %#', async (body, pointer) => {
    const answer = await api('POST', '/v1/rerank', body)
    expect(answer.status).toBe(400)
    expect(problemOf(answer).pointers).toContain(pointer)
  })
})

describe('a reranked search', () => {
  it('is ordered by the model and says how long it took', async () => {
    await collection('notes')
    await put(
      'notes',
      DOCUMENTS.map((text, i) => ({ id: `d${i}`, text })),
    )
    const found = await api('POST', '/v1/collections/notes/search', {
      query: 'heron weir',
      rerank: { model: RERANKER, depth: 4 },
      minScore: 0.1,
    })
    expect(found.status).toBe(200)
    expect(found.json.hits.map((hit: { documentId: string; score: number }) => [hit.documentId, hit.score])).toEqual([
      ['d1', 1],
      ['d3', 1],
      ['d2', 0.5],
    ])
    expect(found.headers.get('server-timing')).toMatch(/rerank|total/)
    const unknown = { query: 'heron', rerank: { model: 'nobody' } }
    expect(problemOf(await api('POST', '/v1/collections/notes/search', unknown))).toMatchObject({
      status: 400,
      pointers: ['/rerank/model'],
    })
    const answered = await api('POST', '/v1/collections/notes/answers', {
      question: 'Where does a heron nest?',
      search: { rerank: { model: RERANKER } },
    })
    expect([answered.status, answered.json.hits[0].documentId]).toEqual([200, 'd1'])
  })

  it('is not for tokens, in an answer neither', async () => {
    await collection('notes')
    const made = await api('POST', '/v1/tokens', { ttlSeconds: 60, scopes: ['search', 'answer'] })
    const key = made.json.token
    const rerank = { model: RERANKER }
    const search = await world.call('POST', '/v1/collections/notes/search', { key, body: { query: 'x', rerank } })
    expect(problemOf(search)).toEqual({ status: 403, code: 'forbidden', pointers: ['/rerank'] })
    const body = { question: 'x', search: { rerank } }
    const answer = await world.call('POST', '/v1/collections/notes/answers', { key, body })
    expect(problemOf(answer)).toEqual({ status: 403, code: 'forbidden', pointers: ['/search/rerank'] })
    for (const path of ['embeddings', 'rerank']) {
      expect((await world.call('POST', `/v1/${path}`, { key, body: {} })).status).toBe(403)
    }
  })
})
