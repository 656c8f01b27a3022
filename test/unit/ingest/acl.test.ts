/** The `acl` of documents above the shard: who may send it, what it changes, who sees it. */
import { describe, expect, it } from 'vitest'
import { asProblem, type Problem } from '../../../src/core/problem.ts'
import { refuseAcl } from '../../../src/ingest/acl.ts'
import { documentView } from '../../../src/ingest/document-view.ts'
import { parsePatchRequest } from '../../../src/ingest/patch-document.ts'
import { writeContext } from '../../../src/ingest/ingest-dependencies.ts'
import { acceptDocument } from '../../../src/ingest/source-document.ts'
import { collectionRecord } from '../search/fake-shards.ts'

function refusal(work: () => unknown): Problem | undefined {
  try {
    work()
    return undefined
  } catch (error) {
    const problem = asProblem(error)
    if (problem === undefined) throw error
    return problem
  }
}

const hashOf = async (fields: object): Promise<string> =>
  (await acceptDocument({ id: 'x', text: 'a', ...fields }, collectionRecord('docs', 1), '/documents/0')).source
    .contentHash

const STORED = {
  id: 'x',
  language: 'en',
  metadata: {},
  version: 1,
  status: 'indexed',
  chunkCount: 1,
  bytes: 1,
  contentHash: 'h',
  createdAtMs: 0,
  updatedAtMs: 0,
  etag: '"1"',
} as const

describe('an acl', () => {
  it.each(['public', 'token'])('is refused from a %s credential, wherever it stands and whatever it is', (kind) => {
    const refusedAt = (body: unknown) => refusal(() => refuseAcl(body, { kind }))?.errors?.[0]?.pointer
    expect(refusedAt({ acl: ['a'] })).toBe('/acl')
    expect(refusedAt({ acl: null })).toBe('/acl')
    expect(refusedAt({ documents: [{ id: 'x' }, { id: 'y', acl: [] }] })).toBe('/documents/1/acl')
    for (const body of [undefined, 7, [], {}, { documents: 'acl' }, { documents: [null, 'acl', { id: 'x' }] }]) {
      expect(refusedAt(body)).toBeUndefined()
    }
    expect(refusal(() => refuseAcl({ acl: ['a'] }, { kind }))?.code).toBe('forbidden')
  })

  it('may come from a secret key, which alone may write one', () => {
    expect(refusal(() => refuseAcl({ acl: ['a'] }, { kind: 'secret' }))).toBeUndefined()
    for (const kind of ['secret', 'public', 'token'] as const) {
      expect(writeContext({ kind, keyId: 'k' }).mayWriteAcl).toBe(kind === 'secret')
    }
  })

  it('is part of the content hash, and its absence changes nothing', async () => {
    const [without, alice, both, swapped] = await Promise.all([
      hashOf({}),
      hashOf({ acl: ['alice'] }),
      hashOf({ acl: ['alice', 'bob'] }),
      hashOf({ acl: ['bob', 'alice'] }),
    ])
    expect(new Set([without, alice, both, swapped]).size).toBe(4)
    expect(await hashOf({ acl: ['alice'] })).toBe(alice)
  })

  it('is shown to secret keys only', () => {
    const document = { ...STORED, acl: ['alice'] }
    expect(documentView(document, { kind: 'secret' }).acl).toEqual(['alice'])
    expect(documentView(STORED, { kind: 'secret' })).not.toHaveProperty('acl')
    for (const kind of ['public', 'token'] as const) expect(documentView(document, { kind })).not.toHaveProperty('acl')
  })

  it('is checked in a patch, where null removes it', () => {
    expect(parsePatchRequest({ acl: null })).toEqual({ acl: null })
    expect(parsePatchRequest({ acl: ['a'] })).toEqual({ acl: ['a'] })
    expect(refusal(() => parsePatchRequest({ acl: [] }))?.errors).toEqual([
      { pointer: '/acl', detail: 'must be an array of 1 to 100 strings' },
    ])
  })
})
