/** PDFs of the fixture library: languages and their fonts, what pages look like, and what is broken, locked or a bomb. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { deflateSync } from 'node:zlib'
import { column, PdfWriter, writePdf } from '../pdf-writer.ts'
import type { PdfLine } from '../pdf-writer.ts'
import type { LibraryEntry } from './library-entry.ts'

const fixture = (name: string) => () =>
  new Uint8Array(readFileSync(join(import.meta.dirname, '..', '..', 'fixtures', 'files', name)))

const GERMAN = [
  'Die Straße führt über größere Hügel. Überall hörte man Glocken läuten, während die Sonne über den Dächern stand',
  'Hier steht ein weiterer Absatz über Äpfel und Öl.',
]

const PROSE = [
  'The ferry left the harbour late because of the fog that had',
  'come in during the night. Nobody on deck could see the light-',
  'house, but every one of them heard its horn, and the captain',
  'kept to the channel by counting the buoys as they passed him.',
]
const OTHER_PROSE = [
  'On the far shore the market had opened without waiting for the',
  'boat. Baskets of herring stood in rows, and the bread was still',
  'warm from the oven behind the church. Children ran between the',
  'stalls, and somebody played an accordion that had lost a key.',
]

/** Both columns line by line, as programs write that know no columns. */
const interleaved: PdfLine[] = PROSE.flatMap((text, i) => [
  { text, x: 50, y: 650 - 12 * i, size: 8 },
  { text: OTHER_PROSE[i] ?? '', x: 320, y: 650 - 12 * i, size: 8 },
])

const withHeads = Array.from({ length: 6 }, (_, i): PdfLine[] => [
  { text: 'Annual report of the harbour office', y: 770, size: 9 },
  { text: `Chapter ${i + 1} tells of ${['herring', 'cod', 'eels', 'crabs', 'mussels', 'kelp'][i]}.`, y: 650 },
  { text: `It was written by ${['Ada', 'Ben', 'Cleo', 'Dan', 'Eve', 'Finn'][i]}.`, y: 636 },
  { text: `Page ${i + 1} of 6`, y: 30, size: 9 },
])

/** A page whose content is `content`, packed as `dictionary` says. */
function contentPdf(content: Uint8Array, dictionary = '/Filter /FlateDecode'): Uint8Array {
  const pdf = new PdfWriter()
  const tree = pdf.reserve()
  const stream = pdf.addStream(dictionary, content)
  const page = pdf.add(
    `<< /Type /Page /Parent ${tree} 0 R /MediaBox [0 0 612 792] /Contents ${stream} 0 R /Resources << >> >>`,
  )
  pdf.set(tree, `<< /Type /Pages /Count 1 /Kids [${page} 0 R] >>`)
  return pdf.finish(`/Root ${pdf.add(`<< /Type /Catalog /Pages ${tree} 0 R >>`)} 0 R`)
}

/** A font whose widths or map claim more codes than there are. */
function fontPdf(descendant: string, toUnicode: string): Uint8Array {
  const pdf = new PdfWriter()
  const tree = pdf.reserve()
  const map = pdf.addFlate('', Buffer.from(toUnicode, 'latin1'))
  const cid = pdf.add(
    `<< /Type /Font /Subtype /CIDFontType0 /BaseFont /X ${descendant} /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> >>`,
  )
  const font = pdf.add(
    `<< /Type /Font /Subtype /Type0 /BaseFont /X /Encoding /Identity-H /DescendantFonts [${cid} 0 R] /ToUnicode ${map} 0 R >>`,
  )
  const stream = pdf.addFlate('', Buffer.from('BT /F 12 Tf <0041> Tj ET'))
  const page = pdf.add(
    `<< /Type /Page /Parent ${tree} 0 R /MediaBox [0 0 612 792] /Contents ${stream} 0 R /Resources << /Font << /F ${font} 0 R >> >> >>`,
  )
  pdf.set(tree, `<< /Type /Pages /Count 1 /Kids [${page} 0 R] >>`)
  return pdf.finish(`/Root ${pdf.add(`<< /Type /Catalog /Pages ${tree} 0 R >>`)} 0 R`)
}

/** Many pages that show one content, which unpacks to 2 MB. */
function repeatedContent(): Uint8Array {
  const pdf = new PdfWriter()
  const tree = pdf.reserve()
  const stream = pdf.addFlate('', Buffer.from('0 0 m 1 1 l S\n'.repeat(150_000)))
  const pages = Array.from({ length: 500 }, () =>
    pdf.add(`<< /Type /Page /Parent ${tree} 0 R /MediaBox [0 0 612 792] /Contents ${stream} 0 R /Resources << >> >>`),
  )
  pdf.set(tree, `<< /Type /Pages /Count 500 /Kids [${pages.map((page) => `${page} 0 R`).join(' ')}] >>`)
  return pdf.finish(`/Root ${pdf.add(`<< /Type /Catalog /Pages ${tree} 0 R >>`)} 0 R`)
}

function manyPages(): Uint8Array {
  const pdf = new PdfWriter()
  const tree = pdf.reserve()
  const page = pdf.add(`<< /Type /Page /Parent ${tree} 0 R /MediaBox [0 0 9 9] >>`)
  pdf.set(tree, `<< /Type /Pages /Count 6000 /Kids [${`${page} 0 R `.repeat(6000)}] >>`)
  return pdf.finish(`/Root ${pdf.add(`<< /Type /Catalog /Pages ${tree} 0 R >>`)} 0 R`)
}

const zeros = (megabytes: number) => deflateSync(Buffer.alloc(megabytes * 1_000_000, 0x20))

const one = (name: string, bytes: LibraryEntry['bytes'], document: ExpectedOne, pages = 1): LibraryEntry => ({
  name,
  bytes,
  expect: { format: 'pdf', documents: [{ key: '', ...document }], count: 1, pages },
})
type ExpectedOne = Extract<LibraryEntry['expect'], { documents: unknown }>['documents'][number]

const broken = (
  name: string,
  bytes: LibraryEntry['bytes'],
  code: Extract<LibraryEntry['expect'], { code: unknown }>['code'],
): LibraryEntry => ({
  name,
  bytes,
  expect: { code },
})

export const entries: readonly LibraryEntry[] = [
  one('german-bookmarks.pdf', fixture('german-bookmarks.pdf'), {
    contains: ['Bericht über Türme', ...GERMAN],
    locations: [{ text: 'Äpfel', location: { page: 1 } }],
  }),
  one('german-object-streams.pdf', fixture('object-streams.pdf'), { contains: GERMAN }),
  one('owner-password.pdf', fixture('owner-password.pdf'), { contains: GERMAN }),
  one('owner-password-rc4.pdf', fixture('owner-password-rc4.pdf'), { contains: GERMAN }),
  one('arabic-hebrew.pdf', fixture('arabic-hebrew.pdf'), {
    contains: [
      'وصل القطار رقم 2024 في الصباح',
      'معه كتاب English في حقيبة حمراء وبيته بعيد.',
      'פסקה בעברית על מזג אוויר נעים.',
    ],
  }),
  one(
    'japanese-predefined.pdf',
    () =>
      writePdf([column(['吾輩は猫である。名前は', 'まだ無い。'], { font: 'japanese' })], {
        info: { Title: '吾輩は猫である' },
        language: 'ja',
      }),
    { title: '吾輩は猫である', language: 'ja', contains: ['吾輩は猫である。名前はまだ無い。'] },
  ),
  one(
    'japanese-vertical.pdf',
    () =>
      writePdf([
        ['国境の長いトンネルを抜けると', '雪国であった。夜の底が白く', 'なった。'].map((text, i) => ({
          text,
          x: 500 - 24 * i,
          y: 700,
          font: 'japanese-vertical' as const,
        })),
      ]),
    { contains: ['国境の長いトンネルを抜けると雪国であった。夜の底が白くなった。'] },
  ),
  one('japanese-own-map.pdf', () => writePdf([column(['春はあけぼの。やうやう白くなりゆく'], { font: 'unicode' })]), {
    contains: ['春はあけぼの。やうやう白くなりゆく'],
  }),
  one('chinese.pdf', () => writePdf([column(['学而时习之，不亦说乎？'], { font: 'chinese' })]), {
    contains: ['学而时习之，不亦说乎？'],
  }),
  one('korean.pdf', () => writePdf([column(['나라의 말이 중국과 달라', '서로 통하지 아니하니'], { font: 'korean' })]), {
    contains: ['나라의 말이 중국과 달라 서로 통하지 아니하니'],
  }),
  one('thai.pdf', () => writePdf([column(['สวัสดีครับ ยินดีต้อนรับสู่ท่าเรือ'], { font: 'unicode' })]), {
    contains: ['สวัสดีครับ ยินดีต้อนรับสู่ท่าเรือ'],
  }),
  one('columns.pdf', () => writePdf([[{ text: 'News from both shores', x: 50, y: 700, size: 20 }, ...interleaved]]), {
    contains: [
      'News from both shores',
      'could see the lighthouse, but every one',
      'as they passed him.',
      'On the far shore',
      'lost a key.',
    ],
  }),
  one(
    'running-heads.pdf',
    () =>
      writePdf(withHeads, {
        info: {
          Title: 'Microsoft Word - report.doc',
          Author: 'Harbour office',
          CreationDate: "D:20240131120000+01'00'",
        },
      }),
    {
      contains: ['Chapter 1 tells of herring. It was written by Ada.', 'Chapter 6 tells of kelp.'],
      lacks: ['Annual report', 'Page 3 of 6'],
      metadata: { author: 'Harbour office', created: '2024-01-31T11:00:00.000Z' },
      locations: [
        { text: 'tells of herring', location: { page: 1 } },
        { text: 'tells of kelp', location: { page: 6 } },
      ],
    },
    6,
  ),
  one('no-xref.pdf', () => writePdf([column(PROSE)], { noXref: true, info: { Title: 'Fog' } }), {
    title: 'Fog',
    contains: ['the fog that had come in', 'lighthouse'],
  }),
  one('uncompressed.pdf', () => writePdf([column(OTHER_PROSE)], { compress: false }), {
    contains: ['Baskets of herring'],
  }),
  one('text-over-scan.pdf', () => writePdf([column(PROSE)], { image: { width: 1000, height: 1300 } }), {
    contains: ['The ferry left the harbour'],
  }),
  broken('scanned.pdf', () => writePdf([[], []], { image: { width: 1000, height: 1300 } }), 'needs_ocr'),
  broken('blank.pdf', () => writePdf([[]]), 'no_text'),
  broken('user-password.pdf', fixture('user-password.pdf'), 'encrypted_file'),
  broken('truncated.pdf', () => writePdf([column(PROSE)]).slice(0, 500), 'malformed_file'),
  broken('header-only.pdf', () => Buffer.from('%PDF-1.7\n'), 'malformed_file'),
  broken('garbage.pdf', () => Buffer.concat([Buffer.from('%PDF-1.4\n'), Buffer.alloc(20_000, 0xa7)]), 'malformed_file'),
  broken('bomb-content.pdf', () => contentPdf(zeros(80)), 'expansion_limit'),
  broken(
    'bomb-lying-length.pdf',
    () => {
      const pdf = new PdfWriter()
      pdf.addStream('/Filter /FlateDecode', zeros(80), 10)
      return pdf.finish(`/Root ${pdf.add('<< /Type /Catalog >>')} 0 R`)
    },
    'expansion_limit',
  ),
  broken(
    'bomb-chained.pdf',
    () => contentPdf(deflateSync(zeros(80)), '/Filter [/FlateDecode /FlateDecode]'),
    'too_complex',
  ),
  broken(
    'bomb-ascii.pdf',
    () => contentPdf(Buffer.from(`${zeros(80).toString('hex')}>`), '/Filter [/ASCIIHexDecode /FlateDecode]'),
    'expansion_limit',
  ),
  broken('bomb-repeated-content.pdf', repeatedContent, 'expansion_limit'),
  broken('bomb-pages.pdf', manyPages, 'too_complex'),
  broken(
    'bomb-map.pdf',
    () => fontPdf('', 'begincmap\n1 beginbfrange\n<000000> <ffffff> <0000>\nendbfrange\nendcmap'),
    'too_complex',
  ),
  broken('bomb-widths.pdf', () => fontPdf('/W [0 2000000000 500]', 'begincmap endcmap'), 'too_complex'),
  broken(
    'bomb-predictor.pdf',
    () => contentPdf(zeros(1), '/Filter /FlateDecode /DecodeParms << /Predictor 12 /Columns 2000000000 >>'),
    'too_complex',
  ),
  broken('bomb-saved-states.pdf', () => contentPdf(deflateSync(Buffer.alloc(60_000, 'q '))), 'too_complex'),
  broken(
    'bomb-items.pdf',
    () => {
      const shows = 'BT /F 9 Tf 7 9 Td (a) Tj 0 30 Td (b) Tj ET\n'
      return contentPdf(deflateSync(Buffer.alloc(15_900_000, shows)))
    },
    'too_complex',
  ),
]
