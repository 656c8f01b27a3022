/** Tables and record files: csv, tsv, json and JSON lines as programs write them, and as they break or bomb. */
import { encodeText } from './encode-text.ts'
import type { LibraryEntry } from './library-entry.ts'

const utf8 = (text: string) => () => new TextEncoder().encode(text)

const BOOKS =
  'id,title,author,year,summary\n1,Momo,Michael Ende,1973,"A girl listens, and men in grey steal time."\n2,Kokoro,夏目漱石,1914,"先生と私。\n二行目。"\n3,Faust,Goethe,1808,"He said ""stay""."\n'

export const entries: readonly LibraryEntry[] = [
  {
    name: 'books.csv',
    bytes: utf8(BOOKS),
    expect: {
      format: 'csv',
      documents: [
        {
          key: '',
          contains: [
            'id: 1; title: Momo; author: Michael Ende; year: 1973; summary: A girl listens, and men',
            '\nid: 2; title: Kokoro',
            '先生と私。 二行目。',
            'He said "stay".',
          ],
          locations: [
            { text: 'Momo', location: { row: 2 } },
            { text: 'Faust', location: { row: 4 } },
          ],
        },
      ],
      count: 1,
    },
  },
  {
    name: 'books-as-rows.csv',
    bytes: utf8(BOOKS),
    options: {
      documents: 'rows',
      mapping: { id: 'id', title: 'title', text: ['summary', 'author'], metadata: ['year', 'author'] },
    },
    expect: {
      format: 'csv',
      documents: [
        {
          key: 'rows/2',
          id: '1',
          title: 'Momo',
          contains: ['A girl listens, and men in grey steal time.\nMichael Ende'],
          locations: [{ text: 'A girl', location: { row: 2 } }],
          metadata: { year: 1973, author: 'Michael Ende' },
        },
        { key: 'rows/3', id: '2', title: 'Kokoro', contains: ['先生と私。\n二行目。'] },
        { key: 'rows/4', id: '3', title: 'Faust', contains: ['He said "stay".'] },
      ],
      count: 3,
    },
  },
  {
    name: 'rows-without-mapping.csv',
    bytes: utf8('name;city\nAnna;Köln\nBen;\n\n;\nCem;İzmir\n'),
    options: { documents: 'rows' },
    expect: {
      format: 'csv',
      documents: [
        { key: 'rows/2', contains: ['name: Anna; city: Köln'] },
        { key: 'rows/3', contains: ['name: Ben'], lacks: ['city'] },
        { key: 'rows/6', contains: ['name: Cem; city: İzmir'] },
      ],
      count: 3,
    },
  },
  {
    name: 'german-excel.csv',
    note: 'semicolons, Windows encoding, and the line by which Excel tells itself',
    bytes: () =>
      encodeText('sep=;\r\nArtikel;Größe;Preis\r\nTürschloss;klein;12,50\r\nSchlüssel;groß;3,00\r\n', 'windows-1252'),
    expect: {
      format: 'csv',
      documents: [
        {
          contains: ['Artikel: Türschloss; Größe: klein; Preis: 12,50', 'Schlüssel'],
          lacks: ['sep='],
          locations: [{ text: 'Schlüssel', location: { row: 4 } }],
        },
      ],
    },
  },
  {
    name: 'japanese.csv',
    bytes: () => encodeText('番号,書名,著者\n1,こころ,夏目漱石\n2,雪国,川端康成\n3,羅生門,芥川龍之介\n', 'shift_jis'),
    expect: { format: 'csv', documents: [{ contains: ['番号: 1; 書名: こころ; 著者: 夏目漱石', '雪国'] }] },
  },
  {
    name: 'stock.tsv',
    bytes: utf8('article\tplace\tcount\nlamp\tshelf 3\t12\nchair\tcellar\t4\n'),
    expect: {
      format: 'tsv',
      documents: [
        {
          contains: ['article: lamp; place: shelf 3; count: 12'],
          locations: [{ text: 'chair', location: { row: 3 } }],
        },
      ],
    },
  },
  {
    name: 'export.txt',
    note: 'a table under the name of a text',
    bytes: utf8(`name\tcity\n${Array.from({ length: 8 }, (_, i) => `reader ${i}\tcity ${i}`).join('\n')}\n`),
    expect: { format: 'tsv', documents: [{ contains: ['name: reader 0; city: city 0'] }] },
  },
  {
    name: 'without-header.csv',
    bytes: utf8('1,2024-01-01,lamp\n2,2024-01-02,chair\n'),
    expect: { format: 'csv', documents: [{ contains: ['Column 1: 1; Column 2: 2024-01-01; Column 3: lamp'] }] },
  },
  {
    name: 'ragged.csv',
    bytes: utf8('\ufeffa,b,a\n1,2\n1,2,3,4\n"x"y,"",z\n'),
    expect: {
      format: 'csv',
      documents: [{ contains: ['a: 1; b: 2\n', 'a: 1; b: 2; a (2): 3; Column 4: 4', 'a: xy; a (2): z'] }],
    },
  },
  {
    name: 'one-column.csv',
    bytes: utf8('city\nParis\nRome\n'),
    expect: { format: 'csv', documents: [{ contains: ['city: Paris\ncity: Rome'] }] },
  },
  {
    name: 'many-rows.csv',
    note: 'more than one part',
    bytes: utf8(
      `number,sentence\n${Array.from({ length: 40_000 }, (_, i) => `${i},The lamp on shelf ${i} is lit.`).join('\n')}\n`,
    ),
    expect: {
      format: 'csv',
      documents: [
        { key: '', contains: ['number: 0; sentence: The lamp on shelf 0 is lit.'] },
        { key: 'part-2', contains: ['shelf 15000'], locations: [{ text: 'shelf 15000', location: { row: 15_002 } }] },
        { key: 'part-3', contains: ['shelf 39999'], locations: [{ text: 'shelf 39999', location: { row: 40_001 } }] },
      ],
      count: 3,
    },
  },
  {
    name: 'wrong-mapping.csv',
    bytes: utf8(BOOKS),
    options: { documents: 'rows', mapping: { text: ['abstract'] } },
    expect: { code: 'mapping_mismatch' },
  },
  { name: 'open-quote.csv', bytes: utf8('a,b\n1,"never closed\n2,3\n'), expect: { code: 'malformed_file' } },
  {
    name: 'quote-bomb.csv',
    note: 'a quote that nobody closes in 8 MB',
    bytes: utf8(`a,b\n1,"${'x,'.repeat(4_000_000)}\n`),
    expect: { code: 'record_too_large' },
  },
  {
    name: 'column-bomb.csv',
    note: 'a million columns',
    bytes: utf8(`${'a,'.repeat(1_000_000)}\n`),
    expect: { code: 'too_complex' },
  },
  {
    name: 'header-bomb.csv',
    note: 'long names above a million short rows',
    bytes: utf8(
      `${Array.from({ length: 1_000 }, (_, i) => `${'n'.repeat(190)}${i}`).join(',')}\n${`${'1,'.repeat(999)}1\n`.repeat(2_000)}`,
    ),
    expect: { code: 'too_complex' },
  },
  {
    name: 'row-bomb.csv',
    bytes: utf8(`a\n${'1\n'.repeat(100_001)}`),
    options: { documents: 'rows' },
    expect: { code: 'too_many_documents' },
  },
  { name: 'only-a-header.csv', bytes: utf8('a,b,c\n'), expect: { code: 'no_text' } },
  {
    name: 'article.json',
    bytes: utf8(
      '{"title": "Opening hours", "author": {"name": "Anna", "tags": ["a", "b"]}, "sections": [{"heading": "Mornings", "text": "From nine."}]}',
    ),
    expect: {
      format: 'json',
      documents: [
        {
          key: '',
          title: 'Opening hours',
          contains: [
            'author.name: Anna',
            'author.tags: a, b',
            'sections.1.heading: Mornings',
            'sections.1.text: From nine.',
          ],
        },
      ],
      count: 1,
    },
  },
  {
    name: 'people.json',
    bytes: utf8(`[\n  {"name": "Anna", "city": "Köln"},\n  {"name": "สมชาย", "city": "กรุงเทพ"}\n]\n`),
    expect: {
      format: 'json',
      documents: [
        {
          contains: ['name: Anna; city: Köln', 'name: สมชาย; city: กรุงเทพ'],
          locations: [{ text: 'สมชาย', location: { row: 2 } }],
        },
      ],
      count: 1,
    },
  },
  {
    name: 'wrapped.json',
    note: 'as interfaces answer lists',
    bytes: utf8(
      '{"total": 2, "data": [{"id": "a", "body": {"text": "first"}}, {"id": "b", "body": {"text": "second\\u0000"}}]}',
    ),
    options: { documents: 'rows', mapping: { id: 'id', text: ['body.text'], metadata: true } },
    expect: {
      format: 'json',
      documents: [
        { key: 'rows/1', id: 'a', contains: ['first'] },
        { key: 'rows/2', id: 'b', contains: ['second'] },
      ],
      count: 2,
    },
  },
  { name: 'broken.json', bytes: utf8('{"title": "cut off", "text": "in the mid'), expect: { code: 'malformed_file' } },
  { name: 'not.json', bytes: utf8('this is no JSON at all\n'), expect: { code: 'malformed_file' } },
  { name: 'broken-array.json', bytes: utf8('[{"a": 1}, {"a": 2]'), expect: { code: 'malformed_file' } },
  {
    name: 'deep.json',
    note: 'a bomb',
    bytes: utf8('['.repeat(100_000) + ']'.repeat(100_000)),
    expect: { code: 'too_complex' },
  },
  {
    name: 'deep-object.json',
    bytes: utf8(`${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}`),
    expect: { code: 'too_complex' },
  },
  {
    name: 'wide.json',
    note: 'millions of empty lists',
    bytes: utf8(`{"a":[${'[],'.repeat(3_000_000)}[]]}`),
    expect: { code: 'too_complex' },
  },
  {
    name: 'path-bomb.json',
    note: 'a long name above very many short values',
    bytes: utf8(`{"${'n'.repeat(100_000)}":{${Array.from({ length: 100_000 }, (_, i) => `"${i}":1`).join(',')}}}`),
    expect: { code: 'too_complex' },
  },
  {
    name: 'long-element.json',
    bytes: utf8(`[{"a":"${'x'.repeat(2_000_000)}"}]`),
    expect: { code: 'record_too_large' },
  },
  {
    name: 'crawl.jsonl',
    bytes: utf8(
      '{"id":"p1","url":"https://library.example/a","title":"A","text":"First page.","metadata":{"depth":1}}\n\n{"id":"p2","url":"javascript:alert(1)","title":"B","markdown":"# Second\\n\\npage","language":"ar"}\n{"content":"صفحة ثالثة","score":0.5}\n{"name":"fourth","stars":4}\n',
    ),
    expect: {
      format: 'jsonl',
      documents: [
        {
          key: 'rows/1',
          id: 'p1',
          url: 'https://library.example/a',
          title: 'A',
          contains: ['First page.'],
          metadata: { depth: 1 },
          locations: [{ text: 'First', location: { row: 1 } }],
        },
        { key: 'rows/3', id: 'p2', title: 'B', language: 'ar', contains: ['# Second\n\npage'] },
        { key: 'rows/4', contains: ['صفحة ثالثة'], lacks: ['0.5'] },
        { key: 'rows/5', contains: ['name: fourth; stars: 4'] },
      ],
      count: 4,
    },
  },
  {
    name: 'as-one.jsonl',
    bytes: utf8('{"q":"When?","a":"At nine."}\n{"q":"Where?","a":"Here."}\n'),
    options: { documents: 'file' },
    expect: {
      format: 'jsonl',
      documents: [
        {
          key: '',
          contains: ['q: When?; a: At nine.\nq: Where?; a: Here.'],
          locations: [{ text: 'Where', location: { row: 2 } }],
        },
      ],
      count: 1,
    },
  },
  {
    name: 'lines.txt',
    note: 'JSON lines under the name of a text',
    bytes: utf8('{"text":"one"}\n{"text":"two"}\n'),
    expect: { format: 'jsonl', documents: [{ contains: ['one'] }, { contains: ['two'] }], count: 2 },
  },
  {
    name: 'cut-off.jsonl',
    note: 'the last line was never finished; the others are read',
    bytes: utf8('{"text":"one"}\n{"text":"two"}\n{"text":"thr'),
    expect: { format: 'jsonl', documents: [{ contains: ['one'] }, { contains: ['two'] }], count: 2 },
  },
  { name: 'no-json.jsonl', bytes: utf8('one\ntwo\n'), expect: { code: 'malformed_file' } },
  {
    name: 'long-line.jsonl',
    note: 'a line of 10 MB',
    bytes: utf8(`{"text":"one"}\n{"text":"${'x'.repeat(10_000_000)}"}\n`),
    expect: { code: 'record_too_large' },
  },
  {
    name: 'deep.jsonl',
    bytes: utf8(`{"text":"one"}\n${'['.repeat(50_000)}${']'.repeat(50_000)}\n`),
    expect: { code: 'too_complex' },
  },
  {
    name: 'wrong-mapping.jsonl',
    bytes: utf8('{"text":"one"}\n{"text":"two"}\n'),
    options: { mapping: { text: ['body'], id: 'key' } },
    expect: { code: 'mapping_mismatch' },
  },
]
