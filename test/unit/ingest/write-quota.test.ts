/** Writes under quotas, over fake shards and a ledger that a test holds in its hand. */
import { beforeEach, describe, expect, it } from 'vitest'
import type { TenantUid } from '../../../src/core/ids.ts'
import type { ShardPosition } from '../../../src/core/usage.ts'
import { putDocuments, type PutOptions } from '../../../src/ingest/put-documents.ts'
import { parsePutRequest } from '../../../src/ingest/validate-document.ts'
import { Allowances } from '../../../src/tenancy/allowances.ts'
import type { ReserveRequest, ReserveResult } from '../../../src/tenancy/ledger.ts'
import type { TenantLimits } from '../../../src/tenancy/tenant-limits.ts'
import { collectionRecord, FakeIngest, problemOf } from './fake-ingest.ts'

const TERM_MS = 30_000

let fake: FakeIngest
let asked: ReserveRequest[]
let settled: { id: string; committed: readonly ShardPosition[] }[]
let answer: (request: ReserveRequest) => ReserveResult

beforeEach(() => {
  fake = new FakeIngest()
  asked = []
  settled = []
  answer = () => ({ status: 'granted', expiresAtMs: fake.nowMs + TERM_MS })
})

function put(documents: unknown[], options: PutOptions = { prefer: { respondAsync: false } }) {
  const port = {
    reserve: async (request: ReserveRequest) => {
      asked.push(request)
      return answer(request)
    },
    settle: async (id: string, committed: readonly ShardPosition[]) => void settled.push({ id, committed }),
  }
  const clock = () => fake.nowMs
  const dependencies = { ...fake.deps, allowances: new Allowances({ of: async () => port }, clock) }
  const tenant = { id: 'acme', uid: 'ten_1', suspended: false, limits: { documents: 10 } } as never
  const principal = { kind: 'secret', keyId: 'key1', tenant } as const
  return putDocuments(dependencies, fake.collection, principal, parsePutRequest({ documents }), options)
}

const note = (id: string) => ({ id, text: `A note ${id}.` })

const refused: ReserveResult = {
  status: 'refused',
  meter: 'documents',
  limit: 10,
  used: 9,
  available: { documents: 1 },
}

describe('a write under quotas', () => {
  it('reserves its growth in one call, commits under it and settles with the places of its commits', async () => {
    await put([note('a'), note('b')])
    expect(asked).toHaveLength(1)
    expect(asked[0]?.amounts).toMatchObject({ documents: 2, chunks: 2, storedBytes: 18, embeddingTokens: 6 })
    expect(fake.shards[0]?.commits.map(({ reserved }) => reserved?.documents)).toEqual([1, 1])
    expect(settled).toHaveLength(1)
    expect(settled[0]).toMatchObject({ id: asked[0]?.id, committed: [{ shard: 0, position: 2 }] })
  })

  it('takes what fits, in order, when not all does', async () => {
    answer = ({ amounts: { documents = 0 } }) => (documents > 1 ? refused : { status: 'granted', expiresAtMs: TERM_MS })
    fake.nowMs = 0
    const outcome = await put([note('a'), note('b')])
    const results = outcome.kind === 'done' ? outcome.results : []
    expect(results.map(({ status, error }) => [status, error?.code])).toEqual([
      ['created', undefined],
      ['failed', 'quota_exceeded'],
    ])
    expect(fake.shards[0]?.released).toHaveLength(1)
  })

  it('fails as a whole, embeds nothing and gives its tickets back when nothing fits', async () => {
    answer = () => ({ ...refused, available: { documents: 0 } })
    expect((await problemOf(put([note('a'), note('b')]))).code).toBe('quota_exceeded')
    expect(fake.calls).toEqual([])
    expect(fake.shards[0]?.released).toHaveLength(2)
    answer = () => ({ ...refused, meter: 'spend', available: { spend: 0 }, retryAfterSeconds: 60 })
    expect(await problemOf(put([note('c')]))).toMatchObject({ code: 'budget_exceeded', retryAfterSeconds: 60 })
  })

  it('asks a few times where others keep taking what was left, and then gives up', async () => {
    answer = () => refused
    expect((await problemOf(put([note('a')]))).code).toBe('quota_exceeded')
    expect(asked.length).toBeGreaterThan(1)
    answer = ({ renews }) => (renews === true ? { status: 'gone' } : refused)
    expect((await problemOf(put([note('a')]))).code).toBe('quota_exceeded')
  })

  it('renews a reservation that is about to end', async () => {
    const shard = fake.shards[0]
    fake.beforeEmbed = () => {
      fake.nowMs += TERM_MS - 1_000
    }
    await put([note('a')])
    expect(asked.map(({ renews, amounts }) => [renews, amounts.documents])).toEqual([
      [false, 1],
      [true, undefined],
    ])
    expect(asked[1]?.id).toBe(asked[0]?.id)
    expect(shard?.commits).toHaveLength(1)
  })

  it('reserves everything again where the reservation was lost meanwhile', async () => {
    fake.beforeEmbed = () => {
      fake.nowMs += 2 * TERM_MS
    }
    answer = ({ renews }) =>
      renews === true ? { status: 'gone' } : { status: 'granted', expiresAtMs: fake.nowMs + TERM_MS }
    const outcome = await put([note('a')])
    expect(outcome).toMatchObject({ kind: 'done', results: [{ status: 'created' }] })
    expect(asked.map(({ renews, amounts }) => [renews, amounts.documents])).toEqual([
      [false, 1],
      [true, undefined],
      [false, 1],
    ])
    expect(asked[2]?.id).not.toBe(asked[0]?.id)
    expect(settled.map(({ id }) => id)).toEqual([asked[2]?.id])
  })

  it('reserves everything again where the reservation was lost before the document was begun again', async () => {
    const [shard] = fake.shards
    let isFirst = true
    if (shard !== undefined) {
      shard.beforeWrite = () => {
        shard.epoch = isFirst ? 'two' : shard.epoch
        isFirst = false
      }
    }
    answer = ({ renews }) =>
      renews === true ? { status: 'gone' } : { status: 'granted', expiresAtMs: fake.nowMs + TERM_MS }
    expect(await put([note('a')])).toMatchObject({ kind: 'done', results: [{ status: 'created' }] })
    expect(asked.map(({ renews, amounts }) => [renews, amounts.documents])).toEqual([
      [false, 1],
      [true, undefined],
      [false, 1],
    ])
  })

  it('counts no tokens of vectors that callers bring, nor of documents without one', async () => {
    fake = new FakeIngest(collectionRecord(1, 'bring-your-own', 2))
    await put([{ id: 'v', text: 'with a vector', vector: [1, 0] }, note('w')])
    expect(asked[0]?.amounts).toMatchObject({ documents: 2, chunks: 2 })
    expect(asked[0]?.amounts.embeddingTokens).toBeUndefined()
  })

  it('counts no tokens of vectors that the current version has', async () => {
    await put([note('a')])
    await put([{ ...note('a'), metadata: { seen: true } }])
    expect(asked[1]?.amounts.embeddingTokens).toBeUndefined()
    expect(asked[1]?.amounts.spend).toBeGreaterThan(0)
  })

  it('is none where nothing that writes use is limited', () => {
    const never = { of: async () => Promise.reject(new Error('nobody asks')) }
    const allowances = new Allowances(never, () => 0)
    const tenant = (limits: TenantLimits) => ({ uid: 'ten_1' as TenantUid, limits })
    expect(allowances.forWrite(tenant({ searchesPerMonth: 5 }))).toBeUndefined()
    expect(allowances.forWrite(tenant({ storedBytes: 0 }))).toBeDefined()
  })

  it('does not settle where the fate of a commit is unknown: the shard will tell', async () => {
    let isFirst = true
    const [shard] = fake.shards
    if (shard === undefined) throw new Error('no shard')
    const commit = shard.commit.bind(shard)
    shard.commit = async (document) => {
      const result = await commit(document)
      if (!isFirst) return result
      isFirst = false
      throw Object.assign(new Error('lost'), { name: 'Problem', code: 'overloaded' })
    }
    await put([note('a')])
    expect(settled).toEqual([])
  })

  it('leaves to a job what it holds, all tokens included, and settles once that is counted', async () => {
    await put([note('a')])
    const outcome = await put([{ id: 'a', text: 'A note a.', title: 'Title' }, note('b')], {
      prefer: { respondAsync: true },
    })
    expect(outcome.kind).toBe('job')
    const staged = fake.shards[0]?.staged[0]?.documents ?? []
    expect(staged.map(({ reserved }) => reserved.documents ?? 0)).toEqual([0, 1])
    expect(settled[1]?.committed[0]?.position).toBeGreaterThan(0)
    const [shard] = fake.shards
    if (shard === undefined) throw new Error('no shard')
    shard.flushChanges = async () => Promise.reject(new Error('away'))
    await put([note('c')], { prefer: { respondAsync: true } })
    expect(settled).toHaveLength(2)
  })

  it('answers overloaded where nothing can be reserved', async () => {
    answer = () => {
      throw new Error('the object is away')
    }
    expect((await problemOf(put([note('a')]))).code).toBe('overloaded')
    expect(settled).toEqual([])
  })
})
