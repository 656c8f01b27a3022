/** Word documents and presentations of the fixture library: of LibreOffice and written here, several languages, broken and hostile. */
import { documentXml, footnotesXml, wordParagraph, writeDocx, writeOle, writePptx } from '../office-writer.ts'
import { cutOff, deep, ENTITIES, fixture, scratched } from './hostile-parts.ts'
import type { LibraryEntry } from './library-entry.ts'

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

export const entries: readonly LibraryEntry[] = [...word, ...slides]
