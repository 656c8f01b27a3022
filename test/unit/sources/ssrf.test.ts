/** Addresses that try to reach the machine or its network, wherever a crawl takes addresses from: nobody is asked. */
import { describe, expect, it } from 'vitest'
import type { PageOutcome, PageRequest } from '../../../src/egress/egress-api.ts'
import { readRobots } from '../../../src/sources/crawl/read-robots.ts'
import { crawlUrlFault } from '../../../src/sources/source-faults.ts'
import { crawlOf, SourceWorld } from '../../support/source-world.ts'
import { refusedUrls, spellings } from '../../support/ssrf-corpus.ts'

const HOME = 'https://site.example/'

/** With the port, which no crawl may name, and without it, so that the host alone must give it away. */
const HOSTS = ['127.0.0.1', '10.0.0.1', '169.254.169.254', '192.168.0.1'].flatMap(spellings)
const URLS = [
  ...refusedUrls(8443),
  ...HOSTS.flatMap((host) => [`http://${host}/latest`, `https://${host}/latest`]),
  'http://localhost/',
  'http://site.example:8080/',
  'https://site.example:8443/',
  'http://user:password@site.example/',
]

const escaped = (url: string): string => url.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;')

/** What the world was asked besides the site itself. */
const strangers = (world: SourceWorld): string[] =>
  world.requests.map(({ url }) => url).filter((url) => !url.startsWith(HOME) && url !== 'http://site.example/')

describe('an address that a tenant or a site chose', () => {
  it('is refused as the beginning of a crawl', () => {
    expect(URLS.length).toBeGreaterThan(300)
    expect(URLS.filter((url) => crawlUrlFault(url) === undefined)).toEqual([])
    expect(crawlUrlFault('http://site.example/')).toBeUndefined()
    expect(crawlUrlFault('https://site.example:443/a')).toBeUndefined()
  })

  it('is not followed as a link, a canonical link, a base or a redirect', async () => {
    const world = new SourceWorld()
    const links: string[] = []
    URLS.forEach((url, i) => {
      links.push(url, `/canonical/${i}`, `/redirect/${i}`)
      world.html(
        `${HOME}canonical/${i}`,
        ['x'],
        `<base href="${escaped(url)}"><link rel=canonical href="${escaped(url)}">`,
      )
      world.web.set(`${HOME}redirect/${i}`, { redirect: url })
    })
    const anchors = links.map((link) => `<a href="${escaped(link)}">x</a>`).join('')
    world.web.set(HOME, { body: `<html><body>${anchors}</body></html>` })
    // Each host would belong to the crawl, if its address were one of the public web.
    const hosts = HOSTS.slice(0, 48).map((host) => `http://${host}/**`)
    await world.crawl(HOME, { include: ['/**', ...hosts], maxPages: 10_000, respectRobots: false })
    expect(strangers(world)).toEqual([])
    const asked = new Set(world.requests.map(({ url }) => url))
    const missed = URLS.flatMap((_, i) => [`${HOME}canonical/${i}`, `${HOME}redirect/${i}`]).filter(
      (url) => !asked.has(url),
    )
    expect(missed).toEqual([])
  })

  it('is not followed as a redirect of robots.txt', async () => {
    for (const url of URLS) {
      const asked: string[] = []
      const fetchPage = (request: PageRequest): Promise<PageOutcome> => {
        asked.push(request.url)
        return Promise.resolve({ redirect: url })
      }
      // Whatever the crawl would let in.
      expect(await readRobots('https://site.example', fetchPage, () => true)).toBeUndefined()
      expect(asked.map(crawlUrlFault), url).toEqual(asked.map(() => undefined))
    }
  })

  it('is not read as an entry of a sitemap, or as a sitemap of an index', async () => {
    for (const element of ['url', 'sitemap']) {
      const world = new SourceWorld()
      const root = element === 'url' ? 'urlset' : 'sitemapindex'
      const entries = URLS.map((url) => `<${element}><loc>${escaped(url)}</loc></${element}>`).join('')
      world.web.set(`${HOME}sitemap.xml`, { mediaType: 'text/xml', body: `<${root}>${entries}</${root}>` })
      await world.save({ ...crawlOf(`${HOME}sitemap.xml`, { respectRobots: false }), from: 'sitemap' })
      await world.pass()
      expect(strangers(world)).toEqual([])
    }
  })
})
