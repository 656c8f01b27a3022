import { describe, expect, it } from 'vitest'
import { serialize } from 'node:v8'
import type { CollectionRecord } from '../../../src/catalog/records.ts'
import { MAX_CHUNKS_PER_DOCUMENT, MAX_PREPARED_BYTES } from '../../../src/core/limits.ts'
import { preparedBytes } from '../../../src/ingest/prepared-bytes.ts'
import { putDocuments } from '../../../src/ingest/put-documents.ts'
import { parsePutRequest } from '../../../src/ingest/validate-document.ts'
import { FakeIngest, collectionRecord } from './fake-ingest.ts'

const put = (fake: FakeIngest, documents: unknown[], respondAsync = false) =>
  putDocuments(fake.deps, fake.collection, { kind: 'secret', keyId: 'key1' } as const, parsePutRequest({ documents }), {
    prefer: { respondAsync },
  })

/** As collections made before there was a smallest size may have it. */
function chunksOf(size: number): CollectionRecord {
  const collection = collectionRecord()
  const generation = { ...collection.generation, chunking: { strategy: 'recursive' as const, size, overlap: 0 } }
  return { ...collection, generation }
}

describe('a document of too many chunks', () => {
  it('fails alone, before anything of it is embedded, and gives its version back', async () => {
    const fake = new FakeIngest(chunksOf(1))
    const outcome = await put(fake, [
      { id: 'large', text: 'a '.repeat(MAX_CHUNKS_PER_DOCUMENT + 5) },
      { id: 'small', text: 'b c' },
    ])
    expect(outcome).toMatchObject({
      kind: 'done',
      results: [
        { id: 'large', status: 'failed', version: 0, error: { code: 'document_too_large' } },
        { id: 'small', status: 'created' },
      ],
    })
    expect(fake.embedded).toEqual(['b', 'c'])
    expect(fake.shards[0]?.released).toHaveLength(1)
  })

  it('fails too when its headings, repeated in every chunk, make it too large to be carried', async () => {
    const fake = new FakeIngest(chunksOf(1))
    const heading = 'h'.repeat(20_000)
    const outcome = await put(fake, [{ id: 'x', markdown: `# ${heading}\n\n${'a '.repeat(2_000)}` }])
    expect(outcome).toMatchObject({ results: [{ status: 'failed', error: { code: 'document_too_large' } }] })
  })
})

describe('a request whose caller waits', () => {
  it('becomes a job at once when it has more to embed than anyone waits for', async () => {
    const fake = new FakeIngest(chunksOf(1))
    const text = Array.from({ length: 4_100 }, (_, i) => `w${i}`).join(' ')
    const request = parsePutRequest({ documents: [{ id: 'x', text }] })
    const prefer = { respondAsync: false, waitSeconds: 30 }
    expect(
      (await putDocuments(fake.deps, fake.collection, { kind: 'secret', keyId: 'key1' } as const, request, { prefer }))
        .kind,
    ).toBe('job')
    expect(fake.calls).toEqual([])
  })
})

describe('a document that its shard has no room for', () => {
  it.each([false, true])('fails before anything of it is embedded (as a job: %j)', async (respondAsync) => {
    const fake = new FakeIngest()
    const [shard] = fake.shards
    if (shard === undefined) throw new Error('a shard')
    shard.room = 1
    const documents = [
      { id: 'x', text: 'a '.repeat(45) },
      { id: 'y', text: 'b' },
    ]
    await put(fake, documents, respondAsync)
    expect(fake.embedded.filter((passage) => passage.startsWith('a'))).toEqual([])
    expect(shard.released).toHaveLength(1)
    const failed = { id: 'x', status: 'failed', code: 'shard_full' }
    expect(shard.staged.flatMap(({ settled }) => settled)).toEqual(respondAsync ? [failed] : [])
  })
})

describe('a call to a shard', () => {
  it('holds no more than a message may, however small the chunks are', async () => {
    const fake = new FakeIngest(chunksOf(1))
    const documents = Array.from({ length: 12 }, (_, i) => ({ id: `d${i}`, text: `${i}x `.repeat(4_000) }))
    expect((await put(fake, documents, true)).kind).toBe('job')
    const { staged = [] } = fake.shards[0] ?? {}
    expect(staged.flatMap(({ documents: part }) => part)).toHaveLength(12)
    const sizes = staged.map((request) => serialize(request).length)
    expect(sizes.length).toBeGreaterThan(1)
    expect(Math.max(...sizes)).toBeLessThan(MAX_PREPARED_BYTES / 2)
  })

  it('is never measured too small', () => {
    const source = {
      id: 'x',
      title: 'Ü',
      metadata: { a: ['ł', 1, null] },
      format: 'html' as const,
      text: 'text — 字'.repeat(500),
      outline: Array.from({ length: 90 }, (_, i) => ({ start: i, end: i + 1, kind: 'heading' as const, level: 1 })),
      contentHash: 'c'.repeat(64),
    }
    const chunks = Array.from({ length: 300 }, (_, i) => ({
      start: 100_000 + i,
      end: 200_000 + i,
      headings: ['字'.repeat(9), 'plain'],
      prefix: i % 2 === 0 ? 'The title' : 'łódź',
      language: 'en',
      tokens: 200,
      truncated: false,
      vectorKey: 'a'.repeat(32),
      ...(i % 3 === 0 ? { vector: new Float32Array(8) } : {}),
    }))
    const bytes = preparedBytes(source, chunks)
    const message = serialize({ source, chunks, ticket: { epoch: 'e'.repeat(16), sequence: 1, version: 1 } })
    expect(bytes).toBeGreaterThanOrEqual(message.length)
  })
})
