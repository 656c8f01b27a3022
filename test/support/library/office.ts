/** Office files and books of the fixture library: of LibreOffice and written here, in several languages, broken and hostile. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  documentXml,
  footnotesXml,
  plainRow,
  sheetXml,
  wordParagraph,
  writeDocx,
  writeEpub,
  writeOle,
  writePptx,
  writeXlsx,
} from '../office-writer.ts'
import type { LibraryEntry } from './library-entry.ts'

const fixture = (name: string) => (): Uint8Array =>
  new Uint8Array(readFileSync(join(import.meta.dirname, '..', '..', 'fixtures', 'files', name)))

const cutOff = (bytes: Uint8Array): Uint8Array => bytes.slice(0, bytes.length - 40)

/** Damage in the parts, none in the directory. */
function scratched(bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice()
  copy.fill(0x55, 300, 2_500)
  return copy
}

const ENTITIES = `<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>`
const deep = (name: string): string => `<${name}>`.repeat(5_000) + `</${name}>`.repeat(5_000)

const word: readonly LibraryEntry[] = [
  {
    name: 'wartung.docx',
    bytes: fixture('writer-german.docx'),
    expect: {
      format: 'docx',
      count: 1,
      documents: [
        {
          key: '',
          title: 'Wartung der Wärmepumpe',
          metadata: { author: 'Jürgen Groß', created: '2026-03-04T05:06:07.000Z' },
          contains: [
            'Übersicht\n\nDie Wärmepumpe wird jährlich geprüft[1] und gereinigt.',
            '- Zu laut\n  - Lager prüfen\n  - Lüfter reinigen\n- Fehler E5',
            'Teil\tGröße\nDüse\t12 mm\nKühler\tØ 30 cm',
            'Fragen an den Kundendienst.',
            '[1] Siehe die Prüfverordnung von 2024.',
          ],
        },
      ],
    },
  },
  {
    name: '保守手順書.docx',
    bytes: fixture('writer-japanese.docx'),
    expect: {
      format: 'docx',
      documents: [
        {
          title: '保守手順書',
          contains: ['点検の手順', '毎年四月に点検を行います。', '部品\t数量\nポンプ\t二個'],
          lacks: ['てんけん'],
        },
      ],
    },
    note: 'furigana stand above the words',
  },
  {
    name: 'دليل.docx',
    bytes: fixture('writer-arabic.docx'),
    expect: {
      format: 'docx',
      documents: [
        { title: 'دليل الصيانة', contains: ['مقدمة', 'يجب فحص المضخة كل عام', '- تنظيف المرشح\n- قياس الضغط'] },
      ],
    },
  },
  {
    name: 'คู่มือ.docx',
    bytes: fixture('writer-thai.docx'),
    expect: { format: 'docx', documents: [{ contains: ['บทนำ', 'ตรวจสอบปั๊มน้ำทุกปีก่อนฤดูร้อน'] }] },
  },
  {
    name: 'reviewed offer.docx',
    bytes: fixture('writer-reviewed.docx'),
    expect: {
      format: 'docx',
      documents: [
        {
          contains: ['We offer the work for 950 euros.'],
          lacks: ['withdrawn', 'too cheap', 'secret margin'],
          metadata: { author: 'Ann Reviewer' },
        },
      ],
    },
    note: 'a deletion, a comment and hidden text',
  },
  {
    name: 'styles.docx',
    bytes: () =>
      writeDocx(
        [
          wordParagraph('Jahresbericht', 'Titel'),
          wordParagraph('Inhalt ..... 1', 'Verzeichnis1'),
          wordParagraph('Lage &amp; Ausblick', 'Kapitel'),
          '<w:p><w:r><w:t>Ein Wort</w:t></w:r><w:r><w:tab/><w:footnoteReference w:id="2"/></w:r><w:r><w:br/><w:t>und mehr</w:t></w:r></w:p>',
          wordParagraph('Zahlen', 'berschrift2'),
          '<w:p><w:pPr><w:numPr><w:ilvl w:val="0"/><w:numId w:val="4"/></w:numPr></w:pPr><w:ins><w:r><w:t>eingefügt</w:t></w:r></w:ins><w:del><w:r><w:delText>gestrichen</w:delText></w:r></w:del></w:p>',
        ].join(''),
        { 'word/footnotes.xml': footnotesXml(['Nie erwähnt.', 'Zweite Note.']) },
      ),
    expect: {
      format: 'docx',
      documents: [
        {
          title: 'Jahresbericht',
          contains: [
            'Jahresbericht\n\nLage & Ausblick\n\nEin Wort [1]',
            'und mehr',
            'Zahlen\n\n- eingefügt',
            '[1] Zweite Note.',
          ],
          lacks: ['Inhalt', 'gestrichen', 'Header', 'erwähnt', '----'],
        },
      ],
    },
    note: 'headings by name, not by id, as of other languages; no properties',
  },
  { name: 'cut off.docx', bytes: () => cutOff(fixture('writer-german.docx')()), expect: { code: 'malformed_file' } },
  {
    name: 'scratched.docx',
    bytes: () => scratched(fixture('writer-german.docx')()),
    expect: { code: 'malformed_file' },
  },
  {
    name: 'locked.docx',
    bytes: () => writeOle(['EncryptionInfo', 'EncryptedPackage']),
    expect: { code: 'encrypted_file' },
  },
  { name: 'old.doc', bytes: fixture('writer-german.doc'), expect: { code: 'unsupported_format' } },
  { name: 'open.odt', bytes: fixture('writer-thai.odt'), expect: { code: 'unsupported_format' } },
  { name: 'blank.docx', bytes: () => writeDocx('<w:p/>'), expect: { code: 'no_text' } },
  {
    name: 'no main part.docx',
    bytes: () => writeDocx('', { '_rels/.rels': '<Relationships/>', 'word/document.xml': '<nothing/>' }),
    expect: { code: 'malformed_file' },
  },
  {
    name: 'unclosed.docx',
    bytes: () => writeDocx('', { 'word/document.xml': documentXml(wordParagraph('text')).slice(0, -20) }),
    expect: { code: 'malformed_file' },
  },
  {
    name: 'entity bomb.docx',
    bytes: () => writeDocx('', { 'word/document.xml': `${ENTITIES}<document>&b;</document>` }),
    expect: { code: 'malformed_file' },
  },
  { name: 'deep.docx', bytes: () => writeDocx(deep('w:sdt')), expect: { code: 'too_complex' } },
  { name: 'many elements.docx', bytes: () => writeDocx('<w:p/>'.repeat(3_000_000)), expect: { code: 'too_complex' } },
  {
    name: 'one long tag.docx',
    bytes: () => writeDocx(`<w:p ${'x'.repeat(3_000_000)}/>`),
    expect: { code: 'too_complex' },
  },
  {
    name: 'white space bomb.docx',
    bytes: () => writeDocx('', { 'word/document.xml': documentXml(' '.repeat(70_000_000)) }),
    expect: { code: 'expansion_limit' },
  },
]

const slides: readonly LibraryEntry[] = [
  {
    name: 'strategy.pptx',
    bytes: fixture('impress-strategy.pptx'),
    expect: {
      format: 'pptx',
      pages: 3,
      documents: [
        {
          title: 'Strategy 2027',
          metadata: { author: 'Mary Major' },
          contains: [
            'Where we stand',
            'Pause here and ask the audience.',
            'Quarter\tRevenue\nQ1\t12 million',
            'Open the Lisbon office',
          ],
          locations: [
            { text: 'Pause here', location: { page: 1 } },
            { text: 'Q2\t15 million', location: { page: 2 } },
            { text: 'Next steps', location: { page: 3 } },
          ],
        },
      ],
    },
  },
  {
    name: 'خطة.pptx',
    bytes: fixture('impress-arabic.pptx'),
    expect: {
      format: 'pptx',
      pages: 2,
      documents: [
        {
          contains: ['خطة العمل', 'فتح فرع جديد في عمّان', 'لا تنس ذكر الميزانية', '東京に新しい店を開く'],
          locations: [{ text: '日本での計画', location: { page: 2 } }],
        },
      ],
    },
  },
  {
    name: 'moved about.pptx',
    bytes: () =>
      writePptx([
        { title: 'First', body: ['alpha', 'beta'], notes: 'Say hello.' },
        { title: 'Hidden', body: ['backup'], isHidden: true },
        { title: 'Third', body: ['gamma'] },
      ]),
    expect: {
      format: 'pptx',
      pages: 3,
      documents: [
        {
          contains: ['First\n\n- alpha\n- beta\n\nSay hello.\n\nThird\n\ngamma'],
          lacks: ['backup', '‹#›', '7'],
          locations: [{ text: 'gamma', location: { page: 3 } }],
        },
      ],
    },
    note: 'the order of the parts is not that of the slides',
  },
  { name: 'cut off.pptx', bytes: () => cutOff(fixture('impress-strategy.pptx')()), expect: { code: 'malformed_file' } },
  { name: 'empty deck.pptx', bytes: () => writePptx([{}]), expect: { code: 'no_text' } },
  { name: 'locked.pptx', bytes: () => writeOle(['EncryptedPackage']), expect: { code: 'encrypted_file' } },
  { name: 'old.ppt', bytes: () => writeOle(['PowerPoint Document']), expect: { code: 'unsupported_format' } },
  {
    name: 'missing slide.pptx',
    bytes: () => writePptx([{ title: 'x' }], { 'ppt/_rels/presentation.xml.rels': '<Relationships/>' }),
    expect: { code: 'malformed_file' },
  },
  {
    name: 'deep.pptx',
    bytes: () => writePptx([{ title: 'x' }], { 'ppt/slides/slide1.xml': `<p:sld>${deep('p:grpSp')}</p:sld>` }),
    expect: { code: 'too_complex' },
  },
]

const contacts = {
  People: [
    plainRow(['Contacts of 2026']),
    plainRow(['Name', 'Town', 'Age', 'Site']),
    plainRow(['Ada', 'Köln', 36, 'https://ada.example/']),
    plainRow(['Bob', 'Łódź', 41, '']),
  ].join(''),
  Hidden: plainRow(['secret']),
  Third: [plainRow(['Name', 'Town']), plainRow(['Chi', '東京'])].join(''),
}

const sheets: readonly LibraryEntry[] = [
  {
    name: 'lager.xlsx',
    bytes: fixture('calc-inventory.xlsx'),
    expect: {
      format: 'xlsx',
      pages: 2,
      count: 1,
      documents: [
        {
          title: 'Lagerliste',
          metadata: { author: 'Jörg Öl' },
          contains: [
            'Lager\nArtikel: Schraube M4; Menge: 250; Preis: 0.1; Geliefert: 2026-02-28; Anteil: 25%; Wert: 25',
            'Artikel: Dübel größer; Menge: 80; Preis: 0.35; Geliefert: 1999-12-31; Anteil: 50%; Wert: 28',
            'Teams\nRegion: Nord; Person: Anke; Ort: Kiel\nRegion: Nord; Person: Bo; Ort: Husum\nRegion: Süd',
          ],
          lacks: ['hidden value', 'Geheim'],
          locations: [
            { text: 'Dübel', location: { sheet: 'Lager', row: 4 } },
            { text: 'Husum', location: { sheet: 'Teams', row: 3 } },
          ],
        },
      ],
    },
  },
  {
    name: '売上.xlsx',
    bytes: fixture('calc-japanese.xlsx'),
    expect: {
      format: 'xlsx',
      documents: [
        {
          contains: ['売上表\n商品: 緑茶; 価格: 500; 地域: 東京', '抹茶'],
          locations: [{ text: '抹茶', location: { sheet: '売上表', row: 3 } }],
        },
      ],
    },
  },
  {
    name: 'สินค้า.xlsx',
    bytes: fixture('calc-thai.xlsx'),
    expect: { format: 'xlsx', documents: [{ contains: ['ชื่อ: ข้าวหอมมะลิ; ราคา: 45'] }] },
  },
  {
    name: 'contacts as rows.xlsx',
    bytes: () => writeXlsx(contacts),
    options: {
      documents: 'rows',
      mapping: { id: 'Name', title: 'Name', text: ['Town'], url: 'Site', metadata: ['Age'] },
    },
    expect: {
      format: 'xlsx',
      count: 3,
      pages: 2,
      documents: [
        {
          key: 'rows/3',
          id: 'Ada',
          title: 'Ada',
          url: 'https://ada.example/',
          contains: ['Köln'],
          metadata: { Age: 36 },
          locations: [{ text: 'Köln', location: { sheet: 'People', row: 3 } }],
        },
        { key: 'rows/4', id: 'Bob', contains: ['Łódź'] },
        { key: 'sheets/3/rows/2', id: 'Chi', contains: ['東京'] },
      ],
    },
  },
  {
    name: 'contacts as a file.xlsx',
    bytes: () => writeXlsx(contacts),
    expect: {
      format: 'xlsx',
      count: 1,
      documents: [{ contains: ['People\nContacts of 2026\nName: Ada; Town: Köln; Age: 36'], lacks: ['secret'] }],
    },
    note: 'a title above the header',
  },
  {
    name: 'mapped wrongly.xlsx',
    bytes: () => writeXlsx(contacts),
    options: { documents: 'rows', mapping: { text: ['Street'] } },
    expect: { code: 'mapping_mismatch' },
  },
  { name: 'cut off.xlsx', bytes: () => cutOff(fixture('calc-inventory.xlsx')()), expect: { code: 'malformed_file' } },
  { name: 'empty sheet.xlsx', bytes: () => writeXlsx({ One: '' }), expect: { code: 'no_text' } },
  { name: 'locked.xlsx', bytes: () => writeOle(['DataSpaces', 'EncryptionInfo']), expect: { code: 'encrypted_file' } },
  { name: 'old.xls', bytes: fixture('calc-inventory.xls'), expect: { code: 'unsupported_format' } },
  {
    name: 'shared string bomb.xlsx',
    bytes: () =>
      writeXlsx(
        { One: `<row>${'<c t="s"><v>0</v></c>'.repeat(200)}</row>` },
        { 'xl/sharedStrings.xml': `<sst><si><t>${'long '.repeat(100_000)}</t></si></sst>` },
      ),
    expect: { code: 'record_too_large' },
    note: 'one long string in every cell',
  },
  {
    name: 'rows out of order.xlsx',
    bytes: () => writeXlsx({ One: '<row r="5"><c><v>1</v></c></row><row r="2"><c><v>2</v></c></row>' }),
    expect: { code: 'malformed_file' },
  },
  {
    name: 'deep.xlsx',
    bytes: () => writeXlsx({ One: '' }, { 'xl/worksheets/sheet1.xml': sheetXml(deep('row')) }),
    expect: { code: 'too_complex' },
  },
  {
    name: 'many cells.xlsx',
    bytes: () => writeXlsx({ One: '<row><c><v>1</v></c></row>'.repeat(1_200_000) }),
    expect: { code: 'too_complex' },
  },
]

const books: readonly LibraryEntry[] = [
  {
    name: 'reise.epub',
    bytes: () =>
      writeEpub([
        { file: 'erstes kapitel.xhtml', title: 'Aufbruch', body: '<p>Wir fuhren früh los.</p>' },
        { file: 'c2.xhtml', title: 'Ankunft (Inhalt)', body: '<h2>Ankunft</h2><p>Es wurde spät.<a id="x"/> Sehr.</p>' },
      ]),
    expect: {
      format: 'epub',
      documents: [
        {
          title: 'Die Reise',
          language: 'de',
          metadata: { author: 'Anna Über, Bo Öl', created: '2020-05-01T00:00:00.000Z' },
          contains: ['Aufbruch\n\nWir fuhren früh los.\n\nAnkunft\n\nEs wurde spät. Sehr.'],
          lacks: ['Inhalt'],
        },
      ],
    },
  },
  {
    name: 'alt.epub',
    bytes: () =>
      writeEpub([{ file: 'a.html', title: 'Anfang', body: '<p>Nur ein Satz&nbsp;hier.</p>' }], { isNcx: true }),
    expect: { format: 'epub', documents: [{ contains: ['Anfang\n\nNur ein Satz hier.'] }] },
    note: 'EPUB 2',
  },
  {
    name: 'writer.epub',
    bytes: fixture('writer-german.epub'),
    expect: {
      format: 'epub',
      documents: [{ title: 'Wartung der Wärmepumpe', contains: ['Übersicht\n\nDie Wärmepumpe', 'Schluss\n\nFragen'] }],
    },
  },
  {
    name: '保守.epub',
    bytes: fixture('writer-japanese.epub'),
    expect: {
      format: 'epub',
      documents: [{ contains: ['点検の手順', '毎年四月に点検を行います。'], lacks: ['てんけん'] }],
    },
  },
  {
    name: 'protected.epub',
    bytes: () =>
      writeEpub([{ file: 'a.xhtml', body: '<p>x</p>' }], {
        parts: {
          'META-INF/encryption.xml':
            '<encryption><EncryptedData><CipherData><CipherReference URI="OEBPS/a.xhtml"/></CipherData></EncryptedData></encryption>',
        },
      }),
    expect: { code: 'encrypted_file' },
  },
  {
    name: 'scrambled fonts.epub',
    bytes: () =>
      writeEpub([{ file: 'a.xhtml', body: '<p>readable</p>' }], {
        parts: { 'META-INF/encryption.xml': '<encryption><CipherReference URI="OEBPS/font.otf"/></encryption>' },
      }),
    expect: { format: 'epub', documents: [{ contains: ['readable'] }] },
  },
  { name: 'cut off.epub', bytes: () => cutOff(fixture('writer-german.epub')()), expect: { code: 'malformed_file' } },
  {
    name: 'pictures only.epub',
    bytes: () => writeEpub([{ file: 'a.xhtml', body: '<img src="a.png"/>' }]),
    expect: { code: 'no_text' },
  },
  {
    name: 'entity bomb.epub',
    bytes: () =>
      writeEpub([{ file: 'a.xhtml', body: '' }], { parts: { 'OEBPS/a.xhtml': `${ENTITIES}<html>&b;</html>` } }),
    expect: { code: 'malformed_file' },
  },
  {
    name: 'no package.epub',
    bytes: () => writeEpub([], { parts: { 'META-INF/container.xml': '<container/>' } }),
    expect: { code: 'malformed_file' },
  },
]

export const entries: readonly LibraryEntry[] = [...word, ...slides, ...sheets, ...books]
