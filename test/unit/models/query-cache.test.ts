/** Queries' vectors that are kept: whose they are, how many, and what a broken cache may do to a search. */
import { array, assert as assertProperty, asyncProperty, integer } from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import { ResidentMemory } from '../../../src/core/resident-memory.ts'
import { coloCache } from '../../../src/models/colo-cache.ts'
import type { Embedder, ModelProfile } from '../../../src/models/embedder.ts'
import type { EmbeddingModel, ModelSource } from '../../../src/models/model.ts'
import { EDGE_EN } from '../../../src/models/profiles.ts'
import { QueryCache, type SharedCache } from '../../../src/models/query-cache.ts'

const REMOTE: ModelSource = { provider: 'openai-compatible', model: 'm', baseUrl: 'https://models.example/v1' }

const model = (uid: string, profile: Partial<ModelProfile> = {}, source: ModelSource = REMOTE): EmbeddingModel => ({
  uid,
  task: 'embed',
  source,
  profile: { ...EDGE_EN, id: 'm', dimensions: 4, ...profile },
})

/** Another vector for every call, so that a kept one shows. */
class CountingEmbedder implements Embedder {
  readonly profile: ModelProfile
  readonly asked: string[][] = []
  #calls = 0

  constructor(profile: ModelProfile) {
    this.profile = profile
  }

  embed(texts: readonly string[]): Promise<Float32Array[]> {
    this.asked.push([...texts])
    return Promise.resolve(
      texts.map(() => {
        const angle = ++this.#calls
        const vector = new Float32Array(this.profile.dimensions)
        vector[0] = Math.cos(angle)
        vector[1] = Math.sin(angle)
        return vector
      }),
    )
  }
}

class FakeShared implements SharedCache {
  readonly entries = new Map<string, Uint8Array<ArrayBuffer>>()
  broken = false
  hangs = false

  async get(key: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    if (this.hangs) return new Promise(() => {})
    if (this.broken) throw new Error('the cache is gone')
    return this.entries.get(key)
  }

  async put(key: string, value: Uint8Array<ArrayBuffer>): Promise<void> {
    if (this.broken) throw new Error('the cache is gone')
    this.entries.set(key, value)
  }
}

const QUERY = { kind: 'query' } as const
const ANN = { tenantUid: 'ten_ann' }
const BOB = { tenantUid: 'ten_bob' }

let memory: ResidentMemory
let shared: FakeShared

beforeEach(() => {
  memory = new ResidentMemory(96_000_000)
  shared = new FakeShared()
})

/** A cache of an isolate of its own. */
const isolate = (budgetBytes?: number, own = new ResidentMemory(96_000_000)): QueryCache =>
  new QueryCache({
    memory: own,
    shared,
    wait: () => new Promise((resolve) => setImmediate(resolve)),
    ...(budgetBytes === undefined ? {} : { budgetBytes }),
  })

describe('vectors of queries in memory', () => {
  it('are given again without asking the model, each to its own text', async () => {
    const inner = new CountingEmbedder(model('a').profile)
    const embedder = isolate().around(inner, model('a'), ANN)
    const [one, two] = await embedder.embed(['one', 'two'], QUERY)
    expect(await embedder.embed(['two', 'three', 'one'], QUERY)).toEqual([two, expect.anything(), one])
    expect(inner.asked).toEqual([['one', 'two'], ['three']])
  })

  it('are of queries only: passages go to the model every time', async () => {
    const inner = new CountingEmbedder(model('a').profile)
    const embedder = isolate().around(inner, model('a'), ANN)
    await embedder.embed(['one'], QUERY)
    await embedder.embed(['one'], { kind: 'passage' })
    await embedder.embed(['one'], { kind: 'passage' })
    expect(inner.asked).toHaveLength(3)
  })

  it('are copies that a caller may change', async () => {
    const embedder = isolate().around(new CountingEmbedder(model('a').profile), model('a'), ANN)
    const [first] = await embedder.embed(['one'], QUERY)
    const before = first!.slice()
    first!.fill(7)
    const [second] = await embedder.embed(['one'], QUERY)
    second!.fill(8)
    expect((await embedder.embed(['one'], QUERY))[0]).toEqual(before)
  })

  it.each([
    ['tenant', model('a'), BOB],
    ['model', model('b'), ANN],
    ['profile', model('a', { id: 'n' }), ANN],
    ['version', model('a', { version: 2 }), ANN],
    ['length', model('a', { dimensions: 8 }), ANN],
    ['prefix', model('a', { queryPrefix: 'query: ' }), ANN],
  ])('never answer for another %s', async (_, other, caller) => {
    const cache = isolate(undefined, memory)
    const first = new CountingEmbedder(model('a').profile)
    const second = new CountingEmbedder(other.profile)
    await cache.around(first, model('a'), ANN).embed(['one'], QUERY)
    await cache.around(second, other, caller).embed(['one'], QUERY)
    expect([first.asked, second.asked]).toEqual([[['one']], [['one']]])
    expect(shared.entries.size).toBe(2)
  })

  it('hold no query and no tenant in a key that is shared', async () => {
    await isolate()
      .around(new CountingEmbedder(model('a').profile), model('a'), ANN)
      .embed(['one'], QUERY)
    expect([...shared.entries.keys()]).toEqual([expect.stringMatching(/^[\w-]{43}$/)])
  })

  it('stay within their bytes, least recently used first to go, as a plain list does', async () => {
    const entry = 4 * 4 + 250
    await assertProperty(
      asyncProperty(array(integer({ min: 0, max: 7 }), { maxLength: 60 }), async (queries) => {
        const own = new ResidentMemory(96_000_000)
        const cache = new QueryCache({ memory: own, budgetBytes: 4 * entry })
        const inner = new CountingEmbedder(model('a').profile)
        const embedder = cache.around(inner, model('a'), ANN)
        let recent: number[] = []
        for (const query of queries) {
          const before = inner.asked.length
          await embedder.embed([`query ${query}`], QUERY)
          expect(inner.asked.length === before).toBe(recent.includes(query))
          recent = [query, ...recent.filter((other) => other !== query)].slice(0, 4)
          expect(own.heldBytes).toBe(recent.length * entry)
        }
      }),
    )
  })

  it('go when memory is needed for something else, and begin anew', async () => {
    const small = new ResidentMemory(10_000)
    const inner = new CountingEmbedder(model('a').profile)
    const embedder = new QueryCache({ memory: small }).around(inner, model('a'), ANN)
    await embedder.embed(['one'], QUERY)
    small.set('pages', {}, 10_000)
    await embedder.embed(['one'], QUERY)
    expect(inner.asked).toHaveLength(2)
  })

  it('are not kept where one alone is too large', async () => {
    const own = new ResidentMemory(96_000_000)
    const embedder = isolate(100, own).around(new CountingEmbedder(model('a').profile), model('a'), ANN)
    await embedder.embed(['one'], QUERY)
    expect(own.heldBytes).toBe(0)
  })
})

describe('vectors of queries that isolates share', () => {
  const embedIn = async (cache: QueryCache, texts: readonly string[], source: ModelSource = REMOTE) => {
    const inner = new CountingEmbedder(model('a').profile)
    const vectors = await cache.around(inner, model('a', {}, source), ANN).embed(texts, QUERY)
    return { vectors, calls: inner.asked.length }
  }

  it('spare a provider’s call in another isolate, exactly as they were', async () => {
    const first = await embedIn(isolate(), ['one'])
    const other = isolate()
    const second = await embedIn(other, ['one'])
    expect(second).toEqual({ vectors: first.vectors, calls: 0 })
    shared.entries.clear()
    // From here on the other isolate knows it by itself.
    expect(await embedIn(other, ['one'])).toEqual(second)
  })

  it('are not looked for where the model runs in the Worker, and not for many texts at once', async () => {
    await embedIn(isolate(), ['one'], { provider: 'edge' })
    await embedIn(isolate(), ['one'], {
      provider: 'word-vectors',
      objectKey: 'models/x',
      origin: 'glove',
      words: 2,
    })
    await embedIn(isolate(), ['one', 'two'])
    expect(shared.entries.size).toBe(0)
  })

  it.each([
    ['fails', () => (shared.broken = true)],
    ['never answers', () => (shared.hangs = true)],
    ['has a cut entry', () => replaceEntries(new Uint8Array(12))],
    ['has an entry of zeros', () => replaceEntries(new Uint8Array(16))],
    ['has an entry of NaN', () => replaceEntries(new Uint8Array(16).fill(255))],
  ])('leave a query to its model when the cache %s', async (_, breakIt) => {
    await embedIn(isolate(), ['one'])
    breakIt()
    const { vectors, calls } = await embedIn(isolate(), ['one'])
    expect([vectors.length, calls]).toEqual([1, 1])
  })

  it('are written while the answer is on its way', async () => {
    const kept: Promise<unknown>[] = []
    const cache = new QueryCache({ memory, shared, keepAlive: (work) => kept.push(work) })
    await cache.around(new CountingEmbedder(model('a').profile), model('a'), ANN).embed(['one'], QUERY)
    await Promise.all(kept)
    expect([kept.length, shared.entries.size]).toEqual([1, 1])
  })

  function replaceEntries(bytes: Uint8Array<ArrayBuffer>): void {
    for (const key of shared.entries.keys()) shared.entries.set(key, bytes)
  }
})

describe('the cache of a data centre', () => {
  it('gives bytes back under a host that does not exist, for an hour', async () => {
    const stored = new Map<string, Response>()
    const cache = coloCache({
      match: (url) => Promise.resolve(stored.get(url)?.clone()),
      put: (url, response) => {
        stored.set(url, response)
        return Promise.resolve()
      },
    })
    expect(await cache.get('key')).toBeUndefined()
    await cache.put('key', Uint8Array.of(1, 2, 3))
    expect(await cache.get('key')).toEqual(Uint8Array.of(1, 2, 3))
    const [[url, response]] = [...stored] as [[string, Response]]
    expect(new URL(url).hostname).toMatch(/\.invalid$/)
    expect(response.headers.get('cache-control')).toBe('max-age=3600')
  })
})
