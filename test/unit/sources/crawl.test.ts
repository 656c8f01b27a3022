/** What a crawl takes of a site that the test plays, and what it leaves alone. */
import { describe, expect, it } from 'vitest'
import { COLLECTION, crawlOf, SourceWorld, START_MS } from '../../support/source-world.ts'

const HOME = 'https://site.example/'

function siteOf(pages: Record<string, readonly string[]>): SourceWorld {
  const world = new SourceWorld()
  for (const [path, links] of Object.entries(pages)) world.html(new URL(path, HOME).href, links)
  return world
}

describe('a crawl', () => {
  it('takes the pages that links lead to, each once, under their addresses', async () => {
    const world = siteOf({ '/': ['/a', '/b#x', 'b'], '/a': ['/', '/b', '/c/'], '/b': [], '/c/': ['../b'] })
    const source = await world.crawl(HOME)
    expect(world.documents).toEqual([HOME, `${HOME}a`, `${HOME}b`, `${HOME}c/`])
    expect(source.lastRun).toMatchObject({ taken: 4, unchanged: 0, failed: 0, removed: 0 })
    expect(source.lastRun).not.toHaveProperty('gap')
    expect(world.jobState(source.lastRun?.jobId ?? '')).toBe('ended')
    expect(world.requests.map(({ url }) => url).sort()).toEqual([...world.documents, `${HOME}robots.txt`].sort())
  })

  it('stays on its site, with and without www, and on those that include names', async () => {
    const links = [
      'https://www.site.example/w',
      'https://other.example/o',
      'https://docs.example/d',
      'http://site.example/h',
    ]
    const world = siteOf({ '/': links })
    for (const link of links) world.html(link)
    await world.crawl(HOME, { include: ['/**', 'https://docs.example/**'] })
    expect(world.documents).toEqual([
      'http://site.example/h',
      'https://docs.example/d',
      HOME,
      'https://www.site.example/w',
    ])
    expect(world.requests.some(({ url }) => url.includes('other.example'))).toBe(false)
  })

  it('takes what include lets in and exclude does not, and finds it through its first page', async () => {
    const world = siteOf({ '/': ['/docs/a', '/docs/old/b', '/blog/c'], '/docs/a': ['/docs/d/e'], '/docs/d/e': [] })
    await world.crawl(HOME, { include: ['/docs/**'], exclude: ['/docs/old/*'] })
    expect(world.documents).toEqual([`${HOME}docs/a`, `${HOME}docs/d/e`])
  })

  it('follows links as deep as it may', async () => {
    const world = siteOf({ '/': ['/1'], '/1': ['/2'], '/2': ['/3'], '/3': [] })
    await world.crawl(HOME, { maxDepth: 2 })
    expect(world.documents).toEqual([HOME, `${HOME}1`, `${HOME}2`])
  })

  it('takes as many pages as it may, and says that there are more', async () => {
    const links = Array.from({ length: 30 }, (_, i) => `/${i}`)
    const world = siteOf({ '/': links, ...Object.fromEntries(links.map((link) => [link, []])) })
    const source = await world.crawl(HOME, { maxPages: 7 })
    expect(world.documents).toHaveLength(7)
    expect(source.lastRun).toMatchObject({ taken: 7, gap: 'limit' })
  })

  it('asks a host one thing at a time, with the pause that it wants', async () => {
    const world = siteOf({ '/': ['/a', '/b'], '/a': [], '/b': [] })
    world.web.set(`${HOME}robots.txt`, { mediaType: 'text/plain', body: 'User-agent: *\nCrawl-delay: 7\n' })
    await Promise.all([world.save(crawlOf(HOME)), world.save(crawlOf(`${HOME}a`))])
    await world.pass()
    const times = world.requests.map(({ atMs }) => atMs)
    const pauses = times.slice(2).map((atMs, i) => atMs - (times[i + 1] ?? 0))
    expect(Math.min(...pauses)).toBe(7_000)
  })

  it('pauses a quarter of a second where a host wants no pause, and a minute where it wants a year', async () => {
    for (const [delay, pauseMs] of [
      ['0', 250],
      ['31536000', 60_000],
    ] as const) {
      const world = siteOf({ '/': ['/a'], '/a': [] })
      world.web.set(`${HOME}robots.txt`, { mediaType: 'text/plain', body: `User-agent: *\nCrawl-delay: ${delay}\n` })
      await world.crawl(HOME)
      const [, first, second] = world.requests.map(({ atMs }) => atMs)
      expect((second ?? 0) - (first ?? 0)).toBe(pauseMs)
    }
  })

  it('stops where it stands once its tenant is suspended, and keeps what it did not see', async () => {
    const links = Array.from({ length: 60 }, (_, i) => `/${i}`)
    const world = siteOf({ '/': links, ...Object.fromEntries(links.map((link) => [link, []])) })
    const { sourceId } = await world.save(crawlOf(HOME))
    await world.pass()
    expect(world.documents).toHaveLength(61)
    let asked = 0
    world.whileAsked = () => {
      if (++asked === 5) world.beginning = 'suspended'
    }
    const before = world.requests.length
    world.beginning = 'begun'
    await world.save(crawlOf(HOME))
    await world.pass()
    // Two looks are five seconds apart, and two requests a quarter of a second.
    expect(world.requests.length - before).toBeLessThan(5 + 5_000 / 250 + 1)
    expect(world.documents).toHaveLength(61)
    expect(world.source(sourceId).lastRun).toMatchObject({ gap: 'suspended', removed: 0 })
    expect(world.jobState(world.source(sourceId).lastRun?.jobId ?? '')).toBe('ended')
  })

  it('heeds robots.txt unless told otherwise', async () => {
    const world = siteOf({ '/': ['/a', '/private/b'], '/a': [], '/private/b': [] })
    const body = 'User-agent: other\nDisallow: /\n\nUser-agent: Nearfield-Crawler\nDisallow: /private/\n'
    world.web.set(`${HOME}robots.txt`, { mediaType: 'text/plain', body })
    await world.crawl(HOME)
    expect(world.documents).toEqual([HOME, `${HOME}a`])
    expect(world.failures()).toEqual({ [`${HOME}private/b`]: 'robots.txt forbids it' })
    await world.crawl(HOME, { respectRobots: false })
    expect(world.documents).toContain(`${HOME}private/b`)
    expect(world.requests.filter(({ url }) => url.endsWith('robots.txt'))).toHaveLength(1)
  })

  it.each([
    ['there is none', { status: 404 }, true],
    ['it is forbidden', { status: 403 }, true],
    ['the site has too much to do', { status: 429 }, false],
    ['the site is down', { status: 503 }, false],
    ['it does not answer', { failure: 'timeout' }, false],
    ['it leads to another site', { redirect: 'https://other.example/robots.txt' }, false],
    ['it leads in a circle', { redirect: '/robots.txt' }, false],
    ['it is another page of the site', { redirect: '/r' }, true],
    ['it is a picture', { failure: 'wrong_type' }, true],
  ] as const)('where robots.txt says nothing because %s: takes the page or leaves it', async (_, robots, isTaken) => {
    const world = siteOf({ '/': [] })
    world.web.set(`${HOME}robots.txt`, robots)
    const source = await world.crawl(HOME)
    expect(world.documents).toEqual(isTaken ? [HOME] : [])
    if (!isTaken) {
      expect(world.failures()).toEqual({
        [HOME]: 'robots.txt could not be read: the site did not answer, or with an error',
      })
      expect(source.lastRun?.gap).toBe('unreachable')
      expect(world.requests.every(({ url }) => url === `${HOME}robots.txt`)).toBe(true)
    }
  })

  it('leaves out what a page or its header forbids, and does not follow what it must not', async () => {
    const world = siteOf({ '/': ['/noindex', '/nofollow', '/none', '/header'], '/x': [], '/y': [], '/z': [], '/h': [] })
    world.html(`${HOME}noindex`, ['/x'], '<meta name="robots" content="noindex">')
    world.html(`${HOME}nofollow`, ['/y'], '<META NAME="nearfield-crawler" CONTENT="NOFOLLOW">')
    world.html(`${HOME}none`, ['/z'], '<meta name=robots content="none">')
    world.web.set(`${HOME}header`, { body: '<a href="/h">h</a>', robotsTag: 'noindex, nofollow' })
    await world.crawl(HOME)
    expect(world.documents).toEqual([HOME, `${HOME}nofollow`, `${HOME}x`])
  })

  it('takes a page under the address that it wants, and one of two that each name the other', async () => {
    const world = siteOf({ '/': ['/a?ref=1', '/p'], '/a': [] })
    world.html(`${HOME}a?ref=1`, [], '<link rel="canonical" href="/a">')
    world.html(`${HOME}p`, [], '<link rel="canonical" href="/q">')
    world.html(`${HOME}q`, [], '<link rel="canonical" href="/p">')
    await world.crawl(HOME)
    expect(world.documents).toEqual([HOME, `${HOME}a`, `${HOME}q`])
  })

  it('takes a page itself that wants to be known on another site', async () => {
    const world = siteOf({ '/': [] })
    world.html(HOME, [], '<link rel="canonical" href="https://other.example/">')
    await world.crawl(HOME)
    expect(world.documents).toEqual([HOME])
  })

  it('follows redirects within its site, and says where they lead nowhere', async () => {
    const world = siteOf({ '/': ['/old', '/out', '/private', '/ring', '/long'], '/new': [] })
    world.web.set(`${HOME}old`, { redirect: '/new' })
    world.web.set(`${HOME}out`, { redirect: 'https://other.example/' })
    world.web.set(`${HOME}private`, { redirect: 'http://169.254.169.254/latest/meta-data' })
    world.web.set(`${HOME}ring`, { redirect: '/ring2' })
    world.web.set(`${HOME}ring2`, { redirect: '/ring' })
    world.web.set(`${HOME}long`, { redirect: '/long1' })
    for (let i = 1; i < 9; i++) world.web.set(`${HOME}long${i}`, { redirect: `/long${i + 1}` })
    world.html(`${HOME}long9`)
    await world.crawl(HOME)
    expect(world.documents).toEqual([HOME, `${HOME}new`])
    expect(world.failures()).toEqual({
      [`${HOME}out`]: 'it redirects to another site',
      [`${HOME}private`]: 'it redirects to an address that is not one of the public web',
      [`${HOME}ring2`]: 'it redirects in a circle, or too often',
      [`${HOME}long5`]: 'it redirects in a circle, or too often',
    })
  })

  it('begins where its first page leads', async () => {
    const world = siteOf({ '/en/': ['/en/a'], '/en/a': [] })
    world.web.set(HOME, { redirect: '/en/' })
    await world.crawl(HOME, { include: ['/en/*'] })
    expect(world.documents).toEqual([`${HOME}en/`, `${HOME}en/a`])
  })

  it.each([
    [{ status: 404 }, 'it answered 404'],
    [{ status: 410 }, 'it answered 410'],
    [{ status: 403 }, 'it answered 403'],
    [{ status: 304 }, 'it answered 304'],
    [{ status: 500 }, 'it answered 500'],
    [{ status: 429, retryAfter: '100' }, 'it answered 429'],
    [{ failure: 'timeout' }, 'it took too long'],
    [{ failure: 'network' }, 'it could not be reached'],
    [{ failure: 'too_large' }, 'it is too large'],
    [{ failure: 'wrong_type' }, 'it is of a type that is not read'],
  ] as const)('names a page that answers %o', async (answer, detail) => {
    const world = siteOf({ '/': ['/x', '/y'], '/y': [] })
    world.web.set(`${HOME}x`, answer)
    const source = await world.crawl(HOME)
    expect(world.failures()).toEqual({ [`${HOME}x`]: detail })
    expect(world.documents).toEqual([HOME, `${HOME}y`])
    expect(source.lastRun).toMatchObject({ taken: 2, failed: 1 })
  })

  it('asks again, later, what does not answer', async () => {
    const world = siteOf({ '/': [] })
    world.web.set(HOME, { status: 503, retryAfter: '120' })
    await world.save(crawlOf(HOME))
    await world.pass(START_MS + 60_000)
    world.html(HOME)
    await world.pass()
    expect(world.documents).toEqual([HOME])
    const asked = world.requests.filter(({ url }) => url === HOME).map(({ atMs }) => atMs)
    expect((asked[1] ?? 0) - (asked[0] ?? 0)).toBe(120_000)
  })

  it('gives a long address a name that tells it from others of the same beginning', async () => {
    const long = (end: string): string => `/${'a'.repeat(500)}${end}`
    const world = siteOf({ '/': [long('1'), long('2')], [long('1')]: [], [long('2')]: [] })
    await world.crawl(HOME)
    expect(new Set(world.documents).size).toBe(3)
    expect(world.documents.every((name) => name.length <= 400)).toBe(true)
  })

  it('ends when its job is cancelled, and removes nothing', async () => {
    const world = siteOf({ '/': ['/a', '/b'], '/a': [], '/b': [] })
    await world.crawl(HOME)
    const { jobId, sourceId } = await world.save(crawlOf(HOME))
    world.web.delete(`${HOME}a`)
    world.cancel(jobId)
    await world.pass()
    expect(world.source(sourceId).lastRun).toMatchObject({ jobId, gap: 'cancelled', removed: 0 })
    expect(world.documents).toHaveLength(3)
  })

  it.each(['cancelled', 'deleted'])('writes nothing when it is %s while a site is asked', async (how) => {
    const world = siteOf({ '/': ['/a'], '/a': [] })
    const { jobId, sourceId } = await world.save(crawlOf(HOME, { respectRobots: false }))
    world.whileAsked = () => {
      if (how === 'cancelled') world.cancel(jobId)
      else world.sources.delete(COLLECTION, sourceId, true)
    }
    await world.pass()
    expect(world.requests).toHaveLength(1)
    expect(world.items()).toEqual([])
    expect(world.reported).toEqual([])
    expect(world.database.all('SELECT * FROM source_frontier')).toEqual([])
    expect(world.database.all('SELECT * FROM source_files')).toEqual([])
  })

  it('waits while the files of the tenant wait', async () => {
    const world = siteOf({ '/': [] })
    world.hasRoom = false
    await world.save(crawlOf(HOME))
    await world.pass(START_MS + 60_000)
    expect(world.requests).toEqual([])
    world.hasRoom = true
    await world.pass()
    expect(world.documents).toEqual([HOME])
  })

  it('fetches nothing for a suspended tenant, and goes by its schedule when it is none any more', async () => {
    const world = siteOf({ '/': [] })
    world.beginning = 'suspended'
    const { sourceId } = await world.save(crawlOf(HOME), '0 3 * * *')
    expect(world.source(sourceId).lastRun).toMatchObject({ gap: 'suspended', taken: 0 })
    world.beginning = 'begun'
    await world.pass(START_MS + 24 * 3_600_000)
    expect(world.documents).toEqual([HOME])
  })

  it('is forgotten when its collection was deleted meanwhile', async () => {
    const world = siteOf({ '/': [] })
    world.beginning = 'gone'
    await expect(world.save(crawlOf(HOME))).rejects.toThrow('there is nothing here')
    expect(world.sources.list(COLLECTION, { limit: 10 })).toEqual([])
  })
})
