import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { shardOf } from '../../../src/shard/placement.ts'
import type { ExportedDocument, ShardSetup } from '../../../src/shard/shard-api.ts'
import { addStateHashes } from '../../../src/shard/state-hash.ts'
import { NodeShard, SETUP } from '../../support/node-shard.ts'
import { CONTEXT, type DraftDocument, makeChunks, makeSource, toyVector } from '../../support/shard-documents.ts'

const INT8: ShardSetup = { ...SETUP, precision: 'int8' }

/** Shards that hold the drafts, each where it belongs, written with an interval between. */
async function shardsWith(drafts: readonly DraftDocument[], count: number, setup = SETUP): Promise<NodeShard[]> {
  const shards = Array.from({ length: count }, (_, shard) => new NodeShard({ setup: { ...setup, shard } }))
  for (const [index, draft] of drafts.entries()) {
    const shard = shards[await shardOf(draft.id, count)]!
    shard.nowMs += index
    await shard.put(draft)
  }
  return shards
}

function exported(shard: NodeShard, limit = 100, maxBytes = 1e9): ExportedDocument[] {
  const all: ExportedDocument[] = []
  for (let after = ''; ;) {
    const page = shard.transfer.export({ after, limit, maxBytes })
    const last = page.at(-1)
    if (last === undefined) return all
    all.push(...page)
    after = last.source.id
  }
}

const hashOf = async (shards: readonly NodeShard[]): Promise<string> =>
  addStateHashes(await Promise.all(shards.map(async (shard) => shard.transfer.stateHash())))

/** What a search over all shards finds: chunks by document and ordinal with their raw scores in the vector leg. */
function found(shards: readonly NodeShard[], text: string): unknown[] {
  return shards
    .flatMap(({ searcher }) => {
      const { candidates } = searcher.search({
        vectors: { default: toyVector(text) },
        keyword: {
          words: text.split(' '),
          bm25: { k1: 0.9, b: 0.4 },
          statistics: { chunks: 9, totalLength: 20, documentFrequencies: text.split(' ').map(() => 2) },
        },
        candidates: Infinity,
        exact: true,
        profileLanguages: [],
      })
      return [...candidates.chunks.keys()].map((slot) =>
        JSON.stringify([
          candidates.documentIds[candidates.documents[slot]!],
          candidates.ordinals[slot],
          candidates.scores['default']![slot],
          candidates.scores['keyword']![slot],
        ]),
      )
    })
    .sort()
}

const drafts: DraftDocument[] = [
  { id: 'a', text: 'heron and otter\nweir', title: 'Rivers', metadata: { n: [1, null, 'x'] }, acl: ['staff'] },
  { id: 'b', text: 'otter' },
  { id: 'Größe', text: 'lynx\nheron\nhare', metadata: { deep: { er: true } } },
  { id: 'long', text: `${'heron '.repeat(5_000)}\notter` },
  { id: 'empty', text: '' },
  { id: 'paged', text: 'heron\notter', hasPages: true },
]

describe('a transfer', () => {
  it.each([
    ['f32', SETUP],
    ['int8', INT8],
  ])('gives the same state and the same search results over other shards (%s)', async (_name, setup) => {
    const from = await shardsWith(drafts, 2, setup)
    await from[await shardOf('b', 2)]!.put({ id: 'b', text: 'otter\nlynx' })
    const to = await shardsWith([], 3, setup)
    for (const document of from.flatMap((shard) => exported(shard)))
      to[await shardOf(document.source.id, 3)]!.transfer.import([document], { keyId: 'root' })
    expect(await hashOf(to)).toBe(await hashOf(from))
    expect(await hashOf(to)).not.toBe(addStateHashes([]))
    for (const text of ['heron', 'otter lynx']) expect(found(to, text)).toEqual(found(from, text))
    const read = (shards: readonly NodeShard[]) =>
      shards
        .flatMap(({ reads }) => reads.list({ limit: 9 }))
        .map(({ id }) => shards.map(({ reads }) => reads.document(id, { include: ['text', 'chunks', 'vectors'] })))
        .map((answers) => answers.find((answer) => answer !== undefined))
        .sort((a, b) => (a!.id < b!.id ? -1 : 1))
    expect(read(to)).toEqual(read(from))
    const target = to[await shardOf('b', 3)]!
    expect(
      target.database.get(`SELECT kind, version, documents, embedding_tokens, key_id FROM change_log WHERE id = 'b'`),
    ).toEqual({ kind: 'created', version: 2, documents: 1, embedding_tokens: 0, key_id: 'root' })
    expect(await target.put({ id: 'b', text: 'otter\nlynx' })).toMatchObject({ status: 'unchanged', version: 2 })
    expect(await target.put({ id: 'b', text: 'hare' })).toMatchObject({ status: 'replaced', version: 3 })
  })

  it('goes in pages by count and by bytes, and always by one document at least', async () => {
    const [shard] = await shardsWith(drafts, 1)
    const all = exported(shard!)
    expect(all.map(({ source }) => source.id)).toEqual(['Größe', 'a', 'b', 'empty', 'long', 'paged'])
    expect(exported(shard!, 2)).toEqual(all)
    expect(exported(shard!, 100, 1)).toEqual(all)
    expect(shard!.transfer.export({ limit: 100, maxBytes: 1 })).toHaveLength(1)
    expect(shard!.transfer.export({ limit: 2, maxBytes: 1e9 })).toHaveLength(2)
  })

  it('leaves pending work out', async () => {
    const shard = new NodeShard()
    await shard.stage('job_1', [{ id: 'x', text: 'heron' }])
    expect(exported(shard)).toEqual([])
    expect(await shard.transfer.stateHash()).toBe('0'.repeat(64))
  })

  it('changes nothing when it is repeated, and nothing that is there otherwise', async () => {
    const [from] = await shardsWith(drafts, 1)
    const documents = exported(from!)
    const to = new NodeShard()
    to.transfer.import(documents, { keyId: 'root' })
    const position = to.state.position
    to.transfer.import(documents, { keyId: 'root' })
    expect(to.state.position).toBe(position)
    await to.put({ id: 'a', text: 'another' })
    const hash = await to.transfer.stateHash()
    expect(() => to.transfer.import(documents, { keyId: 'root' })).toThrow('is there already')
    const waiting = new NodeShard()
    await waiting.stage('job_1', [{ id: 'a', text: 'waiting' }])
    expect(() => waiting.transfer.import(documents, { keyId: 'root' })).toThrow('is there already')
    expect(await to.transfer.stateHash()).toBe(hash)
  })

  it('refuses vectors of another kind', async () => {
    const [from] = await shardsWith(drafts, 1)
    const documents = exported(from!)
    const refused = 'not of the kind'
    expect(() => new NodeShard({ setup: INT8 }).transfer.import(documents, { keyId: 'root' })).toThrow(refused)
    const wide = new NodeShard({ setup: { ...SETUP, dimensions: 16 } })
    expect(() => wide.transfer.import(documents, { keyId: 'root' })).toThrow(refused)
  })

  it('keeps chunks that have no vector', async () => {
    const from = new NodeShard()
    const source = await makeSource({ id: 'x', text: 'heron' })
    const chunks = makeChunks(source, () => false).map((chunk) => ({ ...chunk, withoutVector: true }))
    from.writes.commit({ source, chunks, ticket: from.ticket(source) }, CONTEXT)
    const to = new NodeShard()
    to.transfer.import(exported(from), { keyId: 'root' })
    expect(to.reads.document('x', { include: ['vectors'] })?.vectors).toEqual([undefined])
    expect(await hashOf([to])).toBe(await hashOf([from]))
  })
})

describe('the state hash', () => {
  it('changes with everything that is stored of a document', async () => {
    const [shard] = await shardsWith(drafts, 1)
    const [document] = exported(shard!)
    const [chunk] = document!.chunks
    const others: ExportedDocument[] = [
      { ...document!, version: 9 },
      { ...document!, updatedAtMs: 9 },
      { ...document!, source: { ...document!.source, acl: ['other'] } },
      { ...document!, source: { ...document!.source, text: 'lynx\nheron\nmare' } },
      { ...document!, chunks: [{ ...chunk!, vector: chunk!.vector!.map((byte) => byte ^ 1) }] },
    ]
    const hashes = [document!, ...others].map(async (changed) => {
      const to = new NodeShard()
      to.transfer.import([changed], { keyId: 'root' })
      return to.transfer.stateHash()
    })
    expect(new Set(await Promise.all(hashes)).size).toBe(1 + others.length)
  })

  it('adds up in any order and grouping, beyond 256 bits too', () => {
    const digest = fc.bigInt({ min: 0n, max: (1n << 256n) - 1n }).map((value) => value.toString(16).padStart(64, '0'))
    fc.assert(
      fc.property(fc.array(digest), fc.nat(), (hashes, cut) => {
        const at = cut % (hashes.length + 1)
        const parts = [addStateHashes(hashes.slice(at)), addStateHashes(hashes.slice(0, at))]
        expect(addStateHashes(parts)).toBe(addStateHashes(hashes))
        expect(addStateHashes(parts)).toMatch(/^[0-9a-f]{64}$/)
      }),
    )
  })
})
