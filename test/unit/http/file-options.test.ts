import { describe, expect, it } from 'vitest'
import { MAX_FILE_NAME_BYTES, MAX_UPLOAD_OPTIONS_BYTES } from '../../../src/core/limits.ts'
import { asProblem } from '../../../src/core/problem.ts'
import { fileNameFault, parseFileOptions, peekOptions } from '../../../src/http/file-options.ts'

const secret = { kind: 'secret' } as const
const token = { kind: 'token' } as const

const faultsOf = (text: string, principal: { kind: 'secret' | 'token' } = secret): unknown => {
  try {
    return parseFileOptions(text, principal)
  } catch (error) {
    const problem = asProblem(error)
    if (problem === undefined) throw error
    return [problem.code, ...(problem.errors ?? []).map(({ pointer }) => pointer)]
  }
}

describe('the name of a file', () => {
  it.each([
    'a',
    'a.txt',
    'a/b/c.txt',
    '日本語/鷺.md',
    '...',
    '.hidden',
    'a b',
    "it's",
    'C',
    'a:b',
    'x'.repeat(MAX_FILE_NAME_BYTES),
  ])('may be %s', (name) => expect(fileNameFault(name)).toBeUndefined())

  it.each([
    ['', 'must not be empty'],
    ['/a', 'must be relative'],
    ['C:/a', 'must be relative'],
    ['a//b', 'must not have empty segments, . or ..'],
    ['a/', 'must not have empty segments, . or ..'],
    ['.', 'must not have empty segments, . or ..'],
    ['a/../b', 'must not have empty segments, . or ..'],
    ['a/./b', 'must not have empty segments, . or ..'],
    ['a\\b', 'must not contain backslashes'],
    ['a\nb', 'must not contain control characters'],
    ['a\u0085b', 'must not contain control characters'],
    ['a\u0000', 'must not contain NUL'],
    ['a\ud800', 'must not contain a lone surrogate'],
    ['é'.repeat(MAX_FILE_NAME_BYTES / 2 + 1), `must be at most ${MAX_FILE_NAME_BYTES} bytes`],
  ])('may not be %j', (name, fault) => expect(fileNameFault(name)).toBe(fault))
})

describe('options', () => {
  it('are taken as they are', () => {
    const options = {
      documents: 'rows',
      mapping: { id: 'sku', title: 'name', text: ['body'], url: 'link', language: 'lang', metadata: true },
      language: 'auto',
      metadata: { __proto: 1, deep: { a: [1] } },
      acl: ['user:1'],
    }
    expect(faultsOf(JSON.stringify(options))).toEqual(options)
    expect(faultsOf('{}')).toEqual({})
  })

  it.each([
    ['', ['/options']],
    ['null', ['/options']],
    ['[1]', ['/options']],
    ['{"a":', ['/options']],
    [`{"language":"${'x'.repeat(MAX_UPLOAD_OPTIONS_BYTES)}"}`, ['/options']],
    ['{"documents":"all"}', ['/options/documents']],
    ['{"mapping":{"text":[]}}', ['/options/mapping/text']],
    ['{"mapping":{"colour":"a"}}', ['/options/mapping/colour']],
    ['{"mapping":{"id":""}}', ['/options/mapping/id']],
    [
      `{"mapping":{"metadata":${JSON.stringify(Array.from({ length: 101 }, (_, i) => `f${i}`))}}}`,
      ['/options/mapping/metadata'],
    ],
    ['{"metadata":[],"acl":[]}', ['/options/metadata', '/options/acl']],
    ['{"metadata":{"$x":1},"language":"??"}', ['/options/language', '/options/metadata/$x']],
    ['{"metadata":{"a":"\\ud800"}}', ['/options/metadata/a']],
    [`{"metadata":${'['.repeat(200)}${']'.repeat(200)}}`, undefined],
  ])('with faults are refused, each at its place: %.40s', (text, pointers) => {
    const [code, ...found] = faultsOf(text) as string[]
    expect(code).toBe('invalid_request')
    if (pointers !== undefined) expect(found).toEqual(pointers)
  })

  it('of tokens hold no acl, whatever else they hold', () => {
    for (const text of ['{"acl":["a"]}', '{"acl":null,"colour":1}']) {
      expect(faultsOf(text, token)).toEqual(['forbidden', '/options/acl'])
    }
    expect(faultsOf('{"language":"en"}', token)).toEqual({ language: 'en' })
  })

  it('are peeked at without a word about their form', () => {
    expect(peekOptions(null)).toBeUndefined()
    expect(peekOptions('{')).toBeUndefined()
    expect(peekOptions('{"acl":[]}')).toEqual({ acl: [] })
  })
})
