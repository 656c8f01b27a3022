/** What `robots.txt` and sitemaps say, hostile ones included. */
import { gzipSync } from 'node:zlib'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readPageLinks } from '../../../src/sources/crawl/page-links.ts'
import { RobotsRules, relevantRules } from '../../../src/sources/crawl/robots-rules.ts'
import { readSitemap } from '../../../src/sources/crawl/sitemap.ts'
import { CrawlScope } from '../../../src/sources/crawl/crawl-scope.ts'
import { MatchBudget, matchedAddress, patternFault, UrlPattern } from '../../../src/sources/crawl/url-patterns.ts'
import { nextRunMs } from '../../../src/sources/schedule.ts'
import { scheduleFault, prefixFault } from '../../../src/sources/source-faults.ts'
import { crawlOf, SourceWorld } from '../../support/source-world.ts'

const HOME = 'https://site.example/'
const bytes = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text) as Uint8Array<ArrayBuffer>
const mayFetch = (robots: string, path: string): boolean =>
  new RobotsRules('https://site.example', relevantRules(robots)).mayFetch(`https://site.example${path}`)

describe('robots.txt', () => {
  it.each([
    ['', '/a', true],
    ['User-agent: *\nDisallow:', '/a', true],
    ['User-agent: *\nDisallow: /', '/a', false],
    ['user-agent: *\ndisallow: /a # why\n', '/ab', false],
    ['\uFEFFUser-agent: *\r\nDisallow: /a\r\n', '/a', false],
    ['User-agent: *\rDisallow: /a\r', '/a', false],
    ['User-agent: *\nDisallow: /a\nAllow: /a/b', '/a/b', true],
    ['User-agent: *\nDisallow: /*.pdf$', '/x/y.pdf', false],
    ['User-agent: *\nDisallow: /*.pdf$', '/x/y.pdf?z', true],
    ['User-agent: *\nDisallow: /a%3cb', '/a%3Cb', false],
    ['User-agent: *\nDisallow: /caf\u00e9', '/caf%C3%A9', false],
    // The group that names the crawler counts, and not the others.
    ['User-agent: *\nDisallow: /\n\nUser-agent: nearfield-crawler\nAllow: /', '/a', true],
    ['User-agent: Nearfield-Crawler/2.0\nDisallow: /a\nUser-agent: *\nDisallow: /b', '/b', true],
    ['User-agent: other\nUser-agent: Nearfield-Crawler\nDisallow: /a', '/a', false],
    ['User-agent: other\nUser-agent: more\nDisallow: /a', '/a', true],
    ['User-agent: *\nDisallow: /a\nUser-agent: other\nDisallow: /b', '/b', true],
    ['User-agent: *\nSitemap: https://site.example/s.xml\nDisallow: /a', '/a', false],
    ['Disallow: /a', '/a', true],
    ['<html>not found</html>', '/a', true],
  ])('%j lets %s be read: %s', (robots, path, isAllowed) => {
    expect(mayFetch(robots, path)).toBe(isAllowed)
  })

  it('does no harm with many groups, many rules or many stars', () => {
    const agents = Array.from({ length: 20_000 }, (_, i) => `User-agent: a${i}\n`).join('')
    const rules = Array.from({ length: 20_000 }, (_, i) => `Disallow: /r${i}\n`).join('')
    expect(relevantRules(agents + rules)).toBe('user-agent: another')
    expect(mayFetch(`${agents}User-agent: *\n${rules}`, '/r7')).toBe(false)
    const stars = `User-agent: *\nDisallow: /${'*a'.repeat(1_000)}b\nDisallow: /${'*'.repeat(2_000)}c\n`.repeat(100)
    expect(mayFetch(stars, `/${'a'.repeat(2_000)}`)).toBe(true)
  })
})

describe('a sitemap', () => {
  const urlset = (locations: readonly string[]): string =>
    `<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">${locations
      .map((location) => `<url><loc> ${location}\n</loc><lastmod>2026-01-01</lastmod></url>`)
      .join('')}</urlset>`

  it.each([
    ['as XML', bytes(urlset([`${HOME}a`, `${HOME}b?c=1&amp;d=2`]))],
    ['compressed', new Uint8Array(gzipSync(urlset([`${HOME}a`, `${HOME}b?c=1&amp;d=2`])))],
    ['as lines', bytes(`${HOME}a\r\n\n${HOME}b?c=1&d=2`)],
    [
      'with prefixes',
      bytes(
        `<s:urlset><s:url><s:loc>${HOME}a</s:loc></s:url><s:url><s:loc>${HOME}b?c=1&amp;d=2</s:loc></s:url></s:urlset>`,
      ),
    ],
    [
      'with pictures',
      bytes(
        `<urlset><url><loc>${HOME}a</loc><image:image><image:loc>${HOME}x.png</image:loc></image:image></url><url><loc><![CDATA[${HOME}b?c=1&d=2]]></loc></url></urlset>`,
      ),
    ],
  ])('is read %s', async (_, body) => {
    expect(await readSitemap(body)).toEqual({ pages: [`${HOME}a`, `${HOME}b?c=1&d=2`], sitemaps: [], isWhole: true })
  })

  it('may name other sitemaps', async () => {
    const body = `<sitemapindex><sitemap><loc>${HOME}1.xml</loc></sitemap></sitemapindex>`
    expect(await readSitemap(bytes(body))).toEqual({ pages: [], sitemaps: [`${HOME}1.xml`], isWhole: true })
  })

  it.each([
    ['a page', '<html><body>none</body></html>'],
    ['nothing', ''],
    ['some text', 'words and no address'],
    ['a feed', '<rss><channel><item><link>https://site.example/</link></item></channel></rss>'],
    ['deep XML', `<urlset>${'<a>'.repeat(100_000)}`],
    ['a tag of many attributes', `<urlset><url ${Array.from({ length: 100_000 }, (_, i) => `a${i}="x"`).join(' ')}>`],
  ])('is not what is %s', async (_, body) => {
    expect(await readSitemap(bytes(body))).toBeUndefined()
  })

  it('that is broken off where it is compressed is none', async () => {
    expect(await readSitemap(new Uint8Array(gzipSync(urlset([`${HOME}a`])).subarray(0, 40)))).toBeUndefined()
  })

  it('does not expand the entities that it defines', async () => {
    const lol = Array.from({ length: 9 }, (_, i) => `<!ENTITY l${i + 1} "${`&l${i};`.repeat(10)}">`).join('')
    const bomb = `<?xml version="1.0"?><!DOCTYPE x [<!ENTITY l0 "lol">${lol}]><urlset><url><loc>&l9;</loc></url></urlset>`
    expect((await readSitemap(bytes(bomb)))?.pages).toEqual(['&l9;'])
  })

  it('is cut where it has more entries or bytes than it may', async () => {
    const many = await readSitemap(bytes(urlset(Array.from({ length: 50_001 }, (_, i) => `${HOME}${i}`))))
    expect(many).toMatchObject({ isWhole: false })
    expect(many?.pages).toHaveLength(50_000)
    const padded = `${urlset([`${HOME}a`]).replace('</urlset>', '')}${' '.repeat(51_000_000)}</urlset>`
    expect(await readSitemap(new Uint8Array(gzipSync(padded)))).toEqual({
      pages: [`${HOME}a`],
      sitemaps: [],
      isWhole: false,
    })
  })

  it('tells a crawl which pages to read, and nothing of their links', async () => {
    const world = new SourceWorld()
    world.web.set(`${HOME}sitemap.xml`, {
      mediaType: 'application/xml',
      body: `<sitemapindex><sitemap><loc>${HOME}1.xml</loc></sitemap><sitemap><loc>https://other.example/2.xml</loc></sitemap></sitemapindex>`,
    })
    world.web.set(`${HOME}1.xml`, {
      mediaType: 'application/xml',
      body: urlset([`${HOME}a`, `${HOME}b`, 'https://other.example/c']),
    })
    world.html(`${HOME}a`, ['/d'])
    world.html(`${HOME}b`)
    world.html(`${HOME}d`)
    const { sourceId } = await world.save({ ...crawlOf(`${HOME}sitemap.xml`), from: 'sitemap' })
    await world.pass()
    expect(world.documents).toEqual([`${HOME}a`, `${HOME}b`])
    expect(world.source(sourceId).lastRun).not.toHaveProperty('gap')
    expect(world.requests.some(({ url }) => url.includes('other.example'))).toBe(false)
  })

  it.each([
    [
      'names sitemaps that name sitemaps',
      `<sitemapindex><sitemap><loc>${HOME}2.xml</loc></sitemap></sitemapindex>`,
      'limit',
    ],
    ['is none', '<html></html>', 'unreachable'],
  ])('that %s is said to be seen in part', async (_, second, gap) => {
    const world = new SourceWorld()
    const index = `<sitemapindex><sitemap><loc>${HOME}1.xml</loc></sitemap></sitemapindex>`
    world.web.set(`${HOME}sitemap.xml`, { mediaType: 'text/xml', body: index })
    world.web.set(`${HOME}1.xml`, { mediaType: 'text/xml', body: second })
    const { sourceId } = await world.save({ ...crawlOf(`${HOME}sitemap.xml`), from: 'sitemap' })
    await world.pass()
    expect(world.source(sourceId).lastRun).toMatchObject({ gap })
  })
})

describe('the links of a page', () => {
  it('are those that people follow', () => {
    const page = `<base href="/docs/"><base href="/x/"><a href=a>1</a><A HREF='b?x=1&amp;y=2#z'>2</A><area href="//site.example/c">
      <a rel="nofollow" href=d>3</a><a href="mailto:x@y.example">4</a><a href="javascript:void(0)">5</a><a>6</a>
      <!-- <a href=e> --><script>"<a href=f>"</script><link rel=stylesheet href=g><img src=h><a href="">7</a>`
    expect(readPageLinks(bytes(page), HOME).links).toEqual([`${HOME}docs/a`, `${HOME}docs/b?x=1&y=2`, `${HOME}c`])
  })

  it('are read of pages in UTF-16', () => {
    const text = '\uFEFF<a href="/a">x</a>'
    const little = new Uint8Array(Uint16Array.from(Array.from(text, (character) => character.charCodeAt(0))).buffer)
    const big = little.map((_, i) => little[i ^ 1] ?? 0)
    for (const body of [little, big]) expect(readPageLinks(body, HOME).links).toEqual([`${HOME}a`])
  })

  it('are not resolved against a base that is longer than any address, nor without end', () => {
    const base = `<base href="https://site.example/${'x'.repeat(1_000_000)}">`
    const page = `${base}${'<a href="q">'.repeat(300_000)}<a href="${HOME}last">`
    expect(readPageLinks(bytes(page), HOME).links).toEqual([`${HOME}q`])
  })

  it('do no harm where tags are unclosed, nested or many', () => {
    const nested = `${'<b>'.repeat(200_000)}${'</i>'.repeat(200_000)}<a href="/a">`
    expect(readPageLinks(bytes(nested), HOME).links).toEqual([`${HOME}a`])
    const many = Array.from({ length: 5_000 }, (_, i) => `<a href="/${i}">`).join('')
    expect(readPageLinks(bytes(many), HOME).links).toHaveLength(2_000)
  })
})

describe('a pattern', () => {
  it.each([
    ['/docs/**', '/docs/a/b', true],
    ['/docs/**', '/docs', false],
    ['/docs/*', '/docs/a/b', false],
    ['/docs/*', '/docs/', true],
    ['/*/b', '/a/b', true],
    ['/**/b', '/a/c/b', true],
    ['/a?x=*', '/a?x=1', true],
    ['/a', '/a?x=1', false],
    ['/**.pdf', '/x/y.pdf', true],
    ['/a.c', '/abc', false],
    ['https://www.site.example/a', '/a', true],
    ['https://other.example/**', '/a', false],
    [`/${'**a'.repeat(60)}`, `/${'a'.repeat(2_000)}b`, false],
  ])('%s matches %s: %s', (pattern, path, matches) => {
    expect(patternFault(pattern)).toBeUndefined()
    const address = matchedAddress(new URL(path, HOME).href)
    expect(new UrlPattern(pattern).matches(address, new MatchBudget(1e9))).toBe(matches)
  })

  it('matches what an expression of the same meaning does', () => {
    const part = fc.constantFrom('a', 'b', '/', '*', '**', '***')
    const parts = (of: fc.Arbitrary<string>) => fc.array(of, { maxLength: 8 }).map((all) => `/${all.join('')}`)
    fc.assert(
      fc.property(parts(part), parts(fc.constantFrom('a', 'b', '/')), (pattern, path) => {
        const meaning = pattern.replaceAll(/\*+/g, (stars) => (stars.length > 1 ? '.*' : '[^/]*'))
        const isMatched = new UrlPattern(pattern).matches({ site: '', path }, new MatchBudget(1e9))
        expect(isMatched).toBe(new RegExp(`^${meaning}$`).test(path))
      }),
      { numRuns: 5_000 },
    )
  })

  it('ends a step in which too much is compared, and lets nothing more in', () => {
    const scope = new CrawlScope({ start: HOME, include: [`/${'**a'.repeat(60)}`], exclude: [] }, 50_000)
    const long = `${HOME}${'a'.repeat(2_000)}`
    expect([scope.covers(long), scope.isSpent]).toEqual([false, true])
    expect(scope.covers(`${HOME}${'a'.repeat(60)}`)).toBe(false)
    const fresh = new CrawlScope({ start: HOME, include: [`/${'**a'.repeat(60)}`], exclude: [] })
    expect([fresh.covers(long), fresh.isSpent]).toEqual([true, false])
  })

  it.each(['', 'docs/**', '*', 'https://*.example/**', 'https://site.example', 'ftp://site.example/'])(
    'is not %j',
    (pattern) => expect(patternFault(pattern)).toBeDefined(),
  )
})

describe('a schedule', () => {
  const from = Date.UTC(2026, 0, 31, 12)
  it.each([
    ['30 * * * *', Date.UTC(2026, 0, 31, 12, 30)],
    ['0 3 * * *', Date.UTC(2026, 1, 1, 3)],
    ['5 4 * * MON', Date.UTC(2026, 1, 2, 4, 5)],
    ['0 0 29 2 *', Date.UTC(2028, 1, 29)],
    ['0 */6 1-7,15 * *', Date.UTC(2026, 1, 1)],
  ])('%s is next due then', (schedule, dueMs) => {
    expect(scheduleFault(schedule)).toBeUndefined()
    expect(nextRunMs(schedule, from)).toBe(dueMs)
  })

  it.each([
    '',
    '* * * * *',
    '*/5 * * * *',
    '0,30 * * * *',
    '0-1 * * * *',
    '60 * * * *',
    '0 24 * * *',
    '0 0 30 2 *',
    '@hourly',
  ])('is not %j', (schedule) => expect(scheduleFault(schedule)).toBeDefined())
  it.each(['0 0 0 * * *', '0 0 L * *', '0 0 * * 1#2', '0 x * * *'])(
    'is not %j, which only some crons know',
    (schedule) => expect(scheduleFault(schedule)).toBeDefined(),
  )
})

describe('a prefix of the inbox', () => {
  it('ends in a slash, or is none', () => {
    for (const prefix of ['', 'a/', 'a b/ç/']) expect(prefixFault(prefix), prefix).toBeUndefined()
    for (const prefix of ['a', '/', '/a/', 'a\u0000/', '\ud800/', `${'a'.repeat(512)}/`]) {
      expect(prefixFault(prefix), prefix).toBeDefined()
    }
  })
})
