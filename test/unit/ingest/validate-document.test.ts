import { describe, expect, it } from 'vitest'
import { asProblem, type Problem } from '../../../src/core/problem.ts'
import { parseDeleteRequest } from '../../../src/ingest/delete-documents.ts'
import { parsePutRequest } from '../../../src/ingest/validate-document.ts'

function refusal(parse: () => unknown): Problem {
  try {
    parse()
  } catch (error) {
    const problem = asProblem(error)
    if (problem !== undefined) return problem
    throw error
  }
  throw new Error('was accepted')
}

const pointersOf = (...documents: unknown[]): string[] =>
  refusal(() => parsePutRequest({ documents })).errors?.map(({ pointer }) => pointer) ?? []

const nested = (depth: number): unknown => (depth === 0 ? 1 : { a: nested(depth - 1) })

describe('a document', () => {
  it.each([
    [{ id: 'x', text: '' }, '/documents/0/text'],
    [{ id: 'x', text: ' \n\t' }, '/documents/0/text'],
    [{ id: 'x', markdown: '' }, '/documents/0/markdown'],
    [{ id: 'x' }, '/documents/0/text'],
    [{ id: 'x', text: 5 }, '/documents/0/text'],
    [{ id: 'x', text: null }, '/documents/0/text'],
    [{ id: 'x', text: 'a\u0000b' }, '/documents/0/text'],
    [{ id: 'x', text: 'a\ud800b' }, '/documents/0/text'],
    [{ id: 'x', html: '\udc00' }, '/documents/0/html'],
    [{ id: 'x', text: 'é'.repeat(2_500_001) }, '/documents/0/text'],
    [{ id: 'x', text: 'a', markdown: 'b' }, '/documents/0/markdown'],
    [{ text: 'a' }, '/documents/0/id'],
    [{ id: '', text: 'a' }, '/documents/0/id'],
    [{ id: 7, text: 'a' }, '/documents/0/id'],
    [{ id: '.', text: 'a' }, '/documents/0/id'],
    [{ id: '..', text: 'a' }, '/documents/0/id'],
    [{ id: 'a\nb', text: 'a' }, '/documents/0/id'],
    [{ id: 'a\u0085', text: 'a' }, '/documents/0/id'],
    [{ id: 'a\u0000', text: 'a' }, '/documents/0/id'],
    [{ id: '\ud83d', text: 'a' }, '/documents/0/id'],
    [{ id: 'é'.repeat(257), text: 'a' }, '/documents/0/id'],
    [{ id: 'x', text: 'a', title: '\u0000' }, '/documents/0/title'],
    [{ id: 'x', text: 'a', title: null }, '/documents/0/title'],
    [{ id: 'x', text: 'a', title: 'x'.repeat(2_049) }, '/documents/0/title'],
    [{ id: 'x', text: 'a', url: '/relative' }, '/documents/0/url'],
    [{ id: 'x', text: 'a', url: 'javascript:alert(1)' }, '/documents/0/url'],
    [{ id: 'x', text: 'a', url: 'https:nohost' }, '/documents/0/url'],
    [{ id: 'x', text: 'a', url: 'https://\ud800' }, '/documents/0/url'],
    [{ id: 'x', text: 'a', language: 'not a tag' }, '/documents/0/language'],
    [{ id: 'x', text: 'a', metadata: [] }, '/documents/0/metadata'],
    [{ id: 'x', text: 'a', metadata: { a: { b: ['\ud800'] } } }, '/documents/0/metadata/a/b/0'],
    [{ id: 'x', text: 'a', metadata: { 'a\u0000': 1 } }, '/documents/0/metadata/a\u0000'],
    [{ id: 'x', text: 'a', metadata: { $id: 1 } }, '/documents/0/metadata/$id'],
    [{ id: 'x', text: 'a', metadata: { a: { $b: 1 } } }, '/documents/0/metadata/a/$b'],
    [{ id: 'x', text: 'a', metadata: { a: 'x'.repeat(16_380) } }, '/documents/0/metadata'],
    [{ id: 'x', text: 'a', metadata: { 'a/b': '\u0000' } }, '/documents/0/metadata/a~1b'],
    [{ id: 'x', text: 'a', acl: [] }, '/documents/0/acl'],
    [{ id: 'x', text: 'a', acl: null }, '/documents/0/acl'],
    [{ id: 'x', text: 'a', acl: 'alice' }, '/documents/0/acl'],
    [{ id: 'x', text: 'a', acl: Array.from({ length: 101 }, (_, i) => `u${i}`) }, '/documents/0/acl'],
    [{ id: 'x', text: 'a', acl: [''] }, '/documents/0/acl/0'],
    [{ id: 'x', text: 'a', acl: ['alice', 7] }, '/documents/0/acl/1'],
    [{ id: 'x', text: 'a', acl: ['alice', 'alice'] }, '/documents/0/acl/1'],
    [{ id: 'x', text: 'a', acl: ['a\nb'] }, '/documents/0/acl/0'],
    [{ id: 'x', text: 'a', acl: ['\ud800'] }, '/documents/0/acl/0'],
    [{ id: 'x', text: 'a', acl: ['é'.repeat(129)] }, '/documents/0/acl/0'],
    [{ id: 'x', vector: [] }, '/documents/0/vector'],
    [{ id: 'x', vector: [0, 0] }, '/documents/0/vector'],
    [{ id: 'x', vector: [1, null] }, '/documents/0/vector/1'],
    [{ id: 'x', vector: [1e300] }, '/documents/0/vector/0'],
    [{ id: 'x', vectors: {} }, '/documents/0/vectors'],
    [{ id: 'x', vectors: [[1]] }, '/documents/0/vectors'],
    [
      { id: 'x', vectors: Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`v${i}`, [1]])) },
      '/documents/0/vectors',
    ],
    [{ id: 'x', vectors: { Title: [1] } }, '/documents/0/vectors/Title'],
    [{ id: 'x', vectors: JSON.parse('{"__proto__": [1]}') as object }, '/documents/0/vectors/__proto__'],
    [{ id: 'x', vectors: { title: 'x' } }, '/documents/0/vectors/title'],
    [{ id: 'x', vectors: { title: [1, 'x'] } }, '/documents/0/vectors/title/1'],
    [{ id: 'x', vectors: { tokens: [] } }, '/documents/0/vectors/tokens'],
    [{ id: 'x', vectors: { tokens: [[]] } }, '/documents/0/vectors/tokens/0'],
    [{ id: 'x', vectors: { tokens: [[1], 2] } }, '/documents/0/vectors/tokens/1'],
    [{ id: 'x', vectors: { tokens: [[1], [0]] } }, '/documents/0/vectors/tokens/1'],
    [{ id: 'x', vectors: { tokens: Array.from({ length: 257 }, () => [1]) } }, '/documents/0/vectors/tokens'],
    [
      { id: 'x', vectors: { a: Array.from({ length: 65 }, () => Array.from({ length: 4_096 }, () => 1)) } },
      '/documents/0/vectors',
    ],
    [{ id: 'x', vector: [1], vectors: { title: [1] } }, '/documents/0/vectors'],
    [{ id: 'x', chunks: [{ text: 'a' }], vectors: { title: [1] } }, '/documents/0/chunks'],
    [{ id: 'x', text: 'a', colour: 1 }, '/documents/0/colour'],
    ['x', '/documents/0'],
  ])('is refused as %j with a pointer to %s', (document, pointer) => {
    expect(pointersOf(document)).toEqual([pointer])
  })

  it('nested too deeply is refused before anything recurses into it', () => {
    expect(pointersOf({ id: 'x', text: 'a', metadata: nested(5_000) })[0]).toMatch(/^\/documents\/0\/metadata(\/a)+$/)
  })

  it('with the id of an earlier one is refused', () => {
    expect(pointersOf({ id: 'x', text: 'x' }, { id: 'y', text: 'x' }, { id: 'x', text: 'y' })).toEqual([
      '/documents/2/id',
    ])
  })

  it('keeps every field it may have', () => {
    const document = {
      id: 'ä/b c',
      markdown: '# x',
      title: 'T',
      url: 'HTTPS://example.org/a?b#c',
      language: 'de-CH',
      metadata: { a: [1, null, { b: true }], __proto: 'x' },
      vector: [1, 0.5],
    }
    expect(parsePutRequest({ documents: [document] }).documents).toEqual([document])
    expect(parsePutRequest({ documents: [{ id: 'v', text: '', vector: [1] }] }).documents).toHaveLength(1)
    const named = { id: 'n', vectors: { title: [1, 2], tokens: [[1], [2, 3]], constructor: [1] } }
    expect(parsePutRequest({ documents: [named] }).documents).toEqual([named])
  })
})

describe('a request of documents', () => {
  it.each([
    [{}, '/documents'],
    [{ documents: [] }, '/documents'],
    [{ documents: {} }, '/documents'],
    [{ documents: Array.from({ length: 1_001 }, (_, i) => ({ id: `${i}`, text: 'x' })) }, '/documents'],
    [{ documents: [{ id: 'x', text: 'x' }], more: 1 }, '/more'],
    [[], ''],
    ['x', ''],
  ])('is refused when its shape is wrong', (body, pointer) => {
    expect(refusal(() => parsePutRequest(body)).errors?.map((error) => error.pointer)).toEqual([pointer])
  })

  it('lists the first 100 faults and counts all', () => {
    const problem = refusal(() => parsePutRequest({ documents: Array.from({ length: 150 }, () => ({ text: '' })) }))
    expect(problem.errors).toHaveLength(100)
    expect(problem.message).toContain('300')
  })
})

describe('a deletion', () => {
  it.each([
    [{}, ''],
    [{ ids: ['a'], filter: {} }, ''],
    [{ ids: [] }, '/ids'],
    [{ ids: 'a' }, '/ids'],
    [{ ids: ['a', '..'] }, '/ids/1'],
    [{ ids: [5] }, '/ids/0'],
    [{ ids: Array.from({ length: 1_001 }, (_, i) => `${i}`) }, '/ids'],
    [{ filter: { a: { $near: 1 } } }, '/filter/a/$near'],
    [{ ids: ['a'], all: true }, '/all'],
  ])('is refused as %j', (body, pointer) => {
    expect(refusal(() => parseDeleteRequest(body)).errors?.map((error) => error.pointer)).toEqual([pointer])
  })
})
