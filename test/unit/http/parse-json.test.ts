import { describe, expect, it } from 'vitest'
import { asProblem } from '../../../src/core/problem.ts'
import { checkJson, readJson } from '../../../src/http/parse-json.ts'

function parseJson(text: string): unknown {
  const value = readJson(text)
  checkJson(value)
  return value
}

function pointersOf(text: string): string[] {
  try {
    parseJson(text)
    return []
  } catch (error) {
    return asProblem(error)?.errors?.map(({ pointer }) => pointer) ?? ['not a problem']
  }
}

describe('a JSON body', () => {
  it('gives the value of good JSON as it is', () => {
    const value = { a: [1, 'ü😀', null, { b: true }], '': -0.5 }
    expect(parseJson(JSON.stringify(value))).toEqual(value)
  })

  it('points at the whole body when it is not JSON, or empty', () => {
    for (const text of ['', '  ', '{"a":', '{a:1}', '[1,]', 'undefined', '\u0000'])
      expect(pointersOf(text)).toEqual([''])
  })

  it('points at NUL and lone surrogates in values and in names', () => {
    expect(pointersOf('{"a":["x","b\\u0000"]}')).toEqual(['/a/1'])
    expect(pointersOf('{"a":{"b":"\\ud800"}}')).toEqual(['/a/b'])
    expect(pointersOf('{"\\udc00x":1}')).toEqual(['/\ufffdx'])
  })

  it('escapes names in pointers as RFC 6901 says', () => {
    expect(pointersOf('{"a/b":{"c~d":"\\u0000"}}')).toEqual(['/a~1b/c~0d'])
  })

  it('refuses numbers that are not finite', () => {
    expect(pointersOf('{"vector":[1,1e999]}')).toEqual(['/vector/1'])
  })

  it('refuses bodies that are nested without end, without running out of stack', () => {
    const deep = '['.repeat(100_000) + ']'.repeat(100_000)
    expect(pointersOf(deep)).toEqual(['/0'.repeat(64)])
    expect(pointersOf(`{"a":${'['.repeat(60)}${']'.repeat(60)}}`)).toEqual([])
  })

  it('keeps a member called __proto__ a plain member', () => {
    const value = parseJson('{"__proto__":{"admin":true}}') as Record<string, unknown>
    expect(Object.keys(value)).toEqual(['__proto__'])
    expect('admin' in value).toBe(false)
  })
})
