import { describe, expect, it } from 'vitest'
import { asProblem, type Problem } from '../../../src/core/problem.ts'
import { parseSearchRequest } from '../../../src/search/parse-search-request.ts'

const SECRET = { kind: 'secret' }

function refusal(body: unknown): Problem {
  try {
    parseSearchRequest(body, SECRET)
  } catch (error) {
    const problem = asProblem(error)
    if (problem !== undefined) return problem
    throw error
  }
  throw new Error(`accepted ${JSON.stringify(body)}`)
}

describe('a search request', () => {
  it('has the documented defaults', () => {
    expect(parseSearchRequest({ query: 'x' }, SECRET)).toMatchObject({
      mode: 'hybrid',
      limit: 10,
      fusion: { method: 'convex', alpha: 0.6, rankConstant: 60 },
      highlight: true,
      explain: false,
      exact: false,
      feedback: false,
      byDocument: false,
      facets: [],
    })
  })

  it.each([
    [{}, '/query'],
    [{ mode: 'keyword', vector: [1] }, '/query'],
    [{ query: '' }, '/query'],
    [{ query: ' \n' }, '/query'],
    [{ query: 5 }, '/query'],
    [{ query: 'a\u0000' }, '/query'],
    [{ query: 'a\ud800' }, '/query'],
    [{ query: 'é'.repeat(2_049) }, '/query'],
    [{ query: 'x', limit: 0 }, '/limit'],
    [{ query: 'x', limit: 1_001 }, '/limit'],
    [{ query: 'x', limit: 2.5 }, '/limit'],
    [{ query: 'x', limit: '3' }, '/limit'],
    [{ query: 'x', limit: null }, '/limit'],
    [{ query: 'x', mode: 'fuzzy' }, '/mode'],
    [{ query: 'x', cursor: '' }, '/cursor'],
    [{ query: 'x', vector: [] }, '/vector'],
    [{ query: 'x', vector: [1, 'a'] }, '/vector/1'],
    [{ query: 'x', vector: [1, Infinity] }, '/vector/1'],
    [{ query: 'x', vector: [1e39] }, '/vector/0'],
    [{ query: 'x', vector: [0, 1e-60] }, '/vector'],
    [{ query: 'x', vector: [[1], [2, 3]] }, '/vector/1'],
    [{ query: 'x', vector: [[1], 2] }, '/vector/1'],
    [{ query: 'x', vector: [[1], [0]] }, '/vector/1'],
    [{ query: 'x', vector: Array.from({ length: 65 }, () => [1]) }, '/vector'],
    [{ query: 'x', using: 'Title' }, '/using'],
    [{ query: 'x', using: null }, '/using'],
    [{ query: 'x', filter: { a: { $near: 1 } } }, '/filter/a/$near'],
    [{ query: 'x', filter: 'a' }, '/filter'],
    [{ query: 'x', facets: 'a' }, '/facets'],
    [{ query: 'x', facets: ['a', ''] }, '/facets/1'],
    [{ query: 'x', facets: ['$id'] }, '/facets/0'],
    [{ query: 'x', facets: [`a${'.a'.repeat(32)}`] }, '/facets/0'],
    [{ query: 'x', facets: Array.from({ length: 21 }, (_, i) => `f${i}`) }, '/facets'],
    [{ query: 'x', fusion: 'rrf' }, '/fusion'],
    [{ query: 'x', fusion: { method: 'sum' } }, '/fusion/method'],
    [{ query: 'x', fusion: { alpha: 1.1 } }, '/fusion/alpha'],
    [{ query: 'x', fusion: { rankConstant: 0 } }, '/fusion/rankConstant'],
    [{ query: 'x', fusion: { beta: 1 } }, '/fusion/beta'],
    [{ query: 'x', groupBy: 'chunk' }, '/groupBy'],
    [{ query: 'x', minScore: '1' }, '/minScore'],
    [{ query: 'x', exact: 1 }, '/exact'],
    [{ query: 'x', highlight: 'yes' }, '/highlight'],
    [{ query: 'x', language: 'no such tag' }, '/language'],
    [{ query: 'x', 'a/b~c': 1 }, '/a~1b~0c'],
    [{ query: 'x', expand: true }, '/expand'],
    [{ query: 'x', expand: 'page' }, '/expand'],
    [{ query: 'x', expand: { before: 11 } }, '/expand/before'],
    [{ query: 'x', expand: { after: -1 } }, '/expand/after'],
    [{ query: 'x', expand: { after: '1' } }, '/expand/after'],
    [{ query: 'x', expand: { around: 1 } }, '/expand/around'],
    [{ query: 'x', expand: 'section', limit: 101 }, '/limit'],
    [[], ''],
    [null, ''],
  ])('is refused for %j with a pointer to %s', (body, pointer) => {
    expect(refusal(body)).toMatchObject({ code: 'invalid_request', errors: [{ pointer }] })
  })

  it('may ask for neighbours, of public keys as well', () => {
    const expandOf = (expand: unknown) => parseSearchRequest({ query: 'x', expand }, { kind: 'public' }).expand
    expect(expandOf(undefined)).toBeUndefined()
    expect(expandOf('section')).toBe('section')
    expect(expandOf({ before: 10 })).toEqual({ before: 10, after: 0 })
    expect(expandOf({ after: 2, before: 1 })).toEqual({ before: 1, after: 2 })
  })

  it('may have a model reorder the first 50 hits, or as many as it says', () => {
    const checkedOf = (rest: object) =>
      parseSearchRequest({ query: 'x', rerank: { model: 'm' }, ...rest }, { kind: 'secret' })
    expect(checkedOf({})).toMatchObject({ rerank: { model: 'm', depth: 50 }, limit: 10 })
    expect(checkedOf({ limit: 50 }).limit).toBe(50)
    // No hit comes from beyond the depth, so a page that names no limit ends there.
    expect(checkedOf({ rerank: { model: 'm', depth: 3 } }).limit).toBe(3)
    expect(checkedOf({ rerank: { model: 'm', depth: 100 }, limit: 100 }).limit).toBe(100)
  })

  it.each([
    [{ rerank: 'm' }, '/rerank', 'must be an object'],
    [{ rerank: {} }, '/rerank/model', 'is required'],
    [{ rerank: { model: '' } }, '/rerank/model', 'must have 1 to 200 characters'],
    [{ rerank: { model: 'm'.repeat(201) } }, '/rerank/model', 'must have 1 to 200 characters'],
    [{ rerank: { model: 7 } }, '/rerank/model', 'must be a string'],
    [{ rerank: { model: 'm', depth: 101 } }, '/rerank/depth', 'must be an integer from 1 to 100'],
    [{ rerank: { model: 'm', depth: 0 } }, '/rerank/depth', 'must be an integer from 1 to 100'],
    [{ rerank: { model: 'm', timeoutMs: 1 } }, '/rerank/timeoutMs', 'is not a known field'],
    [{ rerank: { model: 'm' }, limit: 51 }, '/limit', 'must be at most the depth of rerank'],
    [{ rerank: { model: 'm', depth: 4 }, limit: 5 }, '/limit', 'must be at most the depth of rerank'],
    [{ rerank: { model: 'm' }, cursor: 'c' }, '/cursor', 'does not go with rerank, which has one page'],
    [{ rerank: { model: 'm' }, query: undefined, vector: [1] }, '/query', 'is required with rerank'],
  ])('refuses the reranking %j at %s', (rest, pointer, detail) => {
    expect(refusal({ query: 'x', ...rest }).errors).toEqual([{ pointer, detail }])
  })

  it('by a public key is refused what shows raw scores, before any fault is told', () => {
    for (const name of ['explain', 'exact', 'vector', 'rerank']) {
      expect(() => parseSearchRequest({ [name]: true, limit: 0, colour: 1 }, { kind: 'public' })).toThrow(
        `/${name} is refused for public keys and tokens`,
      )
    }
    expect(parseSearchRequest({ query: 'x', explain: false }, { kind: 'public' }).explain).toBe(false)
  })

  it('lists every fault', () => {
    const { errors } = refusal({ limit: 0, mode: 'x', filter: { a: { $near: 1 } }, colour: 1 })
    expect(errors?.map(({ pointer }) => pointer).sort()).toEqual([
      '/colour',
      '/filter/a/$near',
      '/limit',
      '/mode',
      '/query',
    ])
  })
})
