/** Files that are small or plain and cost a reader without bounds far more than they are: elements, forms, patterns, shared strings. */
import { deflateSync } from 'node:zlib'
import { relationsXml, writeXlsx } from '../office-writer.ts'
import { PdfWriter } from '../pdf-writer.ts'
import { writeZip } from '../zip-writer.ts'
import type { LibraryEntry } from './library-entry.ts'

const repeated = (text: string, bytes: number): Uint8Array => Buffer.alloc(bytes, text, 'latin1')
const joined = (...parts: readonly (string | Uint8Array)[]): Uint8Array =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : part)))

/** Forms that call the next one twice, 30 deep: the last would be read a thousand million times. */
function laughingForms(): Uint8Array {
  const pdf = new PdfWriter()
  const tree = pdf.reserve()
  const font = pdf.add('<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>')
  const form = (resources: string, content: string): number =>
    pdf.addFlate(`/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << ${resources} >>`, Buffer.from(content))
  let next = form(`/Font << /X ${font} 0 R >>`, 'BT /X 9 Tf (ha) Tj ET')
  for (let depth = 0; depth < 30; depth++) next = form(`/XObject << /F ${next} 0 R >>`, '/F Do /F Do')
  const content = pdf.addFlate('', Buffer.from('/F Do'))
  const page = pdf.add(
    `<< /Type /Page /Parent ${tree} 0 R /Contents ${content} 0 R /Resources << /XObject << /F ${next} 0 R >> >> >>`,
  )
  pdf.set(tree, `<< /Type /Pages /Count 1 /Kids [${page} 0 R] >>`)
  return pdf.finish(`/Root ${pdf.add(`<< /Type /Catalog /Pages ${tree} 0 R >>`)} 0 R`)
}

/** An index that claims four thousand million objects. */
function hugeIndex(): Uint8Array {
  const rows = deflateSync(Buffer.alloc(1_000_000))
  const dictionary = `<</Type/XRef/Size 4294967295/W[1 1 0]/Index[0 4294967295]/Root 1 0 R/Filter/FlateDecode/Length ${rows.length}>>`
  return joined('%PDF-1.7\n3 0 obj ', dictionary, '\nstream\n', rows, '\nendstream endobj\nstartxref\n9\n%%EOF')
}

const book = (chapter: Uint8Array): Uint8Array =>
  writeZip([
    { path: 'mimetype', data: 'application/epub+zip', deflated: false },
    {
      path: 'META-INF/container.xml',
      data: '<container><rootfiles><rootfile full-path="p.opf"/></rootfiles></container>',
    },
    {
      path: 'p.opf',
      data: '<package><manifest><item id="a" href="a.xhtml" media-type="application/xhtml+xml"/></manifest><spine><itemref idref="a"/></spine></package>',
    },
    { path: 'a.xhtml', data: chapter, deflated: false },
  ])

const mailWith = (html: Uint8Array): Uint8Array =>
  joined(
    'From: a@example.com\r\nTo: b@example.com\r\nSubject: Links\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="x"\r\n\r\n',
    '--x\r\nContent-Type: text/plain\r\n\r\nSee the links.\r\n--x\r\nContent-Type: text/html\r\n\r\n',
    html,
    '\r\n--x--\r\n',
  )

const sharedString = (size: number, rows: number): Uint8Array =>
  writeXlsx(
    { S: '<row><c t="s"><v>0</v></c></row>'.repeat(rows) },
    {
      'xl/sharedStrings.xml': `<sst><si><t>${'a'.repeat(size)}</t></si></sst>`,
      'xl/_rels/workbook.xml.rels': relationsXml([
        ['rId1', 'worksheet', 'worksheets/sheet1.xml'],
        ['rId2', 'sharedStrings', 'sharedStrings.xml'],
      ]),
    },
  )

/** One page of what a writer makes of it; more than one content where it is cut. */
function onePage(content: Uint8Array, parts = 1): Uint8Array {
  const pdf = new PdfWriter()
  const tree = pdf.reserve()
  const font = pdf.add('<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>')
  const length = Math.ceil(content.length / parts)
  const contents = Array.from({ length: parts }, (_, i) =>
    pdf.addFlate('', content.subarray(i * length, (i + 1) * length)),
  )
  const page = pdf.add(
    `<< /Type /Page /Parent ${tree} 0 R /Resources << /Font << /X ${font} 0 R >> >> ` +
      `/Contents ${parts === 1 ? '' : '['}${contents.map((number) => `${number} 0 R`).join(' ')}${parts === 1 ? '' : ']'} >>`,
  )
  pdf.set(tree, `<< /Type /Pages /Count 1 /Kids [${page} 0 R] >>`)
  return pdf.finish(`/Root ${pdf.add(`<< /Type /Catalog /Pages ${tree} 0 R >>`)} 0 R`)
}

/** Steps of a path around a line of text. */
const drawing = (operators: string, bytes: number): Uint8Array =>
  joined('BT /X 12 Tf (Nobody draws as much as this.) Tj ET\n', repeated(operators, bytes))

/** Two million entities of 8 MB in a part that is packed to a few kilobytes. */
const entitiesDocx = (): Uint8Array =>
  writeZip([
    { path: '[Content_Types].xml', data: '<Types/>' },
    {
      path: 'word/document.xml',
      data: joined('<document><body><p><r><t>', repeated('&lt;', 8_000_000), '</t></r></p></body></document>'),
    },
  ])

type Code = Extract<LibraryEntry['expect'], { code: unknown }>['code']
const broken = (name: string, bytes: () => Uint8Array, code: Code): LibraryEntry => ({ name, bytes, expect: { code } })

export const entries: readonly LibraryEntry[] = [
  broken('paragraphs.html', () => joined('<html><body>', repeated('<p>a', 4_000_000)), 'too_complex'),
  broken('attributes.html', () => joined('<html><body><p ', repeated('a ', 4_000_000), '>x'), 'too_complex'),
  broken(
    'description.html',
    () => joined('<html><meta name=description content="', repeated('&amp;', 8_000_000), '">x'),
    'too_complex',
  ),
  broken('forms.pdf', laughingForms, 'too_complex'),
  broken('index.pdf', hugeIndex, 'too_complex'),
  broken('streams.pdf', () => joined('%PDF-1.7\n', repeated('stream ', 2_000_000)), 'too_complex'),
  broken('objects.pdf', () => joined('%PDF-1.7\n', repeated('1 0 obj 0 endobj\n', 17 * 301_000)), 'too_complex'),
  broken(
    'small streams.pdf',
    () => joined('%PDF-1.7\n', repeated('<</Length 0>>stream\nendstream\n', 30 * 101_000)),
    'too_complex',
  ),
  broken('drawing.pdf', () => onePage(drawing('0 0 m\n', 4_000_000)), 'too_complex'),
  broken('divided drawing.pdf', () => onePage(drawing('0 0 m\n', 4_000_000), 5), 'too_complex'),
  {
    name: 'large drawing.pdf',
    bytes: () => onePage(drawing('0 0 m\n', 3_900_000), 5),
    expect: { format: 'pdf', documents: [{ contains: ['Nobody draws as much as this.'] }] },
  },
  broken('table.pdf', () => joined('%PDF-1.7\nxref\n0 610000\n', repeated('9 0 n\n', 6 * 610_000)), 'too_complex'),
  broken('named states.pdf', () => onePage(drawing('/a gs\n', 6 * 101_000)), 'too_complex'),
  broken('contents.pdf', () => joined('%PDF-1.7\n', repeated('/Contents[', 1_000_000)), 'malformed_file'),
  broken('line.pdf', () => joined('%PDF-1.7\n1 0 obj ', repeated('[', 4_000_000)), 'too_complex'),
  {
    name: 'links.eml',
    bytes: () => mailWith(repeated('<a href="', 1_000_000)),
    expect: { format: 'eml', documents: [{ contains: ['See the links.'] }] },
    note: 'no link ends',
  },
  broken('entities.eml', () => mailWith(repeated('&amp', 1_000_000)), 'too_complex'),
  broken('entities.docx', entitiesDocx, 'too_complex'),
  broken('lines.jsonl', () => joined('{"a":1}\n', repeated('{"a":1}}\n', 1_000_000)), 'malformed_file'),
  broken('sections.epub', () => book(repeated('<![CDATA[', 1_000_000)), 'no_text'),
  broken('types.epub', () => book(repeated('<!DOCTYPE', 1_000_000)), 'no_text'),
  broken('shared strings.xlsx', () => sharedString(900_000, 1_000), 'expansion_limit'),
  broken(
    'line.srt',
    () => joined('1\n00:00:01,000 --> 00:00:02,000\n', repeated('<v <i>{\\', 2_000_000)),
    'record_too_large',
  ),
  broken('ones.json', () => joined('[', repeated('1,', 2_200_000), '1]'), 'too_complex'),
]
