import { describe, expect, it } from 'vitest'
import { Problem } from '../../../src/core/problem.ts'
import { putDocuments, type PutOptions } from '../../../src/ingest/put-documents.ts'
import type { DocumentResult } from '../../../src/ingest/put-request.ts'
import { parsePutRequest } from '../../../src/ingest/validate-document.ts'
import { parseFilter } from '../../../src/metadata/parse-filter.ts'
import { FakeIngest, collectionRecord, etagOf, problemOf, type FakeShard } from './fake-ingest.ts'

const KEY = { kind: 'secret', keyId: 'key1' } as const
const NOW: PutOptions = { prefer: { respondAsync: false } }

function put(
  fake: FakeIngest,
  documents: unknown[],
  options: PutOptions = NOW,
  key: Parameters<typeof putDocuments>[2] = KEY,
) {
  return putDocuments(fake.deps, fake.collection, key, parsePutRequest({ documents }), options)
}

async function results(
  fake: FakeIngest,
  documents: unknown[],
  options?: PutOptions,
): Promise<readonly DocumentResult[]> {
  const outcome = await put(fake, documents, options)
  if (outcome.kind !== 'done') throw new Error('answered with a job')
  return outcome.results
}

const short = (all: readonly DocumentResult[]): unknown[] => all.map(({ id, status, version }) => [id, status, version])

/** A text of `count` chunks under the fake's settings: 20 words each, all different. */
const long = (name: string, count: number): string =>
  Array.from(
    { length: count },
    (_, i) => `${Array.from({ length: 19 }, (_, j) => `${name}${i}x${j}`).join(' ')}.`,
  ).join('\n\n')

describe('putting documents', () => {
  it('answers in the order of the request, over any number of shards', async () => {
    const fake = new FakeIngest(collectionRecord(5))
    const documents = Array.from({ length: 40 }, (_, i) => ({ id: `d${i}`, text: `text ${i}` }))
    const made = await results(fake, documents)
    expect(made.map(({ id }) => id)).toEqual(documents.map(({ id }) => id))
    expect(made.every(({ status, version, chunks }) => status === 'created' && version === 1 && chunks === 1)).toBe(
      true,
    )
    expect(fake.shards.every(({ applied }) => applied.size > 0)).toBe(true)
  })

  it('leaves what is unchanged alone, whatever its line ends', async () => {
    const fake = new FakeIngest()
    await results(fake, [{ id: 'a', text: 'one\r\ntwo', metadata: { x: 1, y: 2 } }])
    const again = await results(fake, [
      { id: 'a', text: 'one\ntwo', metadata: { y: 2, x: 1 } },
      { id: 'b', text: 'b' },
    ])
    expect(short(again)).toEqual([
      ['a', 'unchanged', 1],
      ['b', 'created', 1],
    ])
    expect(fake.embedded).toEqual(['one\ntwo', 'b'])
  })

  it('embeds only what is new in a changed document, and equal passages once', async () => {
    const fake = new FakeIngest()
    const text = long('a', 3)
    await results(fake, [{ id: 'a', text }])
    expect(fake.embedded).toHaveLength(3)
    await results(fake, [{ id: 'a', text: `${text}\n\n${long('b', 1)}` }])
    expect(fake.embedded).toHaveLength(4)
    await results(fake, [{ id: 'a', text: `${text}\n\n${long('b', 1)}`, url: 'https://x.example' }])
    expect(fake.embedded).toHaveLength(4)
    await results(fake, [
      { id: 'p', text: 'the same words' },
      { id: 'q', text: 'the same words' },
    ])
    expect(fake.embedded).toHaveLength(5)
    expect((await fake.shardOf('q')).applied.get('q')?.vectors.size).toBe(1)
  })

  it('embeds at most 32 passages a call, in the order of the request', async () => {
    const fake = new FakeIngest()
    await results(
      fake,
      Array.from({ length: 70 }, (_, i) => ({ id: `d${i}`, text: `text ${i}` })),
    )
    expect(fake.calls.map(({ length }) => length)).toEqual([32, 32, 6])
    expect(fake.embedded.slice(0, 2)).toEqual(['text 0', 'text 1'])
  })

  it('commits a document as soon as its own passages are embedded', async () => {
    const fake = new FakeIngest()
    const [shard] = fake.shards as [FakeShard]
    const seen: number[] = []
    fake.beforeEmbed = () => seen.push(shard.commits.length)
    await results(
      fake,
      Array.from({ length: 100 }, (_, i) => ({ id: `d${i}`, text: `text ${i}` })),
    )
    expect(seen[0]).toBe(0)
    expect(seen.at(-1)).toBeGreaterThanOrEqual(32)
  })

  it('begins again when a shard has lost the ticket', async () => {
    const fake = new FakeIngest()
    const [shard] = fake.shards as [FakeShard]
    shard.beforeWrite = () => {
      shard.epoch = 'two'
      shard.beforeWrite = () => {}
    }
    expect(short(await results(fake, [{ id: 'a', text: 'a' }]))).toEqual([['a', 'created', 2]])
    expect(fake.embedded).toEqual(['a'])
  })

  it('gives up on a document that keeps changing, and on a shard that stays busy, one by one', async () => {
    const fake = new FakeIngest(collectionRecord(2))
    const busy = await fake.shardOf('a')
    let tries = 0
    busy.beforeWrite = () => {
      tries++
      throw new Problem('overloaded', 'busy')
    }
    const other = await (async () => {
      for (let i = 0; ; i++) if ((await fake.shardOf(`x${i}`)) !== busy) return `x${i}`
    })()
    const made = await results(fake, [
      { id: 'a', text: 'a' },
      { id: other, text: 'b' },
    ])
    expect(made[0]).toMatchObject({ status: 'failed', version: 0, chunks: 0, error: { code: 'overloaded' } })
    expect(made[1]?.status).toBe('created')
    expect(tries).toBe(4)
  })

  it('fails single documents that do not fit or lie outside the key', async () => {
    const fake = new FakeIngest()
    const outcome = await put(
      fake,
      [
        { id: 'in', text: 'a', metadata: { team: 1 } },
        { id: 'out', text: 'a', metadata: { team: 2 } },
      ],
      NOW,
      { ...KEY, filter: parseFilter({ team: 1 }) },
    )
    expect(outcome).toMatchObject({
      results: [{ status: 'created' }, { status: 'failed', error: { code: 'outside_filter' } }],
    })
    ;(fake.shards[0] as FakeShard).full = true
    const [full] = await results(fake, [{ id: 'more', text: 'b' }])
    expect(full).toMatchObject({ status: 'failed', error: { code: 'shard_full', detail: 'full' } })
  })

  it('fails the whole request when the model is down and nothing could be written', async () => {
    const fake = new FakeIngest()
    fake.beforeEmbed = () => {
      throw new Problem('upstream_timeout', 'no answer')
    }
    const problem = await problemOf(put(fake, [{ id: 'a', text: 'a' }]))
    expect(problem.code).toBe('upstream_timeout')
    expect(fake.shards[0]?.applied.size).toBe(0)
    expect(fake.shards[0]?.released).toHaveLength(1)
  })

  it('fails single documents when the model goes down on the way', async () => {
    const fake = new FakeIngest()
    fake.beforeEmbed = () => {
      if (fake.calls.length > 0) throw new Problem('upstream_failed', 'down')
    }
    const made = await results(
      fake,
      Array.from({ length: 40 }, (_, i) => ({ id: `d${i}`, text: `text ${i}` })),
    )
    expect(made.filter(({ status }) => status === 'created')).toHaveLength(32)
    expect(made[35]).toMatchObject({ status: 'failed', error: { code: 'embedding_failed', detail: 'down' } })
    expect(fake.shards[0]?.released.map(({ sequence }) => sequence)).toEqual([33, 34, 35, 36, 37, 38, 39, 40])
  })

  it('lets bugs through', async () => {
    const fake = new FakeIngest()
    fake.beforeEmbed = () => {
      throw new TypeError('a bug')
    }
    await expect(put(fake, [{ id: 'a', text: 'a' }])).rejects.toThrow(TypeError)
  })

  it('obeys If-Match for one document and refuses it for more', async () => {
    const fake = new FakeIngest()
    await results(fake, [{ id: 'a', text: 'a' }])
    const good = await results(fake, [{ id: 'a', text: 'b' }], { ...NOW, ifMatch: etagOf(1) })
    expect(good[0]?.status).toBe('replaced')
    const stale = await problemOf(put(fake, [{ id: 'a', text: 'c' }], { ...NOW, ifMatch: etagOf(1) }))
    expect(stale.code).toBe('precondition_failed')
    const many = [
      { id: 'a', text: 'a' },
      { id: 'b', text: 'b' },
    ]
    const problem = await problemOf(put(fake, many, { ...NOW, ifMatch: '*' }))
    expect(problem).toMatchObject({ code: 'invalid_request', errors: [{ pointer: '/documents' }] })
  })
})

describe('html', () => {
  it('is stored as its text, with its title unless another is given', async () => {
    const fake = new FakeIngest()
    const html = '<html><head><title>Ferry</title></head><body><p>The Osprey.</p></body></html>'
    await results(fake, [
      { id: 'a', html },
      { id: 'b', html, title: 'Own' },
    ])
    const [shard] = fake.shards as [FakeShard]
    expect(shard.applied.get('a')?.prepared.source).toMatchObject({
      title: 'Ferry',
      text: 'The Osprey.',
      format: 'html',
    })
    expect(shard.applied.get('b')?.prepared.source.title).toBe('Own')
    expect((await results(fake, [{ id: 'a', html }]))[0]?.status).toBe('unchanged')
  })

  it('without text is refused with everything else', async () => {
    const fake = new FakeIngest()
    const documents = [
      { id: 'a', text: 'fine' },
      { id: 'b', html: '<script>let x</script>' },
      { id: 'c', html: '<p> </p>' },
    ]
    const problem = await problemOf(put(fake, documents))
    expect(problem.errors?.map(({ pointer }) => pointer)).toEqual(['/documents/1/html', '/documents/2/html'])
    expect(fake.shards[0]?.applied.size).toBe(0)
  })
})

describe('vectors of the callers', () => {
  const own = (): FakeIngest => new FakeIngest(collectionRecord(1, 'bring-your-own'))

  it('make one chunk of the whole text; texts without one are found by words alone', async () => {
    const fake = own()
    const made = await results(fake, [
      { id: 'v', text: long('a', 3), vector: [1, 0, 0, 0] },
      { id: 'w', text: long('b', 3) },
      { id: 'bare', vector: [0, 1, 0, 0], title: 'Picture' },
    ])
    expect(made.map(({ chunks }) => chunks)).toEqual([1, 3, 1])
    expect(fake.calls).toEqual([])
    const [shard] = fake.shards as [FakeShard]
    const chunksOf = (id: string) => shard.applied.get(id)?.prepared.chunks ?? []
    expect(chunksOf('v')[0]?.vector).toEqual(Float32Array.of(1, 0, 0, 0))
    expect(chunksOf('w').every(({ withoutVector }) => withoutVector)).toBe(true)
    expect(chunksOf('bare')[0]).toMatchObject({ start: 0, end: 0 })
  })

  it('count as content: another vector replaces', async () => {
    const fake = own()
    const document = { id: 'v', text: 'a', vector: [1, 0, 0, 0] }
    await results(fake, [document])
    expect((await results(fake, [document]))[0]?.status).toBe('unchanged')
    expect((await results(fake, [{ ...document, vector: [0, 1, 0, 0] }]))[0]?.status).toBe('replaced')
  })

  it('must have the collection’s dimensions and are refused where a model computes them', async () => {
    const wrong = await problemOf(put(own(), [{ id: 'v', text: 'a', vector: [1, 2, 3] }]))
    expect(wrong).toMatchObject({ code: 'dimension_mismatch', errors: [{ pointer: '/documents/0/vector' }] })
    const refused = await problemOf(put(new FakeIngest(), [{ id: 'v', text: 'a', vector: [1, 2, 3, 4] }]))
    expect(refused).toMatchObject({ code: 'invalid_request', errors: [{ pointer: '/documents/0/vector' }] })
  })
})

describe('jobs', () => {
  it('take what has more than 256 chunks to embed, whole and in every shard', async () => {
    const fake = new FakeIngest(collectionRecord(3))
    const documents = Array.from({ length: 30 }, (_, i) => ({ id: `d${i}`, text: long(`w${i}x`, 9) }))
    const outcome = await put(fake, documents)
    expect(outcome.kind).toBe('job')
    const job = [...fake.jobs.values()][0]
    expect(job).toMatchObject({ total: 30, keyId: 'key1', collectionId: 'col_1' })
    const staged = fake.shards.flatMap((shard) => shard.staged)
    expect(staged.flatMap((request) => request.documents)).toHaveLength(30)
    expect(staged.every(({ jobId }) => jobId === job?.id)).toBe(true)
    expect(fake.calls).toEqual([])
  })

  it('take up to 256 chunks when the caller prefers it, settled documents included', async () => {
    const fake = new FakeIngest()
    await results(fake, [{ id: 'a', text: 'a' }])
    const outcome = await put(
      fake,
      [
        { id: 'a', text: 'a' },
        { id: 'b', text: 'b' },
      ],
      { prefer: { respondAsync: true } },
    )
    expect(outcome.kind).toBe('job')
    expect(fake.shards[0]?.staged[0]).toMatchObject({
      documents: [{ source: { id: 'b' } }],
      settled: [{ id: 'a', status: 'unchanged' }],
    })
  })

  it('take the rest when the time that the caller waits is up', async () => {
    const fake = new FakeIngest()
    fake.beforeEmbed = () => {
      fake.nowMs += 600
    }
    const documents = Array.from({ length: 90 }, (_, i) => ({ id: `d${i}`, text: `text ${i}` }))
    const outcome = await put(fake, documents, { prefer: { respondAsync: false, waitSeconds: 1 } })
    expect(outcome.kind).toBe('job')
    const staged = fake.shards[0]?.staged ?? []
    expect(fake.shards[0]?.applied.size).toBe(64)
    expect(staged.flatMap((call) => call.documents)).toHaveLength(26)
    expect(staged.flatMap((call) => call.settled)).toHaveLength(64)
    // A shard takes a large request in several calls, so that searches get their turn in between.
    expect(staged.every((call) => call.documents.length + call.settled.length <= 50)).toBe(true)
    const patient = await put(new FakeIngest(), documents, { prefer: { respondAsync: true, waitSeconds: 10 } })
    expect(patient.kind).toBe('done')
  })

  it('are found again by a request that is run again, unless they are over', async () => {
    const fake = new FakeIngest()
    const options = { prefer: { respondAsync: true }, operationId: 'x7Qm2LsV0aZp91Rt' }
    const first = await put(fake, [{ id: 'a', text: 'one' }], options)
    expect(await put(fake, [{ id: 'a', text: 'one' }], options)).toEqual(first)
    expect([...fake.jobs.keys()]).toEqual(['job_x7Qm2LsV0aZp91Rt'])
    await fake.deps.jobs.settle('ten_1' as never, 'job_x7Qm2LsV0aZp91Rt' as never, 'succeeded')
    expect(await put(fake, [{ id: 'a', text: 'one' }], options)).not.toEqual(first)
    expect(fake.jobs.size).toBe(2)
  })

  it('are begun again when a shard lost its tickets, and forgotten when a shard cannot take them', async () => {
    const fake = new FakeIngest()
    const [shard] = fake.shards as [FakeShard]
    const async: PutOptions = { prefer: { respondAsync: true } }
    shard.beforeWrite = () => {
      shard.epoch = 'two'
      shard.beforeWrite = () => {}
    }
    expect((await put(fake, [{ id: 'a', text: 'a' }], async)).kind).toBe('job')
    shard.beforeWrite = () => {
      throw new Problem('overloaded')
    }
    expect((await problemOf(put(fake, [{ id: 'b', text: 'b' }], async))).code).toBe('overloaded')
    expect(fake.jobs.size).toBe(1)
    expect(shard.cancelled).toHaveLength(1)
  })
})
