/** What a source does when it runs again: only what changed is read, and what vanished is removed, if that is certain. */
import { describe, expect, it } from 'vitest'
import type { SourceRecord } from '../../../src/sources/source.ts'
import { COLLECTION, crawlOf, SourceWorld, START_MS } from '../../support/source-world.ts'

const HOME = 'https://site.example/'
const PAGES = [HOME, `${HOME}a`, `${HOME}b`, `${HOME}c`]

/** `/` leads to a and b, and b to c. */
async function crawled(): Promise<{ world: SourceWorld; again: () => Promise<SourceRecord> }> {
  const world = new SourceWorld()
  world.html(HOME, ['/a', '/b'])
  world.html(`${HOME}a`)
  world.html(`${HOME}b`, ['/c'])
  world.html(`${HOME}c`)
  const { id } = await world.crawl(HOME)
  expect(world.documents).toEqual(PAGES)
  let runs = 0
  return {
    world,
    async again() {
      world.requests.length = 0
      await world.sources.start(COLLECTION, id, `again${String(++runs).padStart(11, '0')}`)
      await world.pass()
      return world.source(id)
    },
  }
}

describe('a crawl that runs again', () => {
  it('takes only what has changed', async () => {
    const { world, again } = await crawled()
    world.web.set(`${HOME}a`, { body: '<p>other words' })
    expect((await again()).lastRun).toMatchObject({ taken: 1, unchanged: 3, removed: 0 })
    expect(world.items().filter(({ status }) => status === 'unchanged')).toHaveLength(3)
  })

  it('asks for pages only if they changed, and still finds what unchanged ones lead to', async () => {
    const world = new SourceWorld()
    world.html(HOME, ['/a'])
    world.html(`${HOME}a`, ['/b'])
    world.html(`${HOME}b`)
    for (const [address, page] of world.web) world.web.set(address, { ...page, etag: `"${address}"` })
    const { id } = await world.crawl(HOME)
    world.requests.length = 0
    await world.sources.start(COLLECTION, id, 'b'.repeat(16))
    await world.pass()
    expect(world.requests.map(({ etag }) => etag)).toEqual([HOME, `${HOME}a`, `${HOME}b`].map((url) => `"${url}"`))
    expect(world.source(id).lastRun).toMatchObject({ taken: 0, unchanged: 3, removed: 0 })
    expect(world.documents).toHaveLength(3)
  })

  it('takes a page again whose document is gone, though the site says that nothing changed', async () => {
    const world = new SourceWorld()
    world.html(HOME)
    world.web.set(HOME, { ...world.web.get(HOME), etag: '"1"' })
    const { id } = await world.crawl(HOME)
    world.database.run('DELETE FROM played_documents')
    await world.sources.start(COLLECTION, id, 'c'.repeat(16))
    await world.pass()
    expect(world.documents).toEqual([HOME])
  })

  it('looks at everything anew when its settings have changed', async () => {
    const world = new SourceWorld()
    world.html(HOME, ['/a'])
    world.html(`${HOME}a`)
    world.web.set(HOME, { ...world.web.get(HOME), etag: '"1"' })
    await world.crawl(HOME, { exclude: ['/a'] })
    expect(world.documents).toEqual([HOME])
    await world.crawl(HOME)
    expect(world.documents).toEqual([HOME, `${HOME}a`])
    expect(world.sources.list(COLLECTION, { limit: 10 })).toHaveLength(1)
  })

  it('removes pages that nothing leads to any more', async () => {
    const { world, again } = await crawled()
    world.html(HOME, ['/a'])
    expect((await again()).lastRun).toMatchObject({ removed: 2 })
    expect(world.documents).toEqual([HOME, `${HOME}a`])
  })

  it.each([404, 410])('removes a page that answers %i, even where it does not see the whole site', async (status) => {
    const { world, again } = await crawled()
    world.web.set(`${HOME}a`, { status })
    world.web.set(`${HOME}b`, { status: 500 })
    expect((await again()).lastRun).toMatchObject({ removed: 1, failed: 1, gap: 'unreachable' })
    expect(world.documents).toEqual([HOME, `${HOME}b`, `${HOME}c`])
  })

  it('removes a page that is not to be indexed any more, or not to be read', async () => {
    const { world, again } = await crawled()
    world.html(`${HOME}a`, [], '<meta name="robots" content="noindex">')
    await again()
    expect(world.documents).toEqual([HOME, `${HOME}b`, `${HOME}c`])
    world.nowMs += 3_600_000
    world.web.set(`${HOME}robots.txt`, { mediaType: 'text/plain', body: 'User-agent: *\nDisallow: /c' })
    await again()
    expect(world.documents).toEqual([HOME, `${HOME}b`])
  })

  it.each([
    ['is down', (world: SourceWorld) => world.web.clear(), 404],
    ['answers with errors', (world: SourceWorld) => PAGES.forEach((page) => world.web.set(page, { status: 502 })), 502],
    ['forbids everything', (world: SourceWorld) => PAGES.forEach((page) => world.web.set(page, { status: 403 })), 403],
    ['has moved', (world: SourceWorld) => world.web.set(HOME, { redirect: 'https://new.example/' }), 302],
    ['shows a picture', (world: SourceWorld) => world.web.set(HOME, { failure: 'wrong_type' }), 200],
  ])('keeps what it has when the site %s', async (_, change, status) => {
    const { world, again } = await crawled()
    change(world)
    const source = await again()
    expect(source.lastRun?.gap).toBe('unreachable')
    // Only the first page itself may be known to be gone.
    expect(world.documents).toEqual(status === 404 ? PAGES.slice(1) : PAGES)
  })

  it('keeps what it has when there is more than it may take', async () => {
    const { world, again } = await crawled()
    const links = Array.from({ length: 120 }, (_, i) => `/n${i}`)
    world.html(HOME, links)
    for (const link of links) world.html(new URL(link, HOME).href)
    expect((await again()).lastRun).toMatchObject({ gap: 'limit', removed: 0 })
    expect(world.documents).toEqual(expect.arrayContaining(PAGES))
  })

  it('runs by its schedule, and never twice at a time', async () => {
    const world = new SourceWorld()
    world.html(HOME)
    const { sourceId } = await world.save(crawlOf(HOME), '30 * * * *')
    await world.pass(START_MS + 3 * 3_600_000)
    expect(new Set(world.items().map(({ job }) => job)).size).toBe(4)
    expect(world.source(sourceId)).toMatchObject({
      nextRunAtMs: START_MS + 3.5 * 3_600_000,
      lastRun: { startedAtMs: START_MS + 2.5 * 3_600_000, unchanged: 1 },
    })
    const first = await world.sources.start(COLLECTION, sourceId, 'd'.repeat(16))
    expect(await world.sources.start(COLLECTION, sourceId, 'e'.repeat(16))).toBe(first)
  })

  it('goes with all that it brought, or leaves it', async () => {
    for (const documents of [true, false]) {
      const { world } = await crawled()
      const { sourceId, jobId } = await world.save(crawlOf(HOME))
      expect(world.sources.delete('col_other' as never, sourceId, true)).toBe(false)
      expect(world.sources.delete(COLLECTION, sourceId, documents)).toBe(true)
      expect(world.sources.delete(COLLECTION, sourceId, documents)).toBe(false)
      expect(world.jobState(jobId)).toBe('ended')
      await world.pass()
      expect(world.documents).toEqual(documents ? [] : PAGES)
      expect(world.sources.nextDueMs()).toBeUndefined()
    }
  })

  it('goes with its collection', async () => {
    const { world } = await crawled()
    world.sources.collectionDeleted(COLLECTION)
    expect(world.sources.list(COLLECTION, { limit: 10 })).toEqual([])
    for (const table of ['sources', 'source_runs', 'source_files', 'source_frontier']) {
      expect(world.database.all(`SELECT * FROM ${table}`), table).toEqual([])
    }
  })

  it('tells of a step that failed on our side, and makes it again later', async () => {
    const { world, again } = await crawled()
    const { hasRoom } = world
    world.html(`${HOME}a`, ['/d'])
    Object.defineProperty(world, 'hasRoom', {
      configurable: true,
      get() {
        Object.defineProperty(world, 'hasRoom', { configurable: true, value: hasRoom })
        throw new Error('disk full')
      },
    })
    expect((await again()).lastRun).toMatchObject({ taken: 1 })
    expect(world.reported).toEqual([new Error('disk full')])
  })
})

describe('the sources of a tenant', () => {
  it('are at most a hundred', async () => {
    const world = new SourceWorld()
    for (let i = 0; i < 100; i++) await world.save(crawlOf(`${HOME}${i}`))
    await expect(world.save(crawlOf(`${HOME}100`))).rejects.toThrow('at most 100 sources')
    await world.save(crawlOf(`${HOME}7`))
    const first = world.sources.list(COLLECTION, { limit: 60 })
    const rest = world.sources.list(COLLECTION, { limit: 60, after: first.at(-1)?.id ?? '' })
    expect(new Set([...first, ...rest].map(({ id }) => id)).size).toBe(100)
  })
})
