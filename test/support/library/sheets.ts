/** Workbooks of the fixture library. */
import { plainRow, sheetXml, writeOle, writeXlsx } from '../office-writer.ts'
import { cutOff, deep, fixture } from './hostile-parts.ts'
import type { LibraryEntry } from './library-entry.ts'

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

export const entries: readonly LibraryEntry[] = [
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
