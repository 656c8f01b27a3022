/** Texts, markdown, source code and subtitles, in many languages and encodings, and what is wrong with some of them. */
import { encodeText } from './encode-text.ts'
import type { LibraryEntry } from './library-entry.ts'

const utf8 = (text: string) => () => new TextEncoder().encode(text)

export const JAPANESE =
  '図書館は午前九時に開館します。貸し出し期間は二週間です。\n予約した本は受付でお受け取りください。返却が遅れた場合は、次の貸し出しができません。\n'
const ARABIC = 'تفتح المكتبة أبوابها في الساعة التاسعة صباحا. مدة الإعارة أسبوعان.\nيرجى إعادة الكتب في موعدها.\n'
const THAI = 'ห้องสมุดเปิดเวลาเก้าโมงเช้า ระยะเวลายืมหนังสือสองสัปดาห์\nกรุณาคืนหนังสือตรงเวลา\n'
const RUSSIAN =
  'Библиотека открывается в девять часов утра. Срок выдачи книг две недели.\nПросим возвращать книги вовремя.\n'
const CHINESE = '图书馆上午九点开门。借书期限为两周。\n请按时归还图书，逾期将不能再借。\n'
const TAIWANESE = '圖書館上午九點開門。借書期限為兩週。\n請按時歸還圖書，逾期將不能再借。\n'
const KOREAN = '도서관은 오전 아홉 시에 문을 엽니다. 대출 기간은 두 주입니다.\n책은 제때 반납해 주세요.\n'
const GERMAN =
  'Die Bücherei öffnet um neun Uhr. Die Leihfrist beträgt zwei Wochen.\nBitte bringen Sie die Bücher pünktlich zurück, sonst fällt eine Gebühr an.\n'
const FRENCH =
  'La bibliothèque ouvre à neuf heures. Le prêt dure deux semaines.\nMerci de rendre les livres à l’heure.\n'
const POLISH =
  'Biblioteka jest otwarta od godziny dziewiątej. Okres wypożyczenia wynosi dwa tygodnie.\nProsimy o zwrot książek w terminie, później zapłacą państwo karę.\n'
const GREEK = 'Η βιβλιοθήκη ανοίγει στις εννέα το πρωί. Η περίοδος δανεισμού είναι δύο εβδομάδες.\n'
const HEBREW = 'הספרייה נפתחת בתשע בבוקר. תקופת ההשאלה היא שבועיים.\nנא להחזיר את הספרים בזמן.\n'
const TURKISH =
  'Kütüphane sabah saat dokuzda açılır. Ödünç verme süresi iki haftadır.\nLütfen kitapları zamanında geri getirin, yoksa ceza ödersiniz.\n'

const ENCODED: readonly (readonly [name: string, text: string, encoding: string])[] = [
  ['japanese-shift-jis.txt', JAPANESE, 'shift_jis'],
  ['japanese-euc-jp.txt', JAPANESE, 'euc-jp'],
  ['japanese-iso-2022-jp.txt', JAPANESE, 'iso-2022-jp'],
  ['japanese-utf-16.txt', `\ufeff${JAPANESE}`, 'utf-16le'],
  ['japanese-utf-16-without-mark.txt', JAPANESE, 'utf-16be'],
  ['japanese.txt', JAPANESE, 'utf-8'],
  ['arabic-windows.txt', ARABIC, 'windows-1256'],
  ['arabic.txt', `\ufeff${ARABIC}`, 'utf-8'],
  ['thai-windows.txt', THAI, 'windows-874'],
  ['thai.txt', THAI, 'utf-8'],
  ['russian-koi8.txt', RUSSIAN, 'koi8-r'],
  ['russian-windows.txt', RUSSIAN, 'windows-1251'],
  ['chinese-gb18030.txt', CHINESE, 'gb18030'],
  ['chinese-big5.txt', TAIWANESE, 'big5'],
  ['korean-euc-kr.txt', KOREAN, 'euc-kr'],
  ['german-latin-1.txt', GERMAN, 'windows-1252'],
  ['german-utf-16-without-mark.txt', GERMAN, 'utf-16le'],
  ['french-windows.txt', FRENCH, 'windows-1252'],
  ['polish-windows.txt', POLISH, 'windows-1250'],
  ['greek-windows.txt', GREEK, 'windows-1253'],
  ['hebrew-windows.txt', HEBREW, 'windows-1255'],
  ['turkish-windows.txt', TURKISH, 'windows-1254'],
]

const PARAGRAPH = 'The reading room is open from nine to five, and on Thursdays until eight. '

/** Deterministic bytes that no text has. */
function noise(length: number): Uint8Array {
  let state = 42
  return Uint8Array.from({ length }, () => (state = (state * 1_103_515_245 + 12_345) & 0x7fffffff) >>> 16)
}

const bytes = (latin1: string): Uint8Array => Uint8Array.from(latin1, (character) => character.charCodeAt(0))

export const entries: readonly LibraryEntry[] = [
  ...ENCODED.map(([name, text, encoding]): LibraryEntry => ({
    name,
    bytes: () => encodeText(text, encoding),
    expect: {
      format: 'text',
      documents: [{ key: '', contains: text.replace('\ufeff', '').trim().split('\n') }],
      count: 1,
    },
  })),
  {
    name: 'late-accents.log',
    note: 'the encoding shows only far behind the first bytes',
    bytes: () => new Uint8Array([...bytes(PARAGRAPH.repeat(2_000)), ...encodeText(`\n${GERMAN}`, 'windows-1252')]),
    expect: { format: 'text', documents: [{ contains: ['Die Bücherei öffnet', 'pünktlich'] }], count: 1 },
  },
  {
    name: 'mac-line-ends.txt',
    bytes: utf8('first line\rsecond line\r\nthird line\u0007\fnew page\n'),
    expect: { format: 'text', documents: [{ contains: ['first line\nsecond line\nthird line\fnew page'] }] },
    note: 'an old Mac wrote it, and a printer',
  },
  {
    name: 'terminal.log',
    bytes: utf8('\u001b[32mok\u001b[0m all tests passed\nin 2 seconds\n'),
    expect: { format: 'text', documents: [{ contains: ['all tests passed', 'in 2 seconds'], lacks: ['\u001b'] }] },
  },
  {
    name: 'crash.log',
    note: 'a NUL where the machine stopped',
    bytes: utf8(`${PARAGRAPH.repeat(20)}\u0000\n${PARAGRAPH}`),
    expect: {
      format: 'text',
      documents: [{ contains: ['The reading room', 'until eight. \nThe reading'], lacks: ['\u0000'] }],
    },
  },
  {
    name: 'long.txt',
    note: 'several parts, cut between paragraphs',
    bytes: utf8(`${PARAGRAPH.repeat(10)}\n\n`.repeat(6_000)),
    expect: {
      format: 'text',
      documents: [
        { key: '', contains: ['The reading room'] },
        { key: 'part-2', contains: ['The reading room'] },
        { key: 'part-3', contains: ['until eight.'] },
      ],
      count: 3,
    },
  },
  {
    name: 'notes.md',
    bytes: utf8(
      `---\ntitle: Opening hours\nlang: en-GB\ncanonical: https://library.example/hours\ndate: 2024-03-01\nupdated: 2024-03-02 10:30:00 +01:00\ntags: [hours, rooms]\npages: 3\ndraft: false\n---\n\n# Hours\n\n${PARAGRAPH}\n\n## Thursdays\n\nUntil *eight*.\n`,
    ),
    expect: {
      format: 'markdown',
      documents: [
        {
          title: 'Opening hours',
          url: 'https://library.example/hours',
          language: 'en-GB',
          contains: ['# Hours', 'The reading room', '## Thursdays', '*eight*'],
          lacks: ['draft:', '---'],
          metadata: {
            date: '2024-03-01',
            updated: '2024-03-02T09:30:00.000Z',
            tags: ['hours', 'rooms'],
            pages: 3,
            draft: false,
          },
        },
      ],
    },
  },
  {
    name: 'メモ.md',
    bytes: utf8(`# 開館時間\n\n${JAPANESE}`),
    expect: { format: 'markdown', documents: [{ title: '開館時間', contains: ['# 開館時間', '図書館は'] }] },
  },
  {
    name: 'broken-front-matter.md',
    bytes: utf8(`---\ntitle: "never closed\n  - [\n---\n\n# Still read\n\n${PARAGRAPH}`),
    expect: { format: 'markdown', documents: [{ contains: ['never closed', '# Still read'] }] },
  },
  {
    name: 'README',
    note: 'markdown without an ending',
    bytes: utf8(
      `# Library\n\nSee [the hours](https://library.example/hours).\n\n- rooms\n- books\n\n## More\n\n${PARAGRAPH}\n`,
    ),
    expect: { format: 'markdown', documents: [{ title: 'Library', contains: ['## More'] }] },
  },
  {
    name: 'aliases.md',
    note: 'a bomb: nine levels of nine aliases each',
    bytes: utf8(
      `---\na: &a [x,x,x,x,x,x,x,x,x]\n${Array.from('bcdefghi')
        .map((name, i) => `${name}: &${name} [${Array(9).fill(`*${'abcdefghi'[i]}`).join(',')}]`)
        .join('\n')}\n---\n\ntext\n`,
    ),
    expect: { code: 'too_complex' },
  },
  {
    name: 'deep-front-matter.md',
    bytes: utf8(`---\na: ${'['.repeat(20_000)}\n---\n\ntext\n`),
    expect: { code: 'too_complex' },
  },
  {
    name: 'only-front-matter.md',
    bytes: utf8('---\ntitle: Nothing else\n---\n\n  \n'),
    expect: { code: 'no_text' },
  },
  {
    name: 'src/opening-hours.ts',
    bytes: utf8(
      '/** When is it open? */\nexport function isOpen(hour: number): boolean {\n  return hour >= 9 && hour < 17\n}\n',
    ),
    expect: { format: 'code', documents: [{ title: 'opening-hours.ts', contains: ['export function isOpen'] }] },
  },
  {
    name: 'hours.py',
    bytes: () =>
      encodeText(
        `# -*- coding: shift_jis -*-\n# ${JAPANESE.split('\n')[0]}\ndef is_open(hour):\n    return 9 <= hour < 17\n`,
        'shift_jis',
      ),
    expect: { format: 'code', documents: [{ title: 'hours.py', contains: ['図書館は', 'def is_open'] }] },
  },
  {
    name: 'backup',
    note: 'a script without an ending',
    bytes: utf8('#!/bin/sh\n# Copies the catalogue\ncp catalogue.db /backup/\n'),
    expect: { format: 'code', documents: [{ title: 'backup', contains: ['cp catalogue.db'] }] },
  },
  {
    name: 'Dockerfile',
    bytes: utf8('FROM scratch\nCOPY catalogue /\n'),
    expect: { format: 'code', documents: [{ title: 'Dockerfile', contains: ['COPY catalogue'] }] },
  },
  {
    name: 'talk.srt',
    bytes: utf8(
      '1\r\n00:00:01,000 --> 00:00:03,500\r\n<i>Welcome to the library.</i>\r\n\r\n2\r\n00:00:03,500 --> 00:00:06,000\r\n{\\an8}It opens at nine.\r\n\r\n3\r\n01:02:03,004 --> 01:02:05,000\r\nGoodbye &amp; thanks.\r\n',
    ),
    expect: {
      format: 'srt',
      documents: [
        {
          contains: ['Welcome to the library.\nIt opens at nine.\nGoodbye & thanks.'],
          lacks: ['<i>', 'an8', '-->'],
          locations: [
            { text: 'Welcome', location: { startTime: 1, endTime: 3.5 } },
            { text: 'Goodbye', location: { startTime: 3723.004, endTime: 3725 } },
          ],
        },
      ],
    },
  },
  {
    name: 'arabic.srt',
    bytes: () =>
      encodeText(
        `1\n00:00:01,000 --> 00:00:04,000\n${ARABIC.split('\n')[0]}\n\n2\n00:00:04,000 --> 00:00:08,000\n${ARABIC.split('\n')[1]}\n`,
        'windows-1256',
      ),
    expect: {
      format: 'srt',
      documents: [
        {
          contains: ['تفتح المكتبة', 'يرجى إعادة'],
          locations: [{ text: 'يرجى', location: { startTime: 4, endTime: 8 } }],
        },
      ],
    },
  },
  {
    name: 'rolling.vtt',
    note: 'captions that scroll, as video sites make them',
    bytes: utf8(
      'WEBVTT\nKind: captions\nLanguage: en\n\nNOTE made by a machine\n\nSTYLE\n::cue { color: red }\n\n00:01.000 --> 00:03.000 align:start position:0%\nwelcome<00:01.500><c> to the library</c>\n\n00:03.000 --> 00:05.000\nwelcome to the library\nit opens<00:03.500><c> at nine</c>\n\n00:05.000 --> 00:07.000\nit opens at nine\n\n00:07.000 --> 00:09.000\n<v Anna>And closes at five.</v>\n',
    ),
    expect: {
      format: 'vtt',
      documents: [
        {
          contains: ['welcome to the library\nit opens at nine\nAnna: And closes at five.'],
          lacks: ['NOTE', 'color', 'position', 'welcome to the library\nwelcome'],
          locations: [
            { text: 'it opens', location: { startTime: 3, endTime: 7 } },
            { text: 'Anna', location: { startTime: 7, endTime: 9 } },
          ],
        },
      ],
    },
  },
  { name: 'empty.vtt', bytes: utf8('WEBVTT\n\nNOTE nothing was said\n'), expect: { code: 'malformed_file' } },
  { name: 'empty.txt', bytes: () => new Uint8Array(), expect: { code: 'empty_file' } },
  { name: 'blank.txt', bytes: utf8(' \n\n\t\r\n'), expect: { code: 'no_text' } },
  { name: 'only-a-mark.txt', bytes: utf8('\ufeff'), expect: { code: 'no_text' } },
  { name: 'noise.txt', bytes: () => noise(5_000), expect: { code: 'unsupported_format' } },
  {
    name: 'utf-8-then-noise.txt',
    note: 'a text that turns into something else behind the first bytes',
    bytes: () =>
      new Uint8Array([
        ...bytes('é'.repeat(0)),
        ...new TextEncoder().encode('é'.repeat(33_000)),
        ...noise(60_000).map((byte) => byte | 0x80),
      ]),
    expect: { code: 'unknown_encoding' },
  },
  {
    name: 'picture.txt',
    bytes: () => new Uint8Array([...bytes('\u0089PNG\r\n\u001a\n\0\0\0\rIHDR'), ...noise(200)]),
    expect: { code: 'unsupported_format' },
  },
  {
    name: 'archive.txt',
    bytes: () => new Uint8Array([0x1f, 0x8b, 8, 0, ...noise(100)]),
    expect: { code: 'unsupported_format' },
  },
  { name: 'letter.rtf', bytes: utf8('{\\rtf1\\ansi Dear reader}'), expect: { code: 'unsupported_format' } },
  {
    name: 'drawing.svg',
    bytes: utf8('<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0"/></svg>'),
    expect: { code: 'unsupported_format' },
  },
  {
    name: 'utf-32.txt',
    bytes: () => new Uint8Array([0xff, 0xfe, 0, 0, 0x41, 0, 0, 0, 0x42, 0, 0, 0]),
    expect: { code: 'unsupported_format' },
  },
  {
    name: 'about-pdf.txt',
    note: 'speaks of PDF without being one',
    bytes: utf8('Every such file begins with %PDF-1.7 and ends with %%EOF.\n'),
    expect: { format: 'text', documents: [{ contains: ['%PDF-1.7'] }] },
  },
  {
    name: 'report.pdf',
    note: 'a plain text under the name of a PDF',
    bytes: utf8('Report of the library.\n\nAll went well.\n'),
    expect: { format: 'text', documents: [{ contains: ['All went well.'] }] },
  },
  {
    name: 'too-large.md',
    bytes: () => new Uint8Array(25_000_001).fill(0x61),
    expect: { code: 'file_too_large' },
  },
]
