/** Pages of sites, for the fixture library: what stands around the content, what the head says, and what is broken. */
import type { LibraryEntry } from './library-entry.ts'

const NAVIGATION = '<nav><a href="/">Start</a></nav>'

const page = (head: string, body: string, attributes = ''): Buffer =>
  Buffer.from(
    `<!doctype html>\n<html${attributes}><head><meta charset="utf-8">${head}</head><body>${body}</body></html>`,
  )

const html = (name: string, bytes: LibraryEntry['bytes'], document: Document): LibraryEntry => ({
  name,
  bytes,
  expect: { format: 'html', documents: [{ key: '', ...document }], count: 1 },
})
type Document = Extract<LibraryEntry['expect'], { documents: unknown }>['documents'][number]

export const entries: readonly LibraryEntry[] = [
  html(
    'article.html',
    () =>
      page(
        `<title>Herring | The Harbour</title><meta property="og:title" content="Herring &amp; chips">
         <link rel="canonical" href="https://harbour.example/herring#top"><meta name="description" content="How it is  fried.">`,
        `${NAVIGATION}<header role="banner">Top of all pages</header>
         <div id="cookie-banner"><p>We use cookies.</p><div>Accept</div></div>
         <article><h1>Herring</h1><p>Fry it in butter.</p><aside>Also read: cod</aside><p>Serve it hot.</p></article>
         <div role="complementary">Adverts</div><p hidden>Hidden words</p><footer>Imprint</footer>`,
        ' lang="en-GB"',
      ),
    {
      title: 'Herring & chips',
      url: 'https://harbour.example/herring#top',
      language: 'en-GB',
      metadata: { description: 'How it is fried.' },
      contains: ['Herring\n\nFry it in butter.\n\nServe it hot.'],
      lacks: ['Start', 'Top of all pages', 'cookies', 'Also read', 'Adverts', 'Hidden', 'Imprint'],
    },
  ),
  html(
    'main.html',
    () =>
      page(
        '<title>สวัสดี</title>',
        `${NAVIGATION}<p>Before</p><main><h2>ท่าเรือ</h2><p>สวัสดีครับ</p></main><p>After</p>`,
        ' lang="th"',
      ),
    {
      title: 'สวัสดี',
      language: 'th',
      contains: ['ท่าเรือ', 'สวัสดีครับ'],
      lacks: ['Before', 'After', 'Start'],
    },
  ),
  html('biscuits.html', () => page('', '<div class="cookie-recipe"><h1>Cookies</h1><p>Butter and sugar.</p></div>'), {
    title: 'Cookies',
    contains: ['Cookies', 'Butter and sugar.'],
  }),
  html(
    'unclosed-aside.html',
    () => page('<title>Open</title>', '<aside>Beside<p>All that there is to read on this page.</p>'),
    {
      title: 'Open',
      contains: ['All that there is to read'],
    },
  ),
  html(
    'all-hidden.html',
    () => page('<title>App</title>', '<div style="display: none"><p>Shown by a script.</p></div>'),
    {
      contains: ['Shown by a script.'],
    },
  ),
  html(
    'bad-canonical.html',
    () => page('<title>x</title><link rel="canonical" href="javascript:alert(1)">', '<p>Words</p>'),
    { contains: ['Words'] },
  ),
  html(
    'windows-1252.html',
    () =>
      Buffer.from(
        '<!doctype html><html lang=de><head><meta charset="windows-1252"><title>Straßenfest</title></head><body><p>Grüße aus Köln für 5 \x80</p></body></html>',
        'latin1',
      ),
    { title: 'Straßenfest', contains: ['Grüße aus Köln für 5 €'] },
  ),
  {
    name: 'empty-page.html',
    bytes: () => page('<title>Nothing</title>', '<script>render()</script>'),
    expect: { code: 'no_text' },
  },
]
