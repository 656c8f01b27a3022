import { describe, expect, it } from 'vitest'
import { asProblem } from '../../../src/core/problem.ts'
import { combineFilters } from '../../../src/metadata/combine-filters.ts'
import type { Filter } from '../../../src/metadata/filter.ts'
import { parseFilter } from '../../../src/metadata/parse-filter.ts'

const compare = (field: string, operator: string, operand: unknown): Filter =>
  ({ kind: 'compare', path: field.split('.'), operator, operand }) as Filter

function pointerOf(json: unknown, pointer?: string): string | undefined {
  try {
    parseFilter(json, pointer)
  } catch (error) {
    const problem = asProblem(error)
    expect(problem?.code).toBe('invalid_request')
    return problem?.errors?.[0]?.pointer
  }
  return undefined
}

const nested = (depth: number): unknown => (depth === 1 ? { a: 1 } : { $and: [nested(depth - 1)] })

describe('parseFilter', () => {
  it('reads bare values as equality and several fields as a conjunction', () => {
    expect(parseFilter({ lang: 'en' })).toEqual(compare('lang', '$eq', 'en'))
    expect(parseFilter({ lang: 'en', 'author.name': ['a'] })).toEqual({
      kind: 'and',
      children: [compare('lang', '$eq', 'en'), compare('author.name', '$eq', ['a'])],
    })
    expect(parseFilter({ point: { x: 1 } })).toEqual(compare('point', '$eq', { x: 1 }))
    expect(parseFilter({ point: {} })).toEqual(compare('point', '$eq', {}))
    expect(parseFilter({})).toEqual({ kind: 'and', children: [] })
  })

  it('reads operators, several of one field as a conjunction', () => {
    expect(parseFilter({ year: { $gte: 2000, $lt: 2010 } })).toEqual({
      kind: 'and',
      children: [compare('year', '$gte', 2000), compare('year', '$lt', 2010)],
    })
    expect(parseFilter({ $id: { $prefix: 'blog/' } })).toEqual(compare('$id', '$prefix', 'blog/'))
  })

  it('reads the logical operators, $not on fields and on filters', () => {
    const a = compare('a', '$eq', 1)
    const b = compare('b', '$gt', 2)
    expect(parseFilter({ $or: [{ a: 1 }, { b: { $gt: 2 } }] })).toEqual({ kind: 'or', children: [a, b] })
    expect(parseFilter({ $and: [{ a: 1 }] })).toEqual({ kind: 'and', children: [a] })
    expect(parseFilter({ $not: { a: 1 } })).toEqual({ kind: 'not', child: a })
    expect(parseFilter({ b: { $not: { $gt: 2 } } })).toEqual({ kind: 'not', child: b })
  })

  it.each([
    [{ day: { $near: 3 } }, '/filter/day/$near'],
    [{ $near: 3 }, '/filter/$near'],
    [{ $acl: ['a'] }, '/filter/$acl'],
    [{ $or: [{ a: 1 }, { b: { $regex: 'x' } }] }, '/filter/$or/1/b/$regex'],
    [{ 'a/b~c': { $gt: null } }, '/filter/a~1b~0c/$gt'],
    [{ a: { $gt: 1, b: 2 } }, '/filter/a/b'],
    [{ a: { b: { $gt: 1 } } }, '/filter/a/b/$gt'],
    [{ a: { $in: [1, { $gt: 1 }] } }, '/filter/a/$in/1/$gt'],
    [{ a: { $in: 3 } }, '/filter/a/$in'],
    [{ a: { $lte: [1] } }, '/filter/a/$lte'],
    [{ a: { $exists: 1 } }, '/filter/a/$exists'],
    [{ a: { $prefix: 1 } }, '/filter/a/$prefix'],
    [{ a: { $not: 1 } }, '/filter/a/$not'],
    [{ a: { $not: {} } }, '/filter/a/$not'],
    [{ a: { $not: { b: 1 } } }, '/filter/a/$not/b'],
    [{ $and: [] }, '/filter/$and'],
    [{ $or: { a: 1 } }, '/filter/$or'],
    [{ $and: [1] }, '/filter/$and/0'],
    [{ $not: [] }, '/filter/$not'],
    [{ 'a..b': 1 }, '/filter/a..b'],
    [{ '': 1 }, '/filter/'],
    [[], '/filter'],
    [null, '/filter'],
    ['a', '/filter'],
  ])('names the fault in %j', (json, pointer) => {
    expect(pointerOf(json)).toBe(pointer)
  })

  it('names faults below the pointer that it is given', () => {
    expect(pointerOf({ a: { $x: 1 } }, '/search/filter')).toBe('/search/filter/a/$x')
  })

  it('limits clauses to 64, however they are written', () => {
    const fields = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`f${i}`, i]))
    expect(pointerOf(fields(64))).toBeUndefined()
    expect(pointerOf(fields(65))).toBe('/filter/f64')
    expect(pointerOf({ $or: Array.from({ length: 65 }, () => ({})) })).toBe('/filter/$or/64')
    expect(pointerOf({ a: { $in: Array.from({ length: 1_000 }, (_, i) => i) } })).toBeUndefined()
  })

  it('limits the depth to 8 and survives any nesting', () => {
    expect(pointerOf(nested(8))).toBeUndefined()
    expect(pointerOf(nested(9))).toBe(`/filter${'/$and/0'.repeat(8)}`)
    expect(pointerOf(nested(5_000))).toBe(`/filter${'/$and/0'.repeat(8)}`)
    let deep: unknown = 1
    for (let i = 0; i < 5_000; i++) deep = [deep]
    expect(pointerOf({ a: deep })).toBe(`/filter/a${'/0'.repeat(32)}`)
  })

  it('limits a path to 32 parts and 512 bytes', () => {
    const path = (parts: number) => Array.from({ length: parts }, () => 'a').join('.')
    expect(pointerOf({ [path(32)]: 1 })).toBeUndefined()
    expect(pointerOf({ [path(33)]: 1 })).toBe(`/filter/${path(33)}`)
    expect(pointerOf({ ['é'.repeat(256)]: 1 })).toBeUndefined()
    expect(pointerOf({ [`${'é'.repeat(256)}x`]: 1 })).toBe(`/filter/${'é'.repeat(256)}x`)
  })
})

describe('combineFilters', () => {
  it('is the conjunction of those that are there', () => {
    const a = compare('a', '$eq', 1)
    const b = compare('b', '$eq', 2)
    expect(combineFilters()).toBeUndefined()
    expect(combineFilters(undefined, undefined)).toBeUndefined()
    expect(combineFilters(undefined, a)).toBe(a)
    expect(combineFilters(a, undefined, b)).toEqual({ kind: 'and', children: [a, b] })
  })
})
