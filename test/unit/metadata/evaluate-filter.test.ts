import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../src/core/canonical-json.ts'
import { matches } from '../../../src/metadata/evaluate-filter.ts'
import { parseFilter } from '../../../src/metadata/parse-filter.ts'

const holds = (filter: unknown, metadata: JsonObject, id = 'doc') => matches(parseFilter(filter), { id, metadata })

/** Each row: a filter, metadata that match it, metadata that do not. */
const cases: [filter: unknown, matching: JsonObject[], others: JsonObject[]][] = [
  [{ a: 1 }, [{ a: 1 }, { a: [0, 1] }], [{ a: '1' }, { a: true }, {}, { a: null }, { a: [[1]] }, { a: { b: 1 } }]],
  [{ a: '1' }, [{ a: '1' }], [{ a: 1 }]],
  [{ a: true }, [{ a: true }], [{ a: 1 }, { a: 'true' }]],
  [{ a: [1, 2] }, [{ a: [1, 2] }, { a: [[1, 2], 3] }], [{ a: [2, 1] }, { a: [1, 2, 3] }, { a: 1 }]],
  [
    { a: { x: 1, y: 2 } },
    [{ a: { y: 2, x: 1 } }, { a: [{ x: 1, y: 2 }] }],
    [{ a: { x: 1 } }, { a: { x: 1, y: 2, z: 3 } }],
  ],
  [{ a: null }, [{}, { a: null }, { a: [null] }], [{ a: 0 }, { a: [] }, { a: '' }]],
  [
    { 'a.b': null },
    [{}, { a: null }, { a: 3 }, { a: {} }, { a: [{ c: 1 }] }],
    [{ a: { b: 1 } }, { a: [] }, { a: [1] }],
  ],
  [{ a: { $ne: 1 } }, [{}, { a: 2 }, { a: '1' }, { a: null }], [{ a: 1 }, { a: [1, 2] }]],
  [{ a: { $ne: null } }, [{ a: 0 }, { a: [] }], [{}, { a: null }]],
  [{ a: { $in: [1, 'x', null] } }, [{ a: 1 }, { a: 'x' }, {}, { a: [9, 'x'] }], [{ a: '1' }, { a: 2 }, { a: [] }]],
  [{ a: { $in: [] } }, [], [{}, { a: 1 }]],
  [{ a: { $nin: [1, 2] } }, [{}, { a: 3 }, { a: [] }], [{ a: 1 }, { a: [3, 2] }]],
  [{ a: { $nin: [null] } }, [{ a: 1 }], [{}, { a: null }]],
  [{ a: { $gt: 5 } }, [{ a: 6 }, { a: [1, 6] }], [{ a: 5 }, { a: '6' }, {}, { a: null }, { a: true }]],
  [{ a: { $gte: 5 } }, [{ a: 5 }], [{ a: 4.9 }, { a: '5' }]],
  [{ a: { $lt: 5 } }, [{ a: -1 }, { a: [9, 4] }], [{ a: 5 }, { a: null }, { a: '' }, { a: false }]],
  [{ a: { $lte: 5 } }, [{ a: 5 }], [{ a: 5.1 }]],
  [
    { day: { $gte: '2024-05-01', $lt: '2024-06-01' } },
    [{ day: '2024-05-31T23:00:00Z' }],
    [{ day: '2024-06-01' }, { day: 20240515 }, {}],
  ],
  // MongoDB: each bound may be met by another element.
  [{ a: { $gt: 5, $lt: 3 } }, [{ a: [1, 9] }], [{ a: 4 }, { a: [4] }]],
  [{ a: { $not: { $gt: 5 } } }, [{}, { a: 5 }, { a: 'x' }], [{ a: 6 }, { a: [1, 6] }]],
  [{ $not: { a: 1, b: 2 } }, [{ a: 1 }, {}], [{ a: 1, b: 2 }]],
  [{ a: { $exists: true } }, [{ a: null }, { a: [] }, { a: 0 }], [{}, { b: 1 }]],
  [{ a: { $exists: false } }, [{}, { b: 1 }], [{ a: null }]],
  [
    { 'a.b': { $exists: true } },
    [{ a: { b: null } }, { a: [{}, { b: 1 }] }],
    [{ a: {} }, { a: [{ c: 1 }] }, { a: 'b' }],
  ],
  [{ a: { $contains: 'red' } }, [{ a: ['red', 'blue'] }, { a: 'infrared' }], [{ a: ['infrared'] }, { a: 'Red' }, {}]],
  [{ a: { $contains: 3 } }, [{ a: [1, 3] }], [{ a: 3 }, { a: '123' }, { a: ['3'] }]],
  [{ a: { $contains: [1] } }, [{ a: [[1], 2] }], [{ a: [1] }]],
  [{ a: { $prefix: 'ab' } }, [{ a: 'abc' }, { a: ['x', 'ab'] }], [{ a: 'xab' }, { a: 'AB' }, { a: 1 }, {}]],
  [{ 'a.b': 1 }, [{ a: { b: 1 } }, { a: [{ b: 2 }, { b: 1 }] }, { a: [{ b: [1] }] }], [{ a: [[{ b: 1 }]] }, { b: 1 }]],
  [{ 'a.0': 1 }, [{ a: [1, 2] }, { a: { 0: 1 } }, { a: [{ 0: 1 }] }], [{ a: [2, 1] }, { a: 1 }]],
  [{ 'a.0.b': 1 }, [{ a: [{ b: 1 }, { b: 2 }] }], [{ a: [{ b: 2 }, { b: 1 }] }]],
  [{ 'dc.title': 'x' }, [{ 'dc.title': 'x' }, { dc: { title: 'x' } }], [{ dc: 'x' }, { title: 'x' }]],
  [{ 'a.b.c': 1 }, [{ 'a.b': { c: 1 } }, { a: { 'b.c': 1 } }], [{ 'a.b': 1 }]],
  [{ toString: { $exists: true } }, [{ toString: 1 }], [{}]],
  [{ 'constructor.name': { $exists: true } }, [], [{}]],
  [{}, [{}, { a: 1 }], []],
  [{ $or: [{ a: 1 }, { b: 2 }] }, [{ a: 1 }, { b: 2 }], [{ a: 2 }]],
  [{ $and: [{ a: 1 }, { b: 2 }] }, [{ a: 1, b: 2 }], [{ a: 1 }]],
]

describe('a filter', () => {
  it.each(cases)('%j', (filter, matching, others) => {
    for (const metadata of matching) expect([metadata, holds(filter, metadata)]).toEqual([metadata, true])
    for (const metadata of others) expect([metadata, holds(filter, metadata)]).toEqual([metadata, false])
  })

  it('looks at the document id under $id, and at metadata of that name under no name', () => {
    expect(holds({ $id: 'blog/1' }, { id: 'x', $id: 'y' }, 'blog/1')).toBe(true)
    expect(holds({ $id: { $in: ['a', 'b'] } }, {}, 'b')).toBe(true)
    expect(holds({ $id: { $prefix: 'blog/' } }, {}, 'shop/1')).toBe(false)
    expect(holds({ $id: { $gt: 'a' } }, {}, 'b')).toBe(true)
    expect(holds({ id: 'doc' }, {}, 'doc')).toBe(false)
  })

  it('orders strings by UTF-8 bytes', () => {
    expect(holds({ a: { $gt: '\uffee' } }, { a: '😀' })).toBe(true)
    expect(holds({ a: { $lt: 'a' } }, { a: 'Z' })).toBe(true)
  })
})
