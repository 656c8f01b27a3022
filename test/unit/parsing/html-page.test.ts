/** Pages of sites: the fixture library, what is left out around the content, and what the head says. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseHtmlPage, readPage } from '../../../src/parsing/html-page.ts'
import { mainContent } from '../../../src/parsing/html/main-content.ts'
import { drained } from '../../../src/parsing/html/pieces.ts'
import { expectEntry } from '../../support/library/expect-entry.ts'
import { entries } from '../../support/library/pages.ts'

const contentOf = (html: string): string => drained(mainContent(html, Number.POSITIVE_INFINITY))

describe('a page', () => {
  it.each(entries.filter(({ name }) => name !== 'windows-1252.html').map((entry) => [entry.name, entry] as const))(
    'of the library: %s',
    async (_, entry) => {
      await expectEntry(entry, parseHtmlPage, 'html')
    },
  )

  it('has the title of its sharing card, else of its head, else its first heading', () => {
    const heading = '<h1>Of <i>fish</i></h1><p>text</p>'
    expect(readPage(`<meta property=og:title content=Card><title>Head</title>${heading}`).title).toBe('Card')
    expect(readPage(`<title>Head</title>${heading}`).title).toBe('Head')
    expect(readPage(heading).title).toBe('Of fish')
    expect(readPage('<p>text</p>').title).toBeUndefined()
  })

  it('has its own address against the place where it was found, or its base', () => {
    const link = '<link rel="canonical" href="/herring?a=1">'
    expect(readPage(link).canonicalUrl).toBeUndefined()
    expect(readPage(link, 'https://a.example/x/y').canonicalUrl).toBe('https://a.example/herring?a=1')
    expect(readPage(`<base href="https://b.example/">${link}`, 'https://a.example/x').canonicalUrl).toBe(
      'https://b.example/herring?a=1',
    )
  })

  it('has a description of a length that a person reads', () => {
    const { description = '' } = readPage(`<meta name=description content="${'word '.repeat(500)}">`)
    expect(description.length).toBeLessThanOrEqual(1_001)
    expect(description).toMatch(/ word…$/)
  })
})

describe('what stands around the content', () => {
  it.each([
    ['<div role=navigation>x</div>'],
    ['<div role="dialog">x</div>'],
    ['<section aria-hidden=TRUE>x</section>'],
    ['<div style="color: red; DISPLAY:none">x</div>'],
    ['<div class="a GDPR_notice">x<div>x</div>x</div>'],
    ['<div id=onetrust-consent-sdk>x</div>'],
    ['<aside>x<aside>x</aside>x</aside>'],
  ])('is left out: %s', (part) => {
    expect(contentOf(`<p>a</p>${part}<p>b</p>`)).toBe('<p>a</p> <p>b</p>')
  })

  it.each([
    ['<body class="cookie-banner-open"><p>a</p></body>'],
    ['<div hidden=until-found><p>a</p></div>'],
    ['<div hidden><main>a</main></div>'],
    ['<aside><h1>a</h1></aside>'],
    ['<aside>a'],
    ['<p class=cookies>a</p>'],
    ['<article>a</article><article>b</article>'],
  ])('is not left out: %s', (part) => {
    expect(contentOf(part)).toBe(part)
  })

  it('never adds anything and never throws', () => {
    const piece = fc.constantFrom(
      '<aside>',
      '</aside>',
      '<article>',
      '</article>',
      '<main>',
      '</main>',
      '<div hidden>',
      '</div>',
      'w',
      '<br/>',
      '<!--',
      '-->',
      '<script>',
      '</script>',
      '<p',
      '"',
      '&amp;',
    )
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const html = pieces.join('')
        const content = contentOf(html)
        expect(content.length).toBeLessThanOrEqual(html.length + 2 * pieces.length)
        expect(readPage(html).text.split('w').length).toBeLessThanOrEqual(html.split('w').length)
      }),
    )
  })
})
