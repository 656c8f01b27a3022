/** Addresses that try to reach the machine or its network, wherever a crawl takes addresses from: nobody is asked. */
import { describe, expect, it } from 'vitest'
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

  it('is not followed as a link, a canonical link or a base', async () => {
    const world = new SourceWorld()
    const anchors = URLS.map((url) => `<a href="${escaped(url)}">x</a>`).join('')
    world.web.set(HOME, { body: `<html><body>${anchors}</body></html>` })
    await world.crawl(HOME, {
      include: ['/**', ...HOSTS.filter((host) => !host.includes('*')).map((host) => `http://${host}/**`)].slice(0, 50),
    })
    expect(strangers(world)).toEqual([])
    for (const url of URLS) {
      const page = new SourceWorld()
      page.html(HOME, ['x'], `<base href="${escaped(url)}"><link rel="canonical" href="${escaped(url)}">`)
      await page.crawl(HOME, { maxPages: 3, respectRobots: false })
      expect(strangers(page), url).toEqual([])
    }
  })

  it('is not followed as a redirect, of a page or of robots.txt', async () => {
    for (const url of URLS) {
      const world = new SourceWorld()
      world.web.set(HOME, { redirect: url })
      await world.crawl(HOME, { respectRobots: false, maxPages: 3 })
      expect(strangers(world), url).toEqual([])
      const robots = new SourceWorld()
      robots.web.set(`${HOME}robots.txt`, { redirect: url })
      await robots.crawl(HOME, { maxPages: 3 })
      expect(strangers(robots), url).toEqual([])
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
