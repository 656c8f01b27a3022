import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseHtml } from '../../../src/parsing/html.ts'
import { normaliseNewlines } from '../../../src/parsing/normalise.ts'

/** Each block as `kind: text`. */
function blocks(html: string): string[] {
  const { text, outline } = parseHtml(html)
  return outline.map(({ kind, level, start, end }) => `${kind}${level ?? ''}: ${text.slice(start, end)}`)
}

describe('parseHtml', () => {
  it('reads headings, paragraphs, lists, tables and code in order', () => {
    const html = `<html><head><title>Fares &amp; more</title><style>p { color: red }</style></head><body>
      <h1>Top  <b>thing</b></h1><p>One &eacute;<br>two&nbsp;three</p>
      <ul><li>a</li><li>b<ul><li>c</li></ul></li></ul>
      <table><tr><th>Name</th><th>Price</th></tr><tr><td>Adult</td><td><p>4</p></td></tr></table>
      <pre>
  code
    more
</pre></body></html>`
    expect(parseHtml(html).title).toBe('Fares & more')
    expect(parseHtml(html).text).toBe(
      'Top thing\n\nOne é\ntwo three\n\n- a\n- b\n  - c\n\nName\tPrice\nAdult\t4\n\n  code\n    more',
    )
    expect(blocks(html)).toEqual([
      'heading1: Top thing',
      'paragraph: One é\ntwo three',
      'list: - a\n- b\n  - c',
      'table: Name\tPrice\nAdult\t4',
      'code:   code\n    more',
    ])
  })

  it('drops scripts, navigation and footers, and everything outside main where there is one', () => {
    expect(parseHtml('<nav>Home</nav><script>alert("</p>")</script><p>Text</p><footer>Imprint</footer>').text).toBe(
      'Text',
    )
    expect(parseHtml('<header>Logo</header><main><p>Text</p></main><p>More</p>').text).toBe('Text')
  })

  it('reads a page that would be left empty with them', () => {
    expect(parseHtml('<nav>Home</nav>').text).toBe('Home')
    expect(parseHtml('<main></main><p>Text</p>').text).toBe('Text')
  })

  it('does not let an unclosed navigation swallow the page', () => {
    expect(parseHtml('<nav><a>Home<article><h2>T</h2>Text</article>').text).toBe('T\n\nText')
  })

  it('makes sense of missing and misplaced end tags', () => {
    expect(blocks('<p>one<p>two <b>bold<p>three</div></table></ul>four')).toEqual([
      'paragraph: one',
      'paragraph: two bold',
      'paragraph: three',
      'paragraph: four',
    ])
    expect(blocks('<ul><li>a<li>b<ul><li>c</ul><li><p>d</p><p>e</p></ul>')).toEqual(['list: - a\n- b\n  - c\n- d\n  e'])
    expect(blocks('<li>loose</li><p>after</p>')).toEqual(['list: - loose', 'paragraph: after'])
    expect(blocks('<table><tr><td>1<td>2<tr><td>3</table>')).toEqual(['table: 1\t2\n3'])
  })

  it('reads tables that lay out a page as the page', () => {
    const html =
      '<table><tr><td><h1>Title</h1><p>Text</p></td><td><table><tr><td>in</td></tr></table></td></tr></table>end'
    expect(blocks(html)).toEqual(['heading1: Title', 'paragraph: Text', 'paragraph: in', 'paragraph: end'])
  })

  it('keeps code as it stands', () => {
    expect(parseHtml('<pre><code>if (a &lt; b) {\n\treturn\n}</code></pre>').text).toBe('if (a < b) {\n\treturn\n}')
    expect(parseHtml('<ul><li>do<pre>x\n y</pre></li></ul>').text).toBe('- do\n  x\n y')
  })

  it('decodes what can be decoded and never makes NUL or lone surrogates', () => {
    const { text } = parseHtml('&lt;a&gt; &amp;amp; &#x1F600; &#0; &#xD800; &bogus; &copy')
    expect(text).toBe('<a> &amp; 😀 \ufffd \ufffd &bogus; ©')
  })

  it('parts terms from their definitions and lines at breaks', () => {
    expect(blocks('<dl><dt>Term<dd>Meaning</dl>')).toEqual(['paragraph: Term\nMeaning'])
    expect(parseHtml('<h2>Two<br>lines</h2>').text).toBe('Two lines')
  })

  it('reads plain text as it is, white space aside', () => {
    expect(parseHtml('just  text & no tags, 1 < 2').text).toBe('just text & no tags, 1 < 2')
    expect(parseHtml('')).toEqual({ text: '', outline: [] })
  })

  it('covers its text with an outline of trimmed, ascending blocks, whatever the input', () => {
    const part = fc.constantFrom(
      ...'<p> </p> <h1> </h1> <h3> <ul> <li> </li> </ul> <ol> <table> <tr> <td> <th> </td> </tr> </table> <pre> </pre> <br> <b> </b> <nav> </nav> <main> </main> <title> </title> <script> </script> <svg/> <dl> <dt> <dd> <div> </div> <!--x--> <!-- --> &lt; &#10; < > &'.split(
        ' ',
      ),
      'word',
      ' two words ',
      '\n',
      '  ',
      '😀',
    )
    fc.assert(
      fc.property(fc.array(part, { maxLength: 60 }), (parts) => {
        const { text, outline } = parseHtml(parts.join(''))
        let at = 0
        for (const { start, end } of outline) {
          expect(text.slice(at, start).trim()).toBe('')
          expect(end).toBeGreaterThan(start)
          expect(text.slice(start, end).trim()).not.toBe('')
          at = end
        }
        expect(at).toBe(text.length)
        expect(text).toBe(text.trimEnd())
        expect(text.isWellFormed()).toBe(true)
      }),
      { seed: 20_260_701, numRuns: 1_000 },
    )
  })

  it.each([
    '<div>',
    '<ul><li>',
    '<table><tr><td>',
    '<b></i>',
    '<!--',
    '<script>',
    '<title>x',
    '<pre>a<br>',
    '&lt',
    '<',
    '<a x=1 ',
  ])('ends on a hostile repetition of %j', (unit) => {
    const html = unit.repeat(Math.floor(500_000 / unit.length))
    expect(parseHtml(`<p>begin</p>${html}`).text.startsWith('begin')).toBe(true)
  })
})

describe('normaliseNewlines', () => {
  it('turns CRLF and CR into LF and changes nothing else', () => {
    expect(normaliseNewlines('a\r\nb\rc\n\r\n\u2028\td ')).toBe('a\nb\nc\n\n\u2028\td ')
  })
})
