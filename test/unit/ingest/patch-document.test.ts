import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../src/core/canonical-json.ts'
import { parsePatchRequest, patchDocument } from '../../../src/ingest/patch-document.ts'
import { putDocuments } from '../../../src/ingest/put-documents.ts'
import { mergePatch } from '../../../src/ingest/source-document.ts'
import { parsePutRequest } from '../../../src/ingest/validate-document.ts'
import { parseFilter } from '../../../src/metadata/parse-filter.ts'
import { FakeIngest, collectionRecord, etagOf, problemOf } from './fake-ingest.ts'

const KEY = { kind: 'secret', keyId: 'key1' } as const

async function filled(document: object = {}, collection = collectionRecord()): Promise<FakeIngest> {
  const fake = new FakeIngest(collection)
  const request = parsePutRequest({
    documents: [{ id: 'a', text: 'the text', title: 'Old', metadata: { year: 1, tags: ['x'] }, ...document }],
  })
  await putDocuments(fake.deps, fake.collection, KEY, request, { prefer: { respondAsync: false } })
  fake.calls.length = 0
  return fake
}

const patch = (
  fake: FakeIngest,
  body: unknown,
  options: { ifMatch?: string } = {},
  key: Parameters<typeof patchDocument>[2] = KEY,
) => patchDocument(fake.deps, fake.collection, key, 'a', parsePatchRequest(body), options)

describe('patching a document', () => {
  it('merges metadata, removes what is null, and keeps the vectors of unchanged chunks', async () => {
    const fake = await filled()
    const outcome = await patch(fake, { metadata: { year: null, open: true }, url: 'https://x.example' })
    expect(outcome).toMatchObject({
      kind: 'done',
      etag: etagOf(2),
      document: { metadata: { tags: ['x'], open: true }, title: 'Old', url: 'https://x.example', version: 2 },
    })
    expect(fake.calls).toEqual([])
    expect(await patch(fake, { url: null })).toMatchObject({ document: { url: null, version: 3 } })
    expect(await patch(fake, { metadata: null })).toMatchObject({ document: { metadata: {}, version: 4 } })
  })

  it('leaves the chunks that the caller cut where they are', async () => {
    const chunks = [
      { start: 0, end: 7 },
      { start: 4, end: 8, headings: ['Words'] },
    ]
    const fake = await filled({ chunks })
    await patch(fake, { title: 'New' })
    const applied = [...fake.shards.values()].flatMap((shard) => [...shard.applied.values()])
    expect(applied.map(({ prepared }) => prepared.chunks)).toMatchObject([
      [
        { start: 0, end: 7, headings: [], prefix: 'New' },
        { start: 4, end: 8, headings: ['Words'], prefix: 'New > Words' },
      ],
    ])
  })

  it('embeds again where the title stands before the text', async () => {
    const fake = await filled()
    await patch(fake, { title: 'New' })
    expect(fake.embedded).toHaveLength(1)
    expect(fake.embedded[0]).toContain('New')
  })

  it('changes nothing when nothing changes, and leaves what an equal PUT would', async () => {
    const fake = await filled()
    expect(await patch(fake, {})).toMatchObject({ document: { version: 1 } })
    expect(await patch(fake, { title: 'Old', metadata: { none: null } })).toMatchObject({ document: { version: 1 } })
    await patch(fake, { title: 'New' })
    const request = parsePutRequest({
      documents: [{ id: 'a', text: 'the text', title: 'New', metadata: { year: 1, tags: ['x'] } }],
    })
    const again = await putDocuments(fake.deps, fake.collection, KEY, request, { prefer: { respondAsync: false } })
    expect(again).toMatchObject({ results: [{ status: 'unchanged', version: 2 }] })
  })

  it('keeps the vector that the caller brought', async () => {
    const fake = await filled({ vector: [1, 0, 0, 0] }, collectionRecord(1, 'bring-your-own'))
    await patch(fake, { metadata: { year: 2 } })
    expect(fake.shards[0]?.applied.get('a')?.vectors.size).toBe(1)
    expect(fake.shards[0]?.applied.get('a')?.prepared.chunks).toHaveLength(1)
  })

  it('is made again on what another write left meanwhile', async () => {
    const fake = await filled()
    const [shard] = fake.shards
    const begin = shard?.begin.bind(shard)
    if (shard === undefined || begin === undefined) throw new Error('no shard')
    shard.begin = async (items, context) => {
      shard.begin = begin
      await patch(fake, { metadata: { other: 1 } })
      return begin(items, context)
    }
    const outcome = await patch(fake, { metadata: { mine: 1 } })
    expect(outcome).toMatchObject({ document: { version: 3, metadata: { other: 1, mine: 1 } } })
  })

  it('answers 412 for another version and 404 for what is not there or not visible', async () => {
    const fake = await filled()
    expect((await problemOf(patch(fake, { title: 'x' }, { ifMatch: '"nope"' }))).code).toBe('precondition_failed')
    expect(await patch(fake, { title: 'x' }, { ifMatch: `"nope", ${etagOf(1)}` })).toMatchObject({ kind: 'done' })
    const key = { ...KEY, filter: parseFilter({ year: 9 }) }
    expect((await problemOf(patch(fake, { title: 'y' }, {}, key))).code).toBe('not_found')
    const inside = { ...KEY, filter: parseFilter({ year: 1 }) }
    expect((await problemOf(patch(fake, { metadata: { year: 2 } }, {}, inside))).code).toBe('outside_filter')
  })

  it('becomes a job when more than 256 chunks have to be embedded again', async () => {
    const text = Array.from(
      { length: 300 },
      (_, i) => `${Array.from({ length: 19 }, (_, j) => `w${i}x${j}`).join(' ')}.`,
    )
    const fake = await filled()
    const request = parsePutRequest({ documents: [{ id: 'a', text: text.join('\n\n'), title: 'Old' }] })
    await putDocuments(fake.deps, fake.collection, KEY, request, { prefer: { respondAsync: false, waitSeconds: 9 } })
    expect(await patch(fake, { title: 'New' })).toMatchObject({ kind: 'job' })
    expect(fake.shards[0]?.staged[0]?.documents[0]?.source.title).toBe('New')
  })

  it('refuses metadata that grows over the limit, and other fields', async () => {
    const fake = await filled({ metadata: { a: 'x'.repeat(10_000) } })
    const large = await problemOf(patch(fake, { metadata: { b: 'x'.repeat(10_000) } }))
    expect(large).toMatchObject({ code: 'invalid_request', errors: [{ pointer: '/metadata' }] })
    for (const [body, pointer] of [
      [{ text: 'x' }, '/text'],
      [{ title: 5 }, '/title'],
      [{ url: 'ftp://x' }, '/url'],
      [{ metadata: 'x' }, '/metadata'],
      [{ metadata: { $a: 1 } }, '/metadata/$a'],
      [[], ''],
    ] as const) {
      expect((await problemOf(() => parsePatchRequest(body))).errors?.[0]?.pointer).toBe(pointer)
    }
  })
})

describe('merge patch', () => {
  // RFC 7396, appendix A, the cases whose target is an object.
  it.each([
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ])('of %j with %j is %j', (target, change, merged) => {
    expect(mergePatch(target, change)).toEqual(merged)
  })

  it('twice is the same as once, and never touches its arguments', () => {
    const value = fc.dictionary(fc.constantFrom('a', 'b', '__proto__'), fc.jsonValue({ maxDepth: 3 }), {
      noNullPrototype: true,
    })
    fc.assert(
      fc.property(value, value, (target, change) => {
        const [before, patchBefore] = [JSON.stringify(target), JSON.stringify(change)]
        const once = mergePatch(target as JsonObject, change as JsonObject)
        expect(JSON.stringify(mergePatch(once, change as JsonObject))).toBe(JSON.stringify(once))
        expect([JSON.stringify(target), JSON.stringify(change)]).toEqual([before, patchBefore])
        expect(Object.getPrototypeOf(once)).toBe(Object.prototype)
      }),
      { seed: 20_261_122 },
    )
  })
})
