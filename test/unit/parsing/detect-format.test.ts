import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { detectFormat, DETECTION_BYTES, whyUnsupported } from '../../../src/parsing/detect-format.ts'
import { zipOf } from '../../support/library/zip-head.ts'

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)
const latin1 = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0))
const formatOf = (text: string, name: string): string | undefined => detectFormat(utf8(text), name)?.format

const HTML = '<!doctype html><html><head><title>T</title></head><body><p>Hello</p></body></html>'
const PROSE = 'The library opens at nine, and closes at five.\nOn Thursdays, it closes at eight.\n'
const MAIL =
  'Received: from a by b\nFrom: Anna <anna@example.com>\nTo: ben@example.com\nSubject: Hours\nDate: Mon, 1 Jan 2024 10:00:00 +0000\n\nHello\n'

describe('the format of a file', () => {
  it.each([
    ['a page under the name of a PDF', HTML, 'report.pdf', 'html'],
    ['a page with a comment first', `<!-- saved -->\n\n${HTML}`, 'page', 'html'],
    [
      'a page as XML',
      `<?xml version="1.0"?>\n<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "x">\n<html/>`,
      'a.xml',
      'html',
    ],
    ['a fragment of a page', '<div><p>one</p><p>two</p></div>', 'part.html', 'html'],
    ['a fragment without a name', '<div><p>one</p><p>two</p></div>', 'part', 'html'],
    [
      'markdown that begins with an element',
      '<p align="center"><img src="a.png"></p>\n\n# Title\n',
      'README.md',
      'markdown',
    ],
    ['a page under the name of a text', HTML, 'page.txt', 'html'],
    ['a feed', '<?xml version="1.0"?><rss><channel/></rss>', 'feed', 'code'],
    ['source code that holds tags', '<?php echo "<html>"; ?>', 'index.php', 'code'],
    ['source code that begins with a bracket', '[profile]\nname = "a"\n', 'Cargo.toml', 'code'],
    ['a component', '<template><p>a</p><p>b</p><p>c</p></template>', 'a.vue', 'code'],
    ['prose', PROSE.repeat(20), 'notes.txt', 'text'],
    ['prose without an ending', PROSE.repeat(20), 'notes', 'text'],
    ['a link that begins a text', '[see](https://a.example) and more\n', 'notes.txt', 'text'],
    ['a footnote that begins a text', '[1] As the author says.\n[2] Also.\n', 'notes.txt', 'text'],
    ['a script in braces', '{ foo: 1 }\n', 'notes.txt', 'text'],
    ['markdown in a text', '# Title\n\n- one\n- two\n\n## More\n\n[link](https://a.example)\n', 'notes', 'markdown'],
    ['comments in a script', '# a comment\n# another\nkey = value\n', 'settings.txt', 'text'],
    ['front matter', '---\ntitle: a\n---\ntext\n', 'post', 'markdown'],
    ['a mail', MAIL, 'saved.txt', 'eml'],
    ['a mail under its name', 'From: a@example.com\n\nhi\n', 'a.eml', 'eml'],
    ['a folder of mails', `From anna@example.com Mon Jan  1 10:00:00 2024\n${MAIL}`, 'Inbox', 'mbox'],
    [
      'a letter that begins with From',
      'From the desk of the director, in 2024\n\nDear reader,\n',
      'letter.txt',
      'text',
    ],
    ['lines that look like headers', 'Name: Anna\nCity: Rome\n\nmore\n', 'card.txt', 'text'],
    ['subtitles', '1\n00:00:01,000 --> 00:00:02,000\nHello\n', 'talk.txt', 'srt'],
    ['captions', 'WEBVTT - talk\n\n00:01.000 --> 00:02.000\nHello\n', 'talk.srt', 'vtt'],
    ['a text about captions', 'WEBVTTs are captions\n', 'a.txt', 'text'],
    ['one object', '{"a": 1}', 'a', 'json'],
    ['one object on one line under its name', '{"a": 1}\n', 'a.jsonl', 'jsonl'],
    ['several objects', '{"a": 1}\n{"a": 2}\n', 'a.json', 'jsonl'],
    ['spread JSON under the name of lines', '{\n  "a": 1\n}\n', 'a.ndjson', 'json'],
    ['an array', '[\n  {"a": 1},\n  {"a": 2}\n]\n', 'a.txt', 'json'],
    ['JSON that is cut off', '{"a": [1, 2, {"b', 'a.txt', 'json'],
    ['a table of commas', 'a,b,c\n1,2,3\n', 'a.csv', 'csv'],
    ['a table of tabs under another name', 'a\tb\n1\t2\n', 'a.csv', 'tsv'],
    ['a table without a name', '1,2,3\n'.repeat(9), 'table', 'csv'],
    ['lists in prose', 'First, second, and third things happen here.\n'.repeat(9), 'prose', 'text'],
    ['a lone brace', '{', 'a.txt', 'text'],
    ['white space', ' \n ', 'a.txt', 'text'],
    ['white space under the name of a table', ' \n ', 'a.csv', 'csv'],
  ])('of %s is told', (_what, text, name, format) => {
    expect(formatOf(text, name)).toBe(format)
  })

  it.each([
    ['first', '%PDF-1.7\n1 0 obj\n'],
    ['behind a mail gateway’s lines', 'X-Junk: yes\r\n\r\n%PDF-1.4\n%âãÏÓ\n1 0 obj\n<<>>'],
  ])('is that of a PDF whose header stands %s', (_where, text) => {
    expect(detectFormat(latin1(text), 'a.txt')).toEqual({ format: 'pdf' })
  })

  it.each([
    ['docx', ['[Content_Types].xml', '_rels/.rels', 'word/document.xml'], 'a.zip'],
    ['xlsx', ['[Content_Types].xml', 'xl/workbook.xml'], 'a.docx'],
    ['pptx', ['ppt/presentation.xml'], 'a'],
    ['pptx', ['[Content_Types].xml', '_rels/.rels'], 'a.pptx'],
    ['epub', ['META-INF/container.xml', 'a.xhtml'], 'a.zip'],
    ['zip', ['a.txt', 'b/c.md'], 'a.docx'],
    ['zip', ['[Content_Types].xml'], 'a.bin'],
  ])('is %s for a zip file that begins with %j', (format, names, name) => {
    expect(detectFormat(zipOf(names), name)).toEqual({ format })
  })

  it('is told for a book by its type', () => {
    expect(detectFormat(zipOf(['mimetype'], 'application/epub+zip'), 'a.zip')).toEqual({ format: 'epub' })
    expect(detectFormat(zipOf(['mimetype'], 'application/vnd.oasis.opendocument.text'), 'a.odt')).toBeUndefined()
  })

  it.each([
    ['a PNG picture', '\u0089PNG\r\n'],
    ['a gzip archive', '\u001f\u008b\b\0'],
    ['a Windows program', `MZ${'\0'.repeat(60)}`],
    ['an old office document', 'ÐÏ\u0011à¡±\u001aá'],
    ['a RAR archive', 'Rar!\u001a\u0007\u0001\0'],
    ['an RTF document', '{\\rtf1 a}'],
    ['a picture, video or audio recording', '\0\0\0\u0018ftypmp42'],
  ])('is none for %s, and the reason names it', (kind, bytes) => {
    expect(detectFormat(latin1(bytes), 'a.txt')).toBeUndefined()
    expect(whyUnsupported(latin1(bytes))).toContain(kind)
  })

  it('is none for an unknown kind of bytes', () => {
    const bytes = Uint8Array.from({ length: 300 }, (_, i) => (i * 97) % 32)
    expect(detectFormat(bytes, 'a.txt')).toBeUndefined()
    expect(whyUnsupported(bytes)).toBe('the file is of a kind that is not read')
  })

  it('is that of a text for words that only begin like a picture', () => {
    expect(formatOf('BMW is a make of cars.\n', 'a.txt')).toBe('text')
    expect(formatOf('MZ stands for Mark Zbikowski.\n', 'a.txt')).toBe('text')
  })

  it('is told of a head that ends in the middle of a character', () => {
    const head = utf8(`a${'書'.repeat(DETECTION_BYTES)}`).subarray(0, DETECTION_BYTES)
    expect(detectFormat(head, 'a.txt')).toEqual({ format: 'text', encoding: 'utf-8' })
  })

  it('never throws, whatever the bytes are', () => {
    const start = fc.constantFrom(
      '',
      '%PDF-',
      'PK\u0003\u0004',
      '<',
      '{',
      '[',
      'From ',
      '---\n',
      'a,b\n',
      '"',
      '\u00ff\u00fe',
      '\u001b$B',
    )
    fc.assert(
      fc.property(
        start,
        fc.uint8Array({ maxLength: 200 }),
        fc.constantFrom('a', 'a.csv', 'a.json', 'a.html', 'a.md'),
        (prefix, bytes, name) => {
          const detected = detectFormat(new Uint8Array([...latin1(prefix), ...bytes]), name)
          if (detected?.encoding !== undefined) expect(() => new TextDecoder(detected.encoding)).not.toThrow()
        },
      ),
      { numRuns: 2_000 },
    )
  })
})
